"""Words with times from windows of speech, by Whisper.

Decoding is deterministic: temperature 0, no fallback, no conditioning on earlier text. What
is certainly the recogniser's own invention (subtitle credits, endless repetition) is taken
out and listed; see `detector.ghosts`.
"""

import os
from dataclasses import dataclass, field

from detector.ghosts import Dropped, clean_words
from detector.speech import Window
from detector.whisper_models import WhisperModelInfo

__all__ = ["Heard", "Recogniser", "RecogniserOptions", "Word"]


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


@dataclass
class Heard:
    """What one batch of windows gave: words in order, and what was left out."""

    words: list[Word] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)


class Recogniser:
    """A loaded Whisper model. One a process: it holds about 300 MB."""

    def __init__(self, model: WhisperModelInfo, options: RecogniserOptions | None = None) -> None:
        from faster_whisper import WhisperModel

        self.info = model
        self.options = options or RecogniserOptions()
        compute = self.options.compute_type
        if compute == "default" and self.options.device != "cuda":
            compute = "int8" if not _has_cuda() or self.options.device == "cpu" else "int8_float16"
        self._model = WhisperModel(
            str(model.folder),
            device=self.options.device,
            compute_type=compute,
            cpu_threads=self.options.threads or os.cpu_count() or 1,
            local_files_only=True,
        )
        self.compute_type = compute

    def __call__(self, window: Window) -> Heard:
        """Recognise one window; times are seconds from the recording's start."""
        options = self.options
        segments, _ = self._model.transcribe(
            window.samples,
            language="zh",
            beam_size=options.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            initial_prompt=options.prompt or None,
            word_timestamps=True,
        )
        heard = Heard()
        for segment in segments:
            words = [
                Word(
                    word.word.strip(),
                    round(window.original_time(word.start), 2),
                    round(window.original_time(word.end), 2),
                    round(float(word.probability), 3),
                    window.channel,
                )
                for word in segment.words or []
                if word.word.strip()
            ]
            kept, dropped = clean_words(words, segment.no_speech_prob, segment.avg_logprob)
            heard.words += kept
            heard.dropped += dropped
        return heard

    def language(self, window: Window) -> tuple[str, float]:
        """Return the language that Whisper hears in a window, with its probability."""
        language, probability, _ = self._model.detect_language(audio=window.samples)
        return str(language), float(probability)


def _has_cuda() -> bool:
    import ctranslate2

    return bool(ctranslate2.get_cuda_device_count())
