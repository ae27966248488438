"""Feature strings to sparse rows, and a trained model to plain arrays.

Features are binary, weighted by inverse document frequency and divided by the square root of
how many features of their family the turn has, so that neither long turns nor large families
drown the others; `FAMILY_WEIGHTS` says how loud each family is.
"""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from detector.features import CallTurn, prepare, turn_features
from detector.words_model import key

FAMILY_WEIGHTS = {"c": 1.0, "w": 0.7, "p": 0.8, "l": 0.7, "x": 0.35}
MIN_DF = {"c": 2, "w": 2, "p": 3, "l": 2, "x": 4}
IDF_SCALE = 5.0
SMALLEST_WEIGHT = 0.6


def call_features(call: dict) -> list[list[str]]:
    """Return the feature strings of every turn of a call in the corpus format."""
    prepared = prepare([CallTurn(turn["text"], turn["speaker"]) for turn in call["turns"]])
    listener = listener_of(call)
    return [list(turn_features(prepared, i, listener)) for i in range(len(prepared))]


def listener_of(call: dict) -> str:
    """Return D, T or U for who hears the collector, as the corpus says."""
    listener = call.get("listener")
    if listener in ("debtor", "guarantor", "co_borrower"):
        return "D"
    if call["kind"] == "third_party_call":
        return "T"
    return "U" if call["kind"] == "visit" else "D"


@dataclass
class Vectoriser:
    """A vocabulary with idf weights."""

    names: list[str]
    idf: np.ndarray

    def __post_init__(self) -> None:
        self.index = {name: i for i, name in enumerate(self.names)}
        self.family = [name[0] for name in self.names]
        self.loud = [
            FAMILY_WEIGHTS[family] * float(idf)
            for family, idf in zip(self.family, self.idf, strict=True)
        ]

    @classmethod
    def fit(cls, rows: Sequence[Sequence[str]]) -> "Vectoriser":
        counts: Counter[str] = Counter()
        for row in rows:
            counts.update(set(row))
        names = sorted(n for n, count in counts.items() if count >= MIN_DF[n[0]])
        df = np.array([counts[name] for name in names])
        return cls(names, (np.log((1 + len(rows)) / (1 + df)) + 1).astype(np.float32))

    def transform(self, rows: Sequence[Sequence[str]]) -> sparse.csr_matrix:
        data, columns, starts = [], [], [0]
        for row in rows:
            distinct = set(row)
            sizes = Counter(name[0] for name in distinct)
            length = {family: IDF_SCALE * size**0.5 for family, size in sizes.items()}
            own = sorted(self.index[name] for name in distinct & self.index.keys())
            columns += own
            data += [self.loud[i] / length[self.family[i]] for i in own]
            starts.append(len(columns))
        return sparse.csr_matrix(
            (np.array(data, np.float32), columns, starts), (len(rows), len(self.names))
        )


def pack(vectoriser: Vectoriser, heads: dict[str, tuple[np.ndarray, float]]) -> bytes:
    """Return the npz bytes of a word model.

    Arrays: keys (features,), weights (features, heads), steps and biases (heads,). Idf and family
    weights are folded into the weights, which are whole numbers of steps, -127 to 127; features
    whose weights are all tiny are left out. Keys are hashes of the features, in order, each as
    the difference to the one before; of features with the same key the first stays.
    """
    scale = (np.array(vectoriser.loud) / IDF_SCALE)[:, None]
    weights = np.stack([w for w, _ in heads.values()], axis=1) * scale
    keep = np.abs(weights).max(axis=1) > SMALLEST_WEIGHT
    keys, first = np.unique(
        np.array([key(n) for n, k in zip(vectoriser.names, keep, strict=True) if k], np.int64),
        return_index=True,
    )
    kept = weights[keep][first]
    steps = np.maximum(np.abs(kept).max(axis=0, initial=0.0), 1e-6) / 127
    out = io.BytesIO()
    np.savez_compressed(
        out,
        keys=np.diff(keys, prepend=0),
        weights=np.rint(kept / steps).astype(np.int8),
        steps=steps.astype(np.float32),
        biases=np.array([b for _, b in heads.values()], np.float32),
        heads=np.frombuffer("\n".join(heads).encode("utf-8"), np.uint8),
    )
    return out.getvalue()
