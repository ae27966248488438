"""Why a turn was flagged: the parts of it without which the score falls.

Each word is taken out alone, and both models score the rest, with what was said just before and
after; what the score loses is what the word weighs. Then as many words are taken out together, the
weightiest first, as outweigh what lifts the score above the line, but at most two fifths of the
turn; where the turn is flagged, its score without them is read with more of the call, and more
words are taken until it falls. What is marked is what was taken out, so a reader can check that it
carries the meaning.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detector.classify import LABELS, Classifier
from detector.features import CallTurn, PreparedTurn, prepare
from detector.report import Span
from detector.text import Place, aligned

__all__ = ["why"]

MAX_SHARE = 0.4
_WIDE, _CHARACTERS, _NEAR = 30, 450, 120
"""How many turns before and after, and characters, are read; words are chosen with fewer."""
_AMPLE = 1.3
"""What the words chosen should weigh, of what the score is above the line."""
_SURE = 1e-6
_LOOKED_AT = 14
_LONG = 150
"""Longer turns are not tried out, which takes too long: the weightiest words are shown."""
_FUNCTION_WORDS = frozenset(
    "的了就在去把个一这那你我他她它们是也都还要会能到给和跟对吗吧呢啊呀嘛来说不没有很再又"
)
"""Words of these characters alone tell a reader little: they are marked last."""


def _word_bounds(turn: PreparedTurn) -> list[tuple[int, int]]:
    bounds, at = [], 0
    for word in turn.words:
        if any(character.isalnum() for character in word):
            bounds.append((at, at + len(word)))
        at += len(word)
    return bounds


def why(
    classifier: Classifier,
    turns: Sequence[CallTurn],
    index: int,
    label: str,
    third: float,
) -> tuple[Span, ...]:
    """Return the telling spans of turn `index` for a category, in the order of the text.

    Positions are characters of the turn's text as it was handed in.
    """
    wide = _around(turns, index)
    call, at = prepare(turns[wide]), index - wide.start
    near = slice(max(0, at - 1), at + 2)
    if sum(len(t.text) for t in call[near]) > _NEAR:
        near = slice(at, at + 1)
    turn = call[at]
    if not turn.text:
        return ()
    written, sounded = classifier.model.contributions(turn, label)
    total = written + sounded
    original = turns[index].text
    places = aligned(original)[1]
    none = np.zeros(len(turn.text), bool)
    bounds = _word_bounds(turn)
    bounds.sort(key=lambda b: -float(total[b[0] : b[1]].sum()) / (b[1] - b[0]) ** 0.5)
    if len(turn.text) > _LONG:
        for bound in [b for b in bounds if _tells(turn.text[slice(*b)])][:_LOOKED_AT]:
            none = _cut(none, *bound)
        return _spans(original, places, turn, none, written, sounded)
    column = LABELS.index(label)
    threshold = classifier.settings.thresholds[label]
    first, others = bounds[:_LOOKED_AT], bounds[_LOOKED_AT:]
    versions = [turn, *(_without(turn, _cut(none, *b)) for b in first)]
    scores = classifier.variants(call[near], at - near.start, versions, third)[:, column]
    low = threshold * classifier.settings.review_from
    if label == "third_party_disclosure" and scores[0] < low:  # only to the other listener
        third = 1 - third
        scores = classifier.variants(call[near], at - near.start, versions, third)[:, column]
    line = next((line for line in (threshold, low) if scores[0] >= line), max(scores[0], _SURE) / 2)
    sure = np.clip(scores, _SURE, 1 - _SURE)
    logits = np.log(sure) - np.log1p(-sure)
    weighs = dict(zip(first, (logits[0] - logits[1:]).tolist(), strict=True))
    budget = max(2, int(MAX_SHARE * len(original)))
    order = sorted(
        [*sorted(first, key=lambda b: -weighs[b]), *others],
        key=lambda b: not _tells(turn.text[slice(*b)]),
    )
    steps, taken = [none], [0.0]
    for bound in order:
        more = _cut(steps[-1], *bound)
        if _length(more, places) <= budget:
            steps.append(more)
            taken.append(taken[-1] + max(0.0, weighs.get(bound, 0.0)))
    needed = _AMPLE * float(logits[0] - np.log(line / (1 - line)))
    last = len(steps) - 1
    number = next((n for n in range(1, last + 1) if taken[n] >= needed), last)
    while number < last and line == threshold:  # so far only what is near was read
        rest = [_without(turn, steps[number])]
        if classifier.variants(call, at, rest, third)[0, column] < line:
            break
        number = min(2 * number, last)
    gone = steps[number]
    if not gone.any():  # one long word: show what weighs most
        top = int(np.argmax(total))
        gone = _cut(none, max(0, top - 1), top + 2)
    return _spans(original, places, turn, gone, written, sounded)


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


def _tells(word: str) -> bool:
    return not _FUNCTION_WORDS.issuperset(word)


def _cut(gone: NDArray[np.bool_], start: int, end: int) -> NDArray[np.bool_]:
    more = gone.copy()
    more[start:end] = True
    return more


def _length(gone: NDArray[np.bool_], places: Sequence[Place]) -> int:
    """Return how many characters of the original are cut out."""
    return len({at for place in np.flatnonzero(gone).tolist() for at in range(*places[place])})


def _without(turn: PreparedTurn, gone: NDArray[np.bool_]) -> PreparedTurn:
    rest = "".join(c for c, out in zip(turn.text, gone, strict=True) if not out)
    return replace(prepare([CallTurn(rest)])[0], role=turn.role)


def _spans(
    original: str,
    places: Sequence[Place],
    turn: PreparedTurn,
    gone: np.ndarray,
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
