"""The real task: the same report as on the command line, whatever is killed meanwhile."""

import io
import json
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from uploads import OWNER, eventually, kill, send, wait_for

from api.service import Service
from api.settings import Settings
from api.tasks import options_of, waveform
from api.tasks_config import Config
from detector.audio import RATE, Decoder, open_recording
from detector.case import CaseFacts
from detector.scan import ScanOptions

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "abusive_debtor.m4a"


def _stereo(path: Path, left: list[tuple[float, float]], seconds: float) -> Path:
    """Write a wav whose left channel is as loud as `left` says (level, seconds), right silent."""
    levels = np.concatenate([np.full(round(s * 8000), level) for level, s in left])
    levels = np.resize(levels, round(seconds * 8000))
    samples = np.stack([levels * 32767, np.zeros_like(levels)], axis=1).astype("<i2")
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(samples.tobytes())
    return path


def test_the_waveform_shows_each_channel_where_it_is_loud(tmp_path: Path) -> None:
    path = _stereo(tmp_path / "a.wav", [(0.0, 2.0), (0.5, 2.0)], 8.0)
    found = waveform(open_recording(path), 8.0)
    each = found["seconds_per_peak"]
    left, right = (np.array(peaks) for peaks in found["peaks"])
    assert len(left) * each == pytest.approx(8.0, abs=2 * each)
    at = (np.arange(len(left)) + 0.5) * each
    loud = (at % 4 > 2.1) & (at % 4 < 3.9)
    assert left[loud].min() > 0.4
    assert left[(at % 4 > 0.1) & (at % 4 < 1.9)].max() < 0.1
    assert right.max() < 0.1
    assert json.loads(json.dumps(found)) == found


def test_the_waveform_of_hours_has_four_thousand_points_at_most(tmp_path: Path) -> None:
    path = _stereo(tmp_path / "a.wav", [(0.2, 1.0)], 130.0)
    found = waveform(open_recording(path), 130.0)
    assert 1000 < len(found["peaks"][0]) <= 4000


def test_options_are_those_of_the_command_line() -> None:
    config = Config(threads=1)
    assert options_of({}, config) == ScanOptions(threads=1)
    given = {
        "collector": ["left"], "listener": "third-party", "script": "traditional",
        "started_at": "2026-03-05T22:41:07+08:00", "beam_size": 2, "thresholds": {"threat": 0.7},
        "facts": {"lender_type": "bank"}, "language": "en",
    }  # fmt: skip
    assert options_of(given, config) == ScanOptions(
        threads=1, collector=("left",), listener="third-party", script="traditional",
        started_at="2026-03-05T22:41:07+08:00", beam_size=2, thresholds={"threat": 0.7},
        case=CaseFacts({"lender_type": "bank"}),
    )  # fmt: skip


def _beginning(path: Path, seconds: float) -> Path:
    """Write the beginning of the sample as a wav file."""
    parts = []
    for block in Decoder(open_recording(SAMPLE)):
        parts.append(block.mean(axis=0))
        if sum(map(len, parts)) > seconds * RATE:
            break
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture
def real(settings: Settings, opened: Callable[..., Service]) -> Service:
    """A service with the real task, on SQLite alone."""
    if settings.database_url:
        pytest.skip("the same on each database")
    return opened(replace(settings, task="api.tasks:load", workers=1, max_seconds=600.0))


@pytest.mark.slow
def test_the_report_is_that_of_the_command_line_though_workers_are_killed(
    real: Service, tmp_path: Path
) -> None:
    name = "20260305_224107_王先生.wav"
    copy = _beginning(tmp_path / name, 26.0)
    sent = send(real, copy.read_bytes(), name=name)
    for _ in range(2):
        eventually(
            lambda: (p := real.store.get(OWNER, sent.id).progress) and p.step == "transcribe", 180.0
        )
        kill(real.dispatcher.pids()[0])
        time.sleep(1.0)
    found = wait_for(real, sent.id, timeout_s=300.0)
    assert (found.state, found.name) == ("done", name)
    words = ["scan", str(copy), "--json", "--quiet", "--threads", "1"]
    run = subprocess.run(
        [sys.executable, "-m", "detector", *words], capture_output=True, check=True
    )
    assert json.loads(json.dumps(real.reviewing.report(OWNER, sent.id))) == json.loads(run.stdout)
    assert found.flagged
    listen = tmp_path / "listen.mp3"
    reader = real.store.reader(OWNER, sent.id, "listen")
    listen.write_bytes(reader.read(0, reader.size))
    length = open_recording(listen).duration_s
    assert length == pytest.approx(found.duration_s, abs=0.2)
    assert not [p for p in (real.settings.data_dir / "tmp").rglob("*") if p.is_file()]


@pytest.mark.slow
def test_what_is_no_recording_or_too_long_fails_with_a_sentence(real: Service) -> None:
    text = wait_for(
        real, send(real, b"no sound at all " * 100, name="说明.txt").id, timeout_s=120.0
    )
    assert text.state == "failed"
    assert text.error is not None
    assert text.error.detail.startswith("说明.txt 不是")
    assert text.error.status == 422
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * 700)
    long = wait_for(real, send(real, file.getvalue(), name="长.wav").id, timeout_s=120.0)
    assert long.state == "failed"
    assert long.error is not None
    assert long.error.detail.startswith("长.wav 超过本服务的时长上限")
    mono = send(real, SAMPLE.read_bytes(), name="单.m4a", options={"collector": ["left"]})
    failed = wait_for(real, mono.id, timeout_s=120.0)
    assert failed.error is not None
    assert failed.error.detail.startswith("单.m4a 不是双声道")
