"""When a call began: which source is believed, and how much."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from detector.audio import Recording
from detector.call_log import LogEntry
from detector.report import StartedAt
from detector.started import call_start, find_start

SHANGHAI = ZoneInfo("Asia/Shanghai")
NAMED = "13800138000_20260305224107.m4a"
CALL = "2026-03-05T22:41:07+08:00"


def recording(name: str = "录音.m4a", made: str | None = None) -> Recording:
    return Recording(Path(name), "ab" * 32, 1000, "mov", "aac", 16_000, 1, 300.0, made)


def entry(**changes: Any) -> LogEntry:
    start = dt.datetime.fromisoformat("2026-03-05T22:41:00+08:00").astimezone(SHANGHAI)
    return dataclasses.replace(LogEntry(start, "13800138000", "in", 305.0, True, 7), **changes)


def test_nothing_is_known() -> None:
    assert call_start(recording()) == StartedAt(None, None, None)


def test_the_order_of_sources() -> None:
    container = "2026-03-05T14:41:30Z"
    file = recording(NAMED, container)
    assert call_start(file, "2026-03-05T22:41:05", [entry()]).source == "call_log"
    assert call_start(file, "2026-03-05T22:41:05") == StartedAt(
        "2026-03-05T22:41:05+08:00", "user", "stated"
    )
    assert call_start(file) == StartedAt("2026-03-05T22:41:30+08:00", "container", "medium")
    assert call_start(recording(NAMED)) == StartedAt(CALL, "file_name", "medium")


def test_the_call_log_gives_number_and_direction() -> None:
    found = find_start(recording(NAMED), log=[entry()])
    assert found.started == StartedAt("2026-03-05T22:41:00+08:00", "call_log", "high")
    assert (found.number, found.direction, found.notes) == ("13800138000", "in", ())
    unsure = find_start(recording(NAMED), log=[entry(note="通话记录没有秒")])
    assert unsure.started.reliability == "medium"
    assert "第 7 行" in unsure.notes[0]


def test_a_stated_number_finds_the_call_too() -> None:
    file = recording()
    assert find_start(file, log=[entry(duration_s=301.0)]).started.value is None
    found = find_start(file, log=[entry(duration_s=301.0)], numbers=["+86 13800138000"])
    assert found.started.source == "call_log"


def test_what_the_log_does_not_have_is_said() -> None:
    found = find_start(recording(NAMED), log=[entry(number="10086")])
    assert found.started.source == "file_name"
    assert "no such call" in found.notes[0]
    other = find_start(recording(), "2026-03-05T22:44:30", [entry()])
    assert other.started.source == "call_log"
    assert "已按通话记录" in other.notes[0]


@pytest.mark.parametrize(
    ("made", "source", "value", "reliability"),
    [
        ("2026-03-05T14:41:09Z", "container", "2026-03-05T22:41:09+08:00", "medium"),
        ("2026-03-05T14:41:09", "container", "2026-03-05T22:41:09+08:00", "medium"),
        ("2026-03-05T14:46:08Z", "file_name", CALL, "medium"),  # the recording's end
        ("2026-03-05T22:41:08Z", "file_name", CALL, "medium"),  # local time as if it were UTC
        ("2026-03-05T22:46:08Z", "file_name", CALL, "medium"),  # both
        ("2026-04-01T01:00:00Z", "container", "2026-04-01T09:00:00+08:00", "low"),
        ("1970-01-01T00:00:00Z", "file_name", CALL, "medium"),
        ("1904-01-01T00:00:00Z", "file_name", CALL, "medium"),
        ("rubbish", "file_name", CALL, "medium"),
        ("9999-12-31T23:59:59Z", "file_name", CALL, "medium"),
    ],
)
def test_container_and_name(made: str, source: str, value: str, reliability: str) -> None:
    found = find_start(recording(NAMED, made))
    assert found.started == StartedAt(value, source, reliability)
    assert bool(found.notes) == (reliability == "low")


def test_a_doubtful_name_says_why() -> None:
    found = find_start(recording("13800138000-2603052241.mp3"))
    assert found.started == StartedAt("2026-03-05T22:41:00+08:00", "file_name", "low")
    assert "没有秒" in found.notes[0]


def test_the_last_change_of_the_file_says_nothing(tmp_path: Path, wav: Path) -> None:
    from detector.audio import open_recording

    assert call_start(open_recording(wav)) == StartedAt(None, None, None)


def test_scan_refuses_a_call_log_that_is_none(
    tmp_path: Path, wav: Path, detector: Callable[..., Any]
) -> None:
    bad = tmp_path / "log.csv"
    bad.write_text("a,b\n1,2\n")
    ended = detector("scan", wav, "--call-log", bad)
    assert ended.code == 2
    assert "no header of a call log" in ended.error_lines[0]


def test_scan_options_hold_the_calls(tmp_path: Path) -> None:
    from detector.cli import scan_options

    log = tmp_path / "通话.csv"
    log.write_text("对方号码,开始时间,通话时长\n13800138000,2026-03-05 22:41:00,305\n", "utf-8")
    (call,) = scan_options(["--call-log", str(log)]).call_log
    assert call.number == "13800138000"
    assert scan_options([]).call_log == ()
