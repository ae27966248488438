"""Text as a recogniser would hear it on a bad line.

Characters are replaced by homophones or near-homophones (common ones more often), a few are
lost, punctuation is mostly lost. Deterministic for a seed.
"""

import random
from collections import Counter, defaultdict
from functools import cache

from detector.pinyin import syllables
from models import calls as corpus

PUNCTUATION = ",。?!;:、…“”‘’—,!?;:~"


@cache
def homophones() -> dict[str, tuple[list[str], list[int]]]:
    """Return the characters of each folded syllable with how common they are in the corpus."""
    counts = Counter(
        character for call in corpus.load() for turn in call["turns"] for character in turn["text"]
    )
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for character, count in sorted(counts.items()):
        sound = syllables(character)[0]
        if sound != character and "\u4e00" <= character <= "\u9fff":
            groups[sound][character] += count + 3
    return {s: (list(group), list(group.values())) for s, group in groups.items()}


def roughen(text: str, rate: float, rng: random.Random) -> str:
    """Return text with about `rate` of its characters misheard."""
    out = []
    for character in text:
        if character in PUNCTUATION:
            out.append(character if rng.random() < 0.3 else rng.choice([" ", "", ","]))
            continue
        chance = rng.random()
        if chance < 0.06 * rate:
            continue
        group = homophones().get(syllables(character)[0])
        if chance < rate and group:
            out.append(rng.choices(*group)[0])
        else:
            out.append(character)
    return "".join(out).strip() or text


def roughen_call(call: dict, seed: int) -> dict:
    """Return a copy of a call with every turn roughened at one rate for the call."""
    rng = random.Random(seed)
    rate = rng.uniform(0.1, 0.45)
    turns = [{**turn, "text": roughen(turn["text"], rate, rng)} for turn in call["turns"]]
    return {**call, "turns": turns}
