"""What a case is made from: recordings, or reports whose recordings must be found."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.batch.finished import Finished, is_batch, recording_of
from detector.errors import InputError, OptionError
from detector.evidence.files import hash_file, plain_name
from detector.evidence.manifest import is_case
from detector.report import Report, read_report

__all__ = ["Source", "find_sources"]


@dataclass(frozen=True, slots=True)
class Source:
    """A recording, with its report where it was scanned before."""

    recording: Path
    report_file: Path | None = None
    report: Report | None = None


def find_sources(
    given: Sequence[Path],
    recording: Path | None = None,
    folder: Path | None = None,
    everything: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[Source]:
    """Return what was given, recordings of reports found and checked.

    Args:
        given: recordings, JSON reports, and result folders of `detector batch`.
        recording: the recording of the one report that is given.
        folder: where to look for the recordings of reports, sub-folders included.
        everything: of a result folder take also reports on which nobody confirmed a flag.
        say: hears what of a result folder is left out.

    Raises:
        InputError: something is missing, or a report is of another recording.
        OptionError: the options do not fit what was given.
    """
    reports = [path for path in given if _is_report(path)]
    if recording is not None and (len(reports) != 1 or len(given) != 1):
        raise OptionError(
            "--recording 只能与一份报告一起用;几份报告请用 --recordings-in 文件夹 "
            "(--recording goes with a single report)。"
        )
    if everything and not any(map(is_batch, given)):
        raise OptionError(
            "--all 只用于 detector batch 的结果文件夹 (--all goes with a result folder)。"
        )
    sources = []
    for path in given:
        if is_batch(path):
            chosen = Finished(path).chosen(everything, say)
            sources += [
                Source(_of_report(one.path, one.report, None, folder), one.path, one.report)
                for one in chosen
            ]
            say(f"从 {path} 收入 {len(chosen)} 个录音,按通话时间编号")
            continue
        if path not in reports:
            sources.append(Source(_file(path)))
            continue
        report = read_report(path)
        found = _of_report(path, report, recording, folder)
        sources.append(Source(found, path, report))
    return sources


def _is_report(path: Path) -> bool:
    """Tell by content: a report may have any name, and a recording never begins with a brace."""
    if path.suffix.lower() == ".json":
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(16).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    except OSError:
        return False


def _file(path: Path) -> Path:
    try:
        if path.is_dir():
            if is_case(path):
                raise OptionError(
                    f"{path} 是已有的案件文件夹,更新它时请单独给出,不要与录音或报告一起 "
                    "(a case folder goes alone)。"
                )
            raise InputError(f"{path} 是文件夹,请给出录音或报告文件 (a folder)。")
        exists = path.exists()
    except OSError as error:
        raise InputError(f"无法打开 {path}:{error.strerror} (cannot open)。") from None
    if not exists:
        raise InputError(f"找不到文件 {path},请检查路径 (file not found)。")
    return path


def _of_report(path: Path, report: Report, recording: Path | None, folder: Path | None) -> Path:
    facts = report.recording
    if recording is not None:
        if not _matches(_file(recording), report):
            raise _other(recording, path)
        return recording
    beside = path.parent / facts.file
    if _inside(facts.file) and beside.is_file():
        if _matches(beside, report):
            return beside
        if folder is None:
            raise _other(beside, path)
    known = recording_of(path, facts.sha256, facts.bytes)
    if known is not None and _matches(known, report):
        return known
    if folder is not None:
        return _in_folder(path, report, folder)
    raise InputError(
        f"找不到 {path.name} 所分析的录音 {facts.file}:请把它放在报告旁边,或用 --recording 录音、"
        "--recordings-in 文件夹 指出 (the recording of this report is not beside it)。"
    )


def _in_folder(path: Path, report: Report, folder: Path) -> Path:
    if not folder.is_dir():
        raise OptionError(f"文件夹 {folder} 不存在 (no such folder)。")
    named: Path | None = None
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(place) / name for name in sorted(names)]
    for candidate in found:
        try:
            same_name = plain_name(candidate) == report.recording.file
            if candidate.stat().st_size == report.recording.bytes and _matches(candidate, report):
                return candidate  # whatever it is called now
        except OSError:
            continue
        if same_name:
            named = candidate
    if named is not None:
        raise _other(named, path)
    raise InputError(
        f"在 {folder} 里找不到 {path.name} 所分析的录音 {report.recording.file} "
        f"(SHA-256 {report.recording.sha256[:16]}…)(recording not found in that folder)。"
    )


def _inside(name: str) -> bool:
    """A report comes from anybody: its file name must not lead elsewhere."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")


def _matches(recording: Path, report: Report) -> bool:
    try:
        if recording.stat().st_size != report.recording.bytes:
            return False
        return hash_file(recording)[0] == report.recording.sha256
    except OSError as error:
        raise InputError(f"无法读取 {recording}:{error.strerror} (cannot read)。") from None


def _other(recording: Path, report: Path) -> InputError:
    return InputError(
        f"{plain_name(recording)} 与 {report.name} 记录的 SHA-256 不符:录音被改动过、转码过,或不是"
        "同一个录音;请找回原始录音,或对现有录音重新运行 detector scan "
        "(the recording is not the one this report is about)。"
    )
