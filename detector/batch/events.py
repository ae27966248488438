"""Calls as the rules count them: recordings and call log put together, by who is calling."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from detector.batch.calls import Call
from detector.batch.discover import shown
from detector.file_names import normal_number
from detector.started import LogEntry

__all__ = ["Event", "Party", "parties_of"]

_SAME_S = 120.0


@dataclass(frozen=True, slots=True)
class Event:
    """A call or an attempt: `start` is local; `call` is None where only the log knows of it."""

    start: dt.datetime
    number: str
    answered: bool
    call: Call | None = None
    row: int | None = None

    @property
    def day(self) -> dt.date:
        return self.start.date()

    @property
    def duration_s(self) -> float:
        return float(self.call.entry["duration_s"]) if self.call else 0.0

    def shown(self) -> dict[str, Any]:
        """Return what the summary lists of it."""
        return {
            "start": self.start.isoformat(timespec="seconds"),
            "file": shown(self.call.path) if self.call else None,
            "call_log_row": self.row,
            "answered": self.answered,
            "source": self.call.source if self.call else "call_log",
            "reliability": self.call.reliability if self.call else "high",
        }


@dataclass(frozen=True, slots=True)
class Party:
    """Who calls: a lender that the user stated, or else one telephone number.

    `known` is False for recordings whose number is not known: they may be of several callers.
    """

    name: str
    known: bool
    numbers: tuple[str, ...]
    events: tuple[Event, ...]
    undated: tuple[Call, ...] = field(default=())


def _key(number: str) -> str:
    return (normal_number(number) or number) if number else ""


def _counted(call: Call) -> bool:
    """Leave out calls that the borrower made, and recordings in which no collector speaks."""
    return call.direction != "out" and call.entry["collector"] != "none"


def _logged(
    log: Iterable[LogEntry], numbers: set[str], events: Sequence[Event], tz: dt.tzinfo
) -> list[Event]:
    """Return the calls of a log, from these numbers, of which there is no recording."""
    found = []
    for entry in log:
        number = _key(entry.number or "")
        if number not in numbers or not number or entry.direction == "out":
            continue
        if entry.answered is None or (entry.answered is False and entry.direction != "in"):
            continue
        start = entry.start.astimezone(tz)
        recorded = entry.answered and any(
            event.number == number and abs((event.start - start).total_seconds()) <= _SAME_S
            for event in events
        )
        if not recorded:
            found.append(Event(start, number, bool(entry.answered), None, entry.row))
    return found


def parties_of(
    calls: Sequence[Call], log: Sequence[LogEntry], case: Mapping[str, Any], tz: dt.tzinfo
) -> list[Party]:
    """Return who calls, with all that is known of their calls in order of time.

    Args:
        calls: the recorded calls.
        log: the calls of a call log.
        case: the facts that the user stated; a lender stated there made all the calls.
        tz: the zone in which days are counted.
    """
    stated = case.get("parties", {})
    lender = str(stated.get("lender") or stated.get("agency") or "")
    groups: dict[str, list[Call]] = {}
    for call in filter(_counted, calls):
        groups.setdefault(lender or _key(call.number), []).append(call)
    parties = []
    for name, members in sorted(groups.items()):
        numbers = {_key(call.number) for call in members} - {""}
        if lender and (number := _key(str(case.get("caller_number") or ""))):
            numbers.add(number)
        events = [
            Event(call.start.astimezone(tz), _key(call.number), True, call)
            for call in members
            if call.start
        ]
        events += _logged(log, numbers, events, tz)
        events.sort(key=lambda event: (event.start, event.number, event.row or 0))
        undated = tuple(call for call in members if not call.start)
        parties.append(Party(name, bool(name), tuple(sorted(numbers)), tuple(events), undated))
    return parties
