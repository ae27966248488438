"""Call logs: what operators and phones export (csv, xlsx), and finding a recording's call in one.

Column names, their order and the text's encoding differ from export to export; they are told by
what the header says and what the cells hold.
"""

import csv
import datetime as dt
import io
import os
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.call_log_cells import day_order, read_duration, read_time
from detector.case import SHANGHAI
from detector.errors import InputError
from detector.file_names import normal_number
from detector.text import simplify

__all__ = ["Clues", "LogEntry", "match", "read_call_log"]

MAX_BYTES = 50_000_000
_HEADER_WITHIN = 40
_NAMES: dict[str, tuple[str, ...]] = {
    "start": (
        "通话起始时间", "通话开始时间", "起始时间", "开始时间", "呼叫时间", "拨打时间", "通话时间",
        "日期时间", "通话日期时间", "时间", "calldate", "starttime", "start", "datetime",
        "timestamp", "calltime", "date/time", "time",
    ),
    "date": ("日期", "通话日期", "起始日期", "开始日期", "date"),
    "number": (
        "对方号码", "对端号码", "对方电话", "对方电话号码", "对方手机号", "联系号码", "通话号码",
        "电话号码", "手机号码", "手机号", "号码", "电话", "对方", "number", "phonenumber", "phone",
        "contactnumber", "othernumber", "tonumber", "callednumber",
    ),
    "caller": ("主叫号码", "主叫", "主叫方", "来电号码", "src", "caller", "from", "callingnumber"),
    "callee": ("被叫号码", "被叫", "被叫方", "去电号码", "dst", "callee", "to"),
    "duration": (
        "通话时长", "时长", "通话时间长度", "计费时长", "持续时间", "duration", "callduration",
        "billsec", "durationsec", "durations",
    ),
    "type": (
        "呼叫类型", "主被叫", "主叫被叫", "主叫/被叫", "主/被叫", "呼叫方式", "通话方式",
        "通信方式", "通话类型", "类型", "状态", "calltype", "type", "direction", "disposition",
    ),
    "owner": ("本机号码", "用户号码", "我的号码", "本方号码", "ownnumber"),
}  # fmt: skip
_KINDS: dict[str, tuple[str | None, bool | None]] = {
    **dict.fromkeys(("主叫", "呼出", "去电", "拨出", "已拨", "拨打", "打出", "outgoing", "out", "2",
                     "outbound", "主动拨打", "已拨电话"), ("out", None)),
    **dict.fromkeys(("被叫", "呼入", "来电", "拨入", "打入", "incoming", "in", "1", "inbound"),
                    ("in", None)),
    **dict.fromkeys(("已接", "已接来电", "接听", "answered"), ("in", True)),
    **dict.fromkeys(("未接", "未接来电", "missed", "3", "拒接", "已拒接", "拒绝", "rejected", "5",
                     "拦截", "blocked", "6"), ("in", False)),
    **dict.fromkeys(("未接通", "无应答", "noanswer", "no answer", "busy", "failed", "cancelled"),
                    (None, False)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One call. `number` is the other party's; `row` counts the file's lines from 1."""

    start: dt.datetime
    number: str | None
    direction: str | None
    """"in" or "out", seen from the log's owner."""
    duration_s: float | None
    answered: bool | None
    row: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known of a recording's call; `starts` are the times at which it may have begun."""

    duration_s: float | None
    numbers: tuple[str, ...] = ()
    starts: tuple[dt.datetime, ...] = ()


def read_call_log(path: str | os.PathLike[str], tz: dt.tzinfo = SHANGHAI) -> tuple[LogEntry, ...]:
    """Read a call log; its times are of `tz`. Lines that hold no call (sums, titles) are left out.

    Raises:
        InputError: it cannot be read, or no calls are found in it.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"找不到通话记录 {path} (call log not found)。") from None
    except (OSError, ValueError) as error:
        raise InputError(f"无法读取通话记录 {path}:{error} (cannot read)。") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"通话记录 {path.name} 超过 50 MB,请分成几个文件 (too large)。")
    if data[:4] == b"\xd0\xcf\x11\xe0":
        raise InputError(
            f"{path.name} 是旧式 xls 文件,请用 Excel 或 WPS 另存为 xlsx 或 csv (save as xlsx)。"
        )
    found: list[LogEntry] = []
    understood = False
    for rows in _sheets(path, data) if data[:2] == b"PK" else _texts(data):
        header = _header(rows)
        if header is not None:
            understood = True
            found = [*found, *_entries(rows, *header, tz)]
            if data[:2] != b"PK":
                break
    if not understood:
        raise InputError(
            f"{path.name} 里找不到表头;需要有 开始时间(或 通话时间)和 对方号码、通话时长 等列 "
            "(no header of a call log)。"
        )
    if not found:
        raise InputError(f"{path.name} 里没有能读出的通话 (no calls in it)。")
    return tuple(found)


Rows = list[list[Any]]


def _sheets(path: Path, data: bytes) -> Iterator[Rows]:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files of other programs lack styles; no matter here
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # some exports state a wrong size
                yield [list(row) for row in sheet.iter_rows(values_only=True)]
    except Exception:  # openpyxl raises whatever its zip and xml readers raise
        raise InputError(
            f"{path.name} 不是能读的 xlsx 文件,请另存为 xlsx 或 csv (not a readable workbook)。"
        ) from None


def _texts(data: bytes) -> Iterator[Rows]:
    """Yield the file's rows in each encoding that it may have, likelier ones first."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030", "big5")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        head = "\n".join(text.splitlines()[:_HEADER_WITHIN])
        mark = max("\t;|,", key=lambda sign: (head.count(sign), sign == ","))
        lines = io.StringIO(text.replace("\0", ""), newline="")
        try:
            yield [list(row) for row in csv.reader(lines, delimiter=mark)]
        except csv.Error:
            continue


def _plain(cell: Any) -> str:
    text = unicodedata.normalize("NFKC", "" if cell is None else str(cell)).strip().lower()
    text = simplify(text) if text else text
    return re.sub(r"[\s_\-:*\"'=]|\((?!秒|分|s).*?\)", "", text)


def _header(rows: Rows) -> tuple[int, dict[str, list[int]]] | None:
    """Return the header's line and the columns of each meaning, likelier ones first."""
    for index, row in enumerate(rows[:_HEADER_WITHIN]):
        columns: dict[str, list[tuple[int, int]]] = {}
        for place, cell in enumerate(row):
            name = _plain(cell)
            timed = re.search(r"\((?:秒|分钟?|s|sec)\)$|\d?时长", name)
            bare = re.sub(r"\(.*?\)$|\d+$", "", name)
            for meaning, names in _NAMES.items():
                if meaning == "start" and timed:  # 通话时间(秒) is a duration
                    continue
                if bare in names:
                    columns.setdefault(meaning, []).append((names.index(bare), place))
            if (
                timed
                and ("时间" in bare or "时长" in bare)
                and (0, place) not in columns.get("duration", [])
            ):
                columns.setdefault("duration", []).append((0, place))
        told = {key: [place for _, place in sorted(found)] for key, found in columns.items()}
        party = {"number", "caller", "callee"} & told.keys()
        if "duration" not in told and len(told.get("start", ())) > 1:
            told["duration"] = told["start"][1:]  # 起始时间 beside 通话时间, which is a length then
        if ("start" in told or "date" in told) and (party or "duration" in told):
            return index, told
    return None


def _entries(
    rows: Rows, head: int, columns: dict[str, list[int]], tz: dt.tzinfo
) -> Iterator[LogEntry]:
    body = [row for row in rows[head + 1 :] if any(cell not in (None, "") for cell in row)]
    year = _year(rows[:head])
    starts = [_start_cells(row, columns) for row in body]
    order = day_order([cells[0] for cells in starts if cells])
    owner = _owner(body, columns)
    for number, row in enumerate(rows[head + 1 :], head + 2):
        cells = _start_cells(row, columns)
        read = read_time(cells, tz, order, year) if cells else None
        if read is None:
            continue
        start, note = read
        kinds = [_KINDS[name] for name in _cells(row, columns, "type", _plain) if name in _KINDS]
        direction = next((way for way, _ in kinds if way), None)
        answered = next((said for _, said in kinds if said is not None), None)
        duration = next(
            (
                s
                for cell in _cells(row, columns, "duration")
                if (s := read_duration(cell)) is not None
            ),
            None,
        )
        if answered is None and duration is not None:
            answered = duration > 0
        other, way = _party(row, columns, owner)
        yield LogEntry(start, other, direction or way, duration, answered, number, note)


def _cells(
    row: Sequence[Any], columns: dict[str, list[int]], meaning: str, form: Any = lambda cell: cell
) -> list[Any]:
    places = columns.get(meaning, [])
    return [form(row[p]) for p in places if p < len(row) and row[p] not in (None, "")]


def _start_cells(row: Sequence[Any], columns: dict[str, list[int]]) -> list[Any]:
    """Return the cells that hold date and time: one, or two."""
    dates, times = _cells(row, columns, "date"), _cells(row, columns, "start")
    if dates and times and dates[0] is not times[0]:
        return [dates[0], times[0]]
    return times[:1] or dates[:1]


def _year(titles: Rows) -> int | None:
    """Return the year that lines above the header name, for exports whose times have none."""
    said = re.findall(r"(20\d\d)[年/.-]", " ".join(str(c) for row in titles for c in row if c))
    return int(said[0]) if said else None


def _owner(body: Rows, columns: dict[str, list[int]]) -> str | None:
    """Return the number that every call of a log has on one of its two sides."""
    for row in body:
        for cell in _cells(row, columns, "owner"):
            if own := normal_number(str(cell)):
                return own
    sides = [
        {normal_number(str(c)) for key in ("caller", "callee") for c in _cells(row, columns, key)}
        for row in body
    ]
    sides = [side for side in sides if len(side - {None}) == 2]
    common = set.intersection(*sides) - {None} if len(sides) > 1 else set()
    return next(iter(common)) if len(common) == 1 else None


def _party(
    row: Sequence[Any], columns: dict[str, list[int]], owner: str | None
) -> tuple[str | None, str | None]:
    """Return the other party's number, and the direction where it shows in the two sides."""
    for cell in _cells(row, columns, "number"):
        if other := normal_number(_digits(cell)):
            return other, None
    caller, callee = (
        next((normal_number(_digits(c)) for c in _cells(row, columns, key)), None)
        for key in ("caller", "callee")
    )
    if caller and callee and owner:
        if caller == owner:
            return callee, "out"
        if callee == owner:
            return caller, "in"
    if caller and callee:
        return None, None
    return (caller, "in") if caller else (callee, "out") if callee else (None, None)


def _digits(cell: Any) -> str:
    """Return a number's cell as text; spreadsheets turn numbers into floats."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


_NEAR_S = 300.0
_LATE_S = 10.0
_SAME_LENGTH_S = 3.0


def match(log: Sequence[LogEntry], clues: Clues) -> LogEntry | None:
    """Return the call that a recording is of; None unless exactly one fits.

    Number, start and length must not contradict, and two of them must agree (or the start
    alone, within two minutes, where no number is known).
    """
    numbers = {_end(number) for number in clues.numbers}
    fits: list[tuple[float, LogEntry]] = []
    for entry in log:
        if entry.answered is False:
            continue
        if numbers and entry.number and _end(entry.number) not in numbers:
            continue
        same_number = bool(numbers and entry.number)
        apart = min((_apart(entry, start) for start in clues.starts), default=None)
        if apart is not None and apart > _NEAR_S:
            continue
        same_length = False
        if clues.duration_s is not None and entry.duration_s:
            if clues.duration_s > entry.duration_s + _LATE_S + 0.02 * entry.duration_s:
                continue
            same_length = abs(clues.duration_s - entry.duration_s) <= _SAME_LENGTH_S
        if (
            (same_number and apart is not None)
            or (same_number and same_length)
            or (apart is not None and (same_length or (not numbers and apart <= 120.0)))
        ):
            fits.append((apart or 0.0, entry))
    if not fits:
        return None
    fits.sort(key=lambda fit: fit[0])
    if len(fits) > 1 and (not clues.starts or fits[1][0] - fits[0][0] < 30.0):
        return None
    return fits[0][1]


def _end(number: str) -> str:
    """Return what of a number is the same however it is dialled."""
    return re.sub(r"\D", "", normal_number(number) or "").lstrip("0")[-11:]


def _apart(entry: LogEntry, start: dt.datetime) -> float:
    """Return by how many seconds a recording's start lies outside of a call."""
    late = (start - entry.start).total_seconds()
    return -late if late < 0 else max(0.0, late - (entry.duration_s or 0.0))
