"""Where somebody speaks: speech activity on a stream, and speech packed into windows.

Silero VAD v6 (MIT, https://github.com/snakers4/silero-vad), shipped inside faster-whisper,
gives a speech probability each 32 ms. Its state is carried from block to block here, so
that a recording of any length flows through in constant memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from detector.audio import RATE, Samples

__all__ = ["Region", "SpeechOptions", "SpeechStream", "Window", "WindowPacker"]

FRAME = 512  # samples, 32 ms: what the model was trained on
_CONTEXT = 64
_FORGET_S, _MAYBE = 10.0, 0.35
_STRAY_S = 0.2  # a word that reaches so little into a region belongs to the one before


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """Thresholds on the speech probability, times in seconds.

    Speech begins at `threshold` and goes on down to `end_threshold`. A region is doubtful where
    less than a share of `min_sure`, or less than `min_speech_s`, reaches `sure`: murmurs in the
    background, or a soft voice. Doubtful regions shorter than `min_doubtful_s` are noises.
    """

    threshold: float = 0.35
    end_threshold: float = 0.25
    min_silence_s: float = 1.0
    min_speech_s: float = 0.1
    min_doubtful_s: float = 0.25
    sure: float = 0.5
    min_sure: float = 0.12
    pad_s: float = 0.3
    max_region_s: float = 26.0


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of speech: `start` in samples from the recording's start, and its samples (n,)."""

    start: int
    samples: Samples
    doubtful: bool = False
    """Whether it may be no speech."""

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


@cache
def _session() -> Any:
    import faster_whisper.utils
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 4
    path = Path(faster_whisper.utils.get_assets_path()) / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class _Probabilities:
    """Speech probability a frame, with the model's state carried along."""

    def __init__(self) -> None:
        self._h = np.zeros((1, 1, 128), np.float32)
        self._c = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)
        self._quiet = 0  # frames since anything like speech

    def __call__(self, frames: Samples) -> Samples:
        """Return (n,) probabilities for frames of shape (n, 512)."""
        if self._quiet * FRAME > _FORGET_S * RATE:
            # minutes of near silence leave a state in which speech is not noticed: begin anew
            self._h, self._c, self._quiet = np.zeros_like(self._h), np.zeros_like(self._c), 0
        tails = np.vstack([self._context[None], frames[:-1, -_CONTEXT:]])
        self._context = frames[-1, -_CONTEXT:].copy()
        out, self._h, self._c = _session().run(
            None, {"input": np.hstack([tails, frames]), "h": self._h, "c": self._c}
        )
        found = np.asarray(out, np.float32).reshape(-1)
        speech = np.flatnonzero(found > _MAYBE)
        self._quiet = len(found) - 1 - int(speech[-1]) if len(speech) else self._quiet + len(found)
        return found


class SpeechStream:
    """Feed samples of one channel, receive regions of speech as they end."""

    def __init__(self, options: SpeechOptions | None = None) -> None:
        self.options = options or SpeechOptions()
        self._probability = _Probabilities()
        self._held = np.zeros(0, np.float32)  # samples from self._base on
        self._base = 0
        self._scored = 0  # samples from the start that have a probability
        self.speech_until = 0
        """The last sample so far in which somebody spoke."""
        self._speech_start: int | None = None
        self._sure = 0  # samples of the region that are surely speech
        self._quiet_since: int | None = None
        self._last_end = 0
        self._dip = (1.0, 0, 0)  # quietest frame of a long region, where to cut it; what was sure

    def feed(self, samples: Samples) -> Iterator[Region]:
        """Take the next samples (n,) and yield the regions that end within them."""
        self._held = np.concatenate([self._held, samples])
        ready = (self._base + len(self._held) - self._scored) // FRAME
        if not ready:
            return
        offset = self._scored - self._base
        frames = self._held[offset : offset + ready * FRAME].reshape(ready, FRAME)
        for probability in self._probability(frames):
            self._scored += FRAME
            yield from self._step(float(probability))
        self._forget()

    def finish(self) -> Iterator[Region]:
        """Yield what is still open at the end of the recording."""
        if self._speech_start is not None:
            yield from self._close(self._base + len(self._held))
        self._held = np.zeros(0, np.float32)

    def _step(self, probability: float) -> Iterator[Region]:
        options = self.options
        frame_start = self._scored - FRAME
        sure = FRAME * (probability >= options.sure)
        self._sure += sure
        if probability >= options.end_threshold:
            self.speech_until = self._scored
        if self._speech_start is None:
            if probability >= options.threshold:
                self._speech_start = frame_start
                self._sure = sure
                self._quiet_since = None
                self._dip = (1.0, 0, 0)
            return
        if probability >= options.end_threshold:
            # on a noisy line the ends of sentences are no surer than this for a second and longer
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = frame_start
        length = self._scored - self._speech_start
        if length > 0.5 * options.max_region_s * RATE and probability <= self._dip[0]:
            self._dip = (probability, frame_start, self._sure - sure)
        if self._quiet_since is not None and (
            self._scored - self._quiet_since >= options.min_silence_s * RATE
        ):
            yield from self._close(self._quiet_since)
        elif length >= options.max_region_s * RATE:
            yield from self._close(self._dip[1], going_on=True)

    def _close(self, end: int, going_on: bool = False) -> Iterator[Region]:
        assert self._speech_start is not None
        options, pad = self.options, round(self.options.pad_s * RATE)
        start = max(self._speech_start - pad, self._last_end, self._base)
        stop = min(end if going_on else end + pad, self._base + len(self._held))
        length = end - self._speech_start
        sure = self._dip[2] if going_on else self._sure
        doubtful = sure < max(options.min_sure * length, options.min_speech_s * RATE)
        if length >= (options.min_doubtful_s if doubtful else options.min_speech_s) * RATE:
            self._last_end = stop
            samples = self._held[start - self._base : stop - self._base].copy()
            yield Region(start, samples, doubtful)
        self._speech_start = end if going_on else None
        self._sure -= sure
        self._quiet_since = None
        self._dip = (1.0, 0, 0)

    def _forget(self) -> None:
        needed = self._scored if self._speech_start is None else self._speech_start
        cut = needed - round(self.options.pad_s * RATE) - self._base
        if cut > RATE:
            self._held = self._held[cut:].copy()
            self._base += cut


@dataclass(frozen=True, slots=True)
class Window:
    """Up to 30 s of speech for the recogniser, regions set one after the other.

    `map` holds (offset in the window, start in the recording, length), in samples.
    """

    channel: int
    samples: Samples
    map: tuple[tuple[int, int, int], ...]
    doubts: tuple[bool, ...] = ()
    """Of each region whether it may be no speech."""

    @property
    def doubtful(self) -> bool:
        """Whether all of it may be no speech."""
        return bool(self.doubts) and all(self.doubts)

    @property
    def span_s(self) -> tuple[float, float]:
        """Where the first region begins and the last ends, in seconds of the recording."""
        _, first, _ = self.map[0]
        _, last, length = self.map[-1]
        return first / RATE, (last + length) / RATE

    def original_time(self, time_s: float) -> float:
        """Turn a time within the window into seconds from the recording's start."""
        at = round(time_s * RATE)
        offset, start, length = self.map[self._region(at)]
        return (start + min(max(0, at - offset), length)) / RATE

    def original_span(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Turn a word's times into seconds from the recording's start, both in one region.

        The recogniser lets a word begin where the one before ended, so that the first word of
        a region seems to begin before the pause.
        """
        at = round(end_s * RATE)
        first, last = self._region(round(start_s * RATE)), self._region(at)
        if first == last:
            return self.original_time(start_s), self.original_time(end_s)
        offset, start, _ = self.map[last]
        if at - offset < _STRAY_S * RATE:
            _, start, length = self.map[first]
            return self.original_time(start_s), (start + length) / RATE
        return start / RATE, self.original_time(end_s)

    def _region(self, at: int) -> int:
        """Return the number of the region that is nearest to a sample of the window."""
        index = 0
        while index + 1 < len(self.map):
            offset, _, length = self.map[index]
            if at < (offset + length + self.map[index + 1][0]) / 2:
                break
            index += 1
        return index


class WindowPacker:
    """Pack one channel's regions into windows, a new one where the pause is long."""

    def __init__(self, channel: int, max_window_s: float = 28.0, gap_s: float = 0.3) -> None:
        self._channel = channel
        self._max = round(max_window_s * RATE)
        self._gap = round(gap_s * RATE)
        self._regions: list[Region] = []
        self._length = 0

    def add(self, region: Region) -> Iterator[Window]:
        """Take a region and yield the window that it completes, if any."""
        if self._regions and self._length + self._gap + len(region.samples) > self._max:
            yield from self.finish()
        self._length += (self._gap if self._regions else 0) + len(region.samples)
        self._regions.append(region)

    def finish(self) -> Iterator[Window]:
        """Yield the window that is still being filled."""
        if not self._regions:
            return
        pieces: list[Samples] = []
        places: list[tuple[int, int, int]] = []
        at = 0
        for region in self._regions:
            if pieces:
                pieces.append(np.zeros(self._gap, np.float32))
                at += self._gap
            places.append((at, region.start, len(region.samples)))
            pieces.append(region.samples)
            at += len(region.samples)
        doubts = tuple(region.doubtful for region in self._regions)
        self._regions, self._length = [], 0
        yield Window(self._channel, np.concatenate(pieces), tuple(places), doubts)
