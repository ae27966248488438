"""How the recogniser mishears: learnt from recognised turns beside their source.

`models/corpus/heard/*.jsonl` (written by `models.hear`) are aligned with their source turns
syllable by syllable. What is counted: which syllable is heard for which, which are lost or added,
and how the share of wrong syllables varies between turns. Rare syllables fall back on how their
initials and finals are confused apart.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from detector.pinyin import syllables
from detector.text import normalise
from models import calls as corpus

Pair = tuple[str | None, str | None]
_INITIAL = "bpmfdtlgkhjqxzcsryw"
_SEEN = 6.0
"""So many observations of a syllable weigh as much as those of its initial and final."""
_GAP, NOTHING_ALIKE = 8, 10
_TOO_FAR = 0.85
"""Turns of which more is wrong were not heard at all: nothing is learnt from them."""

LOST_SENSE = 0.7
"""From this share of wrong syllables on, a turn's label is not learnt from what was heard."""


def split(syllable: str) -> tuple[str, str]:
    """Return initial and final of a folded syllable."""
    cut = 1 if syllable[:1] in _INITIAL else 0
    return syllable[:cut], syllable[cut:]


@cache
def cost(said: str, heard: str) -> int:
    """Return how unlike two syllables are: 0 the same, NOTHING_ALIKE nothing in common."""
    if said == heard:
        return 0
    (i, f), (j, g) = split(said), split(heard)
    return 6 if i == j or f == g else NOTHING_ALIKE


def align(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """Return the cheapest pairing of two sequences of syllables; None where one has none."""
    rows = [[_GAP * j for j in range(len(heard) + 1)]]
    for i, own in enumerate(said, 1):
        row = [_GAP * i]
        for j, other in enumerate(heard, 1):
            row.append(min(rows[-1][j - 1] + cost(own, other), rows[-1][j] + _GAP, row[-1] + _GAP))
        rows.append(row)
    out: list[Pair] = []
    i, j = len(said), len(heard)
    while i or j:
        if i and j and rows[i][j] == rows[i - 1][j - 1] + cost(said[i - 1], heard[j - 1]):
            i, j = i - 1, j - 1
            out.append((said[i], heard[j]))
        elif i and rows[i][j] == rows[i - 1][j] + _GAP:
            i -= 1
            out.append((said[i], None))
        else:
            j -= 1
            out.append((None, heard[j]))
    return out[::-1]


def sounding(text: str) -> tuple[list[int], list[str]]:
    """Return where a normalised text's Chinese characters stand, and their folded syllables."""
    heard = syllables(text)
    places = [at for at, character in enumerate(text) if heard[at] != character]
    return places, [heard[at] for at in places]


def sounds(text: str) -> list[str]:
    """Return the folded syllables of a text's Chinese characters."""
    return sounding(normalise(text))[1]


@cache
def _aligned(said: str, heard: str) -> list[Pair]:
    """Return what was heard of the syllables of a turn; asked for twice of each recognised one."""
    return align(sounds(said), sounds(heard))


def wrong_share(said: str, heard: str) -> float:
    """Return how much of what was said was heard as something else, by sound, 0 to 1."""
    pairs = _aligned(said, heard)
    return sum(a != b for a, b in pairs) / max(1, len(pairs))


@dataclass
class Confusion:
    """What is heard for what, in counts."""

    whole: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    initials: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    finals: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    lost: int = 0
    added: Counter[str] = field(default_factory=Counter)
    said: int = 0
    changed: int = 0
    shares: list[float] = field(default_factory=list)
    """The share of wrong syllables of each turn."""

    def learn(self, said: str, heard: str) -> None:
        pairs = _aligned(said, heard)
        if not pairs:
            return
        share = sum(a != b for a, b in pairs) / len(pairs)
        if share > _TOO_FAR:
            return
        self.shares.append(share)
        for a, b in pairs:
            self.said += a is not None
            if a is None:
                self.added[str(b)] += 1
            elif b is None:
                self.lost += 1
            elif a != b:
                self.changed += 1
                self.whole[a][b] += 1
                (i, f), (j, g) = split(a), split(b)
                self.initials[i][j] += 1
                self.finals[f][g] += 1

    def other(self, syllable: str, known: Sequence[str], rng: random.Random) -> str:
        """Return a syllable that may be heard instead of this one."""
        own = self.whole.get(syllable, Counter())
        if rng.random() < own.total() / (own.total() + _SEEN):
            return rng.choices(list(own), list(own.values()))[0]
        initial, final = split(syllable)
        for _ in range(8):
            parts = []
            for part, counts in ((initial, self.initials[initial]), (final, self.finals[final])):
                choices = {part: 1, **counts}
                parts.append(rng.choices(list(choices), list(choices.values()))[0])
            made = "".join(parts)
            if made != syllable and made in known:
                return made
        return syllable


@cache
def learnt() -> Confusion | None:
    """Return the confusions of the corpus's recognised turns, None where there are none."""
    found = Confusion()
    for record in corpus.heard():
        for said, text in zip(record["said"], record["heard"], strict=True):
            found.learn(said, text)
    return found if found.shares else None


@cache
def recognised() -> dict[str, list[list[tuple[str, bool]]]]:
    """Return what was heard in each spoken call, turn by turn, and whether it makes sense."""
    found: dict[str, list[list[tuple[str, bool]]]] = defaultdict(list)
    for record in corpus.heard():
        pairs = zip(record["said"], record["heard"], strict=True)
        found[record["call_id"]].append(
            [(text, wrong_share(said, text) < LOST_SENSE) for said, text in pairs]
        )
    return found
