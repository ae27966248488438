"""Why a turn was flagged: the parts of it without which the score falls.

The word model says how much each character raised the score; words are taken out in that
order until the turn would no longer be shown or two fifths of it are gone. What is marked
is what was taken out, so a reader can check that it carries the meaning.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detector.classify import LABELS, Classifier
from detector.features import REACH, CallTurn, PreparedTurn, prepare
from detector.report import Span
from detector.text import Place, aligned

__all__ = ["why"]

MAX_SHARE = 0.4
_MAX_STEPS = 12
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
    near = slice(max(0, index - REACH), index + REACH + 1)
    prepared = prepare(turns[near])
    index -= near.start
    turn = prepared[index]
    if not turn.text:
        return ()
    written, sounded = classifier.model.contributions(turn, label)
    total = written + sounded
    bounds = _word_bounds(turn)
    bounds.sort(
        key=lambda b: (
            _FUNCTION_WORDS.issuperset(turn.text[b[0] : b[1]]),
            -float(total[b[0] : b[1]].sum()) / (b[1] - b[0]) ** 0.5,
        )
    )
    score = _score(classifier, prepared, index, label, third)
    threshold = classifier.settings.thresholds[label]
    line = threshold if score >= threshold else threshold * classifier.settings.review_from
    if label == "third_party_disclosure" and score < line:  # only to the other listener
        third = 1 - third
        score = _score(classifier, prepared, index, label, third)
    if score < line:  # what lies farther off in the call had its say too
        line = score / 2
    original = turns[near][index].text
    places = aligned(original)[1]
    budget = max(2, int(MAX_SHARE * len(original)))
    gone = np.zeros(len(turn.text), bool)
    marked: set[int] = set()  # characters of the original
    for start, end in bounds[:_MAX_STEPS]:
        more = marked.union(*(range(*place) for place in places[start:end]))
        if len(more) > budget:
            continue
        if total[start:end].sum() <= 0 and gone.any():
            break
        gone[start:end], marked = True, more
        rest = "".join(c for c, out in zip(turn.text, gone, strict=True) if not out)
        changed = prepare([CallTurn(rest)])[0]
        prepared[index] = replace(changed, role=turn.role)
        if _score(classifier, prepared, index, label, third) < line:
            break
    if not gone.any():  # one long word: show what weighs most
        top = int(np.argmax(total))
        gone[max(0, top - 1) : top + 2] = True
    return _spans(original, places, turn, gone, written, sounded)


def _score(
    classifier: Classifier, turns: Sequence[PreparedTurn], index: int, label: str, third: float
) -> float:
    return float(classifier.probabilities(turns, third)[index, LABELS.index(label)])


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
