"""What the desk's worker does: clips and evidence of recordings, each from a plain copy that is
gone afterwards."""

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from api.orders import Order, opened
from detector.audio import open_recording
from detector.evidence.files import safe_name
from detector.jobs import Job, Step
from detector.report import Report

__all__ = ["load"]

_NICE = 5


def _clip(job: Job, step: Step) -> tuple[bytes, str]:
    """Return a clip's bytes and its name."""
    from detector.evidence.clips import TIMES, cut_clips

    details: dict[str, Any] = job.payload.details
    start, end = details["start_s"], details["end_s"]
    with opened(job) as path:
        step("clip", 0.0, None)
        target = path.with_name(f"{details['flag']}_{TIMES}")
        clip = cut_clips(open_recording(path), [(start, end, target)])[0]
        return path.with_name(clip.file).read_bytes(), clip.file


def _evidence(job: Job, step: Step) -> str:
    """Make a case of one recording, or its redacted copy, as a zip; return its path."""
    from detector.evidence.archive import write_archive
    from detector.evidence.build import build_case
    from detector.evidence.decisions import Decision, append_decision
    from detector.evidence.export import Options
    from detector.evidence.redacted_copy import write_redacted
    from detector.evidence.sources import Source
    from detector.output import write_file

    order: Order = job.payload
    assert job.out is not None
    details, keep = order.details, job.out
    report = Report.from_dict(details["report"])

    def say(_line: str) -> None:
        step("evidence", 0.0, None)

    with opened(job, safe_name(Path(order.name))) as path:
        work = path.with_name("work" if path.name != "work" else "work-of-it")
        work.mkdir()
        file = work / "report.json"
        report = replace(report, recording=replace(report.recording, file=path.name))
        write_file(file, report.to_json().encode("utf-8"))
        for decision in details["decisions"]:
            append_decision(file, Decision(**decision))
        options = Options(
            actor=details["actor"],
            script=details["script"],
            redact=details["redact"],
            mask=tuple(details["names"]),
            zip=True,
        )

        def never(_path: Path, _facts: Any) -> Report:
            raise AssertionError("the report is there")

        case = build_case([Source(path, file, report)], work / "证据包", options, never, say)
        folder = write_redacted(case, options, say) if details["redact"] else case.folder
        archive = write_archive(folder, details["actor"])
        done = keep / archive.name
        shutil.move(archive, done)
        return str(done)


def load(_config: Any) -> Any:
    """Return the task; the worker calls this once."""
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(_NICE)
    work = {"clip": _clip, "evidence": _evidence}

    def task(job: Job, step: Step) -> Any:
        return work[job.payload.what](job, step)

    return task
