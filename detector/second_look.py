"""A second look at suspected passages: what else may have been said there.

A recogniser gives its one best reading, and on a phone line the telling word is often heard as
another of like sound. The windows of speech that hold a suspected passage are decoded again a
little slower, faster and brighter, which leaves the words as they are but makes the recogniser
err elsewhere; where the mean over all readings (many that err apart are better than one: Fiscus
1997, ROVER) is greater than the first, it is the passage's probability. The first reading stays the
transcript; the one that tells most is reported beside it. It finds more, and more falsely, in twice
the time: only where it is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from detector.ahead import Ahead
from detector.audio import Decoder, Recording, Samples
from detector.child_environment import give_back
from detector.classify import TurnScores
from detector.features import CallTurn
from detector.listen import channels_of
from detector.speech import Window
from detector.survey import Survey
from detector.transcript import Change, Heard, Recognises, Word
from detector.utterances import Spoken

__all__ = ["CHANGES", "SECOND_LOOK", "SUSPECTED", "is_suspected", "look_again"]

CHANGES = (Change(tempo=0.94), Change(tempo=1.06), Change(emphasis=0.6))
"""How the sound is changed before each further decoding."""
SECOND_LOOK = [[change.tempo, change.emphasis] for change in CHANGES]
"""The same as a report names it."""
SUSPECTED = (0.03, 0.97)
"""Passages whose probability lies between these are heard again."""
TOGETHER_S = 40
"""Seconds of windows decoded at once: the classifier is in memory by now."""
_REACH_S = 1.0
"""A word this far from every utterance belongs to none."""


def is_suspected(turn: CallTurn, scores: TurnScores) -> bool:
    """Tell whether an utterance is worth hearing again."""
    low, high = SUSPECTED
    return turn.role in (None, "collector") and any(
        low <= score < high for score in scores.scores.values()
    )


def _with_samples(
    recording: Recording, survey: Survey, windows: Sequence[Window]
) -> Iterator[Window]:
    """Yield windows with their samples, which are read from the recording once more."""
    waiting = sorted(windows, key=lambda window: window.map[-1][1])
    sounds: dict[int, Samples] = {}
    begun = 0
    for block in Decoder(recording):
        if not waiting:
            return
        ended = begun + block.shape[1]
        lines = channels_of(block, survey)
        for window in waiting:
            if window.map[0][1] >= ended:
                continue
            last, _, length = window.map[-1]
            sound = sounds.setdefault(id(window), np.zeros(last + length, np.float32))
            for offset, start, length in window.map:
                first, end = max(start, begun), min(start + length, ended)
                if first < end:
                    piece = lines[window.channel][first - begun : end - begun]
                    sound[offset + first - start : offset + end - start] = piece
        while waiting and waiting[0].map[-1][1] + waiting[0].map[-1][2] <= ended:
            window = waiting.pop(0)
            yield replace(window, samples=sounds.pop(id(window)))
        begun = ended


def _assigned(words: Sequence[Word], spoken: Sequence[Spoken], near: Sequence[int]) -> list[str]:
    """Return the text of each of the utterances `near`, every word with the nearest."""
    own: list[list[Word]] = [[] for _ in near]
    for word in words:
        middle = min((word.start_s + word.end_s) / 2, word.start_s + 0.5)
        away = [max(spoken[i].start_s - middle, middle - spoken[i].end_s, 0.0) for i in near]
        best = int(np.argmin(away))
        if away[best] <= _REACH_S:
            own[best].append(word)
    return [Spoken("", tuple(mine)).text for mine in own]


def look_again(
    recording: Recording,
    survey: Survey,
    recogniser: Recognises,
    windows: Sequence[Window],
    spoken: Sequence[Spoken],
    suspected: Sequence[int],
    progress: Callable[[float], None] = lambda _: None,
) -> list[list[str]]:
    """Return further readings of a call: for each change a text per utterance.

    The text is empty where nothing was decoded again or nothing was heard.

    Args:
        recording: read once more; only windows with a suspected passage are decoded.
        survey: how its channels are used.
        recogniser: the model that gave the first reading.
        windows: what was decoded together; their samples are not needed.
        spoken: the call's utterances.
        suspected: which of them to hear again.
        progress: receives the seconds of recording that are done.
    """
    found: list[list[list[tuple[Window, str]]]] = [[[] for _ in spoken] for _ in CHANGES]
    near: dict[tuple[int, tuple[tuple[int, int, int], ...]], list[int]] = {}
    for window in windows:
        start_s, end_s = window.span_s
        inside = [
            i
            for i, item in enumerate(spoken)
            if item.words[0].channel == window.channel
            and item.start_s < end_s
            and item.end_s > start_s
        ]
        if not set(suspected).isdisjoint(inside):
            near[window.channel, window.map] = inside
    chosen = [window for window in windows if (window.channel, window.map) in near]

    def take(taken: Iterator[tuple[Window, int, Heard]]) -> None:
        for window, number, heard in taken:
            inside = near[window.channel, window.map]
            for i, text in zip(inside, _assigned(heard.words, spoken, inside), strict=True):
                found[number][i].append((window, text))
            progress(window.span_s[1])

    with Ahead[int](recogniser, TOGETHER_S) as ahead:
        for window in _with_samples(recording, survey, chosen):
            for number, change in enumerate(CHANGES):
                ahead.add(window, number, change)
            take(ahead.done())
        take(ahead.rest())
    give_back()
    # an utterance may reach over several windows, which need not have come in their order
    return [
        ["".join(text for _, text in sorted(parts, key=_when)) for parts in texts]
        for texts in found
    ]


def _when(part: tuple[Window, str]) -> float:
    return part[0].span_s[0]
