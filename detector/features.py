"""What the word model looks at in one turn of a call.

Families: characters ("c", 1 to 4), jieba words ("w", 1 and 2), folded pinyin ("p", 2 to 4
syllables), words under the listener ("l"), words of the turns around ("x"). A feature is a
string; the family is its first letter.
"""

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from detector.artifacts import artifact
from detector.pinyin import syllables
from detector.text import normalise

__all__ = ["FAMILIES", "REACH", "CallTurn", "PreparedTurn", "prepare", "turn_features", "words"]

FAMILIES = "cwplx"
ROLES = {"collector": "C", "debtor": "D", "third_party": "T"}
_AROUND = (-2, -1, 1, 2)
REACH = 2
"""How many turns before and after a turn have a say in its score."""


@dataclass(frozen=True, slots=True)
class CallTurn:
    """A turn as it comes in: what was said and in which role (None if unknown)."""

    text: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class PreparedTurn:
    """A turn made ready: normalised text, folded syllables a character, jieba words."""

    text: str
    syllables: tuple[str, ...]
    words: tuple[str, ...]
    role: str


@cache
def _jieba() -> Any:
    import jieba

    jieba.setLogLevel(logging.CRITICAL)
    # read here, not by jieba: its cache is a file to unmarshal in a shared folder
    cutter = jieba.Tokenizer()
    cutter.FREQ, cutter.total = cutter.gen_pfdict(io.BytesIO(artifact("jieba.txt")))
    cutter.initialized = True
    return cutter


def words(text: str) -> list[str]:
    """Cut text into words with jieba (its common words: `models.jieba_words`)."""
    return list(_jieba().lcut(text))


def prepare(turns: Sequence[CallTurn]) -> list[PreparedTurn]:
    """Normalise and cut the turns of one call."""
    prepared = []
    for turn in turns:
        text = normalise(turn.text)
        prepared.append(
            PreparedTurn(
                text, tuple(syllables(text)), tuple(words(text)), ROLES.get(turn.role or "", "U")
            )
        )
    return prepared


def spans(turn: PreparedTurn) -> Iterator[tuple[str, int, int]]:
    """Yield the features that stand in the turn itself with their character positions."""
    text, sounds = turn.text, turn.syllables
    length = len(text)
    for n in (1, 2, 3, 4):
        for start in range(length - n + 1):
            yield "c" + text[start : start + n], start, start + n
    voiced = [i for i, sound in enumerate(sounds) if sound.isalnum()]
    for n in (2, 3, 4):
        for first in range(len(voiced) - n + 1):
            chosen = voiced[first : first + n]
            yield "p" + " ".join(sounds[i] for i in chosen), chosen[0], chosen[-1] + 1
    at, before = 0, ""
    for word in turn.words:
        yield "w" + word, at, at + len(word)
        if before:
            yield "w" + before + word, at - len(before), at + len(word)
        at, before = at + len(word), word


def turn_features(turns: Sequence[PreparedTurn], index: int, listener: str) -> Iterator[str]:
    """Yield the features of turn `index` of a call; `listener` is D, T or U (unknown)."""
    turn = turns[index]
    for feature, _, _ in spans(turn):
        yield feature
    yield "l" + listener
    for word in turn.words:
        yield f"l{listener}{word}"
    for offset in _AROUND:
        place = index + offset
        if 0 <= place < len(turns):
            other = turns[place]
            for word in other.words:
                yield f"x{offset}{other.role}{word}"
