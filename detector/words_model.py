"""The word model: a linear model over the features of a turn, scored with numpy alone.

Trained by `python -m models.train`; stored as plain arrays. Heads: the three categories,
their sub-types, the three roles, and whether a third party is on the line.
"""

import binascii
import io
import zlib
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from detector.artifacts import artifact
from detector.features import FAMILIES, PreparedTurn, spans, turn_features

__all__ = ["WordsModel", "words_model"]

ARTIFACT = "words.npz"
Scores = NDArray[np.float32]


def key(feature: str) -> int:
    """Return the number, 48 bits, under which a feature's weights stand."""
    data = feature.encode("utf-8")
    return zlib.crc32(data) << 16 | binascii.crc_hqx(data, 0)


class WordsModel:
    """Weights by feature; a turn's logit is the sum over its features by family.

    Features stand as hashes: a name read from the file and put into a dictionary would cost each
    start more than a second. With a million features, one unknown feature in some 270 million
    is taken for a known one.
    """

    def __init__(self, data: bytes) -> None:
        with np.load(io.BytesIO(data), allow_pickle=False) as packed:
            self._keys = np.cumsum(packed["keys"].astype(np.int64))  # stored as differences
            self.heads: list[str] = packed["heads"].tobytes().decode("utf-8").split("\n")
            self._weights: NDArray[np.int8] = packed["weights"]  # kept so: a quarter of the memory
            self._steps: Scores = packed["steps"]  # of one unit, by head
            self.biases: Scores = packed["biases"]
        self.column = {head: i for i, head in enumerate(self.heads)}

    def places(self, features: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each feature, -1 where it has no weights."""
        keys = np.fromiter(map(key, features), np.int64, len(features))
        found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[found] == keys, found, -1)

    def logits(self, features: Iterable[str]) -> Scores:
        """Return the logit of every head, shape (heads,), for one turn's features."""
        distinct = sorted({*features})  # the same sum, bit for bit, whatever order a set has
        places = self.places(distinct)
        families = np.array([feature[0] for feature in distinct])
        total = self.biases.copy()
        for family in FAMILIES:
            mine = families == family
            known = places[mine & (places >= 0)]
            if len(known):
                own = self._steps * self._weights[known].sum(axis=0, dtype=np.int32)
                total += own / np.sqrt(np.float32(mine.sum()))
        return total

    def call_logits(self, turns: Sequence[PreparedTurn], listener: str) -> Scores:
        """Return logits of every turn of a call, shape (turns, heads)."""
        if not turns:
            return np.zeros((0, len(self.heads)), np.float32)
        return np.stack([self.logits(turn_features(turns, i, listener)) for i in range(len(turns))])

    def contributions(self, turn: PreparedTurn, head: str) -> tuple[Scores, Scores]:
        """Return how much each character raised a head: (by its writing, by its sound)."""
        column = self.column[head]
        step = self._steps[column]
        sizes = dict.fromkeys(FAMILIES, 0)
        seen: dict[str, list[tuple[int, int]]] = {}
        for feature, start, end in spans(turn):
            seen.setdefault(feature, []).append((start, end))
        for feature in seen:
            sizes[feature[0]] += 1
        written = np.zeros(len(turn.text), np.float32)
        sounded = np.zeros(len(turn.text), np.float32)
        rows = self.places(list(seen))
        for row, (feature, places) in zip(rows, seen.items(), strict=True):
            if row < 0:
                continue
            weight = step * self._weights[row, column] / np.sqrt(np.float32(sizes[feature[0]]))
            target = sounded if feature[0] == "p" else written
            for start, end in places:
                target[start:end] += weight / (len(places) * (end - start))
        return written, sounded


@cache
def words_model() -> WordsModel:
    """Return the published word model."""
    return WordsModel(artifact(ARTIFACT))
