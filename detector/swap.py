"""Two-channel calls whose channels change places midway, as some recorders do after a transfer.

Told by the voices: what is said on the left before a moment sounds like what is said on the
right after it, and the other way round. Vectors live in memory only.
"""

from dataclasses import dataclass, field

import numpy as np

from detector.audio import RATE
from detector.segmentation import Frames
from detector.speech import Region
from detector.voices import voice_vector

__all__ = ["Voices", "swapped_at"]

_SHORTEST_S, _LONGEST_S = 1.0, 2.0
_APART_S = 2.0
"""A vector about so often in a long region: the channels may change places within it."""
_LEAST = 2
"""Vectors on each side of the moment, in each channel."""
_MARGIN = 0.08


@dataclass
class Voices:
    """Voice vectors of one channel, one a part of a region of speech: from when (s), and what."""

    at_s: list[float] = field(default_factory=list)
    vectors: list[Frames] = field(default_factory=list)

    def add(self, region: Region) -> None:
        """Take the next region of speech."""
        if len(region.samples) < _SHORTEST_S * RATE:
            return
        parts = max(1, round(len(region.samples) / (_APART_S * RATE)))
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
    best, when = _MARGIN, None
    for moment in sorted(times.tolist()):
        early = times < moment
        quarters = [vectors[(on_left == side) & (early == before)]
                    for side in (True, False) for before in (True, False)]  # fmt: skip
        if min(len(quarter) for quarter in quarters) < _LEAST:
            continue
        means = [_mean(quarter) for quarter in quarters]
        left_before, left_after, right_before, right_after = means
        crossed = left_before @ right_after + left_after @ right_before
        straight = left_before @ left_after + right_before @ right_after
        if (gain := float(crossed - straight) / 2) > best:
            best, when = gain, moment
    if when is None:
        return None
    # the means tell that it happened; single vectors tell best when
    one = on_left == (times < when)
    side = (vectors @ (_mean(vectors[one]) - _mean(vectors[~one]))) * np.where(on_left, 1, -1)
    moments: list[float] = sorted(times.tolist())
    return max(moments, key=lambda moment: float((side * np.where(times < moment, 1, -1)).sum()))


def _mean(vectors: Frames) -> Frames:
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)
