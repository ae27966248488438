"""What is heard beside speech: sounds nobody speaks in, and how far speech stands out."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.audio import RATE, Samples

__all__ = ["Background"]

_FRAME = RATE // 10
_FRAME_S = _FRAME / RATE
_ABOVE_FLOOR, _BELOW_SPEECH = 10 ** (6 / 10), 10 ** (-12 / 10)
_AUDIBLE = 1e-5  # mean power, -50 dBFS
_PAUSE_S = 6.0  # a ringing tone pauses for four seconds
_LEAST_S = 3.0
_CLEAR_DB = 11.0
_FAINT = 10 ** (-48 / 10)


@dataclass
class Background:
    """Feed one channel as it flows; a float every 0.1 s is kept."""

    _power: list[NDArray[np.float64]] = field(default_factory=list)
    _spoken: list[NDArray[np.bool_]] = field(default_factory=list)

    def add(self, samples: Samples, spoken: bool) -> None:
        """Take the next second of samples (n,) and whether somebody speaks in it."""
        whole = len(samples) // _FRAME
        frames = samples[: whole * _FRAME].astype(np.float64).reshape(whole, _FRAME)
        self._power.append((frames**2).mean(axis=1))
        self._spoken.append(np.full(whole, spoken))

    def sounds(self) -> list[tuple[float, float]]:
        """Return where there is a lasting sound about as loud as the speech, but no speech.

        Spans in seconds: music on hold, ringing tones, a television, traffic.
        """
        power, spoken = self._whole()
        if not len(power):
            return []
        least = max(_AUDIBLE, _ABOVE_FLOOR * float(np.percentile(power, 5)))
        if spoken.any():
            least = max(least, _BELOW_SPEECH * float(np.percentile(power[spoken], 75)))
        spans: list[list[float]] = []
        for at in (np.flatnonzero((power > least) & ~spoken) * _FRAME_S).tolist():
            if spans and at - spans[-1][1] < _PAUSE_S:
                spans[-1][1] = at + _FRAME_S
                spans[-1][2] += _FRAME_S
            else:
                spans.append([at, at + _FRAME_S, _FRAME_S])
        return [(start, end) for start, end, heard in spans if heard >= _LEAST_S]

    def clear(self) -> bool:
        """Tell whether speech is neither faint nor drowned in noise."""
        power, spoken = self._whole()
        if not spoken.any():
            return True
        speech = float(np.percentile(power[spoken], 90))
        floor = float(np.percentile(power, 5))
        return speech > _FAINT and 10 * np.log10(speech / max(floor, 1e-12)) > _CLEAR_DB

    def _whole(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if not self._power:
            return np.zeros(0), np.zeros(0, np.bool_)
        return np.concatenate(self._power), np.concatenate(self._spoken)
