"""What was recognised of a long recording is kept, private, until its report is written."""

import dataclasses
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from partial_parts import HEARD, LATER, RECORDING, WINDOW, Model, opened

from detector import kept, partial
from detector.transcript import Change


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_CACHE", str(tmp_path / "cache"))


def the_file() -> Path:
    return kept.kept()[0].path


def test_what_was_recognised_is_not_recognised_again() -> None:
    first, second = Model(), Model()
    with opened(partial, first) as made:
        assert made.until_s == 0
        assert made([WINDOW]) == [HEARD]
    with opened(partial, second) as made:
        assert made.until_s == pytest.approx(702.0)
        assert made([WINDOW]) == [HEARD]
        assert second.asked == 0
        made([LATER])
        assert second.asked == 1
    assert first.asked == 1


def test_of_a_batch_only_what_is_new_is_recognised() -> None:
    with opened(partial) as made:
        made([LATER])
    model = Model()
    with opened(partial, model) as made:
        assert made([WINDOW, LATER]) == [HEARD, HEARD]
    assert model.asked == 1


def test_another_reading_is_kept_apart() -> None:
    model = Model()
    with opened(partial, model) as made:
        made([WINDOW])
        made([WINDOW], Change(tempo=0.9))
    assert model.asked == 2


@pytest.mark.parametrize("change", ["options", "settings", "samples", "place"])
def test_anything_else_is_recognised_anew(change: str) -> None:
    with opened(partial) as made:
        made([WINDOW])
    model, window, settings = Model(), WINDOW, {"model": "x"}
    if change == "options":
        model = Model(beam_size=1)
    elif change == "settings":
        settings = {"model": "y"}
    elif change == "samples":
        window = dataclasses.replace(WINDOW, samples=WINDOW.samples * 0.5)
    else:
        window = dataclasses.replace(WINDOW, map=((0, 0, len(WINDOW.samples)),))
    with partial.Partial(model, RECORDING, settings) as made:
        made([window])
    assert model.asked == 1


def test_the_number_of_threads_does_not_matter() -> None:
    with opened(partial, Model(threads=1)) as made:
        made([WINDOW])
    model = Model(threads=2)
    with opened(partial, model) as made:
        made([WINDOW])
    assert model.asked == 0


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_only_the_user_can_read_it() -> None:
    before = os.umask(0)
    try:
        with opened(partial) as made:
            made([WINDOW])
    finally:
        os.umask(before)
    assert stat.S_IMODE(the_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(the_file().parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("cut", [1, 2, 30, 150])
def test_a_line_cut_off_by_a_crash_costs_that_line(cut: int) -> None:
    with opened(partial) as made:
        made([WINDOW])
        made([LATER])
    path = the_file()
    path.write_bytes(path.read_bytes()[:-cut])
    for asked in (1, 0):  # what is recognised again is kept again
        model = Model()
        with opened(partial, model) as made:
            assert made([WINDOW]) == [HEARD]
            assert made([LATER]) == [HEARD]
        assert model.asked == asked


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\0" * 5_000, b"[]\n{}\n", b'{"sha256": "00"}\n'])
def test_a_damaged_file_is_begun_anew(data: bytes) -> None:
    with opened(partial) as made:
        made([WINDOW])
    path = the_file()
    path.write_bytes(data)
    model = Model()
    with opened(partial, model) as made:
        assert made([WINDOW]) == [HEARD]
    assert model.asked == 1
    assert [one.name for one in kept.kept()] == [RECORDING.path.name]


def test_without_a_usable_cache_it_recognises_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DETECTOR_CACHE", str(tmp_path / "file"))
    with opened(partial) as made:
        assert made([WINDOW]) == [HEARD]
    assert kept.kept() == []


def test_a_full_disk_costs_only_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    with opened(partial) as made:
        monkeypatch.setattr("detector.partial.os.write", full)
        assert made([WINDOW]) == [HEARD]
        assert made([LATER]) == [HEARD]


def test_forgetting_is_of_one_recording() -> None:
    other = dataclasses.replace(RECORDING, sha256="ef" * 32)
    for recording in (RECORDING, other):
        with partial.Partial(Model(), recording, {}) as made:
            made([WINDOW])
    assert kept.forget(RECORDING.sha256) == 1
    assert [one.sha256 for one in kept.kept()] == [other.sha256]
    assert kept.forget("*") == kept.forget("") == 0
    assert kept.clear() == 1
    assert kept.kept() == []


def test_what_nobody_comes_back_to_is_deleted_after_a_month() -> None:
    with opened(partial) as made:
        made([WINDOW])
    old = time.time() - 31 * 86_400
    os.utime(the_file(), (old, old))
    with partial.Partial(Model(), dataclasses.replace(RECORDING, sha256="ef" * 32), {}):
        pass
    assert [one.sha256 for one in kept.kept()] == ["ef" * 32]


@pytest.mark.parametrize(
    ("seconds", "size", "expected"),
    [(599.0, 10**9, False), (601.0, 1_000, True), (None, 200_000, False), (None, 400_000, True)],
)
def test_only_long_recordings_are_kept(seconds: float | None, size: int, expected: bool) -> None:
    recording = dataclasses.replace(RECORDING, duration_s=seconds, bytes=size)
    assert partial.is_long(recording) is expected


# ---------------------------------------------------------------- the command


def test_the_cache_is_listed_and_cleared(detector: Callable[..., Any]) -> None:
    assert "没有暂存" in detector("cache").out
    with partial.Partial(
        Model(), dataclasses.replace(RECORDING, path=Path("a\x1b[2J.m4a")), {}
    ) as made:
        made([WINDOW])
    ended = detector("cache", "list")
    assert ended.code == 0
    assert "0:11:42/1:00:00" in ended.out
    assert "\x1b" not in ended.out
    ended = detector("cache", "clear")
    assert (ended.code, "已删除 1 份" in ended.out) == (0, True)
    assert kept.kept() == []
