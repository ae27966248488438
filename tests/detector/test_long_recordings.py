"""Long recordings: a killed scan goes on where it was, and memory stays flat."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.audio import RATE, Decoder, open_recording

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "samples" / "abusive_debtor.m4a"
FLAT = 900_000_000
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="kill -9")]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory, sounds: Any) -> Path:
    """Eleven minutes: the beginning of a call, silence, and the same again."""
    call = np.concatenate(list(Decoder(open_recording(SAMPLE))), axis=1)[:, : 40 * RATE]
    silence = np.zeros((1, 580 * RATE), np.float32)
    path = tmp_path_factory.mktemp("long") / "长通话.flac"
    made: Path = sounds.encode(path, "flac", np.concatenate([call, silence, call], axis=1), RATE)
    return made


def start(long: Path, cache: Path, out: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "detector", "scan", str(long), "-o", str(out),
         "--beam-size", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", cwd=ROOT,
        env={**os.environ, "DETECTOR_CACHE": str(cache), "PYTHONUTF8": "1"},
    )  # fmt: skip


def kept(cache: Path) -> list[Path]:
    return list((cache / "partial").glob("*.jsonl"))


def lines(cache: Path) -> int:
    return sum(path.read_bytes().count(b"until_s") for path in kept(cache))


@pytest.mark.parametrize("how", ["kill -9", "ctrl-c"])
def test_a_stopped_scan_goes_on_and_says_the_same(
    long: Path, cache: Path, tmp_path: Path, how: str
) -> None:
    whole, resumed = tmp_path / "whole.json", tmp_path / "resumed.json"
    first = start(long, cache, whole)
    first.communicate(timeout=600)
    assert kept(cache) == []
    second = start(long, cache, resumed)
    end = time.monotonic() + 600
    while lines(cache) < 1 and time.monotonic() < end:
        time.sleep(0.05)
    began = time.monotonic()
    second.send_signal(signal.SIGKILL if how == "kill -9" else signal.SIGINT)
    _, err = second.communicate()
    assert time.monotonic() - began < 2
    assert lines(cache) >= 1 and not resumed.exists()
    if how == "ctrl-c":
        assert second.returncode == 130
        assert "再运行同样的命令会接着做" in err
    third = start(long, cache, resumed)
    _, err = third.communicate(timeout=600)
    assert third.returncode == 0
    assert "接着上次做" in err
    assert resumed.read_bytes() == whole.read_bytes()
    assert kept(cache) == []


def test_ten_hours_take_no_more_memory_than_five_minutes() -> None:
    done = subprocess.run(
        [sys.executable, "tests/bench/bench_memory.py", "--lengths", "300,36000"],
        capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=True, timeout=1_800,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )  # fmt: skip
    peaks = [int(mb) * 1_000_000 for mb in re.findall(r"exit 0 +peak +(\d+) MB", done.stdout)]
    assert len(peaks) == 2
    assert max(peaks) <= FLAT
    assert peaks[1] - peaks[0] < 150_000_000
