"""Turns of a call to calibrated scores, decisions and sub-types.

Two models look at each turn: the word model (linear, features of the turn and its
neighbours) and the call encoder (reads the whole call). A logistic regression on what both say of
a category and of its sub-types, fitted on writers that neither had seen, gives the probability (see
`models.train`).
A turn is *flagged* at or above its category's threshold, *to review* in the band below.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.artifacts import folder
from detector.encoder import ROLES, CallEncoder, call_encoder
from detector.errors import OptionError
from detector.features import CallTurn, PreparedTurn, prepare, turn_features
from detector.labels import SUBTYPES
from detector.words_model import ARTIFACT, WordsModel, words_model

__all__ = ["Classifier", "Settings", "TurnScores", "call_classifier", "evidence"]

LABELS = tuple(SUBTYPES)
_SUBTYPES = [name for group in SUBTYPES.values() for name in group]
MAX_THIRD_DOUBT = (0.15, 0.85)
SUBTYPE_FROM = 0.35
TELLS_MORE = 0.1
"""A further reading tells more than the first if its probability is so much higher."""
SECOND_REVIEW = 0.25
"""A flagged turn is also put up for review in a category from this part of its threshold."""
CONVERSATION = 3
"""With fewer turns than this there is no conversation, and each line stands alone."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What training settled, and what the user may change (thresholds, 0 to 1)."""

    calibration: Mapping[str, tuple[float, ...]]
    """What each piece of `evidence` weighs, and the constant."""
    lone: Mapping[str, tuple[float, ...]]
    """The same for a line without a conversation around it."""
    thresholds: Mapping[str, float]
    review_from: float
    role_scale: float
    listener: tuple[float, float]
    subtypes: Mapping[str, tuple[float, float, float]]
    """Weight of the word model's logit, of the encoder's, and the constant, given its category."""

    def with_thresholds(self, changed: Mapping[str, float]) -> "Settings":
        """Return settings with some thresholds changed; OptionError for unknown names."""
        for name, value in changed.items():
            if name not in self.thresholds:
                raise OptionError(
                    f"没有 {name} 这个类别;可用:{'、'.join(self.thresholds)} (unknown category)。"
                )
            if not 0 < value <= 1:
                raise OptionError(f"阈值 {name}={value} 应在 0 与 1 之间 (between 0 and 1)。")
        return replace(self, thresholds={**self.thresholds, **changed})


@dataclass(frozen=True, slots=True)
class TurnScores:
    """One turn's probabilities, and what follows from them."""

    scores: dict[str, float]
    subtypes: dict[str, tuple[str, ...]]
    """The likeliest sub-types of each category, the likeliest first."""
    flagged: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    doubtful_listener: bool = False
    """Whether third-party disclosure hangs on who was listening."""
    telling: Mapping[str, int] = field(default_factory=dict)
    """For each category the reading that tells most: 0 the first, 1 the first further one."""


@dataclass
class Classifier:
    """The two models with their calibration."""

    model: WordsModel
    settings: Settings
    encoder: Callable[[], CallEncoder] = call_encoder
    workers: int = 1
    """How many threads read at once."""

    def probabilities(self, turns: Sequence[PreparedTurn], third: float) -> NDArray[np.float64]:
        """Return probabilities (turns, 3); `third` is how likely a third party listens."""
        return self._read(turns, third)[0]

    def variants(
        self,
        turns: Sequence[PreparedTurn],
        index: int,
        others: Sequence[PreparedTurn],
        third: float,
    ) -> NDArray[np.float64]:
        """Return probabilities (others, 3) of turn `index` if it were each of the others.

        What does not fit in one window of the encoder is left out.
        """
        listener = "T" if third >= 0.5 else "D"
        calls = [[*turns[:index], other, *turns[index + 1 :]] for other in others]
        words = np.stack([self.model.logits(turn_features(c, index, listener)) for c in calls])
        texts = [[(turn.role, turn.text) for turn in call] for call in calls]
        seen = self.encoder().variants(texts, index, listener)
        return self._weigh(words, seen, len(turns) < CONVERSATION)[0]

    def _read(
        self, turns: Sequence[PreparedTurn], third: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return probabilities (turns, 3) and the logits of the sub-types (turns, 20)."""
        listener = "T" if third >= 0.5 else "D"
        words = self.model.call_logits(turns, listener)
        seen = self.encoder()([(turn.role, turn.text) for turn in turns], listener, self.workers)
        return self._weigh(words, seen, len(turns) < CONVERSATION)

    def _weigh(
        self, words: NDArray[np.float32], seen: NDArray[np.float32], lone: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return probabilities and sub-types from the logits of both models."""
        learned = self.settings.lone if lone else self.settings.calibration
        *weights, c = np.array([learned[label] for label in LABELS]).T
        z = (evidence(self.model.column, words, seen) * np.array(weights).T).sum(axis=2) + c
        mean = np.asarray(words[:, [self.model.column[name] for name in _SUBTYPES]], np.float64)
        a, b, c = np.array([self.settings.subtypes[name] for name in _SUBTYPES]).T
        mean = a * mean + b * seen[:, len(LABELS) : -ROLES] + c
        p = 0.5 + 0.5 * np.tanh(z / 2)  # the logistic function, without overflow
        return np.asarray(p, np.float64), np.asarray(mean, np.float32)

    def classify(
        self,
        turns: Sequence[CallTurn],
        third: float = 0.0,
        readings: Sequence[Sequence[str]] = (),
    ) -> list[TurnScores]:
        """Score every turn; only the collector's and unknown speakers' can be flagged.

        Args:
            turns: a call's turns in order.
            third: probability that a third party, not the debtor, is on the line.
            readings: the call heard again, a text a turn (empty: as before). They raise a
                turn's probability, or leave it.
        """
        versions = [prepare(turns)] + [
            prepare([replace(t, text=text or t.text) for t, text in zip(turns, texts, strict=True)])
            for texts in readings
        ]
        if not turns:
            return []
        read = [self._read(version, third) for version in versions]
        every, subtypes = (np.stack(part) for part in zip(*read, strict=True))
        p = other = _together(every)
        doubtful = MAX_THIRD_DOUBT[0] < third < MAX_THIRD_DOUBT[1]
        if doubtful:
            away = 0.0 if third >= 0.5 else 1.0
            other = _together(np.stack([self.probabilities(v, away) for v in versions]))
        telling = np.where(every.max(axis=0) > every[0] + TELLS_MORE, every.argmax(axis=0), 0)
        return [
            replace(
                self._decide(turn, p[i], other[i], subtypes.mean(axis=0)[i], doubtful),
                telling={label: int(telling[i, k]) for k, label in enumerate(LABELS)},
            )
            for i, turn in enumerate(turns)
        ]

    def _decide(
        self,
        turn: CallTurn,
        p: NDArray[np.float64],
        other: NDArray[np.float64],
        logits: NDArray[np.float32],
        doubtful: bool,
    ) -> TurnScores:
        flagged: list[str] = []
        review: list[str] = []
        hangs = False
        for k, label in enumerate(LABELS):
            threshold = self.settings.thresholds[label]
            score = float(p[k])
            if label == "third_party_disclosure" and doubtful:
                score = max(score, float(other[k]))
                hangs = score >= threshold and min(p[k], other[k]) < threshold
            if turn.role not in ("collector", None) or not turn.text.strip():
                continue
            if score >= threshold:
                (review if hangs and label == "third_party_disclosure" else flagged).append(label)
            elif score >= threshold * self.settings.review_from:
                review.append(label)
        if flagged and not hangs:  # somebody will listen anyway: only what is nearly flagged
            line = {label: SECOND_REVIEW * self.settings.thresholds[label] for label in LABELS}
            review = [label for label in review if p[LABELS.index(label)] >= line[label]]
        subtypes = {label: self._subtypes(label, logits) for label in LABELS}
        scores = {label: round(float(p[k]), 4) for k, label in enumerate(LABELS)}
        return TurnScores(scores, subtypes, tuple(flagged), tuple(review), hangs)

    def _subtypes(self, label: str, logits: NDArray[np.float32]) -> tuple[str, ...]:
        names = list(SUBTYPES[label])
        p = 0.5 + 0.5 * np.tanh(logits[[_SUBTYPES.index(name) for name in names]] / 2)
        order = np.argsort(-p, kind="stable")
        chosen = [names[i] for n, i in enumerate(order) if n == 0 or p[i] >= SUBTYPE_FROM]
        return tuple(chosen[:3])


def _together(readings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of (readings, turns, 3), but never less than the first."""
    return np.asarray(np.maximum(readings[0], readings.mean(axis=0)), np.float64)


def _weights(each: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    return {label: tuple(float(weight) for weight in weights) for label, weights in each.items()}


def settings_of(facts: Mapping[str, Any]) -> Settings:
    """Return what `models.train` settled in the form the classifier takes."""
    return Settings(
        _weights(facts["calibration"]),
        _weights(facts["lone"]),
        {label: float(value) for label, value in facts["thresholds"].items()},
        float(facts["review_from"]),
        float(facts["role_scale"]),
        (float(facts["listener"][0]), float(facts["listener"][1])),
        {name: (float(a), float(b), float(c)) for name, (a, b, c) in facts["subtypes"].items()},
    )


def evidence(
    column: Mapping[str, int], words: NDArray[np.float32], seen: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return what speaks for each category, shape (turns, 3, 4).

    That is the logit of the category by the word model, that by the encoder, and for each of the
    two models the logarithm of the summed odds of the sub-types.

    Args:
        column: where the word model's logits stand.
        words: logits of the word model (turns, heads).
        seen: logits of the encoder (turns, 26).
    """
    found, first = [], len(LABELS)
    for number, (label, group) in enumerate(SUBTYPES.items()):
        by_words = words[:, [column[name] for name in group]]
        by_encoder = seen[:, first : first + len(group)]
        first += len(group)
        any_of = (np.logaddexp.reduce(logits, axis=1) for logits in (by_words, by_encoder))
        found.append([words[:, column[label]], seen[:, number], *any_of])
    return np.array(found, np.float64).transpose(2, 0, 1)


@cache
def call_classifier() -> Classifier:
    """Return the published classifier."""
    record = json.loads((folder() / "words.json").read_text("utf-8"))
    return Classifier(words_model(), settings_of(record["models"][ARTIFACT]))
