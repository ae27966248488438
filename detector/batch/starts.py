"""When the call of a recording began and with whom, the names of all its copies asked."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detector.audio import Recording
from detector.case import SHANGHAI
from detector.report import StartedAt
from detector.started import LogEntry, Start, find_start, read_call_log

__all__ = ["NO_LOG", "CallLog", "read_logs", "start_facts", "start_of", "started_at", "with_notes"]

_NOTES = ("通话记录", "通话开始时间取自文件名", "您给出的开始时间", "文件内的创建时间")
"""How the notes of `find_start` begin."""
_RELIABILITY = ("stated", "high", "medium", "low", None)


@dataclass(frozen=True, slots=True)
class CallLog:
    """The calls of all call logs, the zone of times that name none, and a key of both."""

    entries: tuple[LogEntry, ...] = ()
    tz: dt.tzinfo = SHANGHAI
    key: str = ""


def read_logs(paths: Sequence[Path], tz: dt.tzinfo = SHANGHAI) -> CallLog:
    """Read call logs; a call that stands in several of them counts once.

    Raises:
        InputError: one cannot be read or holds no calls.
    """
    entries: dict[tuple[Any, ...], LogEntry] = {}
    for path in paths:
        for entry in read_call_log(path, tz):
            entries.setdefault((entry.start, entry.number, entry.direction), entry)
    whole = tuple(sorted(entries.values(), key=lambda e: (e.start, e.number or "", e.row)))
    key = hashlib.sha256(repr((whole, str(tz))).encode("utf-8", "replace")).hexdigest()[:16]
    return CallLog(whole, tz, key)


NO_LOG = read_logs(())


def start_of(
    recording: Recording, names: Sequence[str], log: CallLog, duration_s: float | None = None
) -> Start:
    """Return the most reliable start; `names` are the file names of the recording's copies."""

    def found(name: str) -> Start:
        named = replace(recording, path=Path(name))
        return find_start(named, None, log.entries, (), log.tz, duration_s)

    starts = [found(name) for name in names]
    return min(starts, key=lambda start: _RELIABILITY.index(start.started.reliability))


def start_facts(start: Start) -> dict[str, Any]:
    """Return a start as plain data."""
    return {
        "value": start.started.value,
        "source": start.started.source,
        "reliability": start.started.reliability,
        "number": start.number,
        "direction": start.direction,
        "notes": list(start.notes),
    }


def with_notes(warnings: Sequence[str], facts: dict[str, Any]) -> tuple[str, ...]:
    """Return a report's warnings with the notes on this start in place of any earlier ones."""
    others = (warning for warning in warnings if not warning.startswith(_NOTES))
    return (*others, *facts["notes"])


def started_at(facts: dict[str, Any]) -> StartedAt:
    """Return what a report says of a start."""
    return StartedAt(facts["value"], facts["source"], facts["reliability"])
