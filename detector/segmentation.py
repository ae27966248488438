"""Who of up to three local speakers is active, every 17 ms: segmentation-3.0 on a stream.

Windows of ten seconds overlap by half. What is a voice in one window is matched to the voices
of the window before by when it is active; it says nothing about who speaks a minute later.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.artifacts import onnx_session
from detector.audio import RATE, Samples

__all__ = ["FRAME_S", "STEP", "Frames", "Segmentation", "Segmenter"]

WINDOW = 10 * RATE
HOP = 5 * RATE
FRAMES = 589  # what the model gives for ten seconds
FRAME_S = 10.0 / FRAMES
STEP = WINDOW / FRAMES
"""Samples a frame."""
TRACKS = 3
_HALF = FRAMES // 2
# the seven classes of segmentation-3.0: nobody, one of three, two of three
_POWERSET = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32
)

Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Some frames in a row: 0 or 1 for each local speaker (n, 3), and two probabilities (n,).

    `nobody` is that of silence, `two` that of two people at once.
    """

    active: Frames
    nobody: Frames
    two: Frames

    def part(self, start: int, stop: int) -> "Segmentation":
        return Segmentation(self.active[start:stop], self.nobody[start:stop], self.two[start:stop])


_SILENCE = Segmentation(
    np.zeros((FRAMES, TRACKS), np.float32),
    np.ones(FRAMES, np.float32),
    np.zeros(FRAMES, np.float32),
)


def _look(samples: Samples) -> Segmentation:
    """Run the model on ten seconds."""
    session = onnx_session("speaker_segmentation.onnx", threads=1)
    logits = session.run(None, {"input": samples[None, None]})[0][0]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    two = shares[:, 1 + TRACKS :].sum(axis=1)
    return Segmentation(_POWERSET[logits.argmax(axis=1)], shares[:, 0], two)


def _match(earlier: Frames, later: Frames) -> Frames:
    """Reorder the local speakers of `later` (n, 3) to agree best with `earlier` (n, 3)."""
    agreement = earlier[-_HALF:].T @ later[:_HALF]
    best = max(
        itertools.permutations(range(TRACKS)),
        key=lambda order: sum(agreement[i, j] for i, j in enumerate(order)),
    )
    return later[:, list(best)]


@dataclass
class Segmenter:
    """Feed one channel as it flows; receive frames as they become final."""

    _held: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    _at: int = 0  # sample at which the next window, and `_held`, begins
    _before: Segmentation | None = None  # the window before
    _done: int = 0  # how many frames of that window are final
    _frames: int = 0  # how many are in all

    def feed(self, samples: Samples, speech_until: int) -> Iterator[Segmentation]:
        """Take the next samples (n,); windows after `speech_until` (a sample) cost nothing."""
        self._held = np.concatenate([self._held, samples])
        while len(self._held) >= WINDOW:
            yield self._next(speech_until)

    def finish(self, speech_until: int) -> Iterator[Segmentation]:
        """Yield the frames of what is left."""
        while len(self._held):
            yield self._next(speech_until)

    def _next(self, speech_until: int) -> Segmentation:
        """Look at the next window; its first half becomes final."""
        now = _SILENCE
        if speech_until > self._at:
            samples = self._held[:WINDOW]
            now = _look(np.pad(samples, (0, WINDOW - len(samples))))
        # a hop is no whole number of frames: by turns one less and one more become final
        count = (self._at + HOP) * FRAMES // WINDOW - self._frames
        final = now.part(0, count)
        if self._before is not None:
            now = Segmentation(_match(self._before.active, now.active), now.nobody, now.two)
            old = self._before.part(self._done, self._done + count)
            # each window is surest in its middle: fade from the old to the new
            fade = np.linspace(1, 0, count, dtype=np.float32)
            active = old.active * fade[:, None] + now.active[:count] * (1 - fade[:, None])
            final = Segmentation(
                (active >= 0.5).astype(np.float32),
                old.nobody * fade + now.nobody[:count] * (1 - fade),
                old.two * fade + now.two[:count] * (1 - fade),
            )
        self._before, self._done = now, count
        self._frames += count
        self._at += HOP
        self._held = self._held[HOP:]
        return final
