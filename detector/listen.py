"""From a recording to words and voices: the streaming part of a scan.

Blocks of samples flow through speech activity, windows and the recogniser; nothing holds the
whole recording.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from detector import transcript
from detector.ahead import Ahead
from detector.audio import RATE, Decoder, Recording, Samples
from detector.background import Background
from detector.beside import Beside
from detector.child_environment import give_back
from detector.ghosts import Dropped
from detector.speakers import Diarization, Diarizer
from detector.speech import Region, SpeechOptions, SpeechStream, Window, WindowPacker
from detector.survey import Survey
from detector.swap import Voices, swapped_at
from detector.transcript import Recognises, Word

__all__ = ["Channel", "Heard", "channels_of", "listen", "without_leakage"]

_LEAK_FRAME = RATE // 50
_NO_SAMPLES = np.zeros(0, np.float32)
_TELL_S = 60.0
_BLOCKS, _REGIONS = 120, 16
"""Blocks of about a second, or regions of a stereo channel, by which voices may lag: the windows
of the first minutes do not wait."""
_PASSED_OVER_S = 2.5
_WORD_S = 1.0  # recognisers stretch the last word over what they pass over

Progress = Callable[[float], None]


@dataclass
class Channel:
    """What was heard in one channel."""

    words: list[Word] = field(default_factory=list)
    diarization: Diarization | None = None


@dataclass
class Heard:
    """What was heard in a recording."""

    channels: list[Channel]
    duration_s: float = 0.0
    damaged: int = 0
    dropped: list[Dropped] = field(default_factory=list)
    languages: Counter[str] = field(default_factory=Counter)
    windows: list[Window] = field(default_factory=list)
    """What was recognised together, without the samples."""
    unheard: list[tuple[float, float]] = field(default_factory=list)
    """Where somebody speaks but no words were recognised, in seconds."""
    sounds: list[tuple[float, float]] = field(default_factory=list)
    """Where something about as loud as speech is heard and nobody speaks, in seconds."""
    clear: bool = True
    """Whether speech is neither faint nor drowned in noise."""
    swapped_s: float | None = None
    """When the two channels of a stereo recording changed places."""

    def swapped(self, at_s: float) -> bool:
        """Tell whether at a time the channels hold each other's person."""
        return self.swapped_s is not None and at_s >= self.swapped_s


def without_leakage(block: Samples, leaks: tuple[float, float]) -> Samples:
    """Silence each channel where the other is so much louder that it only leaks in."""
    width = block.shape[1] // _LEAK_FRAME * _LEAK_FRAME
    if not width:
        return block
    frames = block[:, :width].reshape(2, -1, _LEAK_FRAME)
    power = (frames.astype(np.float64) ** 2).mean(axis=2)
    smooth = np.stack([np.convolve(np.pad(p, 2), np.ones(5) / 5, "valid") for p in power])
    silent = smooth < np.array(leaks)[:, None] * smooth[::-1]
    clean = frames * ~silent[:, :, None]
    return np.concatenate([clean.reshape(2, -1), block[:, width:]], axis=1).astype(np.float32)


def channels_of(block: Samples, survey: Survey) -> list[Samples]:
    """Return what is listened to of a block (channels, n): for each line samples (n,)."""
    clean = without_leakage(block, survey.leaks) if survey.layout == "stereo" else block
    return [
        np.ascontiguousarray(clean.mean(axis=0) if channel is None else clean[channel], np.float32)
        for channel in survey.use
    ]


class _Line:
    """One channel on its way through speech activity and windows, voices beside them."""

    def __init__(self, channel: int, mono: bool, speech: SpeechOptions, beside: Beside) -> None:
        self._beside = beside
        self.speech = SpeechStream(speech)
        self.packer = WindowPacker(channel)
        self.diarizer = Diarizer() if mono else None
        self.diarization: Diarization | None = None
        self.voices = Voices()

    def feed(self, samples: Samples) -> Iterator[Window]:
        yield from self._pack(self.speech.feed(samples))
        if self.diarizer:
            self._beside(self.diarizer.feed, samples, self.speech.speech_until)

    def finish(self) -> Iterator[Window]:
        yield from self._pack(self.speech.finish())
        yield from self.packer.finish()
        if self.diarizer:
            self._beside(self._tell_apart, self.diarizer)

    def _tell_apart(self, diarizer: Diarizer) -> None:
        self.diarization = diarizer.finish(self.speech.speech_until)

    def _pack(self, regions: Iterator[Region]) -> Iterator[Window]:
        for region in regions:
            if not self.diarizer:
                self._beside(self.voices.add, region)
            yield from self.packer.add(region)


def _passed_over(window: Window, result: transcript.Heard) -> list[Window]:
    """Return the stretches of a window in which somebody speaks and no word was recognised.

    Whisper now and then goes from one sentence to a much later one; heard alone, the stretch
    between is usually recognised. Nobody speaks where speech activity was hardly sure and what was
    recognised has been dropped.
    """
    found: list[Window] = []
    if window.doubtful and result.dropped and not result.words:
        return found
    spoken = sorted(
        (round(w.start_s * RATE), round(min(w.end_s, w.start_s + _WORD_S) * RATE))
        for w in result.words
    )
    for number, (offset, start, length) in enumerate(window.map):
        at = start
        for first, last in [*spoken, (start + length, start + length)]:
            if last < start or first > start + length:
                continue
            if first - at > _PASSED_OVER_S * RATE:
                piece = window.samples[offset + at - start : offset + first - start]
                place, doubts = ((0, at, len(piece)),), window.doubts[number : number + 1]
                found.append(replace(window, samples=piece, map=place, doubts=doubts))
            at = max(at, last)
    return found


def listen(
    recording: Recording,
    survey: Survey,
    recogniser: Recognises,
    progress: Progress = lambda _: None,
    speech: SpeechOptions | None = None,
) -> Heard:
    """Recognise a recording and tell its voices apart.

    `progress` receives the seconds of recording that are done.
    """
    stereo = survey.layout == "stereo"
    speech = speech or SpeechOptions()
    heard = Heard([Channel() for _ in survey.use])
    decoder = Decoder(recording)
    told = 0.0

    def tell(at_s: float) -> None:
        nonlocal told
        if at_s > told:
            told = at_s
            progress(at_s)

    def take(taken: Iterator[tuple[Window, bool, transcript.Heard]]) -> None:
        for window, again, result in taken:
            heard.channels[window.channel].words.extend(result.words)
            heard.dropped.extend(result.dropped)
            for passed_over in _passed_over(window, result):
                if not again:
                    ahead.add(passed_over, True)
                elif not passed_over.doubtful:
                    heard.unheard.append(passed_over.span_s)
            if not again:
                heard.languages[result.language or "?"] += 1
                heard.windows.append(replace(window, samples=_NO_SAMPLES))
            tell(window.original_time(len(window.samples) / RATE))

    def recognise(windows: Iterator[Window]) -> None:
        for window in windows:
            ahead.add(window, False)
            take(ahead.done())

    background = Background()
    with Beside(_REGIONS if stereo else _BLOCKS) as beside, Ahead[bool](recogniser) as ahead:
        lines = [_Line(index, not stereo, speech, beside) for index in range(len(survey.use))]
        for block in decoder:
            begun_s = decoder.duration_s - block.shape[1] / RATE
            sounds = channels_of(block, survey)
            for line, samples in zip(lines, sounds, strict=True):
                recognise(line.feed(samples))
            spoken = any(line.speech.speech_until > begun_s * RATE for line in lines)
            background.add(np.sum(sounds, axis=0), spoken)
            if begun_s > told + _TELL_S:  # hours of silence
                tell(begun_s)
        for line in lines:
            recognise(line.finish())
        take(ahead.rest())
        beside.finish()
    give_back()
    for line, channel_heard in zip(lines, heard.channels, strict=True):
        channel_heard.diarization = line.diarization
        channel_heard.words.sort(key=lambda word: (word.start_s, word.end_s))
    if stereo:
        heard.swapped_s = swapped_at(lines[0].voices, lines[1].voices)
    heard.sounds, heard.clear = background.sounds(), background.clear()
    heard.windows.sort(key=lambda window: (window.map, window.channel))
    heard.unheard.sort()
    heard.dropped.sort(key=lambda dropped: (dropped.start_s, dropped.end_s))
    heard.duration_s, heard.damaged = decoder.duration_s, decoder.damaged
    return heard
