"""Calls from recordings: identical and alike recordings are one call; when it was, from whom."""

import datetime as dt
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from detector.batch.discover import shown
from detector.batch.entry import severities
from detector.batch.plan import Unit
from detector.case import SHANGHAI

__all__ = ["Call", "make_calls"]

_RELIABILITY = ("stated", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Call:
    """One call and all its recordings; the first unit is the one that is shown.

    `start` has an offset; `number` is as it was written, `direction` "in", "out" or "".
    """

    units: tuple[Unit, ...]
    start: dt.datetime | None = None
    source: str = ""
    reliability: str = ""
    number: str = ""
    direction: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.units[0].file.path

    @property
    def severity(self) -> int:
        """The gravest severity of what was flagged, 0 for none."""
        return severities(self.entry["flags"])[0]

    def rank(self) -> tuple[Any, ...]:
        """Sort by this: the gravest first, then the most, then by name."""
        flags = self.entry["flags"]
        flagged, review = severities(flags)
        sure = [flag for flag in flags if flag["decision"] == "flagged"]
        weight = sum(flag["severity"] for flag in sure)
        return -flagged, -weight, -review, -len(flags), os.fsencode(self.path)


def _start(stated: Mapping[str, Any]) -> dt.datetime | None:
    try:
        start = dt.datetime.fromisoformat(stated["value"])
    except (KeyError, TypeError, ValueError):
        return None
    return start if start.tzinfo else start.replace(tzinfo=SHANGHAI)


def _better(stated: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the most reliable of several statements, the first of equals."""

    def rank(one: Mapping[str, Any]) -> int:
        reliability = one.get("reliability")
        return _RELIABILITY.index(reliability) if reliability in _RELIABILITY else 9

    return min((one for one in stated if one.get("value")), key=rank, default={})


def _call(units: Sequence[Unit]) -> Call:
    entries = [unit.result.entry for unit in units if unit.result and unit.result.entry]
    stated = _better(entry["start"] for entry in entries)
    number = next((n for entry in entries if (n := entry["start"]["number"])), "")
    direction = next((d for entry in entries if (d := entry["start"]["direction"])), "")
    return Call(
        tuple(units),
        _start(stated),
        str(stated.get("source") or ""),
        str(stated.get("reliability") or ""),
        number,
        direction,
        entries[0],
    )


def make_calls(units: Iterable[Unit], same: Iterable[Sequence[str]] = ()) -> list[Call]:
    """Return the calls in order of time, those without one last.

    Args:
        units: what was scanned.
        same: groups of hashes that are one call by its sound.
    """
    done = {unit.sha256: unit for unit in units if unit.result and unit.result.kind == "done"}
    calls, used = [], set[str]()
    for group in same:
        members = [done[sha] for sha in group if sha in done]
        members.sort(key=lambda unit: (-unit.result.entry["duration_s"], shown(unit.file.path)))  # type: ignore[union-attr,index]
        if len(members) > 1:
            used.update(unit.sha256 for unit in members)
            calls.append(_call(members))
    for sha, unit in done.items():
        if sha not in used:
            calls.append(_call([unit]))
    last = dt.datetime.max.replace(tzinfo=dt.UTC)
    return sorted(calls, key=lambda call: (call.start or last, os.fsencode(call.path)))
