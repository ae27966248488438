"""Sounds of a telephone in which nobody says anything to be understood, made on the fly."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.audio import Decoder, open_recording

RATE = 8_000
Sound = NDArray[np.float32]
SAMPLES = Path(__file__).parent.parent.parent / "samples"
_KEYS = {
    "1": (697, 1209), "2": (697, 1336), "3": (697, 1477), "4": (770, 1209), "5": (770, 1336),
    "6": (770, 1477), "7": (852, 1209), "8": (852, 1336), "9": (852, 1477), "0": (941, 1336),
}  # fmt: skip


def _times(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE)) / RATE


def _hiss(count: int, level: float, seed: int = 0) -> Sound:
    return (np.random.default_rng(seed).standard_normal(count) * level).astype(np.float32)


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE), np.float32)


def line_noise(seconds: float) -> Sound:
    """Hiss that comes and goes, mains hum, crackling."""
    at = _times(seconds)
    hum = 0.01 * sum(np.sin(2 * np.pi * 50 * n * at) / n for n in (1, 2, 3, 5))
    crackle = np.zeros(len(at))
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(at) - 200, round(2 * seconds)):
        crackle[place : place + 200] += rng.normal(0, 0.2) * np.exp(-np.arange(200) / 20)
    slow = 1 + 0.8 * np.sin(2 * np.pi * 0.3 * at)
    return (_hiss(len(at), 0.02) * slow + hum + crackle).astype(np.float32)


def ringback(seconds: float) -> Sound:
    at = _times(seconds)
    return (0.3 * np.sin(2 * np.pi * 450 * at) * (at % 5 < 1)).astype(np.float32)


def music(seconds: float) -> Sound:
    """A tune over chords, as while one waits: decaying notes with overtones."""
    at = _times(seconds)
    rng = np.random.default_rng(2)
    scale = 262 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)
    beat = (at / 0.4).astype(int)
    tune = scale[rng.integers(0, len(scale), beat[-1] + 1)][beat]
    chord = (at / 1.6).astype(int) % 4
    roots = 131 * 2 ** (np.array([0, 5, 7, 9]) / 12)[chord]
    decay = np.exp(-3 * (at % 0.4))
    phase = 2 * np.pi * np.cumsum(tune) / RATE
    out = decay * (np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase))
    for ratio in (1, 5 / 4, 3 / 2):
        out += 0.3 * np.sin(2 * np.pi * np.cumsum(roots * ratio) / RATE)
    drum = _hiss(len(at), 0.3, 3) * np.exp(-30 * (at % 0.8))
    return (0.15 * out + 0.3 * drum).astype(np.float32)


def keys(seconds: float) -> Sound:
    """Keys pressed now and then (DTMF)."""
    at = _times(seconds)
    rng = np.random.default_rng(4)
    out = np.zeros(len(at), np.float32)
    start = 0.5
    while start < seconds - 0.3:
        low, high = _KEYS[str(rng.integers(0, 10))]
        here = (at >= start) & (at < start + 0.15)
        out[here] = 0.25 * (np.sin(2 * np.pi * low * at) + np.sin(2 * np.pi * high * at))[here]
        start += float(rng.choice((0.25, 0.3, 0.5, 4.0)))
    return out


def fax(seconds: float) -> Sound:
    """The calling tone, the answer tone, then data at 300 and at 9600 baud, over and over."""
    at = _times(seconds)
    rng = np.random.default_rng(5)
    part = at % 30
    calling = np.sin(2 * np.pi * 1_100 * at) * (part % 3.5 < 0.5)
    answer = np.sin(2 * np.pi * 2_100 * at)
    bits = rng.integers(0, 2, len(at) * 300 // RATE + 2)[(at * 300).astype(int)]
    slow = np.sin(2 * np.pi * np.cumsum(np.where(bits, 1_650, 1_850)) / RATE)
    angle = rng.integers(0, 8, len(at) * 2_400 // RATE + 2)[(at * 2_400).astype(int)]
    fast = np.sin(2 * np.pi * 1_700 * at + angle * np.pi / 4)
    out = np.select([part < 10, part < 13, part < 17], [calling, answer, slow], fast)
    return (0.3 * out).astype(np.float32)


def babble(seconds: float) -> Sound:
    """Eight voices at once, in pieces of a syllable or two in any order: a crowd."""
    rng = np.random.default_rng(6)
    voices = []
    for name in ("abusive_debtor.m4a", "lawful_debtor.mp3"):
        blocks = list(Decoder(open_recording(SAMPLES / name)))
        voices.append(np.concatenate(blocks, axis=1)[0][::2])
    count = round(seconds * RATE)
    out = np.zeros(count + RATE, np.float32)
    for layer in range(8):
        voice, at = voices[layer % 2], 0
        while at < count:
            width = int(rng.integers(round(0.15 * RATE), round(0.4 * RATE)))
            start = int(rng.integers(0, len(voice) - width))
            piece = voice[start : start + width]
            if np.abs(piece).max() > 0.02:
                out[at : at + width] += piece * np.hanning(width)
                at += width // 2
    return (0.5 * out[:count] / max(1.0, float(np.abs(out).max()))).astype(np.float32)


NOBODY: dict[str, Callable[[float], Sound]] = {
    "silence": silence, "line noise": line_noise, "ringback": ringback, "music": music,
    "keys": keys, "fax": fax, "babble": babble,
}  # fmt: skip
