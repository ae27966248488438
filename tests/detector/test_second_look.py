"""Suspected passages are heard again, and only they."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from detector.audio import open_recording
from detector.classify import TurnScores
from detector.features import CallTurn
from detector.listen import listen
from detector.second_look import CHANGES, SUSPECTED, is_suspected, look_again
from detector.speech import Window
from detector.survey import survey
from detector.transcript import PLAIN, Change, Heard, Word
from detector.utterances import Spoken

SAMPLE = Path(__file__).parents[2] / "samples" / "abusive_debtor.m4a"


class Fake:
    """Hears a word a second: the change it was played with."""

    def __init__(self) -> None:
        self.asked: list[tuple[Window, Change]] = []

    def __call__(self, window: Window, change: Change = PLAIN) -> Heard:
        self.asked.append((window, change))
        words = []
        for _, start, length in window.map:
            for at in range(length // 16_000 or 1):
                begun = start / 16_000 + at
                words.append(Word(str(change), begun, begun + 0.9, 0.9, window.channel))
        return Heard(words)

    def language(self, window: Window) -> tuple[str, float]:
        return "zh", 1.0


@pytest.fixture(scope="module")
def first() -> tuple[Any, list[Spoken]]:
    recording = open_recording(SAMPLE)
    heard = listen(recording, survey(recording), Fake())
    return recording, [Spoken("A", (word,)) for word in heard.channels[0].words]


def look(first: tuple[Any, list[Spoken]], suspected: Sequence[int]) -> tuple[Fake, Any]:
    recording, spoken = first
    fake: Any = Fake()
    return fake, look_again(recording, survey(recording), fake, spoken, suspected)


def test_nothing_suspected_is_not_heard_again(first: tuple[Any, list[Spoken]]) -> None:
    fake, readings = look(first, [])
    assert fake.asked == []
    assert readings == [[""] * len(first[1]) for _ in CHANGES]


def test_the_window_of_a_suspected_passage_is_heard_with_each_change(
    first: tuple[Any, list[Spoken]],
) -> None:
    fake, readings = look(first, [0])
    windows = {id(window) for window, _ in fake.asked}
    assert len(windows) == 1 and [change for _, change in fake.asked] == list(CHANGES)
    assert [texts[0] for texts in readings] == [str(change) for change in CHANGES]
    assert readings[0][-1] == ""  # the end of the call is in another window


def test_every_utterance_keeps_its_own_words(first: tuple[Any, list[Spoken]]) -> None:
    _, readings = look(first, range(len(first[1])))
    for texts, change in zip(readings, CHANGES, strict=True):
        assert set(texts) == {str(change)}


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
