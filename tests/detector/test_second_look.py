"""Suspected passages are heard again, and only they."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.ahead import Ahead
from detector.audio import Recording, open_recording
from detector.classify import TurnScores
from detector.features import CallTurn
from detector.listen import listen
from detector.second_look import CHANGES, SUSPECTED, is_suspected, look_again
from detector.speech import Window
from detector.survey import survey
from detector.transcript import PLAIN, Change, Heard, Word
from detector.utterances import Spoken

First = tuple[Recording, list[Window], list[Spoken], list[Window]]
"""A recording, its windows without samples, its utterances, its windows as they were heard."""
SAMPLE = Path(__file__).parents[2] / "samples" / "abusive_debtor.m4a"


class Fake:
    """Hears a word a second: the change it was played with."""

    def __init__(self) -> None:
        self.asked: list[tuple[Window, Change]] = []

    workers = 1

    def __call__(self, windows: Sequence[Window], change: Change = PLAIN) -> list[Heard]:
        self.asked += [(window, change) for window in windows]
        return [Heard(self._words(window, change)) for window in windows]

    def _words(self, window: Window, change: Change) -> list[Word]:
        words = []
        for _, start, length in window.map:
            for at in range(length // 16_000 or 1):
                begun = start / 16_000 + at
                words.append(Word(str(change), begun, begun + 0.9, 0.9, window.channel))
        return words


@pytest.fixture(scope="module")
def first() -> First:
    recording, fake = open_recording(SAMPLE), Fake()
    heard = listen(recording, survey(recording), fake)
    spoken = [Spoken("A", (word,)) for word in heard.channels[0].words]
    return recording, heard.windows, spoken, [window for window, _ in fake.asked]


def look(first: First, suspected: Sequence[int]) -> tuple[Fake, Any]:
    recording, windows, spoken, _ = first
    fake = Fake()
    return fake, look_again(recording, survey(recording), fake, windows, spoken, suspected)


def test_nothing_suspected_is_not_heard_again(first: First) -> None:
    fake, readings = look(first, [])
    assert fake.asked == []
    assert readings == [[""] * len(first[2]) for _ in CHANGES]


def test_what_is_heard_again_is_what_was_heard_first(first: First) -> None:
    fake, _ = look(first, range(len(first[2])))
    for window in first[3]:
        again = [w for w, _ in fake.asked if w.map == window.map]
        assert len(again) == len(CHANGES)
        assert all(np.array_equal(w.samples, window.samples) for w in again)


def test_the_window_of_a_suspected_passage_is_heard_with_each_change(
    first: First,
) -> None:
    fake, readings = look(first, [0])
    assert len({window.map for window, _ in fake.asked}) == 1
    assert [change for _, change in fake.asked] == list(CHANGES)
    assert [texts[0] for texts in readings] == [str(change) for change in CHANGES]
    assert readings[0][-1] == ""  # the end of the call is in another window


def test_every_utterance_keeps_its_own_words(first: First) -> None:
    _, readings = look(first, range(len(first[2])))
    for texts, change in zip(readings, CHANGES, strict=True):
        assert set(texts) == {str(change)}


def test_an_utterance_over_several_windows_keeps_its_order(
    first: First, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = Ahead.rest
    monkeypatch.setattr(Ahead, "rest", lambda self: reversed(list(rest(self))))

    class Clock(Fake):
        def _words(self, window: Window, change: Change) -> list[Word]:
            return [replace(w, text=f"{w.start_s:.2f} ") for w in super()._words(window, change)]

    recording, windows, spoken, _ = first
    whole = [Spoken("A", tuple(word for item in spoken for word in item.words))]
    readings = look_again(recording, survey(recording), Clock(), windows, whole, [0])
    for (text,) in readings:
        times = [float(time) for time in text.split()]
        assert len(times) > 10 and times == sorted(times)


@pytest.mark.parametrize(
    ("role", "score", "expected"),
    [
        ("collector", SUSPECTED[0], True),
        (None, 0.5, True),
        ("debtor", 0.5, False),
        ("collector", 0.001, False),
        ("collector", 0.999, False),
    ],
)
def test_only_the_collectors_doubtful_words(role: str | None, score: float, expected: bool) -> None:
    scores = TurnScores({"threat": score, "insult": 0.0, "third_party_disclosure": 0.0}, {})
    assert is_suspected(CallTurn("喂", role), scores) is expected
