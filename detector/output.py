"""Writing results: never half a file, in the form its suffix names."""

import io
import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from detector.audio import open_recording
from detector.errors import OptionError, OutputError
from detector.listening import MIME, write_listening_copy
from detector.render_text import render_csv, render_srt, render_txt, render_vtt
from detector.report import Report

__all__ = ["SUFFIXES", "check_target", "write_file", "write_report"]

SUFFIXES = (".json", ".html", ".txt", ".srt", ".vtt", ".csv")
EMBED_LIMIT = 20_000_000


def check_target(path: Path, recordings: list[Path]) -> None:
    """Refuse, before any work is done, a target that cannot be written or would be a loss."""
    if path.suffix.lower() not in SUFFIXES:
        raise OptionError(
            f"不认识的输出格式 {path.name};可用后缀:{' '.join(SUFFIXES)} (unknown suffix)。"
        )
    if any(path.resolve() == recording.resolve() for recording in recordings):
        raise OptionError("输出文件不能是录音本身 (the output would overwrite the recording)。")
    if not os.path.isdir(path.parent):
        raise OptionError(f"文件夹 {path.parent} 不存在 (no such folder)。")
    if os.path.isdir(path):  # unlike Path.is_dir, not troubled by a name that is too long
        raise OptionError(f"{path} 是文件夹,请给出文件名 (is a folder)。")


def write_file(path: Path, data: bytes) -> None:
    """Write under a temporary name, sync, and rename.

    Raises:
        OutputError: the disk is full, or the place cannot be written.
    """
    partial = path.with_name(f".detector-{uuid4().hex[:12]}.part")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"无法写入 {path}:{error.strerror} (cannot write)。") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_report(report: Report, path: Path, recording: Path) -> None:
    """Write a report in the form that the suffix of `path` names."""
    suffix = path.suffix.lower()
    if suffix == ".html":
        data = _html(report, path, recording).encode("utf-8")
    elif suffix == ".csv":
        data = b"\xef\xbb\xbf" + render_csv(report).encode("utf-8")
    else:
        render = {
            ".json": Report.to_json,
            ".txt": render_txt,
            ".srt": render_srt,
            ".vtt": render_vtt,
        }[suffix]
        data = render(report).encode("utf-8")
    write_file(path, data)


def _html(report: Report, path: Path, recording: Path) -> str:
    from detector.render_html import ListeningCopy, render_html

    if not report.recording.duration_s:
        return render_html(report, None)
    buffer = io.BytesIO()
    write_listening_copy(open_recording(recording), buffer)
    data = buffer.getvalue()
    if len(data) <= EMBED_LIMIT:
        return render_html(report, ListeningCopy(data, MIME, None))
    beside = path.with_name(path.stem + ".试听副本-非证据.mp3")
    write_file(beside, data)
    return render_html(report, ListeningCopy(None, MIME, beside.name))
