"""Writing results: never half a file, in the form its suffix names."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from detector.audio import Recording, open_recording
from detector.errors import OptionError, OutputError
from detector.listening import LISTENING, MIME, write_listening_copy
from detector.render_text import render_csv, render_srt, render_txt, render_vtt
from detector.report import Report

__all__ = ["SUFFIXES", "check_target", "write_error", "write_file", "write_page", "write_report"]

SUFFIXES = (".json", ".html", ".txt", ".srt", ".vtt", ".csv")
EMBED_LIMIT = 20_000_000
"""Bytes; a listening copy that is larger lies beside its page."""


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


def write_error(error: BaseException, target: Path) -> OutputError:
    """Return the sentence for a failed write."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"磁盘空间不足,{target.name} 没有写入;请腾出空间或换一个磁盘再试 (disk full)。"
        )
    what = getattr(error, "strerror", None) or error
    return OutputError(f"无法写入 {target}:{what};请换一个可写的位置 (cannot write)。")


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
        raise write_error(error, path) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_report(report: Report, path: Path, recording: Path) -> None:
    """Write a report in the form that the suffix of `path` names."""
    suffix = path.suffix.lower()
    if suffix == ".html":
        write_page(report, open_recording(recording) if report.recording.duration_s else None, path)
        return
    if suffix == ".csv":
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


def write_page(report: Report, recording: Recording | None, path: Path) -> list[Path]:
    """Write the page, with a listening copy in it or, where that is large, beside it.

    Returns:
        The files that were written.

    Raises:
        OutputError: the disk is full, or the place cannot be written.
    """
    from detector.render_html import ListeningCopy, render_html

    sound, files = None, [path]
    if recording is not None and report.recording.duration_s:
        import av

        beside = path.with_name(path.stem + LISTENING)
        partial = path.with_name(f".detector-{uuid4().hex[:12]}.part")
        try:
            write_listening_copy(recording, partial)  # hours of it would fill the memory
            if partial.stat().st_size <= EMBED_LIMIT:
                sound = ListeningCopy(partial.read_bytes(), MIME, None)
            else:
                os.replace(partial, beside)
                sound, files = ListeningCopy(None, MIME, beside.name), [path, beside]
        except (OSError, av.error.FFmpegError) as error:
            raise write_error(error, beside) from None
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
    write_file(path, render_html(report, sound).encode("utf-8"))
    return files
