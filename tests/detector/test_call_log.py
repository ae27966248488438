"""Call logs: many headers and encodings, times and lengths, and the one call that fits."""

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from detector.call_log import Clues, LogEntry, match, read_call_log
from detector.call_log_cells import read_duration
from detector.errors import InputError

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALL = dt.datetime(2026, 3, 5, 22, 41, 7, tzinfo=SHANGHAI)

OPERATOR = """\
客户名称:某某
账单月份:2026年03月
类型,对方号码,开始时间,通话时长,通话地点,费用
被叫,13800138000,2026-03-05 22:41:07,00:05:32,北京,0.00
主叫,010-88886666,2026-03-06 08:00:05,0小时2分15秒,上海,0.00
未接,13800138000,2026-03-06 09:00:00,0,上海,0.00
合计,,,00:07:47,,0.00
"""


@pytest.fixture
def log(tmp_path: Path) -> Callable[..., tuple[LogEntry, ...]]:
    def read(text: str | bytes, name: str = "log.csv", **more: Any) -> tuple[LogEntry, ...]:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return read_call_log(path, **more)

    return read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_an_operators_list_in_any_encoding(log: Any, encoding: str) -> None:
    first, second, missed = log(OPERATOR.encode(encoding))
    assert first == LogEntry(CALL, "13800138000", "in", 332.0, True, 4)
    assert (second.number, second.direction, second.duration_s) == ("01088886666", "out", 135.0)
    assert (missed.direction, missed.answered) == ("in", False)


def test_traditional_characters_in_big5(log: Any) -> None:
    text = "通話類型,對方號碼,通話起始時間,通話時長\n來電,0912345678,2026/3/5 下午 10:41:07,65\n"
    (entry,) = log(text.encode("big5"))
    assert (entry.start, entry.direction, entry.duration_s) == (CALL, "in", 65.0)


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("起始时间,通话时间,对方号码,呼叫类型", "2026-03-05 22:41:07,5分32秒,13800138000,被叫"),
        ("通话时间,对方号码,通话时间(秒),主叫/被叫", "2026/3/5 22:41:07,13800138000,332,被叫"),
        ("日期;时间;号码;时长;类型", "2026-03-05;22:41:07;13800138000;5:32;呼入"),
        ("通话日期\t开始时间\t对端号码\t通话时长(分钟秒)\t呼叫方式",
         "20260305\t224107\t+86 13800138000\t5分32秒\t被叫"),
        ("Date/Time,Phone Number,Call Type,Duration", "1772721667000,13800138000,1,332"),
        ("Number,Type,Date,Duration", '"13800138000",Incoming,03/05/2026 10:41:07 PM,00:05:32'),
        ("通话开始时间,通话时长,主叫号码,被叫号码,本机号码",
         "20260305224107,332,13800138000,13912345678,13912345678"),
    ],
)  # fmt: skip
def test_headers_of_other_exports(log: Any, header: str, line: str) -> None:
    (entry,) = log(f"{header}\n{line}\n")
    assert (entry.start, entry.number, entry.direction, entry.duration_s) == (
        CALL, "13800138000", "in", 332.0,
    )  # fmt: skip


def test_the_owner_is_who_is_on_every_call(log: Any) -> None:
    entries = log(
        "calldate,src,dst,billsec,disposition\n"
        "2026-03-05 22:41:07,13800138000,13912345678,65,ANSWERED\n"
        "2026-03-06 22:41:07,13912345678,10086,0,NO ANSWER\n"
    )
    assert [(e.number, e.direction, e.answered) for e in entries] == [
        ("13800138000", "in", True), ("10086", "out", False),
    ]  # fmt: skip


def test_workbooks(log: Any) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["2026年3月 语音详单"])
    sheet.append(["通话起始时间", "对方号码", "通话时长", "呼叫类型"])
    sheet.append([dt.datetime(2026, 3, 5, 22, 41, 7), 13800138000, dt.time(0, 5, 32), "被叫"])
    sheet.append(["2026-03-06 08:00:05", "10086", 135, "主叫"])
    more = book.create_sheet("四月")
    more.append(["通话起始时间", "对方号码", "通话时长"])
    more.append([dt.datetime(2026, 4, 1, 9, 0), 13800138000.0, "1:05"])
    data = io.BytesIO()
    book.save(data)
    first, second, third = log(data.getvalue(), "详单.xlsx")
    assert first == LogEntry(CALL, "13800138000", "in", 332.0, True, 3)
    assert second.direction == "out"
    assert (third.number, third.duration_s) == ("13800138000", 65.0)


def test_what_is_unsure_is_said(log: Any) -> None:
    (unclear,) = log("时间,号码\n03/05/2026 22:41,13800138000\n")
    assert unclear.start == CALL.replace(second=0)
    assert "次序不明" in str(unclear.note)
    assert "没有秒" in str(unclear.note)
    day_first = log("时间,号码\n05/03/2026 22:41:07,10010\n25/03/2026 22:41:07,10010\n")
    assert [e.start.month for e in day_first] == [3, 3]
    assert day_first[0].note is None
    (titled,) = log("2026年03月详单\n时间,号码\n03-05 22:41:07,10010\n")
    assert titled.start == CALL
    assert "年份" in str(titled.note)


def test_another_time_zone(log: Any) -> None:
    (entry,) = log("时间,号码\n2026-07-05 22:41:07,10010\n", tz=ZoneInfo("Europe/Berlin"))
    assert entry.start.isoformat() == "2026-07-05T22:41:07+02:00"
    (old,) = log("时间,号码\n1988-07-05 22:41:07,10010\n")
    assert old.start.utcoffset() == dt.timedelta(hours=9)


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "log.csv", "no header"),
        (b"\xff\xfe\x00", "log.csv", "no header"),
        (b"\0" * 1000, "log.csv", "no header"),
        ("你好\n".encode(), "log.csv", "no header"),
        ("时间,号码\n明天,10010\n".encode(), "log.csv", "no calls"),
        (b"PK\x03\x04rubbish", "log.xlsx", "not a readable workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "log.xls", "save as xlsx"),
    ],
)
def test_what_is_no_call_log(log: Any, data: bytes, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        log(data, name)


def test_a_call_log_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not found"):
        read_call_log(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot read"):
        read_call_log(tmp_path)


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("00:05:32", 332), ("5:32", 332), ("5分32秒", 332), ("1小时2分", 3720), ("65", 65),
        ("65秒", 65), ("0'5'32\"", 332), ("5'32''", 332), (65.0, 65), (dt.time(0, 1, 5), 65),
        (dt.timedelta(seconds=65), 65), ("1h 2m 3s", 3723), ("", None), ("国内", None),
        ("2026-03-05", None),
    ],
)  # fmt: skip
def test_durations(cell: Any, seconds: float | None) -> None:
    assert read_duration(cell) == seconds


# ---------------------------------------------------------------- which call


def call(minutes: float, number: str | None = "13800138000", length: float = 300.0) -> LogEntry:
    start = CALL + dt.timedelta(minutes=minutes)
    return LogEntry(start, number, "in", length, length > 0, 2)


def after(seconds: float) -> tuple[dt.datetime, ...]:
    return (CALL + dt.timedelta(seconds=seconds),)


LOG = (call(0), call(30, length=61.0), call(60, "10086"), call(61, length=0.0))


@pytest.mark.parametrize(
    ("clues", "found"),
    [
        (Clues(298.0, ("+8613800138000",), after(3)), 0),
        (Clues(100.0, ("13800138000",), after(150)), 0),  # recorded from the middle on
        (Clues(60.0, ("13800138000",)), 1),  # by number and length
        (Clues(300.5, (), after(-40)), 0),
        (Clues(None, (), after(60)), 0),
        (Clues(298.0, ("13800138000",), after(1800 + 3)), None),  # longer than that call
        (Clues(298.0, ("10010",), after(3)), None),  # another number
        (Clues(298.0, ("13800138000",), after(5 * 3600)), None),  # another time
        (Clues(30.0, ("13800138000",)), None),  # a number alone is not enough
        (Clues(30.0, (), after(3660 + 1)), 2),  # the missed call is none
        (Clues(None), None),
    ],
)
def test_the_call_that_fits(clues: Clues, found: int | None) -> None:
    assert match(LOG, clues) == (None if found is None else LOG[found])


def test_two_that_fit_are_none() -> None:
    assert match((call(0), call(0.2)), Clues(200.0, ("13800138000",), after(5))) is None
    assert match((call(0), call(700)), Clues(300.0, ("13800138000",))) is None
    assert match((), Clues(300.0, ("13800138000",), after(5))) is None


def test_landlines_with_and_without_area_prefix() -> None:
    entry = call(0, "02088886666")
    assert match((entry,), Clues(300.0, ("+862088886666",), after(5))) == entry
