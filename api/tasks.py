"""What a worker does with a recording: open it, scan it, and keep what was found, encrypted."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from api.orders import Finished, Order, finished, opened
from api.sealed import Writer, write_sealed
from api.tasks_config import Config
from detector.audio import RATE, Decoder, Recording, open_recording
from detector.batch.starts import start_facts, started_at, with_notes
from detector.batch.task import replace_file
from detector.case import CaseFacts
from detector.errors import RecordingError
from detector.jobs import Job, Step
from detector.listening import write_listening_copy
from detector.report import Report
from detector.scan import Scanner, ScanOptions
from detector.started import find_start
from detector.transcript import Recogniser

__all__ = ["Task", "load", "options_of", "summary", "waveform"]

_PEAKS = 4000
_NICE = 5


def options_of(held: dict[str, Any], config: Config) -> ScanOptions:
    """Return the options of a scan from those that came with the upload (`api.options`)."""
    return ScanOptions(
        whisper_model=config.whisper_model,
        beam_size=int(held.get("beam_size", 5)),
        threads=config.threads,
        collector=tuple(held.get("collector", ())),
        listener=str(held.get("listener", "auto")),
        started_at=held.get("started_at"),
        thresholds=dict(held.get("thresholds", {})),
        script=str(held.get("script", "simplified")),
        case=CaseFacts(dict(held.get("facts", {}))),
        second_look=bool(held.get("second_look", False)),
    )


class _Models:
    """The models of one process, loaded once; options differ from recording to recording."""

    def __init__(self, config: Config) -> None:
        self._held: tuple[int, Recogniser] | None = None
        _ = self._scanner(options_of({}, config)).recogniser

    def _scanner(self, options: ScanOptions) -> Scanner:
        models = self

        class Prepared(Scanner):
            def load(self) -> Recogniser:
                if models._held is None or models._held[0] != self.options.beam_size:
                    models._held = None  # one at a time: each holds 300 MB
                    models._held = self.options.beam_size, super().load()
                return models._held[1]

        return Prepared(options)

    def scan(self, path: Path, options: ScanOptions, step: Step) -> Report:
        """Scan a file."""
        return self._scanner(options).scan(path, step)


def waveform(recording: Recording, duration_s: float) -> dict[str, Any]:
    """Return the loudest sample of each stretch and channel, 4,000 stretches at most."""
    each = max(1, -(-round(duration_s * RATE) // _PEAKS), RATE // 50)
    rows: list[Any] = []
    held: Any = None
    for block in Decoder(recording):
        samples = np.abs(block)
        held = samples if held is None else np.concatenate([held, samples], axis=1)
        whole = held.shape[1] // each
        if whole:
            rows.append(held[:, : whole * each].reshape(held.shape[0], whole, each).max(axis=2))
            held = held[:, whole * each :]
    if held is not None and held.shape[1]:
        rows.append(held.max(axis=1, keepdims=True))
    peaks = np.concatenate(rows, axis=1) if rows else np.zeros((1, 0))
    return {
        "seconds_per_peak": each / RATE,
        "duration_s": duration_s,
        "peaks": np.clip(peaks, 0, 1).round(3).tolist(),
    }


class Task:
    """Does one recording; `scan` makes the report from a plain file."""

    def __init__(self, scan: Callable[[Path, ScanOptions, Step], Report], config: Config) -> None:
        self._scan, self._config = scan, config

    def __call__(self, job: Job, step: Step) -> Finished:
        """Return how it ended, as `finished`."""
        return finished(self._do, job, step)

    def _do(self, job: Job, step: Step) -> None:
        order: Order = job.payload
        assert job.out is not None
        with opened(job) as path:
            report, recording = self._report(order, path, step)
            step("store", report.recording.duration_s, report.recording.duration_s)
            _keep(job.out, order.key, report, recording, path)

    def _report(self, order: Order, path: Path, step: Step) -> tuple[Report, Recording]:
        def within(name: str, done: float, whole: float | None) -> None:
            if max(done, whole or 0.0) > order.max_seconds:
                hours = order.max_seconds / 3600
                raise RecordingError(
                    f"{path.name} 超过本服务的时长上限 {hours:g} 小时,请剪短后再传 "
                    f"(longer than the limit of {hours:g} hours)。"
                )
            step(name, done, whole)

        options = options_of(order.options, self._config)
        report = self._scan(path, options, within)
        recording = open_recording(path)
        facts = options.case.facts
        numbers = [str(facts[key]) for key in ("caller_number", "called_number") if key in facts]
        found = find_start(
            replace(recording, path=Path(order.name)), options.started_at, (), numbers,
            duration_s=report.recording.duration_s,
        )  # fmt: skip
        start = start_facts(found)
        told = replace(report.recording, started_at=started_at(start))
        report = replace(report, recording=told, warnings=with_notes(report.warnings, start))
        return replace_file(report, order.name), recording


def _keep(out: Path, key: bytes, report: Report, recording: Recording, path: Path) -> None:
    """Write the results, encrypted, and wait until they are on the disk."""
    copy = path.with_name("listen.mp3")
    write_listening_copy(recording, copy)
    writer = Writer(out / "listen", key, "listen")
    with copy.open("rb") as file:
        while piece := file.read(1 << 20):
            writer.write(piece)
    writer.close()
    for name, value in (
        ("waveform", waveform(recording, report.recording.duration_s)),
        ("report", report.to_dict()),
        ("summary", summary(report)),
    ):
        data = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        write_sealed(out / name, key, name, data)


def summary(report: Report) -> dict[str, Any]:
    """Return what the list of recordings shows of a report."""
    decisions = [flag.decision for flag in report.flags]
    return {
        "duration_s": report.recording.duration_s,
        "flagged": decisions.count("flagged"),
        "to_review": decisions.count("review"),
        "urgent": any(flag.subtype == "self_harm" for flag in report.flags),
    }


def load(config: Config) -> Task:
    """Load the models; the worker calls this once.

    Raises:
        ModelError: a model is missing or damaged.
    """
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(_NICE)  # the server answers first
    return Task(_Models(config).scan, config)
