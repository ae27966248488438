"""What the summary of a folder needs to know of one report."""

from collections.abc import Mapping, Sequence
from typing import Any

from detector.batch.refusal import find_refusals
from detector.report import Report

__all__ = ["NEEDED_SPEECH_S", "entry_of", "severities"]

NEEDED_SPEECH_S = 0.5


def severities(flags: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return the gravest severity among flagged and among reviewed passages, 0 for none."""
    gravest = [0, 0]
    for flag in flags:
        place = 0 if flag["decision"] == "flagged" else 1
        gravest[place] = max(gravest[place], flag["severity"])
    return gravest[0], gravest[1]


def entry_of(report: Report, start: Mapping[str, Any], created_at: str | None) -> dict[str, Any]:
    """Return plain data that is the same for the same report, whenever and wherever made.

    Args:
        report: the report.
        start: when the call began and with whom, of `detector.batch.starts`.
        created_at: the creation time that the recording's container states.
    """
    recording = report.recording
    roles = {
        speaker.role for speaker in report.speakers if speaker.speech_s >= NEEDED_SPEECH_S
    } or {speaker.role for speaker in report.speakers}
    collector = next((role for role in ("collector", "unknown") if role in roles), "none")
    return {
        "duration_s": recording.duration_s,
        "bytes": recording.bytes,
        "container": recording.container,
        "codec": recording.codec,
        "layout": recording.layout,
        "sample_rate_hz": recording.sample_rate_hz,
        "channels": recording.channels,
        "created_at": created_at,
        "start": dict(start),
        "listener": report.listener.get("role", "unknown"),
        "collector": collector,
        "flags": [
            {
                "id": flag.id,
                "category": flag.category,
                "subtype": flag.subtype,
                "start_s": flag.start_s,
                "end_s": flag.end_s,
                "quote": flag.quote,
                "speaker": flag.speaker,
                "role": flag.role,
                "score": flag.score,
                "decision": "flagged" if flag.status == "confirmed" else flag.decision,
                "status": flag.status,
                "severity": flag.severity,
            }
            for flag in report.flags
        ],
        "observations": [
            {"kind": seen.kind, "start_s": seen.start_s, "quote": seen.quote}
            for seen in report.observations
        ],
        "refusals": find_refusals(report.utterances),
        "warnings": list(report.warnings),
    }
