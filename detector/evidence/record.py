"""What a case keeps of each recording, and how that is read back for a new export."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from detector.case import CaseFacts
from detector.errors import InputError
from detector.evidence.decisions import decisions_path, read_decisions, review
from detector.evidence.model import CaseItem
from detector.report import Report, StartedAt, read_report

__all__ = [
    "Recorded", "facts_of", "load_item", "log_models", "parse_recorded", "record_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording of a case. `name` is as it was handed in, `file` where its copy lies.

    `started_at` is set where the user stated it when the case was made.
    """

    number: int
    name: str
    file: str
    sha256: str
    bytes: int
    report_file: str
    started_at: StartedAt | None = None


def parse_recorded(manifest: Mapping[str, Any]) -> list[Recorded]:
    """Return the recordings that a manifest lists.

    Raises:
        InputError: it is a redacted copy, which holds no recordings, or is broken.
    """
    if manifest.get("redacted"):
        raise InputError(
            "这是脱敏副本,里面没有原始录音,不能更新;请用原来的案件文件夹 "
            "(a redacted copy; use the case it was made from)。"
        )
    try:
        found = []
        for entry in manifest["recordings"]:
            stated = entry["stated_start"]
            found.append(
                Recorded(
                    int(entry["number"]), entry["name"], entry["file"], entry["sha256"],
                    int(entry["bytes"]), entry["report"], StartedAt(**stated) if stated else None,
                )
            )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise InputError("manifest.json 里的录音清单已损坏 (broken list of recordings)。") from None
    return found


def facts_of(manifest: Mapping[str, Any]) -> CaseFacts:
    """Return the facts that were stated when a case was made."""
    facts = manifest.get("facts")
    return CaseFacts(dict(facts)) if isinstance(facts, dict) else CaseFacts()


def load_item(folder: Path, recorded: Recorded, facts: Mapping[str, Any]) -> CaseItem:
    """Read a recording's report with the decisions on it, stated facts laid over it.

    Raises:
        InputError: the report or the decisions cannot be read, or are of another recording.
    """
    path = folder / recorded.report_file
    report = read_report(path)
    if report.recording.sha256 != recorded.sha256:
        raise InputError(
            f"{recorded.report_file} 不是 {recorded.file} 的报告(SHA-256 不符)"
            "(the report is of another recording)。"
        )
    if recorded.started_at is not None:
        stated = replace(report.recording, started_at=recorded.started_at)
        report = replace(report, recording=stated)
    if facts:
        report = replace(report, case=report.case | dict(facts))
    reviewed = review(report, read_decisions(path))
    return CaseItem(recorded.number, folder / recorded.file, reviewed)


def record_of(recorded: Recorded, report: Report, folder: Path) -> dict[str, Any]:
    """Return what the manifest says of a recording."""
    facts = report.recording
    decisions = decisions_path(folder / recorded.report_file)
    return {
        "number": recorded.number,
        "name": recorded.name,
        "file": recorded.file,
        "sha256": recorded.sha256,
        "bytes": recorded.bytes,
        "duration_s": facts.duration_s,
        "container": facts.container,
        "codec": facts.codec,
        "sample_rate_hz": facts.sample_rate_hz,
        "channels": facts.channels,
        "layout": facts.layout,
        "started_at": asdict(facts.started_at),
        "stated_start": asdict(recorded.started_at) if recorded.started_at else None,
        "report": recorded.report_file,
        "decisions": f"reports/{decisions.name}" if decisions.exists() else None,
        "settings": report.settings,
    }


def log_models(report: Report) -> dict[str, str]:
    """Return the hashes of the models that made a report, for the log."""
    settings = report.settings
    found: dict[str, str] = {}
    if isinstance(name := settings.get("whisper_model"), str):
        found[f"whisper:{name}"] = str(settings.get("whisper_sha256", ""))
    models = settings.get("models")
    if isinstance(models, dict):
        found |= {str(name): str(digest) for name, digest in models.items()}
    return found
