"""Two-channel calls whose channels change places midway, as some recorders do after a transfer.

Told by the voices: what is said on the left before a moment sounds like what is said on the
right after it, and the other way round. Vectors live in memory only.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.audio import RATE
from detector.segmentation import Frames
from detector.speech import Region
from detector.voices import voice_vector

__all__ = ["Voices", "swapped_at"]

_SHORTEST_S, _LONGEST_S = 1.0, 2.0
"""What a vector is made of. A longer region has several: channels may change places within it."""
_LEAST = 2
"""Vectors on each side of the moment, in each channel."""
_MARGIN = 0.08

Sums = tuple[NDArray[np.float64], NDArray[np.int64]]


@dataclass
class Voices:
    """Voice vectors of one channel, one a part of a region of speech: from when (s), and what."""

    at_s: list[float] = field(default_factory=list)
    vectors: list[Frames] = field(default_factory=list)

    def add(self, region: Region) -> None:
        """Take the next region of speech."""
        if len(region.samples) < _SHORTEST_S * RATE:
            return
        parts = max(1, round(len(region.samples) / (_LONGEST_S * RATE)))
        for number, samples in enumerate(np.array_split(region.samples, parts)):
            spare = len(samples) - round(_LONGEST_S * RATE)
            middle = samples[max(spare, 0) // 2 :][: round(_LONGEST_S * RATE)]
            self.at_s.append((region.start + number * len(region.samples) / parts) / RATE)
            self.vectors.append(voice_vector(middle))


def swapped_at(left: Voices, right: Voices) -> float | None:
    """Return when (s) the two channels changed places, or None."""
    if min(len(left.at_s), len(right.at_s)) < 2 * _LEAST:
        return None
    times = np.array(left.at_s + right.at_s)
    vectors = np.stack(left.vectors + right.vectors)
    on_left = np.arange(len(times)) < len(left.at_s)
    order = np.argsort(times, kind="stable")
    moments = times[order]
    before = np.searchsorted(moments, moments)  # how many vectors lie before each moment
    left_sum, left_count = _until(vectors, on_left, order)
    right_sum, right_count = _until(vectors, ~on_left, order)
    enough = np.ones(len(moments), bool)
    means = []
    for total, count in ((left_sum, left_count), (right_sum, right_count)):
        enough &= (count[before] >= _LEAST) & (count[-1] - count[before] >= _LEAST)
        means += [_unit(total[before]), _unit(total[-1] - total[before])]
    left_before, left_after, right_before, right_after = means
    crossed = (left_before * right_after + left_after * right_before).sum(axis=1)
    straight = (left_before * left_after + right_before * right_after).sum(axis=1)
    gain = np.where(enough, (crossed - straight) / 2, 0.0)
    if gain.max() <= _MARGIN:
        return None
    # the means tell that it happened; single vectors tell best when
    one = on_left == (times < moments[gain.argmax()])
    apart = _unit(vectors[one].mean(axis=0)) - _unit(vectors[~one].mean(axis=0))
    side = ((vectors @ apart) * np.where(on_left, 1, -1))[order]
    until = np.concatenate([[0.0], np.cumsum(side)])[before]
    return float(moments[(2 * until - side.sum()).argmax()])


def _until(vectors: Frames, mine: NDArray[np.bool_], order: NDArray[np.int64]) -> Sums:
    """Return sums (n + 1, 192) of the first n vectors in `order` that are mine, and how many."""
    chosen = np.where(mine[:, None], vectors, 0.0)[order]
    total = np.concatenate([np.zeros_like(chosen[:1]), np.cumsum(chosen, axis=0)])
    return total, np.concatenate([[0], np.cumsum(mine[order])])


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float64)
