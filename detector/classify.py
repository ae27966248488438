"""Turns of a call to calibrated scores, decisions, sub-types and reasons.

Scores are probabilities (Platt scaling on writers that were held out, see `models.train`).
A turn is *flagged* at or above its category's threshold, *to review* in the band below.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.artifacts import folder
from detector.errors import OptionError
from detector.features import CallTurn, PreparedTurn, prepare
from detector.labels import SUBTYPES
from detector.words_model import ARTIFACT, WordsModel, words_model

__all__ = ["Classifier", "Settings", "TurnScores", "call_classifier"]

LABELS = tuple(SUBTYPES)
MAX_THIRD_DOUBT = (0.15, 0.85)
SUBTYPE_FROM = 0.35


@dataclass(frozen=True, slots=True)
class Settings:
    """What training settled, and what the user may change (thresholds, 0 to 1)."""

    calibration: Mapping[str, tuple[float, float]]
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
        return Settings(
            self.calibration,
            {**self.thresholds, **changed},
            self.review_from,
            self.role_scale,
            self.listener,
        )


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
    """The word model with its calibration."""

    model: WordsModel
    settings: Settings
    _columns: dict[str, list[int]] = field(default_factory=dict)

    def probabilities(self, turns: Sequence[PreparedTurn], third: float) -> NDArray[np.float64]:
        """Return probabilities (turns, 3); `third` is how likely a third party listens."""
        logits = self._logits(turns, third)
        columns = [self.model.column[label] for label in LABELS]
        a, b = np.array([self.settings.calibration[label] for label in LABELS]).T
        return np.asarray(1 / (1 + np.exp(-(a * logits[:, columns] + b))), np.float64)

    def _logits(self, turns: Sequence[PreparedTurn], third: float) -> NDArray[np.float32]:
        listener = "T" if third >= 0.5 else "D"
        return self.model.call_logits(turns, listener)

    def classify(self, turns: Sequence[CallTurn], third: float = 0.0) -> list[TurnScores]:
        """Score every turn; only the collector's and unknown speakers' can be flagged.

        Args:
            turns: a call's turns in order.
            third: probability that a third party, not the debtor, is on the line.
        """
        prepared = prepare(turns)
        if not prepared:
            return []
        p = self.probabilities(prepared, third)
        doubtful = MAX_THIRD_DOUBT[0] < third < MAX_THIRD_DOUBT[1]
        other = self.probabilities(prepared, 0.0 if third >= 0.5 else 1.0) if doubtful else p
        logits = self._logits(prepared, third)
        return [
            self._decide(turn, p[i], other[i], logits[i], doubtful) for i, turn in enumerate(turns)
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
        subtypes = {label: self._subtypes(label, logits) for label in LABELS}
        scores = {label: round(float(p[k]), 4) for k, label in enumerate(LABELS)}
        return TurnScores(scores, subtypes, tuple(flagged), tuple(review), hangs)

    def _subtypes(self, label: str, logits: NDArray[np.float32]) -> tuple[str, ...]:
        names = list(SUBTYPES[label])
        p = 1 / (1 + np.exp(-logits[[self.model.column[name] for name in names]]))
        order = np.argsort(-p, kind="stable")
        chosen = [names[i] for n, i in enumerate(order) if n == 0 or p[i] >= SUBTYPE_FROM]
        return tuple(chosen[:3])


def _settings(record: Mapping[str, Any]) -> Settings:
    facts = record["models"][ARTIFACT]
    return Settings(
        {label: (float(a), float(b)) for label, (a, b) in facts["calibration"].items()},
        {label: float(value) for label, value in facts["thresholds"].items()},
        float(facts["review_from"]),
        float(facts["role_scale"]),
        (float(facts["listener"][0]), float(facts["listener"][1])),
    )


@cache
def call_classifier() -> Classifier:
    """Return the published classifier."""
    record = json.loads((folder() / "words.json").read_text("utf-8"))
    return Classifier(words_model(), _settings(record))
