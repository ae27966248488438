"""Grouping voice vectors into one to four speakers.

Two speakers by far are the rule in phone calls, so one or more than two need strong grounds.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["cluster"]

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]

_ONE_VOICE = 0.93
"""Two groups whose means are more alike than this are one voice."""
_THIRD_VOICE = 0.80
"""A third or fourth voice must be less like all others than this ..."""
_THIRD_SECONDS = 4.0
"""... and speak at least this long in all."""
_RESTARTS = 8


def _normalise(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), np.float32)


def _centroids(vectors: Vectors, weights: NDArray[np.float64], labels: Labels, k: int) -> Vectors:
    sums = np.zeros((k, vectors.shape[1]))
    for label in range(k):
        mine = labels == label
        sums[label] = (vectors[mine] * weights[mine, None]).sum(axis=0)
    return _normalise(sums.astype(np.float32))


def _spherical_kmeans(
    vectors: Vectors, weights: NDArray[np.float64], k: int
) -> tuple[float, Labels, Vectors]:
    best: tuple[float, Labels, Vectors] | None = None
    generator = np.random.default_rng(0)
    for _ in range(_RESTARTS):
        chosen = [int(generator.choice(len(vectors), p=weights / weights.sum()))]
        while len(chosen) < k:  # k-means++ on cosine distance
            distance = (1 - (vectors @ vectors[chosen].T).max(axis=1)).clip(0) ** 2 * weights
            if distance.sum() <= 0:
                break
            chosen.append(int(generator.choice(len(vectors), p=distance / distance.sum())))
        centroids = vectors[chosen]
        labels = (vectors @ centroids.T).argmax(axis=1)
        for _ in range(30):
            centroids = _centroids(vectors, weights, labels, len(centroids))
            moved = (vectors @ centroids.T).argmax(axis=1)
            if (moved == labels).all():
                break
            labels = moved
        score = float((weights * (vectors * centroids[labels]).sum(axis=1)).sum())
        if best is None or score > best[0]:
            best = score, labels, centroids
    assert best is not None
    return best


def cluster(
    vectors: Vectors, weights: NDArray[np.float64], max_speakers: int = 4
) -> tuple[Labels, Vectors]:
    """Return (labels (n,), centroids (k, d)), speakers numbered by when they first speak.

    Args:
        vectors: unit vectors (n, d), in time order.
        weights: seconds of speech behind each (n,).
        max_speakers: the most that are looked for.
    """
    labels = np.zeros(len(vectors), np.int64)
    for k in range(2, max_speakers + 1):
        if len(vectors) < 2 * k - 2 or len(vectors) < k:
            break
        _, split, means = _spherical_kmeans(vectors, weights, k)
        if len(np.unique(split)) < k:
            break
        cosine = means @ means.T
        np.fill_diagonal(cosine, -1)
        seconds = np.array([weights[split == label].sum() for label in range(k)])
        if k == 2 and cosine.max() > _ONE_VOICE:
            break
        if k > 2 and (cosine.max() > _THIRD_VOICE or seconds.min() < _THIRD_SECONDS):
            break
        labels = split
    order = {label: rank for rank, label in enumerate(dict.fromkeys(labels.tolist()))}
    labels = np.array([order[label] for label in labels.tolist()], np.int64)
    return labels, _centroids(vectors, weights, labels, len(order))
