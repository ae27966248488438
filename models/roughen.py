"""Text as a recogniser would hear it on a bad line.

Runs of characters are misheard, as on a real line: lost, heard as another syllable as
`models.confusion` saw it happen, or as the same syllable; what is heard is written as words
(`models.rendering`). Punctuation mostly goes. Deterministic for a seed.
"""

import random

from detector.pinyin import syllables
from detector.text import simplify
from models.confusion import learnt
from models.rendering import homophones, render

RATES = (0.1, 0.6)
"""Between these lies the share of misheard characters of a call."""
LOST_RUN, LOST, SAME_SOUND = 0.1, 0.15, 0.4
"""Of the misheard runs, those lost; of the characters of others, those lost, and of the rest
those whose syllable is right."""
STICKY = 0.3
STRAY = 0.1
"""How often the first or last characters of a turn are lost, or given to the turn beside it."""
AROUND = 2
"""So many characters on each side of what was misheard may join it in a word."""
PUNCTUATION = ",。?!;:、…“”‘’—,!?;:~"


def _runs(text: str, rate: float, rng: random.Random) -> list[bool]:
    bad, runs = False, []
    for _ in text:
        # what follows a misheard character is misheard more often
        bad = rng.random() < (rate + STICKY * (1 - rate) if bad else rate * (1 - STICKY))
        runs.append(bad)
    return runs


def _clause(text: str, rate: float, rng: random.Random) -> str:
    """Return a stretch without punctuation as it is heard."""
    sounds: list[str] = []
    kept: list[str] = []
    was: list[str] = []
    lost_run = before = False
    confusion = learnt()
    said = syllables(text)
    for character, sound, bad in zip(text, said, _runs(text, rate, rng), strict=True):
        if bad and not before:
            lost_run = rng.random() < LOST_RUN
        before = bad
        if bad and (lost_run or rng.random() < LOST):
            continue
        known = bad and sound != character
        other = known and confusion is not None and rng.random() >= SAME_SOUND
        sounds.append(confusion.other(sound, homophones(), rng) if other else sound)
        kept.append("" if known else character)
        was.append(character)
    out, at = [], 0
    while at < len(sounds):
        if kept[at] and all(kept[at : at + AROUND + 1]):
            out.append(kept[at])
            at += 1
            continue
        end = at
        while end < len(sounds) and not all(kept[end : end + AROUND + 1]):
            end += 1
        end = min(len(sounds), end + AROUND)
        out.append(render(sounds[at:end], kept[at:end], was[at:end], rng))
        at = end
    return "".join(out)


def roughen(text: str, rate: float, rng: random.Random) -> str:
    """Return text, in simplified characters, with about `rate` of its characters misheard."""
    out: list[str] = []
    clause = ""
    for character in simplify(text):
        if character not in PUNCTUATION:
            clause += character
            continue
        out.append(_clause(clause, rate, rng))
        out.append(character if rng.random() < 0.3 else rng.choice([" ", "", ","]))
        clause = ""
    out.append(_clause(clause, rate, rng))
    return "".join(out).strip() or text


def _stray(texts: list[str], rng: random.Random) -> None:
    """Move or lose characters where speakers change, as word times that are a little off do."""
    for i in range(1, len(texts)):
        if rng.random() >= STRAY:
            continue
        size = rng.randint(1, 5)
        if rng.random() < 0.5:
            moved, texts[i] = texts[i][:size], texts[i][size:] or texts[i]
            if rng.random() < 0.5:
                texts[i - 1] += moved
        else:
            moved, texts[i - 1] = texts[i - 1][-size:], texts[i - 1][:-size] or texts[i - 1]
            if rng.random() < 0.5:
                texts[i] = moved + texts[i]


def roughen_call(call: dict, seed: int) -> dict:
    """Return a copy of a call with every turn roughened, about at one rate for the call."""
    rng = random.Random(seed)
    rate = rng.uniform(*RATES)
    texts = [
        roughen(turn["text"], min(0.9, rate * rng.uniform(0.5, 1.5)), rng) for turn in call["turns"]
    ]
    _stray(texts, rng)
    turns = [{**turn, "text": text} for turn, text in zip(call["turns"], texts, strict=True)]
    return {**call, "turns": turns}
