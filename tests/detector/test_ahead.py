"""Windows are recognised some at a time, and nothing hangs on which come together."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.ahead import AHEAD, BATCH, Ahead
from detector.audio import RATE, open_recording
from detector.listen import listen
from detector.speech import Window
from detector.survey import survey
from detector.transcript import PLAIN, Change, Heard, Recogniser, Word, room
from detector.whisper_models import resolve

SAMPLE = Path(__file__).parents[2] / "samples" / "third_party_disclosure.wav"


class Fake:
    """Hears in each window when it begins; notes which came together."""

    workers = 2

    def __init__(self) -> None:
        self.batches: list[list[Window]] = []

    def __call__(self, windows: Sequence[Window], change: Change = PLAIN) -> list[Heard]:
        self.batches.append(list(windows))
        if any(window.channel for window in windows):
            raise ValueError("broken")
        return [Heard([Word(str(w.map[0][1]), 0.0, 1.0, 1.0)]) for w in windows]


def windows(*seconds: float, channel: int = 0) -> list[Window]:
    return [
        Window(channel, np.zeros(int(s * RATE), np.float32), ((0, number, int(s * RATE)),))
        for number, s in enumerate(seconds)
    ]


def test_everything_handed_in_comes_back_with_its_note() -> None:
    fake, found = Fake(), []
    handed_in = windows(*[9.0] * 21)
    with Ahead[int](fake) as ahead:
        for number, window in enumerate(handed_in):
            ahead.add(window, number)
            found += list(ahead.done())
        assert len(found) >= len(handed_in) - (AHEAD + 1) * BATCH
        found += list(ahead.rest())
    assert [note for _, note, _ in found] == list(range(21))
    assert all(heard.words[0].text == str(window.map[0][1]) for window, _, heard in found)


def test_only_windows_with_as_much_room_and_the_same_change_come_together() -> None:
    fake = Fake()
    with Ahead[None](fake) as ahead:
        for window in windows(17.0, 27.0, 16.5, 26.5, 17.5, 27.5, 14.0):
            ahead.add(window, None)
            ahead.add(window, None, Change(emphasis=0.6))
        assert len(list(ahead.rest())) == 14
    together = sorted([room(window) for window in batch] for batch in fake.batches)
    assert together == [[20], [20], [20] * 3, [20] * 3, [30], [30], [30] * 2, [30] * 2]


def test_no_more_come_together_than_asked() -> None:
    fake = Fake()
    with Ahead[None](fake, 40) as ahead:
        for window in windows(*[7.0] * 4, *[17.0] * 3, *[27.0] * 2):
            ahead.add(window, None)
        assert len(list(ahead.rest())) == 9
    together = sorted([room(window) for window in batch] for batch in fake.batches)
    assert together == [[10], [10] * 3, [20], [20] * 2, [30], [30]]


def test_at_the_end_the_longest_begin_first() -> None:
    fake = Fake()
    fake.workers = 1
    with Ahead[None](fake) as ahead:
        for window in windows(9.0, 27.0, 14.0):
            ahead.add(window, None)
        list(ahead.rest())
    assert [len(batch[0].samples) // RATE for batch in fake.batches] == [27, 14, 9]


@pytest.mark.parametrize(("length_s", "expected"), [(0.5, 5), (3.0, 5), (3.1, 10), (28.0, 30)])
def test_room_is_the_window_and_some_silence(length_s: float, expected: int) -> None:
    assert room(windows(length_s)[0]) == expected


def test_an_error_reaches_who_takes_the_windows() -> None:
    with pytest.raises(ValueError, match="broken"), Ahead[None](Fake()) as ahead:
        for window in windows(*[9.0] * 5, channel=1):
            ahead.add(window, None)
        list(ahead.rest())


LENGTH = 14 * RATE


def test_what_is_heard_does_not_hang_on_what_is_decoded_beside_it() -> None:
    recogniser = Recogniser(resolve(None))
    heard: list[tuple[Window, Heard]] = []

    class Noting:
        workers = 2

        def __call__(self, windows: Sequence[Window], change: Change = PLAIN) -> list[Heard]:
            found = recogniser(windows, change)
            heard.extend(zip(windows, found, strict=True))
            return found

    recording = open_recording(SAMPLE)
    noting: Any = Noting()
    listen(recording, survey(recording), noting)
    for window, found in heard:
        assert recogniser([window])[0].words == found.words
    first, second = (
        replace(window, samples=window.samples[:LENGTH], map=((0, window.map[0][1], LENGTH),))
        for window in [w for w, _ in heard if len(w.samples) >= LENGTH][:2]
    )
    alone = [recogniser([window])[0].words for window in (first, second)]
    assert all(alone)
    assert [again.words for again in recogniser([first, first])] == [alone[0]] * 2
    for order in (1, -1):
        together = recogniser([first, second, second][::order])
        assert [found.words for found in together] == [*alone, alone[1]][::order]
