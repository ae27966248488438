"""Numbers that written rules set for calls: dated, sourced, per jurisdiction, in `limits.json`."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["JURISDICTIONS", "Limit", "limits_for", "limits_note", "limits_version"]

JURISDICTIONS = ("cn", "us", "none")
CONFIDENCE = {"V": "已读条文", "S": "二手资料,未读条文"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it was in force in one period (local days, both included).

    `most` is the number that may be reached, `hours` the time of day in which calls may not
    begin, `days` the length of a period, `listeners` who must have refused.
    """

    id: str
    kind: str
    in_force_from: dt.date
    in_force_to: dt.date | None
    lender_types: tuple[str, ...]
    reference_only_for: tuple[str, ...]
    facts: Mapping[str, str]
    most: int = 0
    days: int = 1
    hours: tuple[dt.time, dt.time] | None = None
    listeners: tuple[str, ...] = ("debtor", "third_party")

    def in_force(self, on: dt.date) -> bool:
        return self.in_force_from <= on and (self.in_force_to is None or on <= self.in_force_to)

    def binds(self, lender_type: str | None) -> bool:
        """Whether a lender of this type (None: unknown) is one the rule is made for."""
        return "any" in self.lender_types or (lender_type or "unknown") in self.lender_types

    def forbids(self, at: dt.time) -> bool:
        """Whether a call may not begin at this time of day."""
        if self.hours is None:
            return False
        begin, end = self.hours
        return begin <= at or at < end if begin > end else begin <= at < end

    def shown(self, lender_type: str | None) -> dict[str, Any]:
        """Return what a reader needs to judge the rule by."""
        until = f" 至 {self.in_force_to}" if self.in_force_to else " 起"
        return {
            "id": self.id,
            "name": " ".join(filter(None, (self.facts["title"], self.facts["article"]))),
            "in_force": f"{self.in_force_from}{until}",
            "paraphrase": self.facts["paraphrase"],
            "condition": self.facts["condition"],
            "source": self.facts["source"],
            "confidence": CONFIDENCE[self.facts["confidence"]],
            "reference_only": (lender_type or "unknown") in self.reference_only_for,
        }


@cache
def _file() -> dict[str, Any]:
    text = (files("detector.batch") / "limits.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _limit(record: Mapping[str, Any]) -> Limit:
    until = record["in_force_to"]
    hours = None
    if "from" in record:
        hours = dt.time.fromisoformat(record["from"]), dt.time.fromisoformat(record["to"])
    texts = ("title", "article", "paraphrase", "condition", "source", "confidence")
    return Limit(
        id=record["id"],
        kind=record["kind"],
        in_force_from=dt.date.fromisoformat(record["in_force_from"]),
        in_force_to=dt.date.fromisoformat(until) if until else None,
        lender_types=tuple(record["lender_types"]),
        reference_only_for=tuple(record["reference_only_for"]),
        facts={name: record[name] for name in texts},
        most=record.get("most", 0),
        days=record.get("days", 1),
        hours=hours,
        listeners=tuple(record.get("listeners", ("debtor", "third_party"))),
    )


@cache
def limits_for(jurisdiction: str) -> tuple[Limit, ...]:
    """Return the limits of a jurisdiction; none for one of which none are known."""
    return tuple(
        _limit(record) for record in _file()["limits"] if record["jurisdiction"] == jurisdiction
    )


def limits_note() -> str:
    """Return what the data say of themselves."""
    return str(_file()["note"])


def limits_version() -> str:
    """Return the version of the data."""
    return str(_file()["version"])
