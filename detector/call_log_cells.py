"""Times and durations as they stand in the cells of call logs."""

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

__all__ = ["DayOrder", "day_order", "read_duration", "read_time"]

DayOrder = str
"""Of dates such as 01/02/2025: "day", "month" (which comes first), or "unclear"."""
_SLASHED = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?!\d)")
_DATE = re.compile(r"((?:19|20)\d\d)\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_DATE_8 = re.compile(r"(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?=\d{4}(?:\d\d)?(?!\d)|\D|$)")
_DATE_NO_YEAR = re.compile(r"^(\d{1,2})[-/月](\d{1,2})日?(?=\s|T|$)")
_CLOCK = re.compile(
    r"(上午|下午|凌晨|中午|晚上|AM|PM)?\s*(\d{1,2})\s*[:时點点]\s*(\d{1,2})\s*(?:[:分]\s*(\d{1,2})(?:\.\d+)?)?"
    r"\s*[分秒]?\s*(AM|PM)?",
    re.I,
)
_AFTERNOON = ("下午", "晚上", "中午", "PM")
_UNITS = {"小时": 3600, "时": 3600, "h": 3600, "分钟": 60, "分": 60, "m": 60, "min": 60, "秒": 1,
          "s": 1, "sec": 1}  # fmt: skip


def _text(cell: Any) -> str:
    text = unicodedata.normalize("NFKC", str(cell)).strip().strip("\"'=").strip()
    return text


def day_order(cells: Sequence[Any]) -> DayOrder:
    """Tell from all dates of a column whether the day or the month comes first in them."""
    found = [m for cell in cells if isinstance(cell, str) and (m := _SLASHED.match(_text(cell)))]
    if any(int(m[1]) > 12 for m in found):
        return "day"
    return "month" if any(int(m[2]) > 12 for m in found) else "unclear"


def read_time(
    cells: Sequence[Any], tz: dt.tzinfo, order: DayOrder = "unclear", year: int | None = None
) -> tuple[dt.datetime, str | None] | None:
    """Return the time that a cell (or a date's and a time's) holds, and what is unsure of it."""
    notes: list[str] = []
    first = cells[0]
    if isinstance(first, dt.datetime) and len(cells) == 1:
        return _zoned(first, tz, notes)
    if len(cells) == 1 and (since := _since_epoch(first)) is not None:
        return since.astimezone(tz), None
    day = _day(first, order, year, notes)
    clock = _clock(cells[-1], notes)
    if day is None or clock is None:
        return None
    try:
        return _zoned(dt.datetime.combine(dt.date(*day), clock), tz, notes)
    except ValueError:
        return None


def _zoned(when: dt.datetime, tz: dt.tzinfo, notes: list[str]) -> tuple[dt.datetime, str | None]:
    if when.tzinfo is None:
        when = when.replace(tzinfo=tz, microsecond=0)
        if when.replace(fold=1).utcoffset() != when.utcoffset():
            notes.append("正值夏令时结束,这个钟点有两次,按第一次算")
    return when, ";".join(notes) or None


def _since_epoch(cell: Any) -> dt.datetime | None:
    """Return the time of a count of seconds or milliseconds since 1970, as phones export it."""
    text = _text(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
    if not re.fullmatch(r"1\d{9}(?:\d{3})?", text):
        return None
    count = int(text)
    return dt.datetime.fromtimestamp(count / 1000 if len(text) == 13 else count, dt.UTC)


def _day(
    cell: Any, order: DayOrder, year: int | None, notes: list[str]
) -> tuple[int, int, int] | None:
    if isinstance(cell, dt.date):
        return cell.year, cell.month, cell.day
    text = _text(cell)
    if match := _DATE.search(text) or _DATE_8.search(text):
        return int(match[1]), int(match[2]), int(match[3])
    if match := _SLASHED.match(text):
        a, b, last = int(match[1]), int(match[2]), int(match[3])
        last += 2000 if last < 100 else 0
        if order == "unclear" and a != b:
            notes.append("日期的月、日次序不明,按月/日/年读")
        return (last, b, a) if order == "day" else (last, a, b)
    if year is not None and (match := _DATE_NO_YEAR.match(text)):
        notes.append("年份取自表头上方的标题")
        return year, int(match[1]), int(match[2])
    return None


def _clock(cell: Any, notes: list[str]) -> dt.time | None:
    if isinstance(cell, dt.datetime):
        return cell.time()
    if isinstance(cell, dt.time):
        return cell.replace(microsecond=0)
    text = _text(cell)
    digits = re.search(r"(?<!\d)(?:(?:19|20)\d{6}\s?)?(\d\d)(\d\d)(\d\d)?$", text)
    match = _CLOCK.search(text)
    if match:
        half = (match[1] or match[5] or "").upper()
        hour, minute, second = int(match[2]), int(match[3]), match[4]
        if half in _AFTERNOON and hour < 12 and not (half == "中午" and hour == 11):
            hour += 12
        elif half in ("AM", "上午", "凌晨") and hour == 12:
            hour = 0
    elif digits and ":" not in text:
        hour, minute, second = int(digits[1]), int(digits[2]), digits[3]
    else:
        return None
    if second is None:
        notes.append("通话记录没有秒")
    try:
        return dt.time(hour, minute, int(second or 0))
    except ValueError:
        return None


def read_duration(cell: Any) -> float | None:
    """Return a duration in seconds; a bare number is seconds, 1:02 is a minute and two seconds."""
    if isinstance(cell, dt.timedelta):
        return cell.total_seconds()
    if isinstance(cell, dt.time):
        return float(cell.hour * 3600 + cell.minute * 60 + cell.second)
    if isinstance(cell, dt.datetime):  # what a spreadsheet makes of 24 hours and more
        return None
    text = _text(cell).lower().replace(" ", "")
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    if match := re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:\.\d+)?", text):
        return float(int(match[1] or 0) * 3600 + int(match[2]) * 60 + int(match[3]))
    if match := re.fullmatch(r"(?:(\d+)')?(\d+)'(\d+)(?:\"|'')?", text):
        return float(int(match[1] or 0) * 3600 + int(match[2]) * 60 + int(match[3]))
    parts = re.findall(r"(\d+(?:\.\d+)?)(小时|分钟|分|时|秒|min|sec|h|m|s)", text)
    if parts and re.fullmatch(r"(?:\d+(?:\.\d+)?(?:小时|分钟|分|时|秒|min|sec|h|m|s))+", text):
        return sum(float(count) * _UNITS[unit] for count, unit in parts)
    return None
