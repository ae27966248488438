"""The same recording and options give the same report, on one thread and on two, twice."""

import dataclasses
from pathlib import Path

import pytest

from detector.scan import Scanner, ScanOptions

SAMPLES = Path(__file__).parent.parent.parent / "samples"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wechat_voice.amr", "third_party_disclosure.wav"])
def test_threads_and_repetition_change_nothing(cache: Path, name: str) -> None:
    reports = []
    for threads in (1, 2):
        scanner = Scanner(ScanOptions(threads=threads))
        for _ in range(2):
            report = scanner.scan(SAMPLES / name)
            assert report.settings["threads"] == threads
            reports.append(dataclasses.replace(report, settings={}).to_json())
    assert reports[0].count('"text"') > 20
    assert len(set(reports)) == 1
