"""What two channels hold is told apart: a person each, the same twice, or nothing on one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.audio import RATE, open_recording
from detector.survey import Survey, survey


def _call(sounds: Any, seconds: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return two voices that take turns, each (n,), and never speak together."""
    voice = sounds.tone(seconds, hertz=300)
    first = (np.arange(len(voice)) // RATE) % 2 == 0
    return voice * first, voice * ~first


def _hiss(count: int, seed: int, level: float) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(count) * level).astype(np.float32)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("apart", Survey("stereo", (0, 1))),
        ("leaking", Survey("stereo", (0, 1))),
        ("one-speaks-little", Survey("stereo", (0, 1))),
        ("doubled", Survey("mono", (None,))),
        ("near", Survey("mono", (None,))),
        ("left-only", Survey("one-sided", (0,))),
        ("right-only", Survey("one-sided", (1,))),
        ("silent", Survey("mono", (None,))),
        ("a-word-now-and-then", Survey("stereo", (0, 1))),
        ("a-click", Survey("one-sided", (0,))),
        ("quieter-copy", Survey("mono", (0,))),
        ("wrong-way-round", Survey("mono", (1,))),
    ],
)
@pytest.mark.parametrize("form", ["wav-16", "mp3"])
def test_survey(tmp_path: Path, sounds: Any, case: str, expected: Survey, form: str) -> None:
    a, b = _call(sounds, 110 if case == "a-word-now-and-then" else 8)
    seldom = b * (np.arange(len(b)) < 2 * RATE)
    both = a + b
    at = np.arange(len(b)) / RATE
    hiss = _hiss(len(a), 1, 0.002), _hiss(len(a), 2, 0.002)
    channels = {
        "apart": (a + hiss[0], b + hiss[1]),
        "leaking": (a + 0.2 * b, b + 0.2 * a),
        "one-speaks-little": (a + hiss[0], seldom + hiss[1]),
        "doubled": (both, both),
        "near": (both + hiss[0], 0.7 * both + hiss[1]),
        "left-only": (both, 0 * both),
        "right-only": (_hiss(len(a), 3, 1e-4), both),
        "silent": (0 * both, 0 * both),
        "a-word-now-and-then": (a + b * (at > 10), b * (at < 6)),
        "a-click": (both, 3 * both * ((at > 5) & (at < 5.3))),
        "quieter-copy": (both + hiss[0], 0.3 * both + 0.1 * hiss[1]),
        "wrong-way-round": (0.9 * both, -both),
    }[case]
    path = sounds.encode(tmp_path / "x", form, np.stack(channels), RATE)
    assert survey(open_recording(path)) == expected


def test_survey_of_mono_and_of_many_channels(tmp_path: Path, sounds: Any) -> None:
    mono = sounds.encode(tmp_path / "m", "wav-16", sounds.tone(1.0)[None], RATE)
    six = sounds.encode(tmp_path / "s", "wav-16", np.stack([sounds.tone(1.0)] * 6), RATE)
    assert survey(open_recording(mono)) == survey(open_recording(six)) == Survey("mono", (0,))
