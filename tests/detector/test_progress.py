"""Progress says how far and how long, also where the length is unknown or work is resumed."""

import io
from collections.abc import Iterator

import pytest

from detector.progress import Progress


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    time = [100.0]
    monkeypatch.setattr("detector.progress.time.monotonic", lambda: time[0])
    yield time


def shown(now: list[float], *steps: tuple[float, str, float, float | None]) -> list[str]:
    stream = io.StringIO()
    progress = Progress("通话\x1b[2J.m4a", stream=stream)
    for at, step, done, whole in steps:
        now[0] = 100.0 + at
        progress(step, done, whole)
    assert "\x1b" not in stream.getvalue()
    return stream.getvalue().splitlines()


def test_time_left(now: list[float]) -> None:
    *_, line = shown(now, (0, "load", 0, 1000.0), (50, "transcribe", 500.0, 1000.0))
    assert "50%" in line and "还需约 0:00:50" in line


def test_time_left_counts_from_where_the_work_was_resumed(now: list[float]) -> None:
    lines = shown(
        now,
        (0, "load", 0, 1000.0),
        (0, "resume", 800.0, 1000.0),
        (1, "transcribe", 500.0, 1000.0),
        (1, "transcribe", 800.0, 1000.0),
        (31, "transcribe", 920.0, 1000.0),
    )
    assert "接着上次做" in lines[1] and "0:13:20" in lines[1]
    assert "还需约 0:00:20" in lines[-1]


def test_unknown_length_says_how_far(now: list[float]) -> None:
    lines = shown(
        now, (0, "load", 0, None), (1, "transcribe", 61.0, None), (2, "transcribe", 62.0, None)
    )
    assert [line for line in lines if "转写" in line] == [lines[-1]]
    assert "0:01:01" in lines[-1]


def test_reading_both_channels_of_a_long_recording(now: list[float]) -> None:
    lines = shown(now, (0, "read", 0, 7200.0), (9, "read", 3600.0, 7200.0))
    assert "读取录音" in lines[-1] and "50%" in lines[-1]
