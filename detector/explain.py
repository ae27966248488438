"""Why a turn was flagged: the parts of it without which the score falls.

The words that weigh most with the word model are taken out one at a time, and the rest is scored
with what was said just before and after; what the score loses is what the word weighs.
Then as many words are taken out together, the weightiest first, as outweigh what lifts the score
above the line, but at most two fifths of the turn. Where the turn is flagged, its score without
them is read with more of the call, and more words are taken until it falls; if it does not, the
passage in one piece is shown that does better. What is marked is what was taken out, so a reader
can check that it carries the meaning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from detector.classify import LABELS, MAX_THIRD_DOUBT, Classifier
from detector.features import CallTurn, PreparedTurn, prepare
from detector.report import Span
from detector.text import Place, aligned

__all__ = ["why"]

MAX_SHARE = 0.4
_WIDE, _CHARACTERS, _NEAR = 30, 450, 80
"""How many turns before and after, and characters, are read; words are chosen with fewer."""
_AMPLE = 1.3
"""What the words chosen should weigh, of what the score is above the line."""
_SURE = 1e-6
_LOOKED_AT = 5
"""How many words are tried out: of three times as many hardly more flags fall."""
_PASSAGES = 14
_LONG, _SHOWN = 150, 14
"""Longer turns are not tried out, which takes too long: the weightiest words are shown."""
_FUNCTION_WORDS = frozenset(
    "的了就在去把个一这那你我他她它们是也都还要会能到给和跟对吗吧呢啊呀嘛来说不没有很再又"
)
"""Words of these characters alone tell a reader little: they are marked last."""


_Bound = tuple[int, int]
_Cut = NDArray[np.bool_]
"""For each character of a turn whether it is taken out, shape (characters,)."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a turn, where they begin and end, the weightiest first."""

    bounds: Sequence[_Bound]
    text: str
    places: Sequence[Place]

    def cut(self, bounds: Sequence[_Bound]) -> _Cut:
        """Take out words; of what stands for one number all or nothing."""
        gone = np.zeros(len(self.text), bool)
        for start, end in bounds:
            gone[start:end] = True
        at = np.array([start for start, _ in self.places])
        return np.isin(at, at[gone])

    def tells(self, bound: _Bound) -> bool:
        return not _FUNCTION_WORDS.issuperset(self.text[slice(*bound)])

    def fits(self, cut: _Cut) -> bool:
        """Tell whether so much of the turn, as it was handed in, may be shown."""
        shown = {at for place in np.flatnonzero(cut).tolist() for at in range(*self.places[place])}
        return len(shown) <= max(2, int(MAX_SHARE * self.places[-1][1]))

    def passages(self) -> list[_Cut]:
        """Return passages in one piece, as long as may be shown, from here and there on."""
        bounds = sorted(self.bounds)
        found: list[_Cut] = []
        for number, (start, _) in enumerate(bounds):
            cuts = (self.cut([(start, end)]) for _, end in bounds[number:])
            found += list(takewhile(self.fits, cuts))[-1:]
        return found[:: -(-len(found) // _PASSAGES) or 1]


def _word_bounds(turn: PreparedTurn) -> list[_Bound]:
    bounds, at = [], 0
    for word in turn.words:
        if any(character.isalnum() for character in word):
            bounds.append((at, at + len(word)))
        at += len(word)
    return bounds


@dataclass(frozen=True, slots=True)
class _Reader:
    """Scores a turn of a call in one category with some of its characters cut out."""

    classifier: Classifier
    column: int
    call: Sequence[PreparedTurn]
    at: int

    def near(self, cuts: Sequence[_Cut], third: float) -> NDArray[np.float64]:
        """Return the scores, shape (cuts,), with the turns just before and after."""
        first, last = max(0, self.at - 1), self.at + 2
        if sum(len(turn.text) for turn in self.call[first:last]) > _NEAR:
            first, last = self.at, self.at + 1
        return self._read(self.call[first:last], self.at - first, cuts, third)

    def wide(self, cut: _Cut, third: float) -> float:
        """Return the score with more of the call."""
        return float(self._read(self.call, self.at, [cut], third)[0])

    def _read(
        self, call: Sequence[PreparedTurn], at: int, cuts: Sequence[_Cut], third: float
    ) -> NDArray[np.float64]:
        versions = [_without(call[at], cut) if cut.any() else call[at] for cut in cuts]
        return self.classifier.variants(call, at, versions, third)[:, self.column]


def why(
    classifier: Classifier,
    turns: Sequence[CallTurn],
    index: int,
    label: str,
    third: float,
    flagged: bool,
) -> tuple[Span, ...]:
    """Return the telling spans of turn `index` for a category, in the order of the text.

    `flagged` says whether the turn is flagged, not only to review. Positions are characters of the
    turn's text as it was handed in.
    """
    wide = _around(turns, index)
    reader = _Reader(classifier, LABELS.index(label), prepare(turns[wide]), index - wide.start)
    turn, original = reader.call[reader.at], turns[index].text
    if not turn.text:
        return ()
    written, sounded = classifier.model.contributions(turn, label)
    total = written + sounded
    places = aligned(original)[1]
    bounds = _word_bounds(turn)
    bounds.sort(key=lambda b: -float(total[b[0] : b[1]].sum()) / (b[1] - b[0]) ** 0.5)
    words = _Words(bounds, turn.text, places)
    if len(turn.text) > _LONG:
        gone = words.cut([bound for bound in bounds if words.tells(bound)][:_SHOWN])
    else:
        gone = _telling(reader, words, label, third, flagged)
    if not gone.any():  # one long word: show what weighs most
        top = int(np.argmax(total))
        gone[max(0, top - 1) : top + 2] = True
    return _spans(original, places, turn, gone, written, sounded)


def _telling(reader: _Reader, words: _Words, label: str, third: float, flagged: bool) -> _Cut:
    """Return what to show: characters without which the score falls below the line."""
    settings = reader.classifier.settings
    threshold = settings.thresholds[label]
    low = threshold * settings.review_from
    first = list(words.bounds[:_LOOKED_AT])
    cuts = [words.cut([]), *(words.cut([bound]) for bound in first)]
    scores = reader.near(cuts, third)
    doubtful = MAX_THIRD_DOUBT[0] < third < MAX_THIRD_DOUBT[1]
    if label == "third_party_disclosure" and doubtful and scores[0] < low:
        third = 0.0 if third >= 0.5 else 1.0  # it is one to the other listener only
        scores = reader.near(cuts, third)
    line = next((line for line in (threshold, low) if scores[0] >= line), max(scores[0], _SURE) / 2)
    sure = np.clip(scores, _SURE, 1 - _SURE)
    logits = np.log(sure) - np.log1p(-sure)
    weighs = dict(zip(first, (logits[0] - logits[1:]).tolist(), strict=True))
    first.sort(key=lambda bound: -weighs[bound])
    order = sorted([*first, *words.bounds[_LOOKED_AT:]], key=lambda bound: not words.tells(bound))
    steps, taken = [cuts[0]], [0.0]
    for bound in order:
        more = steps[-1] | words.cut([bound])
        if words.fits(more):
            steps.append(more)
            taken.append(taken[-1] + max(0.0, weighs.get(bound, 0.0)))
    needed = _AMPLE * float(logits[0] - np.log(line / (1 - line)))
    last = len(steps) - 1
    number = next((n for n in range(1, last + 1) if taken[n] >= needed), last)
    if not flagged:
        return steps[number]
    left = reader.wide(steps[number], third)
    while left >= threshold and number < last:
        number = min(2 * number, last)
        left = reader.wide(steps[number], third)
    if left >= threshold and (passages := words.passages()):
        passage = passages[int(reader.near(passages, third).argmin())]
        if reader.wide(passage, third) < left:
            return passage
    return steps[number]


def _around(turns: Sequence[CallTurn], index: int) -> slice:
    """Return the turns around one that are read with it."""
    first, last, size = index, index + 1, 1 + len(turns[index].text)
    for step in range(1, _WIDE + 1):
        for place in (index - step, index + step):
            size += 1 + len(turns[place].text) if 0 <= place < len(turns) else 0
        if size > _CHARACTERS:
            break
        first, last = max(0, index - step), min(len(turns), index + step + 1)
    return slice(first, last)


def _without(turn: PreparedTurn, gone: _Cut) -> PreparedTurn:
    rest = "".join(c for c, out in zip(turn.text, gone, strict=True) if not out)
    return replace(prepare([CallTurn(rest)])[0], role=turn.role)


def _spans(
    original: str,
    places: Sequence[Place],
    turn: PreparedTurn,
    gone: _Cut,
    written: np.ndarray,
    sounded: np.ndarray,
) -> tuple[Span, ...]:
    found: list[Span] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], gone.astype(np.int8), [0]])))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        first, last = places[start][0], places[end - 1][1]
        if found:  # two parts of one number stand for the same digits
            first = max(first, found[-1].end)
        if first >= last:
            continue
        by_sound = float(sounded[start:end].sum()) > float(written[start:end].sum())
        weight = float(written[start:end].sum() + sounded[start:end].sum())
        reading = " ".join(turn.syllables[start:end]) if by_sound else None
        found.append(Span(first, last, original[first:last], round(weight, 3), reading))
    return tuple(found)
