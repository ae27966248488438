"""A reviewed report as plain data for the page: flags with their legal basis, utterances."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from detector.case import SHANGHAI
from detector.evidence.decisions import Reviewed, ReviewedFlag, ReviewedUtterance
from detector.labels import CATEGORY_NAMES, SUBTYPE_NAMES
from detector.legal_basis import NOTE, Rule, basis_for, basis_note, basis_version
from detector.report import Report

__all__ = ["basis_dict", "flag_dict", "utterance_dict", "view"]


def _day(report: Report) -> dt.date | None:
    """Return the day of the call in Shanghai, where it is known."""
    value = report.recording.started_at.value
    try:
        return dt.datetime.fromisoformat(value).astimezone(SHANGHAI).date() if value else None
    except ValueError:
        return None


def _listener(report: Report) -> str | None:
    """Return who heard it, where somebody said so; a guess decides no law."""
    listener: Mapping[str, Any] = report.listener
    return str(listener["role"]) if listener.get("source") in ("user", "case") else None


def basis_dict(rule: Rule, lender_type: str | None) -> dict[str, Any]:
    """Return a rule that a passage may touch, in plain words."""
    return {
        "title": rule.title,
        "article": rule.article,
        "text": rule.paraphrase,
        "condition": rule.condition,
        "source": rule.source,
        "version": rule.period,
        "confidence": rule.confidence,
        "reference_only": rule.reference_only(lender_type),
    }


def flag_dict(reviewed: Reviewed, item: ReviewedFlag) -> dict[str, Any]:
    """Return a flag as the page shows it; `quote` as heard, times in seconds."""
    flag, report, made = item.flag, reviewed.report, item.decision
    lender = report.case.get("lender_type")
    rules = basis_for(flag.category, flag.subtype, _day(report), lender, _listener(report))
    return {
        "id": flag.id,
        "category": flag.category,
        "category_zh": CATEGORY_NAMES[flag.category][0],
        "subtype": flag.subtype,
        "label_zh": SUBTYPE_NAMES.get(flag.subtype, (flag.subtype, ""))[0],
        "start_s": flag.start_s,
        "end_s": flag.end_s,
        "quote": flag.quote,
        "corrected_text": item.quote if item.corrected else None,
        "utterance_ids": list(flag.utterance_ids),
        "speaker": flag.speaker,
        "role": flag.role,
        "why": [asdict(span) for span in flag.why],
        "note": flag.note,
        "decision": flag.decision,
        "score": flag.score,
        "severity": flag.severity,
        "status": flag.status,
        "origin": flag.origin,
        "by": made.by if made else None,
        "decided_at": made.at if made else None,
        "decision_note": made.note if made else None,
        "urgent": flag.subtype == "self_harm" and flag.status != "rejected",
        "basis": [basis_dict(rule, lender) for rule in rules],
    }


def utterance_dict(item: ReviewedUtterance, original_speaker: str) -> dict[str, Any]:
    """Return an utterance as the page shows it; `text` as heard."""
    said = item.utterance
    return {
        "id": said.id,
        "start_s": said.start_s,
        "end_s": said.end_s,
        "speaker": said.speaker,
        "original_speaker": original_speaker,
        "role": said.role,
        "text": said.text,
        "corrected_text": item.text if item.corrected else None,
        "overlapped": said.overlapped,
    }


def view(reviewed: Reviewed) -> dict[str, Any]:
    """Return everything that the page shows of a report."""
    report = reviewed.report
    original = {u.id: u.speaker for u in report.utterances}
    speakers = {speaker.id: asdict(speaker) for speaker in report.speakers}
    for name in sorted({u.utterance.speaker for u in reviewed.utterances} - speakers.keys()):
        speakers[name] = {
            "id": name, "role": "unknown", "confidence": 1.0, "source": "user", "channel": None,
            "speech_s": None,
        }  # fmt: skip
    for name, held in speakers.items():
        role = reviewed.roles.get(name, held["role"])
        if role != held["role"]:
            held |= {"role": role, "confidence": 1.0, "source": "user"}
    flags = [flag_dict(reviewed, flag) for flag in reviewed.flags]
    return {
        "recording": asdict(report.recording),
        "listener": dict(report.listener),
        "case": dict(report.case),
        "urgent": any(flag["urgent"] for flag in flags),
        "flags": flags,
        "utterances": [utterance_dict(u, original[u.utterance.id]) for u in reviewed.utterances],
        "speakers": [speakers[name] for name in sorted(speakers)],
        "observations": [asdict(one) for one in report.observations],
        "dropped": [asdict(one) for one in report.dropped],
        "warnings": list(report.warnings),
        "disclaimer": report.disclaimer,
        "basis_note": f"{NOTE}{basis_note()}",
        "basis_version": basis_version(),
        "reviewers": list(reviewed.reviewers),
    }
