"""Grouping voice vectors into one to four speakers.

Two speakers by far are the rule in phone calls, so one or more than two need strong grounds.
Whoever gets angry moves away from their own calm voice, though less far than another person is:
how alike two groups are is therefore measured against how alike the members of each are.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["cluster"]

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]

_SECOND_VOICE, _SECOND_DOUBT = 0.9, 0.4
"""Two groups are two voices if less alike than `0.9 - 0.4 / seconds` of the lesser one (of few
vectors some are always unlike the rest) and what speaks for two voices:"""
_IN_TURNS, _MOST_TURNS = 0.035, 4.0
"""how many standard deviations their order is from chance, since people take turns, ..."""
_HANDED, _MOST_HANDED = 0.3, 0.3
"""... and how often the segmentation model hears one voice after another."""
_THIRD_VOICE, _THIRD_DOUBT = 0.82, (0.9, 0.4)
"""A third or fourth voice must be less like all others than this (one person's angry and calm
voices in a clean recording are often less alike than 0.87), and than `0.9 - 0.4 / seconds`
(a little speech is easily unlike the rest) ..."""
_THIRD_SECONDS = 7.0
"""... and speak at least this long in all."""
_ALIKE = 0.6
"""How alike a second or so of one voice is to another of the same, where nothing else tells."""
_SHARED = 0.5
"""How much of what all vectors of a call have in common (line, room) is taken away."""
_RESTARTS = 30


def _normalise(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), np.float32)


def _centroids(vectors: Vectors, weights: NDArray[np.float64], labels: Labels, k: int) -> Vectors:
    sums = np.zeros((k, vectors.shape[1]))
    for label in range(k):
        mine = labels == label
        sums[label] = (vectors[mine] * weights[mine, None]).sum(axis=0)
    return _normalise(sums.astype(np.float32))


def _spherical_kmeans(vectors: Vectors, k: int) -> Labels:
    best: tuple[float, Labels] | None = None
    generator = np.random.default_rng(0)
    ones = np.ones(len(vectors))
    for _ in range(_RESTARTS):
        chosen = [int(generator.choice(len(vectors)))]
        while len(chosen) < k:  # k-means++ on cosine distance
            distance = (1 - (vectors @ vectors[chosen].T).max(axis=1)).clip(0) ** 2
            if distance.sum() <= 0:
                break
            chosen.append(int(generator.choice(len(vectors), p=distance / distance.sum())))
        centroids = vectors[chosen]
        labels = (vectors @ centroids.T).argmax(axis=1)
        for _ in range(30):
            centroids = _centroids(vectors, ones, labels, len(centroids))
            moved = (vectors @ centroids.T).argmax(axis=1)
            if (moved == labels).all():
                break
            labels = moved
        score = float((vectors * centroids[labels]).sum())
        if best is None or score > best[0]:
            best = score, labels
    assert best is not None
    return best[1]


def _likeness(vectors: Vectors, labels: Labels, k: int) -> float:
    """Return how alike the two most alike groups are beside how alike their own members are.

    Pairs of a vector with itself do not count; a group of one is taken to be as alike as the
    others are.
    """
    sums = np.stack([vectors[labels == label].sum(axis=0) for label in range(k)]).astype(float)
    counts = np.array([(labels == label).sum() for label in range(k)], float)
    within = np.full(k, np.nan)
    several = counts > 1
    within[several] = ((sums**2).sum(axis=1) - counts)[several] / (counts * (counts - 1))[several]
    within = np.where(several, within, np.nanmean(within) if several.any() else _ALIKE)
    between = sums @ sums.T / np.outer(counts, counts)
    ratio = between / np.sqrt(np.maximum(np.outer(within, within), 1e-9))
    np.fill_diagonal(ratio, -1.0)
    return float(ratio.max())


def _in_turns(labels: Labels) -> float:
    """Return by how many standard deviations two groups change places less or more than by chance.

    The runs test of Wald and Wolfowitz: one voice split in two falls in no order.
    """
    count, first = len(labels), int((labels == labels[0]).sum())
    pairs = 2.0 * first * (count - first)
    spread = np.sqrt(max(pairs * (pairs - count) / (count**2 * max(count - 1, 1)), 0.0))
    changes = float((labels[1:] != labels[:-1]).sum())
    return float(abs(changes - pairs / count) / max(spread, 0.3))


def cluster(
    vectors: Vectors, weights: NDArray[np.float64], max_speakers: int = 4, handed: float = 0.0
) -> tuple[Labels, Vectors]:
    """Return (labels (n,), centroids (k, d)), speakers numbered by when they first speak.

    Args:
        vectors: unit vectors (n, d), in time order.
        weights: seconds of speech behind each (n,).
        max_speakers: the most that are looked for.
        handed: what share of neighbours the segmentation model gives to different voices.
    """
    labels = np.zeros(len(vectors), np.int64)
    apart = _normalise(vectors - _SHARED * vectors.mean(axis=0))
    for k in range(2, max_speakers + 1):
        if len(vectors) < 2 * k - 2 or len(vectors) < k:
            break
        split = _spherical_kmeans(apart, k)
        if len(np.unique(split)) < k:
            break
        likeness = _likeness(vectors, split, k)
        seconds = min(weights[split == label].sum() for label in range(k))
        if k == 2:
            two = _IN_TURNS * min(_in_turns(split), _MOST_TURNS)
            two += _HANDED * min(handed, _MOST_HANDED)
            if likeness > _SECOND_VOICE - _SECOND_DOUBT / max(seconds, 1e-9) + two:
                break
        limit = min(_THIRD_VOICE, _THIRD_DOUBT[0] - _THIRD_DOUBT[1] / max(seconds, 1e-9))
        if k > 2 and (likeness > limit or seconds < _THIRD_SECONDS):
            break
        labels = split
    order = {label: rank for rank, label in enumerate(dict.fromkeys(labels.tolist()))}
    labels = np.array([order[label] for label in labels.tolist()], np.int64)
    return labels, _centroids(vectors, weights, labels, len(order))
