"""What shows across recordings, with limits that were in force, and always 至少."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest

from detector.batch.calls import Call
from detector.batch.discover import FoundFile
from detector.batch.events import parties_of
from detector.batch.limits import limits_for
from detector.batch.plan import Unit
from detector.batch.rules import find
from detector.case import SHANGHAI
from detector.started import LogEntry

BANK = {"lender_type": "bank"}


def call(when: str | None, number: str = "02100000001", severity: int = 0, **more: Any) -> Call:
    start = dt.datetime.fromisoformat(when).replace(tzinfo=SHANGHAI) if when else None
    flags = [{"decision": "flagged", "severity": severity}] if severity else []
    entry = {
        "duration_s": more.pop("duration_s", 60.0),
        "flags": flags,
        "refusals": more.pop("refusals", []),
        "collector": more.pop("collector", "collector"),
        "listener": more.pop("listener", "debtor"),
    }
    unit = Unit(FoundFile(f"{when}-{number}.amr", 1, 1, 1), f"{when}{number}", "r")
    options = {"source": "call_log", "reliability": "high", "direction": "in", **more}
    return Call((unit,), start, number=number, entry=entry, **options)


def logged(when: str, answered: bool, number: str = "02100000001", row: int = 1) -> LogEntry:
    start = dt.datetime.fromisoformat(when).replace(tzinfo=SHANGHAI)
    return LogEntry(start, number, "in", 30.0 if answered else 0.0, answered, row)


def found(
    calls: Sequence[Call], log: Sequence[LogEntry] = (), jurisdiction: str = "cn",
    case: dict[str, Any] | None = None, kind: str = "",
) -> list[dict[str, Any]]:  # fmt: skip
    parties = parties_of(calls, log, case or BANK, SHANGHAI)
    everything = find(parties, jurisdiction, case or BANK, bool(log))
    return [f for f in everything if f["kind"] == kind] if kind else everything


def day(count: int, date: str = "2025-06-01", **more: Any) -> list[Call]:
    return [call(f"{date}T{9 + n:02}:00:00", **more) for n in range(count)]


def test_three_calls_a_day_are_within_the_limit_and_four_are_not() -> None:
    assert not found(day(3), kind="calls_per_day")
    (over,) = found(day(4), kind="calls_per_day")
    assert over["at_least"] == 4 and over["day"] == "2025-06-01"
    assert "至少接通 4 次" in over["text"] and "GB/T 45251-2025" in over["rules"][0]["name"]
    assert len(over["calls"]) == 4


def test_a_rule_that_was_not_yet_in_force_is_not_named() -> None:
    assert not found(day(6, "2025-02-27"), kind="calls_per_day")
    assert found(day(6, "2025-02-28"), kind="calls_per_day")


@pytest.mark.parametrize("jurisdiction", ["none", "us", "hk"])
def test_limits_of_elsewhere_are_not_those_of_the_mainland(jurisdiction: str) -> None:
    night = [call("2025-06-01T23:00:00")]
    assert not found([*day(6), *night], jurisdiction=jurisdiction)


def test_lenders_that_a_rule_is_not_made_for_are_not_measured_by_it() -> None:
    assert not found(day(6), case={"lender_type": "unlicensed"}, kind="calls_per_day")
    (over,) = found(day(6), case={"case": 1}, kind="calls_per_day")
    assert over["rules"][0]["reference_only"]


def test_days_are_calendar_days_of_shanghai() -> None:
    calls = [call("2025-06-01T23:50:00"), call("2025-06-02T00:10:00"), *day(2, "2025-06-02")]
    assert not found(calls, kind="calls_per_day")


def test_calls_that_the_borrower_made_and_calls_of_others_do_not_count() -> None:
    assert not found([*day(3), call("2025-06-01T20:00:00", direction="out")], kind="calls_per_day")
    assert not found([*day(3), call("2025-06-01T20:00:00", collector="none")], kind="calls_per_day")


def test_numbers_are_counted_apart_unless_a_lender_is_stated() -> None:
    calls = [*day(2), *day(2, number="02100000002")]
    (over,) = found(calls, kind="calls_per_day")
    assert over["text"].startswith("如果都属于同一机构") and over["notes"]
    case = {**BANK, "parties": {"lender": "某银行"}}
    (over,) = found(calls, case=case, kind="calls_per_day")
    assert over["party"] == "某银行" and not over["notes"]
    (numbers,) = found(calls, case=case, kind="several_numbers")
    assert numbers["at_least"] == 2 and numbers["numbers"] == ["02100000001", "02100000002"]


def test_answered_calls_of_the_log_count_once_beside_their_recordings() -> None:
    log = [logged(f"2025-06-01T{9 + n:02}:00:20", True, row=n + 2) for n in range(4)]
    (over,) = found(day(3), log, kind="calls_per_day")
    assert over["at_least"] == 4
    assert [c["call_log_row"] for c in over["calls"]] == [None, None, None, 5]
    others = [logged("2025-06-01T12:30:00", True, number="13800000000")]
    assert not found(day(3), others, kind="calls_per_day")


def test_unanswered_calls_count_only_from_a_log_and_only_against_their_own_limit() -> None:
    log = [logged(f"2026-03-01T10:{n:02}:00", False, row=n + 2) for n in range(7)]
    calls = day(1, "2026-03-01")
    (over,) = found(calls, log, kind="attempts_per_day")
    assert over["at_least"] == 7 and "至少拨打未接通 7 次" in over["text"]
    assert not found(calls, log[:6], kind="attempts_per_day")
    assert not found(calls, log, kind="calls_per_day")


@pytest.mark.parametrize(
    ("time", "kind"),
    [("21:59:59", ""), ("22:00:00", "out_of_hours"), ("03:00:00", "out_of_hours"),
     ("07:59:59", "out_of_hours"), ("08:00:00", ""), ("21:59:30", "out_of_hours_edge")],
)  # fmt: skip
def test_calls_count_by_when_they_begin(time: str, kind: str) -> None:
    length = 120.0 if kind == "out_of_hours_edge" else 0.5
    findings = found([call(f"2025-06-01T{time}", duration_s=length)])
    assert [f["kind"] for f in findings] == [kind] * bool(kind)


def test_two_rules_of_one_night_are_named_together() -> None:
    (night,) = found([call("2026-03-01T23:00:00")])
    assert [rule["id"] for rule in night["rules"]] == ["cn-gbt-45251-night", "cn-cba-night"]


def refusing(when: str, role: str, **more: Any) -> Call:
    words = {"utterance_id": "U2", "start_s": 4.0, "role": role, "quote": "别再打了"}
    return call(when, refusals=[words], **more)


def test_calls_after_a_recorded_refusal_are_counted_from_it() -> None:
    before, after = call("2025-06-01T09:00:00"), call("2025-06-03T09:00:00")
    (refused,) = found([before, refusing("2025-06-02T09:00:00", "third_party"), after])
    assert refused["kind"] == "refused" and refused["at_least"] == 1
    assert [rule["id"] for rule in refused["rules"]] == [
        "cn-gbt-45251-refused", "cn-civil-1033-refused",
    ]  # fmt: skip
    (own,) = found([refusing("2025-06-02T09:00:00", "debtor"), after])
    assert [rule["id"] for rule in own["rules"]] == ["cn-civil-1033-refused"]
    assert not found([refusing("2025-06-04T09:00:00", "debtor"), after])


def test_a_course_that_gets_worse_is_named_and_one_that_does_not_is_not() -> None:
    worse = [call(f"2025-06-{n:02}T09:00:00", severity=s) for n, s in enumerate((0, 1, 2, 4), 1)]
    (found_worse,) = found(worse)
    assert found_worse["kind"] == "escalation" and found_worse["severity"] == [1, 4]
    better = [call(f"2025-06-{n:02}T09:00:00", severity=s) for n, s in enumerate((4, 2, 4, 0), 1)]
    assert not found(better)


def test_eight_calls_in_a_week_count_where_that_is_the_rule() -> None:
    week = [call(f"2025-06-{n:02}T09:00:00") for n in range(1, 9)]
    assert not found(week[:7], jurisdiction="us")
    assert not found(week, jurisdiction="us")  # eight days
    (over,) = found([*week[:7], call("2025-06-03T11:00:00")], jurisdiction="us")
    assert over["at_least"] == 8 and "1006.14" in over["rules"][0]["name"]


def test_recordings_without_a_time_or_number_are_never_guessed() -> None:
    assert not found([call(None)] * 9)
    (over,) = found(day(4, number=""))
    assert over["party"] is None and "不详" in over["text"] and over["notes"]


def test_every_limit_names_source_period_and_how_well_it_is_known() -> None:
    for jurisdiction in ("cn", "us"):
        for limit in limits_for(jurisdiction):
            shown = limit.shown("unknown")
            assert shown["source"] and shown["confidence"] and shown["in_force"]
            assert limit.in_force_from >= dt.date(2021, 1, 1)
