"""Pieces of speech get a voice each; what the models say is made up here."""

from collections.abc import Callable

import numpy as np
import pytest

from detector import segmentation, speakers
from detector.audio import RATE, Samples
from detector.segmentation import FRAME_S, Frames, Segmentation
from detector.speakers import Diarization, Diarizer

FRAMES = segmentation.FRAMES
QUIET, ONE, BOTH = [0, 0, 0], [1, 0, 0], [1, 1, 0]


@pytest.fixture
def diarize(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Diarization, Diarizer]]:
    """Return a function that diarizes sound whose samples are 0 (silence), 1 and 2 (voices).

    3 is both voices at once. Local speakers all go by the same track, as they do where the
    model does not tell two voices apart.
    """

    def look(samples: Samples) -> Segmentation:
        kinds = samples[(np.arange(FRAMES) * segmentation.STEP).astype(int)]
        active = np.array([QUIET, ONE, ONE, BOTH], np.float32)[kinds.astype(int)]
        return Segmentation(active, (kinds == 0).astype(np.float32), (kinds == 3) * 1.0)

    def vector(samples: Samples) -> Frames:
        found = np.array([np.mean(samples == 1), np.mean(samples == 2)], np.float32)
        return np.asarray(found / np.linalg.norm(found), np.float32)

    monkeypatch.setattr(segmentation, "_look", look)
    monkeypatch.setattr(speakers, "voice_vector", vector)

    def run(*said: tuple[int, float]) -> tuple[Diarization, Diarizer]:
        sound = np.concatenate([np.full(round(s * RATE), kind, np.float32) for kind, s in said])
        diarizer = Diarizer()
        for at in range(0, len(sound), RATE):
            diarizer.feed(sound[at : at + RATE], len(sound))
        return diarizer.finish(len(sound)), diarizer

    return run


TURNS = ((1, 2.0), (0, 0.3), (2, 2.0), (0, 0.3)) * 6


def test_a_breath_parts_two_voices(diarize: Callable[..., tuple[Diarization, Diarizer]]) -> None:
    found, _ = diarize(*TURNS)
    assert found.speakers == 2
    for number in range(12):
        start = number * 2.3
        assert found.scores(start + 0.1, start + 1.9).argmax() == number % 2


def test_nobody(diarize: Callable[..., tuple[Diarization, Diarizer]]) -> None:
    found, _ = diarize((0, 30.0))
    assert found.speakers == 1
    assert not found.activity.any()
    assert found.together_s(0, 30) == 0


def test_two_at_once(diarize: Callable[..., tuple[Diarization, Diarizer]]) -> None:
    found, _ = diarize(*TURNS, (1, 3.0), (3, 1.0), (2, 3.0))
    begin = sum(seconds for _, seconds in TURNS) + 3.0
    assert found.together_s(0, begin - 0.1) == 0
    assert found.together_s(begin, begin + 1.0) == pytest.approx(1.0, abs=0.1)
    assert found.scores(begin - 2.5, begin - 0.2).argmax() == 0
    assert found.scores(begin + 1.2, begin + 3.5).argmax() == 1


def test_a_word_too_short_for_a_voice_goes_with_what_is_near(
    diarize: Callable[..., tuple[Diarization, Diarizer]],
) -> None:
    found, _ = diarize(*TURNS, (1, 2.0), (0, 0.2), (1, 0.3), (0, 3.0), (2, 2.0))
    begin = sum(seconds for _, seconds in TURNS) + 2.2
    assert found.scores(begin, begin + 0.3).argmax() == 0


def test_speech_without_any_pause_is_not_held(
    diarize: Callable[..., tuple[Diarization, Diarizer]],
) -> None:
    found, diarizer = diarize((1, 300.0))
    assert found.speakers == 1
    assert found.scores(0, 299) == pytest.approx(1.0, abs=0.01)
    assert len(diarizer._held) < 40 * RATE
    assert max(piece.last - piece.first for piece in diarizer._pieces) * FRAME_S < 3
