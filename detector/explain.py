"""Why a turn was flagged: the parts of it without which the score falls.

The word model says how much each character raised the score; words are taken out in that
order until the turn would no longer be flagged or two fifths of it are gone. What is shown
is what was taken out, so a reader can check that it carries the meaning.
"""

from collections.abc import Sequence

import numpy as np

from detector.classify import LABELS, Classifier
from detector.features import CallTurn, PreparedTurn, prepare
from detector.report import Span
from detector.text import normalise

__all__ = ["why"]

MAX_SHARE = 0.4
_MAX_STEPS = 12


def _positions(original: str, normalised: str) -> list[int] | None:
    """Return where each normalised character stands in the original, if lengths allow it."""
    if len(original) == len(normalised):
        return list(range(len(original)))
    positions: list[int] = []
    for index, character in enumerate(original):
        made = normalise("x" + character)[1:] if not character.isspace() else ","
        positions += [index] * max(len(made), 0)
    return positions if len(positions) == len(normalised) else None


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
    prepared = prepare(turns)
    turn = prepared[index]
    if not turn.text:
        return ()
    written, sounded = classifier.model.contributions(turn, label)
    total = written + sounded
    bounds = _word_bounds(turn)
    bounds.sort(key=lambda b: -float(total[b[0] : b[1]].sum()) / (b[1] - b[0]) ** 0.5)
    threshold = classifier.settings.thresholds[label]
    budget = max(2, int(MAX_SHARE * len(turn.text)))
    gone = np.zeros(len(turn.text), bool)
    for start, end in bounds[:_MAX_STEPS]:
        if gone.sum() + end - start > budget:
            continue
        if total[start:end].sum() <= 0 and gone.any():
            break
        gone[start:end] = True
        if _score_without(classifier, turns, index, gone, label, third) < threshold:
            break
    if not gone.any():  # one long word: show what weighs most
        top = int(np.argmax(total))
        gone[max(0, top - 1) : top + 2] = True
    return _spans(turns[index].text, turn, gone, written, sounded)


def _score_without(
    classifier: Classifier,
    turns: Sequence[CallTurn],
    index: int,
    gone: np.ndarray,
    label: str,
    third: float,
) -> float:
    text = normalise(turns[index].text)
    rest = "".join(c for c, out in zip(text, gone, strict=True) if not out)
    changed = [*turns[:index], CallTurn(rest, turns[index].role), *turns[index + 1 :]]
    around = slice(max(0, index - 2), index + 3)
    p = classifier.probabilities(prepare(changed[around]), third)
    return float(p[index - around.start, LABELS.index(label)])


def _spans(
    original: str, turn: PreparedTurn, gone: np.ndarray, written: np.ndarray, sounded: np.ndarray
) -> tuple[Span, ...]:
    positions = _positions(original, turn.text)
    found: list[Span] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], gone.astype(np.int8), [0]])))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if positions:
            first, last = positions[start], positions[end - 1] + 1
        else:
            first, last = start, min(end, len(original))
        by_sound = float(sounded[start:end].sum()) > float(written[start:end].sum())
        weight = float(written[start:end].sum() + sounded[start:end].sum())
        reading = " ".join(turn.syllables[start:end]) if by_sound else None
        found.append(Span(first, last, original[first:last], round(weight, 3), reading))
    return tuple(found)
