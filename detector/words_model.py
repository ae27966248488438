"""The word model: a linear model over the features of a turn, scored with numpy alone.

Trained by `python -m models.train`; stored as plain arrays. Heads: the three categories,
their sub-types, the three roles, and whether a third party is on the line.
"""

import io
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from detector.artifacts import artifact
from detector.features import FAMILIES, PreparedTurn, spans, turn_features

__all__ = ["WordsModel", "words_model"]

ARTIFACT = "words.npz"
Scores = NDArray[np.float32]


class WordsModel:
    """Weights by feature name; a turn's logit is the sum over its features by family."""

    def __init__(self, data: bytes) -> None:
        with np.load(io.BytesIO(data), allow_pickle=False) as packed:
            names = packed["names"].tobytes().decode("utf-8").split("\n")
            self.heads: list[str] = packed["heads"].tobytes().decode("utf-8").split("\n")
            self.weights: Scores = packed["weights"].astype(np.float32)
            self.biases: Scores = packed["biases"]
        self.index = dict(zip(names, range(len(names)), strict=True))
        self.column = {head: i for i, head in enumerate(self.heads)}

    def logits(self, features: Iterable[str]) -> Scores:
        """Return the logit of every head, shape (heads,), for one turn's features."""
        sizes = dict.fromkeys(FAMILIES, 0)
        found: dict[str, list[int]] = {family: [] for family in FAMILIES}
        get = self.index.get
        for feature in set(features):
            family = feature[0]
            sizes[family] += 1
            place = get(feature)
            if place is not None:
                found[family].append(place)
        total = self.biases.copy()
        for family, places in found.items():
            if places:
                places.sort()  # the same sum, bit for bit, whatever order a set has
                total += self.weights[places].sum(axis=0) / np.sqrt(np.float32(sizes[family]))
        return total

    def call_logits(self, turns: Sequence[PreparedTurn], listener: str) -> Scores:
        """Return logits of every turn of a call, shape (turns, heads)."""
        if not turns:
            return np.zeros((0, len(self.heads)), np.float32)
        return np.stack([self.logits(turn_features(turns, i, listener)) for i in range(len(turns))])

    def contributions(self, turn: PreparedTurn, head: str) -> tuple[Scores, Scores]:
        """Return how much each character raised a head: (by its writing, by its sound)."""
        column = self.column[head]
        sizes = dict.fromkeys(FAMILIES, 0)
        seen: dict[str, list[tuple[int, int]]] = {}
        for feature, start, end in spans(turn):
            seen.setdefault(feature, []).append((start, end))
        for feature in seen:
            sizes[feature[0]] += 1
        written = np.zeros(len(turn.text), np.float32)
        sounded = np.zeros(len(turn.text), np.float32)
        for feature, places in seen.items():
            index = self.index.get(feature)
            if index is None:
                continue
            weight = self.weights[index, column] / np.sqrt(np.float32(sizes[feature[0]]))
            target = sounded if feature[0] == "p" else written
            for start, end in places:
                target[start:end] += weight / (len(places) * (end - start))
        return written, sounded


@cache
def words_model() -> WordsModel:
    """Return the published word model."""
    return WordsModel(artifact(ARTIFACT))
