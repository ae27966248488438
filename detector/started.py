"""When a call began and with which number: the best of what is known, and how reliable it is.

In order: the call log, what the user states, the creation time in the container, the file's
name. The time of the file's last change is never used: copying changes it.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from detector.audio import Recording
from detector.call_log import Clues, LogEntry, match, read_call_log
from detector.case import SHANGHAI, parse_start
from detector.file_names import Named, normal_number, started_from_name
from detector.report import StartedAt

__all__ = [
    "Clues",
    "LogEntry",
    "Named",
    "Start",
    "call_start",
    "find_start",
    "match",
    "read_call_log",
    "started_from_name",
]

_SAME_S = 120.0
_ZONE_S = 8 * 3600.0
_FIRST_YEAR = 2000
"""Containers without a clock say 1904 or 1970."""


@dataclass(frozen=True, slots=True)
class Start:
    """When a call began, the other party's number and the direction where known.

    `direction` is "in" or "out", seen from who recorded. `notes` say in Chinese what is unsure.
    """

    started: StartedAt
    number: str | None = None
    direction: str | None = None
    notes: tuple[str, ...] = ()


def call_start(
    recording: Recording,
    stated: str | None = None,
    log: Sequence[LogEntry] = (),
    numbers: Sequence[str] = (),
    tz: dt.tzinfo = SHANGHAI,
) -> StartedAt:
    """Return when a recording's call began; see `find_start`."""
    return find_start(recording, stated, log, numbers, tz).started


def find_start(
    recording: Recording,
    stated: str | None = None,
    log: Sequence[LogEntry] = (),
    numbers: Sequence[str] = (),
    tz: dt.tzinfo = SHANGHAI,
    duration_s: float | None = None,
) -> Start:
    """Return when a recording's call began, with whom, and what is unsure.

    Args:
        recording: the recording; its name and its container are asked.
        stated: what the user says, ISO 8601.
        log: the calls of a call log.
        numbers: the telephone numbers of the call that the user states.
        tz: the time zone of times that name none.
        duration_s: the recording's measured length, where its container does not say it.
    """
    length = duration_s or recording.duration_s
    named = started_from_name(recording.path.name, tz)
    made = _created(recording, tz)
    told = dt.datetime.fromisoformat(parse_start(stated)) if stated else None
    known = {number for n in numbers if (number := normal_number(n))}
    if named and named.number and not known:
        known = {named.number}
    starts = [told] if told else [s for s in (named and named.start, made) if s]
    if made and not told and length:
        starts.append(made - dt.timedelta(seconds=length))
    entry = match(log, Clues(length, tuple(sorted(known)), tuple(starts))) if log else None
    number = (entry and entry.number) or (named.number if named else None)
    direction = (entry and entry.direction) or (named.direction if named else None)
    if entry is not None:
        reliability = "medium" if entry.note else "high"
        started = StartedAt(entry.start.isoformat(timespec="seconds"), "call_log", reliability)
        notes = [f"通话记录第 {entry.row} 行:{entry.note}。"] if entry.note else []
        if told and abs((told - entry.start).total_seconds()) > _SAME_S:
            notes.append(f"您给出的开始时间 {told.isoformat()} 与通话记录不同,已按通话记录。")
        return Start(started, number, direction, tuple(notes))
    missing = ("通话记录里没有找到与这个录音唯一相符的通话 (no such call in the log)。",) * bool(
        log
    )
    if told is not None:
        started = StartedAt(told.isoformat(timespec="seconds"), "user", "stated")
        return Start(started, number, direction, missing)
    started, notes = _from_file(made, named, length)
    return Start(started, number, direction, (*missing, *notes))


def _created(recording: Recording, tz: dt.tzinfo) -> dt.datetime | None:
    """Return the creation time that the container states; without an offset it is UTC."""
    if not recording.created_at:
        return None
    try:
        made = dt.datetime.fromisoformat(recording.created_at.strip().replace("Z", "+00:00"))
        if made.tzinfo is None:
            made = made.replace(tzinfo=dt.UTC)
        local = made.astimezone(tz)
    except (ValueError, OverflowError):
        return None
    return local if made.year >= _FIRST_YEAR else None


def _from_file(
    made: dt.datetime | None, named: Named | None, length: float | None
) -> tuple[StartedAt, list[str]]:
    """Weigh the container's creation time against the name's time."""
    if named is None:
        if made is None:
            return StartedAt(None, None, None), []
        return StartedAt(made.isoformat(timespec="seconds"), "container", "medium"), []
    by_name = StartedAt(named.start.isoformat(timespec="seconds"), "file_name", named.reliability)
    notes = [f"通话开始时间取自文件名:{named.note}。"] if named.note else []
    if made is None:
        return by_name, notes
    by_container = StartedAt(made.isoformat(timespec="seconds"), "container", "medium")
    apart = (made - named.start).total_seconds()
    if abs(apart) <= _SAME_S:
        return by_container, []
    for lag in (0.0, length or 0.0):  # many recorders state the end of the recording,
        for shift in (0.0, _ZONE_S, -_ZONE_S):  # or the local time as if it were UTC
            if (lag or shift) and abs(apart - lag - shift) <= _SAME_S:
                return by_name, notes
    notes = [
        f"文件内的创建时间 {made.isoformat(timespec='seconds')} 与文件名里的时间 "
        f"{named.start.isoformat(timespec='seconds')} 不一致,请核对 (times differ)。"
    ]
    return StartedAt(by_container.value, "container", "low"), notes
