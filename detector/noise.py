"""Less noise in what the recogniser hears; only its copy is changed.

Steady noise (hiss, hum, a fan) is estimated at each frequency from the quietest moments of a
window and turned down by the square root of a Wiener filter, its gain smoothed over time by the
decision-directed rule (Ephraim & Malah 1984, eq. 51), so that no musical tones arise, and never
below a floor. So much leaves the words as they are: what it is worth stands in README.md.
"""

import numpy as np

from detector.audio import RATE, Samples

__all__ = ["less_noise"]

_SIZE, _STEP = 512, 256  # samples of a frame, 32 ms, and from one to the next
_AROUND = 7  # frames over which power is averaged before the quietest are looked for
_QUIETEST, _ABOVE = 10, 1.3  # the percentile that is noise, and how much it lies below the mean
_KEPT = 0.98  # how much of the last frame's estimate goes into the next
_FLOOR = 10 ** (-12 / 20)
_CLEAR = 1000.0
"""Where speech has so many times the power of the noise, 30 dB, nothing is done."""
_SHORTEST_S = 0.5


def less_noise(samples: Samples) -> Samples:
    """Return samples (n,) at 16 kHz with less steady noise, (n,); clear ones as they are."""
    if len(samples) < _SHORTEST_S * RATE:
        return samples
    window = np.sqrt(np.hanning(_SIZE + 1)[:-1]).astype(np.float32)
    padded = np.pad(samples, (_SIZE, _SIZE + -len(samples) % _STEP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_STEP]
    spectrum = np.fft.rfft(frames * window, axis=1)
    power = np.square(np.abs(spectrum))
    inner = power[2:-2]
    sums = np.cumsum(np.pad(inner, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    noise = np.percentile((sums[_AROUND:] - sums[:-_AROUND]) / _AROUND, _QUIETEST, axis=0)
    noise = _ABOVE * noise + np.finfo(np.float32).tiny
    if inner.mean(axis=0).sum() > _CLEAR * noise.sum():
        return samples
    above = power / noise
    gain, before = np.empty_like(power), np.zeros(power.shape[1])
    for number, ratio in enumerate(above):
        estimate = (1 - _KEPT) * np.maximum(ratio - 1, 0) + _KEPT * before
        gain[number] = own = estimate / (1 + estimate)
        before = np.square(own) * ratio
    spectrum *= np.maximum(np.sqrt(gain), _FLOOR)
    pieces = np.fft.irfft(spectrum, _SIZE, axis=1).astype(np.float32) * window
    halves = pieces.reshape(len(pieces), 2, _STEP)
    # each step of the output is the second half of one frame and the first of the next
    whole = (halves[:-1, 1] + halves[1:, 0]).reshape(-1)
    begun = _SIZE - _STEP
    return np.asarray(whole[begun : begun + len(samples)], np.float32)
