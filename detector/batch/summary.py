"""What a folder of recordings comes to, as plain data: the same for the same recordings.

Its JSON Schema is published as `detector/batch/summary.schema.json`.

Nothing in it hangs on when or how often a run was interrupted, nor on threads or machines.
"""

import datetime as dt
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from detector.batch.calls import Call
from detector.batch.discover import Problem, shown
from detector.batch.entry import severities
from detector.report import CATEGORIES, DISCLAIMER

__all__ = ["SCHEMA_VERSION", "Facts", "Failure", "schema", "summarise"]

SCHEMA_VERSION = "1.0"
_TOP = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording of which no report was made: why, and whether the next run tries again."""

    path: str
    kind: str
    reason: str
    again: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What is summed up, beside the calls."""

    folder: str
    settings: Mapping[str, Any]
    failures: Sequence[Failure] = ()
    problems: Sequence[Problem] = ()
    others: int = 0
    special: Sequence[str] = ()
    own: Sequence[str] = ()
    recordings: int = 0
    findings: Sequence[Mapping[str, Any]] = ()
    duplicates: Sequence[Mapping[str, Any]] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)


def _counts(flags: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    found = {category: {"flagged": 0, "review": 0, "confirmed": 0} for category in CATEGORIES}
    for flag in flags:
        found[flag["category"]][flag["decision"]] += 1
        found[flag["category"]]["confirmed"] += flag["status"] == "confirmed"
    return found


def _reviewed(entries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how far people have looked at the flags; what they rejected is counted only here."""
    states = Counter(flag["status"] for entry in entries for flag in entry["flags"])
    return {
        "confirmed": states["confirmed"],
        "rejected": sum(entry.get("rejected", 0) for entry in entries),
        "unreviewed": states["unreviewed"],
    }


def _call(call: Call, number: int) -> dict[str, Any]:
    entry, unit = call.entry, call.units[0]
    flagged, review = severities(entry["flags"])
    best = sorted(
        entry["flags"],
        key=lambda f: (
            f["decision"] != "flagged",
            f["status"] != "confirmed",
            -f["severity"],
            -f["score"],
            f["start_s"],
        ),
    )
    copies = [path for each in call.units for path in each.paths]
    return {
        "number": number,
        "file": shown(call.path),
        "report": f"reports/{unit.report}.json",
        "sha256": unit.sha256,
        "also": [shown(path) for path in copies if path != call.path],
        "started_at": {
            "value": call.start.isoformat(timespec="seconds") if call.start else None,
            "source": call.source or None,
            "reliability": call.reliability or None,
        },
        "caller": call.number or None,
        "direction": call.direction or None,
        "duration_s": entry["duration_s"],
        "listener": entry["listener"],
        "collector": entry["collector"],
        "severity": flagged,
        "severity_to_review": review,
        "flags": _counts(entry["flags"]),
        "reviewed": _reviewed([entry]),
        "self_harm": any(flag["subtype"] == "self_harm" for flag in entry["flags"]),
        "gravest": [
            {
                name: flag[name]
                for name in (
                    "id", "category", "subtype", "start_s", "end_s", "quote", "decision",
                    "status", "severity", "score",
                )
            }
            for flag in best[:_TOP]
        ],
        "observations": dict(sorted(Counter(o["kind"] for o in entry["observations"]).items())),
        "refusals": list(entry["refusals"]),
        "warnings": list(entry["warnings"]),
    }  # fmt: skip


def _calendar(calls: Sequence[Call]) -> dict[str, Any]:
    """Return how many calls began in each hour of each day, and how grave they were."""
    days: dict[str, dict[str, dict[str, int]]] = {}
    for call in calls:
        if call.start is None:
            continue
        day = days.setdefault(call.start.date().isoformat(), {})
        hour = day.setdefault(f"{call.start.hour:02}", {"calls": 0, "severity": 0})
        hour["calls"] += 1
        hour["severity"] = max(hour["severity"], call.severity)
    return {
        "days": {day: dict(sorted(hours.items())) for day, hours in sorted(days.items())},
        "without_time": sum(call.start is None for call in calls),
    }


def summarise(calls: Sequence[Call], facts: Facts) -> dict[str, Any]:
    """Return the summary: calls ranked by severity, totals, calendar, findings, what failed."""
    ranked = sorted(calls, key=Call.rank)
    flags = [flag for call in calls for flag in call.entry["flags"]]
    by_severity = Counter(call.severity for call in calls)
    failures = [
        {"file": shown(f.path), "kind": f.kind, "reason": f.reason, "again": f.again}
        for f in sorted(facts.failures, key=lambda f: os.fsencode(f.path))
    ]
    failures += [
        {"file": shown(p.path), "kind": "unreadable", "reason": p.reason, "again": True}
        for p in facts.problems
    ]
    copies = sum(len(call.units) - 1 + sum(len(u.copies) for u in call.units) for call in calls)
    starts = [call.start for call in calls if call.start]
    return {
        "schema_version": SCHEMA_VERSION,
        "disclaimer": DISCLAIMER,
        "help_line": "12356" if any(f["subtype"] == "self_harm" for f in flags) else None,
        "folder": facts.folder,
        "settings": dict(facts.settings),
        "totals": {
            "recordings": facts.recordings,
            "calls": len(calls),
            "duplicates": copies,
            "failed": len(failures),
            "hours": round(sum(call.entry["duration_s"] for call in calls) / 3600, 3),
            "calls_with_flags": sum(call.severity > 0 for call in calls),
            "calls_to_review_only": sum(
                not call.severity and severities(call.entry["flags"])[1] > 0 for call in calls
            ),
            "flags": _counts(flags),
            "reviewed": _reviewed([call.entry for call in calls]),
            "calls_by_severity": {str(n): by_severity[n] for n in (4, 3, 2, 1, 0)},
            "from": _edge(starts, min),
            "to": _edge(starts, max),
        },
        "calls": [_call(call, number) for number, call in enumerate(ranked, 1)],
        "calendar": _calendar(calls),
        "rules": dict(facts.rules),
        "findings": list(facts.findings),
        "duplicates": list(facts.duplicates),
        "failures": failures,
        "skipped": {
            "other_files": facts.others,
            "special": [shown(path) for path in facts.special],
            "own_folders": [shown(path) for path in facts.own],
        },
    }


def _edge(starts: Sequence[dt.datetime], which: Any) -> str | None:
    return str(which(starts).isoformat(timespec="seconds")) if starts else None


def schema() -> dict[str, Any]:
    """Return the published JSON Schema of a summary."""
    text = (files("detector.batch") / "summary.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
