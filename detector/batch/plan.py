"""What is still to be done: hashes, duplicates, and which reports are finished already."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from detector.audio import Recording
from detector.batch.content import UnusableError, read_content
from detector.batch.discover import Found, FoundFile, Problem
from detector.batch.ledger import Ledger, Result
from detector.batch.names import report_names
from detector.batch.settings import key_of_report
from detector.batch.starts import NO_LOG, CallLog, start_facts, start_of
from detector.batch.thread import NAME, in_order, thread_hash, threads_of

__all__ = ["Plan", "Unit", "make_plan"]

_PART = 2_000
_READERS = 4


@dataclass(frozen=True, slots=True)
class Unit:
    """One content: the recording that is scanned, and others that are the same byte for byte.

    `report` is the path of its report below `reports/` without a suffix, `given` stands for what
    the start of the call was told from: names and call log. `result` is what came of it if that
    is settled. `reuse` is a finished report (same content, same settings) from which the rest can
    be made.
    """

    file: FoundFile
    sha256: str
    report: str
    copies: tuple[str, ...] = ()
    given: str = ""
    result: Result | None = None
    reuse: Path | None = None
    messages: tuple[FoundFile, ...] = ()
    hashes: tuple[str, ...] = ()
    """Of the messages, where this is a conversation of several."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All recordings with this content."""
        if self.messages:
            return tuple(message.path for message in self.messages)
        return (self.file.path, *self.copies)

    @property
    def names(self) -> tuple[str, ...]:
        """Their file names, each once."""
        paths = self.paths[:1] if self.messages else self.paths
        return tuple(dict.fromkeys(path.rpartition("/")[2] for path in paths))


@dataclass
class Plan:
    """All units in order of their recordings' paths, and what cannot be used."""

    units: list[Unit] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    others: int = 0
    """How many files are no recordings."""

    @property
    def open(self) -> list[Unit]:
        """The units that are still to be done."""
        return [unit for unit in self.units if unit.result is None]


def _hashes(
    folder: Path, files: Iterable[FoundFile]
) -> Iterator[tuple[FoundFile, str | UnusableError | None]]:
    """Yield each file with its hash, None where it is no recording, or why it is unusable."""

    def look(file: FoundFile) -> str | UnusableError | None:
        try:
            path = os.fsencode(folder / file.path)
            return read_content(path, file.size, file.mtime_ns).sha256
        except UnusableError as error:
            return error

    files = iter(files)
    with ThreadPoolExecutor(_READERS) as readers:
        while part := list(islice(files, _PART)):
            yield from zip(part, readers.map(look, part, chunksize=16), strict=True)


def _finished(path: Path, sha256: str, key: str) -> bool:
    """Tell whether a file is a report of this content with these settings."""
    try:
        data = json.loads(path.read_bytes())
        return bool(data["recording"]["sha256"] == sha256 and key_of_report(data) == key)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


class _Planner:
    def __init__(self, reports: Path, ledger: Ledger, html: bool, log: CallLog) -> None:
        self.reports, self.ledger, self.html, self.log = reports, ledger, html, log
        self.results = ledger.results()
        self.noted: list[tuple[str, str]] = []

    def path(self, report: str, suffix: str = ".json") -> Path:
        return self.reports / f"{report}{suffix}"

    def settle(self, unit: Unit) -> Unit:
        """Say of a unit what is known of it, or from what its report can be made."""
        sha256, report = unit.sha256, unit.report
        unit = replace(unit, given=json.dumps([self.log.key, *unit.names]))
        known = self.results.get(sha256)
        if known and known.kind == "bad_input":
            return replace(unit, result=known)
        if known and known.report == report and self._stands(known) and self._timed(unit, known):
            return replace(unit, result=known)
        for name in dict.fromkeys((report, known.report if known else report)):
            if _finished(self.path(name), sha256, self.ledger.key):
                return replace(unit, reuse=self.path(name))
        return unit

    def _timed(self, unit: Unit, known: Result) -> bool:
        """Tell whether the report says of the start what names and call log say now."""
        if known.given == unit.given:
            return True
        entry = known.entry or {}
        recording = Recording(
            Path(unit.file.path), unit.sha256, entry["bytes"], entry["container"],
            entry["codec"], entry["sample_rate_hz"], entry["channels"], entry["duration_s"],
            entry["created_at"],
        )  # fmt: skip
        if start_facts(start_of(recording, unit.names, self.log)) != entry["start"]:
            return False
        self.noted.append((known.sha256, unit.given))
        return True

    def _stands(self, known: Result) -> bool:
        """Tell whether the report is on the disk as it was written."""
        try:
            info = os.stat(self.path(known.report))
        except OSError:
            return False
        same = (info.st_size, info.st_mtime_ns) == (known.report_size, known.report_mtime_ns)
        return same and (not self.html or self.path(known.report, ".html").exists())


def _threads(folder: Path, files: list[FoundFile], hashes: Mapping[str, str | None]) -> list[Unit]:
    units = []
    for group in threads_of(folder, files):
        by_path = {file.path: file for file in group}
        messages = [by_path[path] for path in in_order(by_path)]
        shas = tuple(str(hashes[message.path]) for message in messages)
        whole = FoundFile(
            f"{group[0].path.rpartition('/')[0]}/{NAME}".lstrip("/"),
            sum(message.size for message in messages),
            max(message.mtime_ns for message in messages),
            0,
        )
        units.append(Unit(whole, thread_hash(shas), "", messages=tuple(messages), hashes=shas))
    return units


def make_plan(
    folder: Path,
    out: Path,
    found: Found,
    ledger: Ledger,
    html: bool = True,
    log: CallLog = NO_LOG,
    join_messages: bool = False,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> Plan:
    """Say what is to be done with the files found.

    Args:
        folder: where the files lie.
        out: where the reports go.
        found: what lies there.
        ledger: what is known from earlier runs; new hashes are noted in it.
        html: whether a report also needs its page to be finished.
        log: the calls of a call log.
        join_messages: whether the voice messages of a folder are one conversation.
        tell: hears how many files have been looked at, of how many.
    """
    plan = Plan(problems=list(found.problems))
    known = ledger.known()
    groups: dict[str, list[FoundFile]] = {}
    fresh: list[FoundFile] = []
    hashes: dict[str, str | None] = {}
    for file in found.files:
        entry = known.get(file.path)
        if entry and tuple(entry[:3]) == file[1:]:
            hashes[file.path] = entry[3]
        else:
            fresh.append(file)
    noted: list[tuple[FoundFile, str | None]] = []
    for number, (file, content) in enumerate(_hashes(folder, fresh), 1):
        if isinstance(content, UnusableError):
            plan.problems.append(Problem(file.path, str(content)))
        else:
            hashes[file.path] = content
            noted.append((file, content))
        if len(noted) >= _PART:
            ledger.note_files(noted)
            noted = []
        if number % 100 == 0:
            tell(number, len(fresh))
    ledger.note_files(noted)
    there = {file.path for file in found.files}
    ledger.forget_files(path for path in known if path not in there)
    del known, there
    plan.others = sum(hashes.get(file.path, "") is None for file in found.files)
    files = [file for file in found.files if hashes.get(file.path)]
    units = _threads(folder, files, hashes) if join_messages else []
    used = {message.path for unit in units for message in unit.messages}
    for file in files:
        if file.path not in used:
            groups.setdefault(str(hashes[file.path]), []).append(file)
    units += [
        Unit(same[0], sha256, "", tuple(file.path for file in same[1:]))
        for sha256, same in groups.items()
    ]
    units.sort(key=lambda unit: os.fsencode(unit.file.path))
    names = report_names(unit.file.path for unit in units)
    planner = _Planner(out / "reports", ledger, html, log)
    plan.units = [planner.settle(replace(unit, report=names[unit.file.path])) for unit in units]
    ledger.note_given(planner.noted)
    plan.problems.sort(key=lambda problem: os.fsencode(problem.path))
    return plan
