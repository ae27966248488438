"""Figures of merit of scored turns, for `models.evaluate`: sums over calls, resampled.

Every figure is a function of sums that can be added over calls, so that its 95 % interval
comes from the same 1,000 resamplings of whole calls (turns of one call are not independent).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.calls import LABELS

RESAMPLES, SEED = 1_000, 20
SCORES_FROM, BINS = 0.05, 15
Figure = dict[str, float | None]
Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ScoredTurn:
    """A turn of the corpus with what the classifier made of it; `call` is the call's place."""

    call: int
    number: int
    turn: dict[str, Any]
    scores: dict[str, float]
    flagged: tuple[str, ...]
    review: tuple[str, ...]
    named: dict[str, tuple[str, ...]]
    """The sub-types the classifier names under each label, the likeliest first."""


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)


def ratio(sums: np.ndarray) -> np.ndarray:
    """First sum divided by the second."""
    return _ratio(sums[..., 0], sums[..., 1])


def precision(sums: np.ndarray) -> np.ndarray:
    """Of (right, predicted, true)."""
    return _ratio(sums[..., 0], sums[..., 1])


def recall(sums: np.ndarray) -> np.ndarray:
    """Of (right, predicted, true)."""
    return _ratio(sums[..., 0], sums[..., 2])


def f1(sums: np.ndarray) -> np.ndarray:
    """Of (right, predicted, true)."""
    return _ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def ece(sums: np.ndarray) -> np.ndarray:
    """Expected calibration error of (count, scores, true) of each bin, one after another.

    Resampling adds noise to every bin, so the interval lies above rather than around it.
    """
    bins = sums.reshape(*sums.shape[:-1], BINS, 3)
    return _ratio(np.abs(bins[..., 1] - bins[..., 2]).sum(-1), bins[..., 0].sum(-1))


def bin_of(scores: np.ndarray) -> np.ndarray:
    """Return the bin of each score from SCORES_FROM to 1; -1 below."""
    width = (1 - SCORES_FROM) / BINS
    places = np.minimum(((scores - SCORES_FROM) / width).astype(int), BINS - 1)
    return np.where(scores >= SCORES_FROM, places, -1)


class Measured:
    """All turns of a run as arrays."""

    def __init__(self, calls: Sequence[dict[str, Any]], turns: Sequence[ScoredTurn]) -> None:
        self.calls, self.turns = calls, turns
        self.collector = np.array([t.turn["speaker"] == "collector" for t in turns])
        self.call = np.array([t.call for t in turns], int)
        self.true = self.grid(lambda t, label: label in t.turn["labels"])
        self.flagged = self.grid(lambda t, label: label in t.flagged)
        self.review = self.grid(lambda t, label: label in t.review)
        self.scores = self.grid(lambda t, label: t.scores[label], float)
        count = len(calls)
        rng = np.random.default_rng(SEED)
        self.weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)

    def grid(self, value: Callable[[ScoredTurn, str], Any], kind: type = bool) -> np.ndarray:
        """Return an array (turns, labels)."""
        return np.array([[value(t, label) for label in LABELS] for t in self.turns], kind)

    def in_calls(self, test: Callable[[dict[str, Any]], bool]) -> np.ndarray:
        """Return which turns belong to calls that pass a test."""
        passed = np.array([test(call) for call in self.calls], bool)
        return passed[self.call]

    def sums(self, columns: Sequence[np.ndarray], rows: np.ndarray) -> np.ndarray:
        """Add up columns (turns,) over the chosen rows of each call: (calls, columns)."""
        out = np.zeros((len(self.calls), len(columns)))
        for place, column in enumerate(columns):
            np.add.at(out[:, place], self.call[rows], column[rows].astype(float))
        return out

    def figure(self, statistic: Statistic, sums: np.ndarray) -> Figure:
        """Return a figure with its 95 % interval (None where there is nothing to measure)."""
        value = float(statistic(sums.sum(0)))
        drawn = statistic(self.weights @ sums)
        drawn = drawn[~np.isnan(drawn)]
        if np.isnan(value) or not drawn.size:
            return {"value": None, "low": None, "high": None}
        low, high = (round(float(bound), 4) for bound in np.quantile(drawn, (0.025, 0.975)))
        return {"value": round(value, 4), "low": low, "high": high}

    def detection(self, predicted: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
        """Return precision, recall and F1 per label, over all labels (micro), and of turns.

        In the last a turn counts once, whichever labels it has.
        """
        found: dict[str, Any] = {}
        pairs = {label: (self.true[:, [k]], predicted[:, [k]]) for k, label in enumerate(LABELS)}
        pairs["micro"] = (self.true, predicted)
        pairs["turn, any label"] = (self.true.any(1)[:, None], predicted.any(1)[:, None])
        for name, (true, said) in pairs.items():
            sums = self.sums([(true & said).sum(1), said.sum(1), true.sum(1)], rows)
            found[name] = {
                "precision": self.figure(precision, sums),
                "recall": self.figure(recall, sums),
                "f1": self.figure(f1, sums),
                "true": int(sums[:, 2].sum()),
                "predicted": int(sums[:, 1].sum()),
            }
        return found

    def calibration(self, rows: np.ndarray) -> dict[str, Any]:
        """Return ECE over scores of at least SCORES_FROM and Brier score, by label and pooled."""
        bins = bin_of(self.scores)
        found: dict[str, Any] = {}
        for name in (*LABELS, "all"):
            columns = list(range(len(LABELS))) if name == "all" else [LABELS.index(name)]
            scores, true = self.scores[:, columns], self.true[:, columns]
            binned = []
            for place in range(BINS):
                inside = bins[:, columns] == place
                binned += [inside.sum(1), (inside * scores).sum(1), (inside & true).sum(1)]
            binned_sums = self.sums(binned, rows)
            missed = [((scores - true) ** 2).sum(1), np.full(len(scores), len(columns))]
            found[name] = {
                "ece": self.figure(ece, binned_sums),
                "brier": self.figure(ratio, self.sums(missed, rows)),
                "scores": int(binned_sums[:, ::3].sum()),
                "bins": binned_sums.sum(0).reshape(BINS, 3).round(4).tolist(),
            }
        return found

    def review_share(self) -> dict[str, Figure]:
        """Return the share of collector turns to review: not flagged as well, or any."""
        every = np.ones(len(self.turns))
        any_review = self.review.any(1)
        only = any_review & ~self.flagged.any(1)
        return {
            "only": self.figure(ratio, self.sums([only, every], self.collector)),
            "any": self.figure(ratio, self.sums([any_review, every], self.collector)),
        }

    def lawful(self, predicted: np.ndarray) -> dict[str, Any]:
        """Return false flags per lawful call, and the share of lawful calls with any."""
        rows = self.collector & self.in_calls(lambda call: call.get("severity") == "lawful")
        flags = self.sums([predicted.sum(1)], rows)[:, 0]
        lawful = np.array([call.get("severity") == "lawful" for call in self.calls], float)
        count = int(lawful.sum())
        share = self.figure(ratio, np.stack([flags > 0, lawful], 1))
        if share["value"] == 0:  # resampling cannot show what never happened: exact bound
            share["high"] = round(1 - 0.025 ** (1 / count), 4)
        return {
            "calls": count,
            "flags_per_call": self.figure(ratio, np.stack([flags, lawful], 1)),
            "calls_with_a_flag": share,
        }

    def subtypes(self, groups: dict[str, tuple[str, ...]]) -> dict[str, Any]:
        """Return recall by sub-type, and how often the named sub-types are right given a hit.

        `recall`: turns of the sub-type that are flagged with its label; `named`: of those,
        where the sub-type is among the named; `first` (by label): hits whose first named
        sub-type is one of the turn's.
        """
        found: dict[str, Any] = {"first": {}, "by_subtype": {}}
        for k, label in enumerate(LABELS):
            hit = self.true[:, k] & self.flagged[:, k]
            first = np.array([t.named[label][0] in t.turn["subtypes"] for t in self.turns])
            sums = self.sums([first & hit, hit], self.collector)
            found["first"][label] = self.figure(ratio, sums)
            for subtype in groups[label]:
                has = np.array([subtype in t.turn["subtypes"] for t in self.turns])
                said = np.array([subtype in t.named[label] for t in self.turns])
                found["by_subtype"][subtype] = {
                    "label": label,
                    "true": int((has & self.collector).sum()),
                    "recall": self.figure(ratio, self.sums([has & hit, has], self.collector)),
                    "named": self.figure(
                        ratio, self.sums([has & hit & said, has & hit], self.collector)
                    ),
                }
        return found

    def worst(self, count: int) -> list[dict[str, Any]]:
        """Return the wrong decisions whose scores are furthest from the truth."""
        wrong = []
        for t, turn in enumerate(self.turns):
            for k, label in enumerate(LABELS):
                if self.collector[t] and self.true[t, k] != self.flagged[t, k]:
                    away = abs(turn.scores[label] - self.true[t, k])
                    wrong.append((-away, turn.call, turn.number, label, turn))
        wrong.sort(key=lambda item: item[:4])
        return [
            {
                "call_id": self.calls[call].get("call_id", str(call + 1)),
                "turn": number,
                "error": f"{'missed' if label in turn.turn['labels'] else 'false'} {label}",
                "score": turn.scores[label],
                "subtypes": turn.turn["subtypes"],
                "text": turn.turn["text"],
            }
            for _, call, number, label, turn in wrong[:count]
        ]
