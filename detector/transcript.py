"""Words with times from windows of speech, by Whisper.

Decoding is deterministic: temperature 0, no fallback, no conditioning on earlier text, and what is
heard in a window does not hang on the windows decoded beside it. What is certainly the recogniser's
own invention (subtitle credits, endless repetition) is taken out and listed; see `detector.ghosts`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from detector.audio import RATE, Samples
from detector.errors import ModelError
from detector.ghosts import Dropped, clean_window
from detector.noise import less_noise
from detector.speech import Window
from detector.whisper_models import WhisperModelInfo

__all__ = [
    "PLAIN",
    "Change",
    "Heard",
    "Recogniser",
    "RecogniserOptions",
    "Recognises",
    "Word",
    "room",
    "workers_of",
]

WORKERS = 4
"""Decodings at once at the most; each on one core is faster than one on all."""
_FIRST_S, _APART_S = 128, 40
"""Where windows of a batch are laid: far apart, or the times of a window's first word would hang on
the window before, and three between two powers of two, where times are rounded alike."""
_SURE = 0.5
_ROOM_S, _REST_S = 5, 2
_FRAMES = 100  # a second, as Whisper's features


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word (in Chinese mostly one character, punctuation attached)."""

    text: str
    start_s: float
    end_s: float
    probability: float
    channel: int = 0


@dataclass(frozen=True, slots=True)
class RecogniserOptions:
    """How Whisper decodes. `threads` 0 means all cores."""

    beam_size: int = 5
    device: str = "auto"
    compute_type: str = "default"
    threads: int = 0
    prompt: str = ""
    """None by default: on noisy phone lines every prompt tried cost accuracy."""


@dataclass(frozen=True, slots=True)
class Change:
    """How sound is changed before it is decoded once more; the words stay the same.

    It is made `tempo` times as long, and `emphasis` (0 to 1) of each sample is taken off the
    next, which makes it brighter.
    """

    tempo: float = 1.0
    emphasis: float = 0.0


PLAIN = Change()


@dataclass
class Heard:
    """What a window gave: words in order, and what was left out."""

    words: list[Word] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    language: str = ""
    """What Whisper takes the language to be: of the first window of a batch, if it is sure."""


class Recognises(Protocol):
    """Turns windows of speech into words: a model, or what was kept of its work.

    It is called by as many threads at once as `workers` says.
    """

    @property
    def workers(self) -> int: ...

    def __call__(self, windows: Sequence[Window], change: Change = PLAIN) -> list[Heard]: ...


class Recogniser:
    """A loaded Whisper model. One a process: it holds about 300 MB."""

    def __init__(self, model: WhisperModelInfo, options: RecogniserOptions | None = None) -> None:
        from faster_whisper import WhisperModel
        from threadpoolctl import threadpool_limits

        # what several threads add up is rounded otherwise, and another word may be heard
        threadpool_limits(1, user_api="blas")
        self.info = model
        self.options = options or RecogniserOptions()
        wanted = self.options.device
        threads = _threads(self.options.threads)
        self.workers = workers_of(self.options.threads)
        each = threads // self.workers
        devices = [wanted] if wanted != "auto" else ["cuda", "cpu"] if _has_cuda() else ["cpu"]
        for device in devices:
            compute = self.options.compute_type
            if compute == "default" and wanted != "cuda":
                compute = "int8" if device == "cpu" else "int8_float16"
            try:
                self._model = WhisperModel(
                    str(model.folder),
                    device=device,
                    compute_type=compute,
                    cpu_threads=each,
                    num_workers=self.workers,
                    local_files_only=True,
                )
                if device == "cuda":  # with a driver but no CUDA libraries only use fails
                    self._model.detect_language(audio=np.zeros(RATE, np.float32))
            except Exception as error:  # a broken model, no such device: many kinds are raised
                if device != devices[-1]:
                    continue
                reason = next(iter(str(error).splitlines()), type(error).__name__)
                raise ModelError(
                    f"无法加载模型 {model.name}(设备 {wanted}):{reason} "
                    "(cannot load the Whisper model)。"
                ) from None
            self.compute_type = compute
            break

    def __call__(self, windows: Sequence[Window], change: Change = PLAIN) -> list[Heard]:
        """Recognise windows; times are seconds from the recording's start.

        With a change they are decoded greedily: another reading of the same words.
        """
        from faster_whisper import BatchedInferencePipeline

        first = change == PLAIN
        clear = [less_noise(window.samples) for window in windows]
        sounds = clear if first else [_changed(samples, change) for samples in clear]
        starts = [_FIRST_S + _APART_S * number for number in range(len(windows))]
        whole = np.zeros((starts[-1] + _APART_S) * RATE, np.float32)
        for start, sound in zip(starts, sounds, strict=True):
            whole[start * RATE : start * RATE + len(sound)] = sound
        model = _OneByOne(self._model, _FRAMES * max(room(w, change) for w in windows))
        segments, _ = BatchedInferencePipeline(model).transcribe(
            whole,
            language="zh",
            beam_size=self.options.beam_size if first else 1,
            temperature=0.0,
            initial_prompt=self.options.prompt or None,
            without_timestamps=False,
            word_timestamps=True,
            vad_filter=False,
            clip_timestamps=[
                {"start": start, "end": start + len(sound) / RATE}
                for start, sound in zip(starts, sounds, strict=True)
            ],
            batch_size=len(windows),
        )
        said: list[list[tuple[list[Word], float, float]]] = [[] for _ in windows]
        for segment in segments:
            number = (segment.seek // _FRAMES - _FIRST_S) // _APART_S
            words = _words(segment.words or [], windows[number], starts[number], change.tempo)
            said[number].append((words, segment.no_speech_prob, segment.avg_logprob))
        languages = [model.language, *[""] * (len(windows) - 1)]
        return [
            Heard(*clean_window(own, window.doubtful), language)
            for window, own, language in zip(windows, said, languages, strict=True)
        ]


def workers_of(threads: int) -> int:
    """Return how many batches are decoded at once with so many threads (0: all cores)."""
    return min(_threads(threads), WORKERS)


def _threads(asked: int) -> int:
    return asked or os.cpu_count() or 1


def room(window: Window, change: Change = PLAIN) -> int:
    """Return the seconds that the encoder reads of a window and the silence after it: up to 30.

    Whisper has learned with 30 s always, but what is left out is silence, and on phone calls
    nothing is heard worse without it. Windows with the same room can be decoded together.
    """
    length_s = len(window.samples) * change.tempo / RATE
    return min(30, int(-(-(length_s + _REST_S) // _ROOM_S)) * _ROOM_S)


class _OneByOne:
    """A `WhisperModel` that takes the windows of a batch one by one where that costs nothing.

    Encoding them so needs less memory; aligned so, the time of a word hangs on no other window.
    """

    def __init__(self, model: Any, frames: int) -> None:
        self._model, self._frames = model, frames
        self._encoded: list[Any] = []
        self.language = ""
        """Of the first window, empty where that is not sure."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def encode(self, features: Samples) -> Any:
        """Return what the encoder makes of features (windows, mels, frames)."""
        from ctranslate2 import StorageView

        features = features[:, :, : self._frames]
        if self._model.model.device == "cpu":
            self._encoded = [self._model.encode(window) for window in features]
            first = self._encoded[0]
            joined = [np.array(view) for view in self._encoded] if len(features) > 1 else []
            encoded = StorageView.from_array(np.concatenate(joined)) if joined else first
        else:
            first = encoded = self._model.encode(features)
        token, probability = self._model.model.detect_language(first)[0][0]
        self.language = token[2:-2] if probability > _SURE else ""
        return encoded

    def add_word_timestamps(self, *arguments: Any) -> Any:
        """Set the times of words, aligned by `find_alignment` below."""
        return type(self._model).add_word_timestamps(self, *arguments)

    def find_alignment(
        self, tokenizer: Any, tokens: list[list[int]], encoded: Any, frames: list[int]
    ) -> list[Any]:
        """Return the words of each window with their times."""
        each = zip(tokens, self._encoded, frames, strict=True)
        return (
            [
                words
                for own, view, length in each
                for words in self._model.find_alignment(tokenizer, [own], view, [length])
            ]
            if self._encoded
            else self._model.find_alignment(tokenizer, tokens, encoded, frames)
        )


def _words(found: Sequence[Any], window: Window, begun: float, tempo: float) -> list[Word]:
    """Return the words of a segment, their times those of the recording."""
    words = []
    for word in found:
        if text := word.word.strip():
            start_s, end_s = window.original_span(
                max(0.0, word.start - begun) / tempo, max(0.0, word.end - begun) / tempo
            )
            probability = round(float(word.probability), 3)
            words.append(
                Word(text, round(start_s, 2), round(end_s, 2), probability, window.channel)
            )
    return words


def _changed(samples: Samples, change: Change) -> Samples:
    """Return samples (n,) with a change made, shape (n * tempo,)."""
    sound = np.asarray(samples, np.float64)
    if change.emphasis:
        bright = sound - change.emphasis * np.concatenate([sound[:1], sound[:-1]])
        power = float(np.square(bright).mean()) or 1.0
        sound = bright * np.sqrt(np.square(sound).mean() / power)
    if change.tempo != 1.0:
        at = np.arange(int(len(sound) * change.tempo)) / change.tempo
        sound = np.interp(at, np.arange(len(sound)), sound)
    return np.asarray(sound, np.float32)


def _has_cuda() -> bool:
    import ctranslate2

    return bool(ctranslate2.get_cuda_device_count())
