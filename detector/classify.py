"""Turns of a call to calibrated scores, decisions and sub-types.

Two models look at each turn: the word model (linear, features of the turn and its
neighbours) and the call encoder (reads the whole call). A logistic regression on both logits,
fitted on writers that neither had seen, gives the probability (see `models.train`).
A turn is *flagged* at or above its category's threshold, *to review* in the band below.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.artifacts import folder
from detector.encoder import ROLES, CallEncoder, call_encoder
from detector.errors import OptionError
from detector.features import CallTurn, PreparedTurn, prepare
from detector.labels import SUBTYPES
from detector.words_model import ARTIFACT, WordsModel, words_model

__all__ = ["Classifier", "Settings", "TurnScores", "call_classifier"]

LABELS = tuple(SUBTYPES)
_SUBTYPES = [name for group in SUBTYPES.values() for name in group]
MAX_THIRD_DOUBT = (0.15, 0.85)
SUBTYPE_FROM = 0.35
SECOND_REVIEW = 0.5
"""A flagged turn is also put up for review in a category from this part of its threshold."""
CONVERSATION = 3
"""With fewer turns than this there is no conversation to read."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What training settled, and what the user may change (thresholds, 0 to 1)."""

    calibration: Mapping[str, tuple[float, float, float]]
    """Weight of the word model's logit, of the encoder's, and the constant."""
    lone: Mapping[str, tuple[float, float]]
    """The same for a line without a conversation around it: the word model alone, constant."""
    thresholds: Mapping[str, float]
    review_from: float
    role_scale: float
    listener: tuple[float, float]

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


@dataclass
class Classifier:
    """The two models with their calibration."""

    model: WordsModel
    settings: Settings
    encoder: CallEncoder

    def probabilities(self, turns: Sequence[PreparedTurn], third: float) -> NDArray[np.float64]:
        """Return probabilities (turns, 3); `third` is how likely a third party listens."""
        return self._read(turns, third)[0]

    def _read(
        self, turns: Sequence[PreparedTurn], third: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return probabilities (turns, 3) and the logits of the sub-types (turns, 20)."""
        listener = "T" if third >= 0.5 else "D"
        words = self.model.call_logits(turns, listener)
        seen = self.encoder([(turn.role, turn.text) for turn in turns], listener)
        columns = [self.model.column[label] for label in LABELS]
        a, b, c = np.array([self.settings.calibration[label] for label in LABELS]).T
        z = a * words[:, columns] + b * seen[:, : len(LABELS)] + c
        if len(turns) < CONVERSATION:  # the encoder has learned from conversations only
            a, c = np.array([self.settings.lone[label] for label in LABELS]).T
            z = a * words[:, columns] + c
        subtypes = [self.model.column[name] for name in _SUBTYPES]
        mean = np.asarray(words[:, subtypes] + seen[:, len(LABELS) : -ROLES], np.float64) / 2
        p = 1 / (1 + np.exp(-z))
        if listener == "D":
            p[:, LABELS.index("third_party_disclosure")] *= _of_others(mean)
        return np.asarray(p, np.float64), np.asarray(mean, np.float32)

    def classify(self, turns: Sequence[CallTurn], third: float = 0.0) -> list[TurnScores]:
        """Score every turn; only the collector's and unknown speakers' can be flagged.

        Args:
            turns: a call's turns in order.
            third: probability that a third party, not the debtor, is on the line.
        """
        prepared = prepare(turns)
        if not prepared:
            return []
        p, subtypes = self._read(prepared, third)
        doubtful = MAX_THIRD_DOUBT[0] < third < MAX_THIRD_DOUBT[1]
        other = self.probabilities(prepared, 0.0 if third >= 0.5 else 1.0) if doubtful else p
        return [
            self._decide(turn, p[i], other[i], subtypes[i], doubtful)
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
        p = 1 / (1 + np.exp(-logits[[_SUBTYPES.index(name) for name in names]]))
        order = np.argsort(-p, kind="stable")
        chosen = [names[i] for n, i in enumerate(order) if n == 0 or p[i] >= SUBTYPE_FROM]
        return tuple(chosen[:3])


def _of_others(subtypes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how likely a disclosure is one that can be made to the debtor, shape (turns,).

    Telling the debtor of the debt discloses nothing: with the debtor on the line only saying
    that others were told, or will be, counts.
    """
    names = list(SUBTYPES["third_party_disclosure"])
    odds = np.exp(subtypes[:, [_SUBTYPES.index(name) for name in names]])
    counted = odds[:, [names.index("reported"), names.index("announced")]].sum(axis=1)
    return np.asarray(counted / odds.sum(axis=1), np.float64)


def settings_of(facts: Mapping[str, Any]) -> Settings:
    """Return what `models.train` settled in the form the classifier takes."""
    return Settings(
        {
            label: (float(a), float(b), float(c))
            for label, (a, b, c) in facts["calibration"].items()
        },
        {label: (float(a), float(c)) for label, (a, c) in facts["lone"].items()},
        {label: float(value) for label, value in facts["thresholds"].items()},
        float(facts["review_from"]),
        float(facts["role_scale"]),
        (float(facts["listener"][0]), float(facts["listener"][1])),
    )


@cache
def call_classifier() -> Classifier:
    """Return the published classifier."""
    record = json.loads((folder() / "words.json").read_text("utf-8"))
    return Classifier(words_model(), settings_of(record["models"][ARTIFACT]), call_encoder())
