"""A finished run, read back: its reports, what people decided on them, and the recordings."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.batch.discover import MARK
from detector.errors import InputError
from detector.evidence.decisions import decisions_path, read_decisions, review
from detector.report import Report, read_report

__all__ = ["Chosen", "Finished", "is_batch", "note_folder", "recording_of"]

_FOLDER = "folder"


def is_batch(folder: Path) -> bool:
    """Tell whether a folder is what `detector batch` wrote its results into."""
    return (folder / MARK).is_dir() and (folder / "reports").is_dir()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A report of a run that is taken into a case."""

    path: Path
    report: Report
    confirmed: int
    started_at: str | None


class Finished:
    """The folder OUT of a run.

    Raises:
        InputError: the run has not come to its summary, or that cannot be read.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        try:
            summary = json.loads((out / "summary.json").read_bytes())
            self.calls: list[Mapping[str, Any]] = list(summary["calls"])
            for call in self.calls:
                str(call["report"]), call["started_at"]["value"], call["flags"].items()
        except FileNotFoundError:
            raise InputError(
                f"{out} 里还没有 summary.json:请先让 detector batch 运行完 (not finished yet)。"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(
                f"{out / 'summary.json'} 无法读取;请再运行一次 detector batch (cannot read)。"
            ) from None

    def chosen(self, everything: bool, say: Callable[[str], None]) -> list[Chosen]:
        """Return the reports with confirmed flags, in order of time; `say` hears what is left out.

        Args:
            everything: take also those whose flags nobody has looked at yet.
            say: called with one line for each kind of report that is left out.

        Raises:
            InputError: there are none, or a report or its decisions cannot be read.
        """
        found, open_calls, open_flags, joined = [], 0, 0, 0
        for path, call in self._reports():
            flagged = any(n for counts in call["flags"].values() for n in counts.values())
            if not decisions_path(path).exists() and not flagged:
                continue
            report = read_report(path)
            states = [f.flag.status for f in review(report, read_decisions(path)).flags]
            confirmed, waiting = states.count("confirmed"), states.count("unreviewed")
            if not confirmed and not (everything and waiting):
                open_calls += bool(waiting)
                open_flags += waiting
            elif "messages" in report.settings:
                joined += 1
            else:
                found.append(Chosen(path, report, confirmed, call["started_at"]["value"]))
        if open_calls:
            say(
                f"没有收入:{open_calls} 通电话的 {open_flags} 条标记还没有人工确认"
                "(用 detector review 报告.json 逐条听过,或加 --all 一并收入)。"
            )
        if joined:
            say(
                f"没有收入:{joined} 段由多条语音连成的对话,请对其中的语音文件另做 "
                "(joined messages are left out)。"
            )
        if not found:
            raise InputError(
                f"{self.out} 里没有人工确认的标记;请先用 detector review {self.out}/reports/….json "
                "逐条听过并确认,或加 --all (nothing confirmed)。"
            )
        return sorted(
            found, key=lambda one: (one.started_at is None, one.started_at or "", one.path)
        )

    def _reports(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        root = (self.out / "reports").resolve()
        for call in self.calls:
            path = self.out / str(call["report"])
            if path.resolve().is_relative_to(root):  # a summary from anybody leads nowhere else
                yield path, call


def _noted_folder(out: Path) -> Path | None:
    try:
        return Path(os.fsdecode((out / MARK / _FOLDER).read_bytes()))
    except OSError:
        return None


def note_folder(out: Path, folder: Path) -> None:
    """Remember beside the ledger where the recordings lie."""
    with suppress(OSError):  # only a convenience: --recordings-in says it too
        path = out / MARK / _FOLDER
        partial = path.with_suffix(".part")
        partial.write_bytes(os.fsencode(folder.absolute()))
        os.replace(partial, path)


def recording_of(report: Path, sha256: str, size: int) -> Path | None:
    """Return the recording of a report below OUT/reports, if it lies where the run found it.

    Only size and name are checked; the caller compares the content.
    """
    out = next((p for p in report.absolute().parents if is_batch(p)), None)
    folder = _noted_folder(out) if out else None
    if out is None or folder is None:
        return None
    names: list[str] = []
    with suppress(sqlite3.Error, ValueError):
        uri = f"{(out / MARK / 'ledger.sqlite').absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as base:
            rows = base.execute("SELECT path FROM files WHERE sha256=?", (sha256,))
            names += [os.fsdecode(path) for (path,) in rows]
    with suppress(ValueError):
        names.append(str(report.absolute().relative_to(out / "reports").with_suffix("")))
    for name in names:
        with suppress(OSError, ValueError):
            if (folder / name).stat().st_size == size:
                return folder / name
    return None
