"""What a call sounds like, in a few bytes a second: the same call in two formats, told apart
from any other call.

After Haitsma and Kalker (2002): 17 bands between 300 and 3000 Hz (what every phone codec
keeps), energies over 0.7 s, and per 64 ms 16 bits that say whether the difference of two
neighbouring bands grew. Codecs, loudness, resampling and noise change few of these bits; the
bits of different calls agree by chance, in half of the cases. A second bit row marks the frames
that are loud enough to count.
"""

import struct
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from detector.audio import RATE, Decoder, Recording, Samples

__all__ = ["FRAME_S", "Match", "Sound", "compare", "fingerprint", "unpack"]

_WINDOW, _HOP = 1024, 512
_BANDS = 16
_LOW_HZ, _HIGH_HZ = 300.0, 3000.0
_SMOOTH = 21  # hops
_BACK = 10  # hops
_EACH = 2  # hops a stored frame
FRAME_S = _EACH * _HOP / RATE
_MAX_FRAMES = round(900 / FRAME_S)
_FLOOR = 10**-3.5
_FORMAT = 1
_HEAD = struct.Struct("<BI")
_SEGMENT = round(8 / FRAME_S)
_SEARCH = 3


@dataclass(frozen=True, slots=True)
class Sound:
    """A fingerprint: bits (uint16) and whether each frame counts."""

    codes: NDArray[np.uint16]
    loud: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Match:
    """How two recordings compare where they overlap best.

    `agreement` is the share of equal bits (0.5 is chance), `overlap_s` how long they overlap,
    `covered` the share of the shorter that does, `alike` the share of loud stretches of 8 s in
    which they agree, `offset_s` where the second begins in the first.
    """

    agreement: float
    overlap_s: float
    covered: float
    alike: float
    offset_s: float


@cache
def _filters() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    edges = np.geomspace(_LOW_HZ, _HIGH_HZ, _BANDS + 2)
    frequency = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    inside = (frequency[:, None] >= edges[:-1]) & (frequency[:, None] < edges[1:])
    return np.hanning(_WINDOW), inside.astype(np.float64)


@cache
def _ones() -> NDArray[np.float64]:
    """Return how many bits of each 16-bit number are set."""
    numbers = np.arange(1 << _BANDS, dtype=">u2").view(np.uint8).reshape(-1, 2)
    return np.asarray(np.unpackbits(numbers, axis=1).sum(axis=1), np.float64)


def _energies(samples: Samples) -> NDArray[np.float64]:
    window, bands = _filters()
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    return np.asarray(np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 @ bands)


def fingerprint(recording: Recording) -> bytes:
    """Return the fingerprint of a recording, of its first 15 minutes; empty for a short one.

    Raises:
        RecordingError: it cannot be read.
    """
    rest = np.zeros(0, np.float32)
    parts: list[NDArray[np.float64]] = []
    hops = 0
    for block in Decoder(recording):
        held = np.concatenate([rest, block.mean(axis=0)])
        if len(held) >= _WINDOW:
            parts.append(_energies(held))
            hops += len(parts[-1])
            held = held[len(parts[-1]) * _HOP :]
        rest = held
        if hops >= (_MAX_FRAMES + 1) * _EACH + _BACK:
            break
    if hops < _SMOOTH + _BACK:
        return b""
    weights = np.hanning(_SMOOTH + 2)[1:-1]
    energy = np.concatenate(parts)
    smooth = np.stack([np.convolve(band, weights / weights.sum(), "valid") for band in energy.T])
    level = np.log(smooth + 1e-12)
    slope = level[:-1] - level[1:]
    bits = (slope[:, _BACK:] > slope[:, :-_BACK])[:, ::_EACH][:, :_MAX_FRAMES]
    total = smooth.sum(axis=0)
    quiet = np.minimum(total[_BACK:], total[:-_BACK])[::_EACH][:_MAX_FRAMES]
    loud = quiet > max(1e-6, _FLOOR * float(np.percentile(total, 95)))
    codes = (bits.T.astype(np.uint16) << np.arange(_BANDS, dtype=np.uint16)).sum(1, np.uint16)
    parts_packed = (codes.astype("<u2").tobytes(), np.packbits(loud).tobytes())
    return _HEAD.pack(_FORMAT, len(codes)) + b"".join(parts_packed)


def unpack(data: bytes) -> Sound | None:
    """Return what `fingerprint` packed; None for what this version did not make."""
    if len(data) < _HEAD.size:
        return None
    version, length = _HEAD.unpack_from(data)
    if version != _FORMAT or len(data) != _HEAD.size + 2 * length + (length + 7) // 8:
        return None
    codes = np.frombuffer(data, "<u2", length, _HEAD.size)
    loud = np.unpackbits(
        np.frombuffer(data, np.uint8, offset=_HEAD.size + 2 * length), count=length
    )
    return Sound(codes.astype(np.uint16), loud.astype(bool))


def compare(first: Sound, second: Sound, offset: int) -> Match | None:
    """Compare two recordings where the second begins near frame `offset` of the first.

    Returns None where no loud frames overlap.
    """
    best: tuple[float, int, NDArray[np.float64], NDArray[np.bool_]] | None = None
    for at in range(offset - _SEARCH, offset + _SEARCH + 1):
        begin, end = max(0, at), min(len(first.codes), len(second.codes) + at)
        if end - begin < 1:
            continue
        both = first.loud[begin:end] & second.loud[begin - at : end - at]
        if not both.any():
            continue
        differ = first.codes[begin:end] ^ second.codes[begin - at : end - at]
        equal = 1 - _ones()[differ] / _BANDS
        agreement = float(equal[both].mean())
        if best is None or agreement > best[0]:
            best = agreement, at, equal, both
    if best is None:
        return None
    agreement, at, equal, both = best
    segments = [
        float(equal[i : i + _SEGMENT][part].mean())
        for i in range(0, len(equal), _SEGMENT)
        if (part := both[i : i + _SEGMENT]).sum() >= _SEGMENT // 4
    ]
    alike = float(np.mean([share >= 0.65 for share in segments])) if segments else 0.0
    shorter = min(len(first.codes), len(second.codes))
    return Match(
        round(agreement, 3),
        round(len(equal) * FRAME_S, 1),
        round(len(equal) / shorter, 3),
        round(alike, 3),
        round(at * FRAME_S, 2),
    )
