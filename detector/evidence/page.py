"""A report as it stands on a case's page: what people decided laid over what the machine found."""

from dataclasses import replace

from detector.evidence.decisions import Reviewed, ReviewedFlag
from detector.report import Flag, Report

__all__ = ["as_reviewed"]


def as_reviewed(reviewed: Reviewed) -> Report:
    """Return a report as it reads after review; what the machine heard stays beside corrections.

    Rejected flags are left out, which a warning says.
    """
    report = reviewed.report
    kept = [flag for flag in reviewed.flags if flag.flag.status != "rejected"]
    warnings = report.warnings
    if gone := len(reviewed.flags) - len(kept):
        warnings = (*warnings, f"另有 {gone} 条标记经人工复核否定,不在本页 (rejected on review)。")
    roles = reviewed.roles
    return replace(
        report,
        flags=tuple(_flag(flag) for flag in kept),
        utterances=tuple(
            replace(u.utterance, text=u.text, raw_text=u.utterance.raw_text)
            for u in reviewed.utterances
        ),
        speakers=tuple(
            s
            if roles.get(s.id, s.role) == s.role
            else replace(s, role=roles[s.id], confidence=1.0, source="user")
            for s in report.speakers
        ),
        warnings=warnings,
    )


def _flag(reviewed: ReviewedFlag) -> Flag:
    flag, made = reviewed.flag, reviewed.decision
    notes = [flag.note] if flag.note else []
    if flag.origin == "human":
        notes.append(f"由 {made.by if made else '人工'} 补加,不是机器标记")
    elif made is not None and flag.status != "unreviewed":
        notes.append(f"复核人 {made.by},{made.at}")
    if reviewed.corrected:
        notes.append(f"文字经人工改正;机器原文:“{flag.quote}”")
        return replace(flag, quote=reviewed.quote, why=(), note=";".join(notes))
    return replace(flag, note=";".join(notes) or None)
