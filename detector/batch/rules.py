"""What shows only across recordings: how often, at what hours, after a refusal, ever worse.

Everything is counted from what was recorded (and, where given, a call log), so that every count
is a least one: 至少 n 次. A limit is named only where its rule was in force on the day, in the
chosen jurisdiction and for the type of lender; whether it was broken is not for a machine to say.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from detector.batch.events import Event, Party
from detector.batch.limits import Limit, limits_for

__all__ = ["find"]

_ESCALATION = 4
"""Calls needed to speak of a course."""
_MANY = "其中可能有不同机构的来电,请先核实来电方"


class _Rules:
    def __init__(self, jurisdiction: str, lender_type: str | None, has_log: bool) -> None:
        self.limits = limits_for(jurisdiction)
        self.lender_type, self.has_log = lender_type, has_log

    def of(self, kind: str, day: dt.date) -> list[Limit]:
        return [
            limit
            for limit in self.limits
            if limit.kind == kind and limit.in_force(day) and limit.binds(self.lender_type)
        ]

    def finding(
        self, kind: str, party: Party, text: str, events: Sequence[Event], limits: Sequence[Limit],
        **more: Any,
    ) -> dict[str, Any]:  # fmt: skip
        notes = [] if party.known else [_MANY]
        if any(event.call and event.call.reliability == "low" for event in events):
            notes.append("其中有的时间可信度低,请核对")
        return {
            "kind": kind,
            "party": party.name or None,
            "at_least": len(events),
            "text": text,
            "rules": [limit.shown(self.lender_type) for limit in limits],
            "calls": [event.shown() for event in events],
            "notes": notes,
            **more,
        }

    def daily(self, party: Party) -> Iterator[dict[str, Any]]:
        """Connected calls a day, and, from a call log alone, attempts that nobody answered."""
        for kind, answered, done in (
            ("calls_per_day", True, "接通"),
            ("attempts_per_day", False, "拨打未接通"),
        ):
            if not answered and not self.has_log:
                continue
            for day, events in _by_day([e for e in party.events if e.answered is answered]):
                over = [limit for limit in self.of(kind, day) if len(events) > limit.most]
                if over:
                    most = min(limit.most for limit in over)
                    text = (
                        f"{day} 这一天{_who(party)}至少{done} {len(events)} 次,超过每日 {most} 次"
                    )
                    yield self.finding(kind, party, text, events, over, day=day.isoformat())

    def in_days(self, party: Party) -> Iterator[dict[str, Any]]:
        """Return the busiest period of a rule that counts over several days."""
        for limit in self.limits:
            if limit.kind != "calls_in_days" or not limit.binds(self.lender_type):
                continue
            best: list[Event] = []
            for first in party.events:
                last = first.day + dt.timedelta(days=limit.days - 1)
                within = [e for e in party.events if first.start <= e.start and e.day <= last]
                if limit.in_force(first.day) and len(within) > len(best):
                    best = within
            if len(best) > limit.most:
                text = (
                    f"{best[0].day} 起连续 {limit.days} 日内{_who(party)}至少来电 {len(best)} 次,"
                    f"超过 {limit.most} 次"
                )
                yield self.finding(limit.kind, party, text, best, [limit])

    def hours(self, party: Party) -> Iterator[dict[str, Any]]:
        """Calls that began when none may, and those that lasted into that time."""
        inside: dict[tuple[str, ...], tuple[list[Limit], list[Event]]] = {}
        edge: list[Event] = []
        for event in party.events:
            limits = self.of("out_of_hours", event.day)
            mine = [limit for limit in limits if limit.forbids(event.start.time())]
            end = event.start + dt.timedelta(seconds=event.duration_s)
            if mine:
                key = tuple(limit.id for limit in mine)
                inside.setdefault(key, (mine, []))[1].append(event)
            elif any(limit.forbids(end.time()) for limit in limits):
                edge.append(event)
        for limits, events in inside.values():
            begin, until = limits[0].hours or (dt.time(), dt.time())
            text = f"{begin:%H:%M} 至次日 {until:%H:%M} 之间{_who(party)}至少来电 {len(events)} 次"
            yield self.finding("out_of_hours", party, text, events, limits)
        if edge:
            text = f"{_who(party)}至少 {len(edge)} 次来电在允许的时间开始、拖到了之后(边界情形)"
            yield self.finding("out_of_hours_edge", party, text, edge, [])

    def refused(self, party: Party) -> Iterator[dict[str, Any]]:
        """Calls that came after somebody said on record not to call any more."""
        refusals = [
            (e, e.call.entry["refusals"][0], e.call.entry["listener"])
            for e in party.events
            if e.call and e.call.entry["refusals"]
        ]
        if not refusals:
            return
        event, words, listener = refusals[0]
        listener = words["role"] if words["role"] != "unknown" else listener
        later = [e for e in party.events if e.start > event.start]
        limits = [limit for limit in self.of("refused", event.day) if listener in limit.listeners]
        if later:
            text = (
                f"{event.start:%Y-%m-%d %H:%M} 的录音里有人要求不再来电(“{words['quote']}”),"
                f"此后{_who(party)}至少又联系 {len(later)} 次"
            )
            yield self.finding(
                "refused", party, text, later, limits,
                refusal={**words, **event.shown()}, refusals=len(refusals),
            )  # fmt: skip

    def numbers(self, party: Party) -> Iterator[dict[str, Any]]:
        """Return that a lender calls from several numbers."""
        used = sorted({e.number for e in party.events if e.number})
        if party.known and len(used) > 1:
            text = f"{_who(party)}至少用过 {len(used)} 个号码来电:{'、'.join(used)}"
            events = [e for e in party.events if e.number]
            found = self.finding("several_numbers", party, text, events, [])
            yield {**found, "at_least": len(used), "calls": [], "numbers": used}

    def escalation(self, party: Party) -> Iterator[dict[str, Any]]:
        """Return that the later half of the calls is graver than the earlier."""
        events = [e for e in party.events if e.call]
        grave = [e.call.severity for e in events if e.call]
        if len(events) < _ESCALATION:
            return
        half = len(events) // 2
        early, late = grave[:half], grave[half:]
        if max(late) > max(early) and sum(late) / len(late) > sum(early) / len(early):
            text = (
                f"{_who(party)}的来电有加重的趋势:较早的 {len(early)} 通最高严重度 {max(early)},"
                f"较晚的至少 {len(late)} 通最高 {max(late)}(0 无,4 最重,机器判断)"
            )
            found = self.finding("escalation", party, text, events[half:], [])
            yield {**found, "severity": [max(early), max(late)]}


def _by_day(events: Sequence[Event]) -> list[tuple[dt.date, list[Event]]]:
    days: dict[dt.date, list[Event]] = {}
    for event in events:
        days.setdefault(event.day, []).append(event)
    return sorted(days.items())


def _who(party: Party) -> str:
    return f"{party.name or '号码不详的来电'} "


def _together(parties: Sequence[Party]) -> Party:
    """All callers as one, for what holds if they belong together."""
    events = sorted((e for party in parties for e in party.events), key=lambda e: e.start)
    return Party("全部来电", False, (), tuple(events))


def find(
    parties: Sequence[Party],
    jurisdiction: str,
    case: Mapping[str, Any],
    has_log: bool,
) -> list[dict[str, Any]]:
    """Return what is found across the calls of each caller, as plain data.

    Args:
        parties: who calls, from `parties_of`.
        jurisdiction: of `limits.JURISDICTIONS`.
        case: the facts that the user stated (type of lender).
        has_log: whether a call log was given: without one, attempts are not counted.
    """
    rules = _Rules(jurisdiction, case.get("lender_type"), has_log)
    checks: tuple[Callable[[Party], Iterator[dict[str, Any]]], ...] = (
        rules.daily, rules.in_days, rules.hours, rules.refused, rules.numbers, rules.escalation,
    )  # fmt: skip
    found = [finding for check in checks for party in parties for finding in check(party)]
    if len(parties) > 1:
        seen = {(f["kind"], f.get("day")) for f in found}
        whole = _together(parties)
        for finding in (*rules.daily(whole), *rules.in_days(whole)):
            if (finding["kind"], finding.get("day")) not in seen:
                finding["text"] = f"如果都属于同一机构:{finding['text']}"
                found.append(finding)
    return found
