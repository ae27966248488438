"""What a worker does with one recording of a folder: scan it and write its report."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detector.audio import Recording, open_recording
from detector.batch.entry import entry_of
from detector.batch.starts import NO_LOG, CallLog, start_facts, start_of, started_at, with_notes
from detector.jobs import Job, Step
from detector.kept import forget
from detector.output import write_report
from detector.report import Report, read_report
from detector.scan import Scanner, ScanOptions

__all__ = ["REUSE", "Config", "Order", "Scanned", "Task", "load"]

REUSE = "report"
"""The name among a job's extra files of a finished report from which the rest is made."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a worker is started with; `options.threads` is a worker's share of the cores."""

    options: ScanOptions
    html: bool = True
    log: CallLog = NO_LOG


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with a recording.

    `name` is the file name of the report without a suffix, `names` those of the recording and
    its copies. `messages` are the hashes of the job's files where these are one
    conversation; `sha256` is then that of the conversation.
    """

    sha256: str
    size: int
    mtime_ns: int
    name: str
    names: tuple[str, ...]
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scanned:
    """What came of it; `changed` where the file was not what it had been when it was hashed."""

    entry: dict[str, Any]
    sound: bytes = b""
    changed: bool = False


class Task:
    """Does one recording; `scan` makes the report."""

    def __init__(self, scan: Callable[[Path, Step], Report], config: Config) -> None:
        self._scan, self._config = scan, config

    def __call__(self, job: Job, step: Step) -> Scanned:
        order: Order = job.payload
        assert job.out is not None
        job.out.mkdir(parents=True, exist_ok=True)
        if order.messages:
            return self._conversation(job, order, job.out, step)
        report = self._report(job, job.path, step)
        recording = self._open(job.path, report)
        info = os.stat(job.path)
        if {report.recording.sha256, recording.sha256} != {order.sha256} or (
            info.st_size,
            info.st_mtime_ns,
        ) != (order.size, order.mtime_ns):
            return Scanned({}, changed=True)
        name = os.fsencode(job.path.name).decode("utf-8", "replace")
        scanned = self._write(replace_file(report, name), recording, order, job.out, job.path)
        forget(recording.sha256)
        return replace(scanned, sound=self._sound(recording) if report.utterances else b"")

    def _report(self, job: Job, heard: Path, step: Step) -> Report:
        """Scan, or take a finished report of the same content with the same settings."""
        reuse = job.extra.get(REUSE)
        return read_report(reuse) if reuse else self._scan(heard, step)

    def _write(
        self, report: Report, recording: Recording, order: Order, out: Path, heard: Path
    ) -> Scanned:
        """Write the report; `heard` is what its listening copy is made of."""
        length = report.recording.duration_s
        start = start_facts(start_of(recording, order.names, self._config.log, length))
        facts = replace(report.recording, started_at=started_at(start))
        report = replace(report, recording=facts, warnings=with_notes(report.warnings, start))
        if self._config.html:
            write_report(report, out / f"{order.name}.html", heard)
        write_report(report, out / f"{order.name}.json", heard)
        return Scanned(entry_of(report, start, recording.created_at))

    def _conversation(self, job: Job, order: Order, out: Path, step: Step) -> Scanned:
        """Read several voice messages as one conversation."""
        from detector.batch.thread import NAME, in_conversation, join

        sound = out / ".conversation.wav"
        joined = join((job.path, *job.also), sound)
        there = [message["sha256"] for message in joined.messages]
        if not {*there} <= {*order.messages}:
            return Scanned({}, changed=True)
        recording = open_recording(sound)
        report = self._report(job, sound, step)
        report = in_conversation(report, joined, order.sha256, f"{job.path.parent.name}/{NAME}")
        told = replace(recording, sha256=order.sha256, created_at=None)
        scanned = self._write(report, told, order, out, sound)
        forget(recording.sha256)
        sound.unlink()
        return scanned

    def _open(self, path: Path, report: Report) -> Recording:
        return open_recording(path)

    def _sound(self, recording: Recording) -> bytes:
        from detector.batch.sound import fingerprint

        return fingerprint(recording)


def replace_file(report: Report, name: str) -> Report:
    """Return a report under the name that its recording has now."""
    return replace(report, recording=replace(report.recording, file=name))


def load(config: Config) -> Task:
    """Load the models; the worker calls this once.

    Raises:
        ModelError: a model is missing or damaged.
    """
    scanner = Scanner(config.options, keep=True)
    _ = scanner.recogniser
    return Task(scanner.scan, config)
