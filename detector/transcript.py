"""Words with times from windows of speech, by Whisper.

Decoding is deterministic: temperature 0, no fallback, no conditioning on earlier text. What
is certainly the recogniser's own invention (subtitle credits, endless repetition) is taken
out and listed; see `detector.ghosts`.
"""

import os
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from detector.audio import RATE, Samples
from detector.errors import ModelError
from detector.ghosts import Dropped, clean_window
from detector.speech import Window
from detector.whisper_models import WhisperModelInfo

__all__ = ["PLAIN", "Change", "Heard", "Recogniser", "RecogniserOptions", "Recognises", "Word"]


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
    """What one batch of windows gave: words in order, and what was left out."""

    words: list[Word] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)


class Recognises(Protocol):
    """Turns windows of speech into words: a model, or what was kept of its work."""

    def __call__(self, window: Window, change: Change = PLAIN) -> Heard: ...

    def language(self, window: Window) -> tuple[str, float]: ...


class Recogniser:
    """A loaded Whisper model. One a process: it holds about 300 MB."""

    def __init__(self, model: WhisperModelInfo, options: RecogniserOptions | None = None) -> None:
        from faster_whisper import WhisperModel

        self.info = model
        self.options = options or RecogniserOptions()
        wanted = self.options.device
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
                    cpu_threads=self.options.threads or os.cpu_count() or 1,
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

    def __call__(self, window: Window, change: Change = PLAIN) -> Heard:
        """Recognise one window; times are seconds from the recording's start.

        With a change it is decoded greedily: another reading of the same words.
        """
        options = self.options
        first, tempo = change == PLAIN, change.tempo
        segments, _ = self._model.transcribe(
            window.samples if first else _changed(window.samples, change),
            language="zh",
            beam_size=options.beam_size if first else 1,
            temperature=0.0,
            condition_on_previous_text=False,
            initial_prompt=options.prompt or None,
            word_timestamps=True,
        )
        said: list[tuple[list[Word], float, float]] = []
        for segment in segments:
            words = []
            for word in segment.words or []:
                if word.word.strip():
                    start_s, end_s = window.original_span(word.start / tempo, word.end / tempo)
                    words.append(
                        Word(
                            word.word.strip(),
                            round(start_s, 2),
                            round(end_s, 2),
                            round(float(word.probability), 3),
                            window.channel,
                        )
                    )
            said.append((words, segment.no_speech_prob, segment.avg_logprob))
        return Heard(*clean_window(said))

    def language(self, window: Window) -> tuple[str, float]:
        """Return the language that Whisper hears in a window, with its probability."""
        language, probability, _ = self._model.detect_language(audio=window.samples)
        return str(language), float(probability)


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
