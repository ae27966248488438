"""How two channels relate: one person each, the same on both, or nothing on one of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.audio import RATE, Decoder, Recording

__all__ = ["Survey", "survey"]

_FRAME = RATE // 10
_DOMINANCE = 10 ** (6 / 10)  # 6 dB
_AUDIBLE = 1e-7  # mean power, -70 dBFS
_LEAK = 10 ** (-15 / 10)
_LEAK_MARGIN = 2.0
_CLICK_FRAMES = 5  # half a second
_SELDOM, _SELDOM_FRAMES = 0.005, 20
"""Who says hardly a word still has a channel: this share of the time and two seconds in all."""
_TELL_S = 60.0
_COPY = 0.9
"""A quiet channel that correlates more with the loud one is a copy of it."""


@dataclass(frozen=True, slots=True)
class Survey:
    """How the channels of a recording relate.

    `layout` is "mono", "stereo" (the channels hold different people) or "one-sided" (one of two
    channels is silent); `use` names the channels to listen to, None meaning their mean.
    In stereo, a channel whose power is below `leaks` (one a channel) times that of the other
    holds no more than the other's voice leaking in.
    """

    layout: str
    use: tuple[int | None, ...]
    leaks: tuple[float, float] = field(default=(0.0, 0.0), compare=False)


def survey(recording: Recording, progress: Callable[[float], None] = lambda _: None) -> Survey:
    """Tell true stereo (one person a channel) from doubled mono by which side is louder when.

    In a call recorded with one person a channel, each side is clearly louder than the other
    (here 6 dB, leakage included) for a good part of the time; in doubled mono, or one
    microphone on two channels, neither ever is. `progress` receives, now and then, the seconds
    of recording that were looked at.
    """
    if recording.channels != 2:
        return Survey("mono", (0,))
    powers: list[NDArray[np.float64]] = []
    products = np.zeros(3)  # left by left, right by right, left by right
    decoder, told = Decoder(recording), 0.0
    for block in decoder:
        if decoder.duration_s > told + _TELL_S:
            told = decoder.duration_s
            progress(told)
        width = block.shape[1] // _FRAME * _FRAME
        if width:
            frames = block[:, :width].astype(np.float64).reshape(2, -1, _FRAME)
            powers.append((frames**2).mean(axis=2))
            left, right = block.astype(np.float64)
            products += (left @ left, right @ right, left @ right)
    if not powers:
        return Survey("mono", (None,))
    power = np.concatenate(powers, axis=1)
    floor = np.percentile(power, 10, axis=1, keepdims=True)
    heard = np.maximum(power - floor, 0.0)
    loud = heard.sum(axis=0) > max(_AUDIBLE, 0.02 * np.percentile(heard.sum(axis=0), 95))
    if not loud.any():
        return Survey("mono", (None,))
    left, right = heard[:, loud]
    leads = np.array([left > _DOMINANCE * right, right > _DOMINANCE * left])
    shares, frames_led = leads.mean(axis=1), leads.sum(axis=1)
    louder = int(np.argmax(shares))
    seldom = shares.min() > _SELDOM and frames_led.min() >= _SELDOM_FRAMES
    often = shares.min() > 0.03 and frames_led.min() >= _CLICK_FRAMES
    if shares.sum() > 0.5 and (often or seldom):
        return Survey("stereo", (0, 1), (_leak(left, right), _leak(right, left)))
    alike = products[2] / max(float(np.sqrt(products[0] * products[1])), 1e-12)
    if shares.max() > 0.9:
        copy = abs(alike) > _COPY  # the same at another gain
        return Survey("mono" if copy else "one-sided", (louder,))
    if alike < 0:  # wired the wrong way round: the mean would cancel the voices out
        return Survey("mono", (int(products[1] > products[0]),))
    return Survey("mono", (None,))


def _leak(quiet: NDArray[np.float64], leading: NDArray[np.float64]) -> float:
    """Return the share of a channel's power below which the other holds nothing of its own.

    That is 15 dB less, or as much as leaks over in this recording where that is more.
    """
    leads = leading > _DOMINANCE * quiet
    usual = float(np.median(quiet[leads] / leading[leads])) if leads.any() else 0.0
    return min(max(_LEAK, _LEAK_MARGIN * usual), 1 / _DOMINANCE)
