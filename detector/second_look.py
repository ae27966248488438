"""A second look at suspected passages: what else may have been said there.

A recogniser gives its one best reading, and on a phone line the telling word is often heard as
another of like sound. The windows of speech that hold a suspected passage are decoded again a
little slower, faster and brighter, which leaves the words as they are but makes the recogniser
err elsewhere; the passage's probability is then the mean over all readings (many that err apart
are better than one: Fiscus 1997, ROVER). The first reading stays the transcript; the one that
tells most is reported beside it.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from detector.audio import RATE, Decoder, Recording
from detector.classify import TurnScores
from detector.features import CallTurn
from detector.listen import without_leakage
from detector.speech import SpeechStream, Window, WindowPacker
from detector.survey import Survey
from detector.transcript import Change, Recogniser, Word
from detector.utterances import Spoken

__all__ = ["CHANGES", "SECOND_LOOK", "SUSPECTED", "is_suspected", "look_again"]

CHANGES = (Change(tempo=0.94), Change(tempo=1.06), Change(emphasis=0.6))
"""How the sound is changed before each further decoding."""
SECOND_LOOK = [[change.tempo, change.emphasis] for change in CHANGES]
"""The same as a report names it."""
SUSPECTED = (0.03, 0.97)
"""Passages whose probability lies between these are heard again."""
_REACH_S = 1.0
"""A word this far from every utterance belongs to none."""


def is_suspected(turn: CallTurn, scores: TurnScores) -> bool:
    """Tell whether an utterance is worth hearing again."""
    low, high = SUSPECTED
    return turn.role in (None, "collector") and any(
        low <= score < high for score in scores.scores.values()
    )


def _windows(recording: Recording, survey: Survey) -> Iterator[Window]:
    """Yield the windows of a recording once more, as `detector.listen` made them."""
    stereo = survey.layout == "stereo"
    lines = [(SpeechStream(), WindowPacker(index)) for index in range(len(survey.use))]
    for block in Decoder(recording):
        heard = without_leakage(block, survey.leaks) if stereo else block
        for (speech, packer), channel in zip(lines, survey.use, strict=True):
            samples = heard.mean(axis=0) if channel is None else heard[channel]
            for region in speech.feed(np.ascontiguousarray(samples, np.float32)):
                yield from packer.add(region)
    for speech, packer in lines:
        for region in speech.finish():
            yield from packer.add(region)
        yield from packer.finish()


def _bounds(window: Window) -> tuple[float, float]:
    _, first, _ = window.map[0]
    _, last, length = window.map[-1]
    return first / RATE, (last + length) / RATE


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
    recogniser: Recogniser,
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
        spoken: the call's utterances.
        suspected: which of them to hear again.
        progress: receives the seconds of recording that are done.
    """
    texts = [[""] * len(spoken) for _ in CHANGES]
    if not suspected:
        return texts
    wanted = set(suspected)
    for window in _windows(recording, survey):
        start_s, end_s = _bounds(window)
        near = [
            i
            for i, item in enumerate(spoken)
            if item.words[0].channel == window.channel
            and item.start_s < end_s
            and item.end_s > start_s
        ]
        if wanted.isdisjoint(near):
            continue
        for reading, change in zip(texts, CHANGES, strict=True):
            words = recogniser(window, change).words
            for i, text in zip(near, _assigned(words, spoken, near), strict=True):
                reading[i] += text
        progress(end_s)
    return texts
