"""Where nobody speaks nothing is said: no flag, and what was recognised is listed as dropped."""

from pathlib import Path
from typing import Any

import pytest
from nobody_speaks import NOBODY, RATE

from detector.scan import Scanner, ScanOptions


@pytest.fixture(scope="module")
def scanner(cache: Path) -> Scanner:
    return Scanner(ScanOptions())


@pytest.mark.parametrize(
    "seconds", [30, pytest.param(600, marks=pytest.mark.slow)], ids=["short", "ten minutes"]
)
@pytest.mark.parametrize("name", NOBODY)
def test_nobody_is_heard(
    scanner: Scanner, sounds: Any, tmp_path: Path, name: str, seconds: int
) -> None:
    path = tmp_path / "nobody.wav"
    path.write_bytes(sounds.wav_bytes(NOBODY[name](seconds)[None], RATE))
    report = scanner.scan(path)
    assert [(flag.category, flag.decision, flag.quote) for flag in report.flags] == []
    assert [utterance.text for utterance in report.utterances] == []
    assert report.recording.duration_s == pytest.approx(seconds, abs=0.1)
    assert all(d.text and 0 <= d.start_s <= d.end_s <= seconds + 0.5 for d in report.dropped)
