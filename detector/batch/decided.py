"""What people decided on the reports of a folder, laid over what the summary counts."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from detector.batch.entry import entry_of
from detector.batch.plan import Unit
from detector.errors import InputError
from detector.evidence.decisions import decisions_path, read_decisions, review
from detector.evidence.page import as_reviewed
from detector.report import read_report

__all__ = ["with_decisions"]


def with_decisions(units: Iterable[Unit], reports: Path) -> list[Unit]:
    """Return the units as their reports read after review: what was rejected counts no more.

    Decisions that cannot be read cost no run: a warning on the call says so.
    """
    return [_decided(unit, reports / f"{unit.report}.json") for unit in units]


def _decided(unit: Unit, report: Path) -> Unit:
    entry = unit.result.entry if unit.result else None
    if unit.result is None or entry is None or not decisions_path(report).exists():
        return unit
    try:
        reviewed = review(read_report(report), read_decisions(report))
    except InputError as error:
        changed = {**entry, "warnings": [*entry["warnings"], f"人工复核没有计入:{error}"]}
    else:
        changed = entry_of(as_reviewed(reviewed), entry["start"], entry["created_at"])
        states = [flag.flag.status for flag in reviewed.flags]
        changed["rejected"] = states.count("rejected")
    return replace(unit, result=replace(unit.result, entry=changed))
