"""Sounds written down as a recogniser would: as words that people use.

A recogniser that mishears a syllable does not write a random character of that sound, it writes
words it knows. Stretches of syllables are cut into words of jieba's list (or single characters,
as common as they are in the corpus); the likelier a writing, the more often it is drawn.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache

from detector.artifacts import artifact
from detector.pinyin import syllables
from models import calls as corpus

LONGEST = 4
CHOICES = 8
"""So many words of the same sound are considered, the commonest."""
CHANCE = 1.0
"""How much chance weighs against how common a word is (the scale of Gumbel noise)."""
SINGLE = 2.0
"""What a character that stands alone costs: recognisers write words."""
AGAIN = 0.3
"""How often what was said may be written although it was misheard."""


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


@cache
def words() -> dict[tuple[str, ...], list[tuple[str, float]]]:
    """Return the words of each sound, the commonest first, with their log probability."""
    found: dict[tuple[str, ...], list[tuple[str, float]]] = defaultdict(list)
    counted = []
    for line in artifact("jieba.txt").decode("utf-8").splitlines():
        word, count = line.split(" ")
        if 1 < len(word) <= LONGEST and all("\u4e00" <= c <= "\u9fff" for c in word):
            counted.append((word, int(count)))
    every = sum(count for _, count in counted)
    for word, count in sorted(counted, key=lambda item: (-item[1], item[0])):
        group = found[tuple(syllables(word))]
        if len(group) < CHOICES:
            group.append((word, math.log(count / every)))
    total = sum(sum(counts) for _, counts in homophones().values())
    for sound, (characters, counts) in homophones().items():
        most = sorted(zip(counts, characters, strict=True), reverse=True)[:CHOICES]
        found[(sound,)] = [(c, math.log(n / total) - SINGLE) for n, c in most]
    return found


def render(
    sounds: Sequence[str], kept: Sequence[str], was: Sequence[str], rng: random.Random
) -> str:
    """Return characters for folded syllables, as words where there are any.

    `kept` holds the characters that were heard rightly ("" where not), `was` what was said.
    """
    length = len(sounds)
    best: list[tuple[float, str]] = [(0.0, "")] + [(-math.inf, "")] * length
    barred = ["" if kept[i] or rng.random() < AGAIN else was[i] for i in range(length)]
    for end in range(1, length + 1):
        for begin in range(max(0, end - LONGEST), end):
            score, text = best[begin]
            options = words().get(tuple(sounds[begin:end]), ())
            if end - begin == 1 and kept[begin]:
                options = [(kept[begin], next((p for w, p in options if w == kept[begin]), -11.0))]
            elif end - begin == 1 and not options:
                options = [(was[begin], -11.0)]
            for word, likely in options:
                if any(k and k != c for k, c in zip(kept[begin:end], word, strict=True)):
                    continue
                bar = sum(c == b for c, b in zip(word, barred[begin:end], strict=True))
                drawn = likely - 6.0 * bar - CHANCE * math.log(-math.log(rng.random() or 0.5))
                if score + drawn > best[end][0]:
                    best[end] = (score + drawn, text + word)
    return best[length][1]
