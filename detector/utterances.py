"""Words cut into utterances: one person, no long pause.

Cuts are made on pauses and speaker changes using word times, never on punctuation alone:
recognised Chinese often has none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from detector.speakers import Diarization
from detector.transcript import Word

__all__ = ["Spoken", "Turns", "cut", "label_words", "mark_overlaps", "merge"]

_LATIN = re.compile(r"[A-Za-z0-9]$")
_MAX_WORD_S = 1.5
_TOGETHER_S = 0.3  # a shorter overlap is the rule where people take turns


@dataclass(frozen=True, slots=True)
class Turns:
    """When a new utterance begins, in seconds."""

    pause_s: float = 1.2
    soft_pause_s: float = 0.35
    soft_length_s: float = 12.0
    max_length_s: float = 24.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance before it is scored: whose it is, when, and its words."""

    speaker: str
    words: tuple[Word, ...]
    overlapped: bool = False

    @property
    def start_s(self) -> float:
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        return max(word.end_s for word in self.words)

    @property
    def text(self) -> str:
        """The words joined: no space between Chinese characters, one between Latin words."""
        out = ""
        for word in self.words:
            if out and _LATIN.search(out) and word.text[:1].isascii() and word.text[:1].isalnum():
                out += " "
            out += word.text
        return out


def _middle(word: Word) -> tuple[float, float]:
    """The part of a word that is surely its own; recognisers stretch words over pauses."""
    end = min(word.end_s, word.start_s + _MAX_WORD_S)
    edge = 0.15 * (end - word.start_s)
    return word.start_s + edge, max(end - edge, word.start_s + edge + 0.02)


def label_words(words: Sequence[Word], diarization: Diarization) -> list[int]:
    """Give each word of one channel the speaker who is active while it is said.

    A word in which nobody is active, and a lone word or two between words of another speaker
    without a pause, go with their neighbours.
    """
    labels: list[int] = []
    for word in words:
        scores = diarization.scores(*_middle(word))
        if scores.max() > 0:
            labels.append(int(scores.argmax()))
        else:
            near = diarization.scores(max(0.0, word.start_s - 0.3), word.end_s + 0.3)
            labels.append(int(near.argmax()) if near.max() > 0 else (labels[-1] if labels else 0))
    for index in range(1, len(words) - 1):  # a single word taken from the middle of a run
        before, after = labels[index - 1], labels[index + 1]
        close = (
            words[index].start_s - words[index - 1].end_s < 0.2
            and words[index + 1].start_s - words[index].end_s < 0.2
        )
        if before == after != labels[index] and close:
            labels[index] = before
    return labels


def cut(words: Sequence[Word], speakers: Sequence[str], turns: Turns | None = None) -> list[Spoken]:
    """Cut the words of one channel, in time order, into utterances.

    Args:
        words: in time order.
        speakers: who says each word.
        turns: the pauses that cut.
    """
    turns = turns or Turns()
    out: list[Spoken] = []
    held: list[Word] = []
    owner = ""
    for word, speaker in zip(words, speakers, strict=True):
        if held:
            pause = word.start_s - min(held[-1].end_s, held[-1].start_s + _MAX_WORD_S)
            length = held[-1].end_s - held[0].start_s
            if (
                speaker != owner
                or pause >= turns.pause_s
                or (length >= turns.soft_length_s and pause >= turns.soft_pause_s)
                or length >= turns.max_length_s
            ):
                out.append(Spoken(owner, tuple(held)))
                held = []
        owner = speaker
        held.append(word)
    if held:
        out.append(Spoken(owner, tuple(held)))
    return out


def mark_overlaps(spoken: Sequence[Spoken], diarization: Diarization) -> list[Spoken]:
    """Mark the utterances of one channel during which somebody else speaks too."""
    return [
        Spoken(
            item.speaker,
            item.words,
            diarization.together_s(item.start_s, item.end_s) > _TOGETHER_S,
        )
        for item in spoken
    ]


def merge(channels: Sequence[Sequence[Spoken]]) -> list[Spoken]:
    """Merge the utterances of several channels by time and mark those that overlap."""
    every = sorted((s for channel in channels for s in channel), key=lambda s: (s.start_s, s.end_s))
    out: list[Spoken] = []
    for index, spoken in enumerate(every):
        overlapped = any(
            other.speaker != spoken.speaker
            and min(other.end_s, spoken.end_s) - max(other.start_s, spoken.start_s) > _TOGETHER_S
            for other in every[max(0, index - 4) : index + 5]
            if other is not spoken
        )
        out.append(Spoken(spoken.speaker, spoken.words, spoken.overlapped or overlapped))
    return out
