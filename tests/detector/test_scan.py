"""The real pipeline with the packaged Whisper model on the samples, each scanned once."""

import hashlib
import json
import os
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.audio import RATE
from detector.listen import without_leakage
from detector.report import Report, schema
from detector.scan import Scanner, ScanOptions
from detector.speech import Window

ROOT = Path(__file__).parent.parent.parent
SAMPLES = ROOT / "samples"
SHORTEST = "wechat_voice"
STEREO = "third_party_disclosure"


@dataclass(frozen=True)
class Sample:
    """A recording and what is truly said in it."""

    path: Path
    call: dict[str, Any]

    @property
    def labelled(self) -> list[dict[str, Any]]:
        return [turn for turn in self.call["turns"] if turn["labels"]]


def _samples() -> dict[str, Sample]:
    found = {}
    for truth in sorted(SAMPLES.glob("*.json")):
        call = json.loads(truth.read_text("utf-8"))
        if "audio" in call:
            found[truth.stem] = Sample(SAMPLES / call["audio"], call)
    return found


ALL = _samples()
LAWFUL = [name for name, sample in ALL.items() if not sample.labelled]
LABELLED = [(name, i) for name, sample in ALL.items() for i in range(len(sample.labelled))]


def _fingerprint(path: Path) -> tuple[str, int, int]:
    info = path.stat()
    return hashlib.sha256(path.read_bytes()).hexdigest(), info.st_size, info.st_mtime_ns


@pytest.fixture(scope="session")
def scanner(cache: Path) -> Scanner:
    return Scanner(ScanOptions())


@pytest.fixture(scope="session")
def scanned(scanner: Scanner) -> Callable[[str], Report]:
    """Return a function that gives a sample's report; each sample is scanned once."""
    reports: dict[str, Report] = {}

    def get(name: str) -> Report:
        if name not in reports:
            before = _fingerprint(ALL[name].path)
            reports[name] = scanner.scan(ALL[name].path)
            assert _fingerprint(ALL[name].path) == before, "the original was changed"
        return reports[name]

    return get


def _transcript(report: Report, start_s: float, end_s: float) -> str:
    return "\n".join(
        f"{u.start_s:.1f}–{u.end_s:.1f} {u.speaker} {u.role} {u.text} {u.scores}"
        for u in report.utterances
        if u.start_s < end_s and u.end_s > start_s
    )


def test_whisper_is_loaded_once_for_several_recordings(monkeypatch, scanner, scanned):
    loads = []
    fresh = Scanner(scanner.options)
    load = fresh.load
    monkeypatch.setattr(fresh, "load", lambda: loads.append(1) or load())
    assert [fresh.scan(ALL[SHORTEST].path) for _ in range(2)] == [scanned(SHORTEST)] * 2
    assert len(loads) == 1


def test_the_samples_are_there():
    assert len(ALL) >= 8
    assert len({sample.path.suffix for sample in ALL.values()}) >= 6
    assert len(LAWFUL) >= 3
    assert {label for s in ALL.values() for turn in s.labelled for label in turn["labels"]} == {
        "threat", "insult", "third_party_disclosure",
    }  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_report_is_valid_and_describes_the_file(name, scanned):
    import jsonschema

    report = scanned(name)
    data = json.loads(report.to_json())
    jsonschema.Draft202012Validator(schema()).validate(data)
    path = ALL[name].path
    assert report.recording.file == path.name
    assert report.recording.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert report.recording.bytes == path.stat().st_size
    last = max(turn["end"] for turn in ALL[name].call["turns"])
    assert last - 0.1 < report.recording.duration_s < last + 5
    starts = [u.start_s for u in report.utterances]
    assert starts == sorted(starts)
    for u in report.utterances:
        assert 0 <= u.start_s <= u.end_s <= report.recording.duration_s + 0.5
        assert u.words


@pytest.mark.parametrize(("name", "number"), LABELLED)
def test_every_labelled_turn_has_a_flag(name, number, scanned):
    report, turn = scanned(name), ALL[name].labelled[number]
    over = [f for f in report.flags if f.start_s < turn["end"] and f.end_s > turn["start"]]
    assert {f.category for f in over} & set(turn["labels"]), (
        f"{turn['labels']} {turn['text']}\nflags: {[(f.category, f.decision) for f in over]}\n"
        + _transcript(report, turn["start"], turn["end"])
    )


@pytest.mark.parametrize("name", LAWFUL)
def test_nothing_lawful_is_flagged(name, scanned):
    found = [(f.category, f.score, f.role, f.quote) for f in scanned(name).flags
             if f.decision == "flagged"]  # fmt: skip
    assert not found


@pytest.mark.parametrize("name", ALL)
def test_flag_times_are_those_of_the_words_quoted(name, scanned):
    report = scanned(name)
    by_id = {u.id: u for u in report.utterances}
    for flag in report.flags:
        quoted = [by_id[i] for i in flag.utterance_ids]
        words = [word for u in quoted for word in u.words]
        assert flag.quote == "".join(u.text for u in quoted)
        assert abs(flag.start_s - min(word.start_s for word in words)) <= 0.5
        assert abs(flag.end_s - max(word.end_s for word in words)) <= 0.5
        assert {u.speaker for u in quoted} == {flag.speaker}
        for span in flag.why:
            assert flag.quote[span.start : span.end] == span.text


@pytest.mark.parametrize("name", ALL)
def test_words_are_heard_when_somebody_speaks(name, scanned):
    """Nearly all words begin within half a second of a turn of the truth."""
    turns = ALL[name].call["turns"]
    starts = [word.start_s for u in scanned(name).utterances for word in u.words]
    near = [any(t["start"] - 0.5 <= s <= t["end"] + 0.5 for t in turns) for s in starts]
    assert len(near) > 40
    assert sum(near) >= 0.98 * len(near)


@pytest.mark.parametrize("name", ALL)
def test_no_word_lasts_over_a_pause(name, scanned):
    words = [word for u in scanned(name).utterances for word in u.words]
    assert not [w for w in words if w.end_s - w.start_s > 3]


def test_the_first_word_after_a_pause_is_not_before_it():
    # one region from 10 s to 12 s, another from 20 s to 23 s, 0.3 s of nothing in between
    window = Window(0, np.zeros(0, np.float32), (
        (0, 10 * RATE, 2 * RATE), (round(2.3 * RATE), 20 * RATE, 3 * RATE),
    ))  # fmt: skip
    assert window.original_span(0.5, 0.9) == (10.5, 10.9)
    assert window.original_span(1.8, 2.9) == (20.0, pytest.approx(20.6))
    assert window.original_span(1.8, 2.4) == (11.8, 12.0)  # hardly reaches into the second
    assert window.original_span(2.6, 2.9) == (pytest.approx(20.3), pytest.approx(20.6))


@pytest.mark.parametrize("samples", [0, 100, 320, 1_000, 16_000])
def test_a_short_last_block_of_two_channels(samples):
    block = np.random.default_rng(1).normal(size=(2, samples)).astype(np.float32)
    assert without_leakage(block, (0.03, 0.03)).shape == block.shape


def test_stereo_takes_the_channels_as_speakers(scanned):
    report, call = scanned(STEREO), ALL[STEREO].call
    assert report.recording.layout == "stereo"
    by_channel = {speaker.channel: speaker.role for speaker in report.speakers}
    other = {"left": "right", "right": "left"}[call["collector_channel"]]
    assert by_channel == {call["collector_channel"]: "collector", other: "third_party"}


def test_mono_has_no_channels(scanned):
    for name in ALL.keys() - {STEREO}:
        assert {speaker.channel for speaker in scanned(name).speakers} == {None}, name


def test_another_process_gives_the_same_bytes(scanned, cache):
    """Also under another hash seed, and through the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "detector", "scan", str(ALL[SHORTEST].path), "--json", "--quiet"],
        capture_output=True,
        check=True,
        cwd=ROOT,
        timeout=180,
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONUTF8": "1"},
    )
    assert done.stdout.replace(b"\r\n", b"\n") == scanned(SHORTEST).to_json().encode()


def test_silence_gives_a_valid_report_without_utterances(scanner, tmp_path):
    import jsonschema

    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(2 * 8_000 * 60))
    before = _fingerprint(path)
    report = scanner.scan(path)
    jsonschema.Draft202012Validator(schema()).validate(json.loads(report.to_json()))
    assert report.recording.duration_s == pytest.approx(60, abs=0.1)
    assert not report.utterances
    assert not report.flags
    assert not report.speakers
    assert any("no speech" in warning for warning in report.warnings)
    assert _fingerprint(path) == before
