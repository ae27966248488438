"""How characters sound, without tones and with easily confused sounds folded together.

Recognised phone speech is full of homophones (欠 heard as 前, 还 as 害), so the classifier also
reads by ear. One reading a character, its most frequent one (table from pypinyin, MIT, stored
by `models.pinyin_table`): good enough for likeness, and far faster than reading in context.
"""

from functools import cache

from detector.artifacts import artifact

__all__ = ["fold", "syllables"]

_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"))
_ENDINGS = (("ang", "an"), ("eng", "en"), ("ing", "in"))


def fold(syllable: str) -> str:
    """Fold zh/z, ch/c, sh/s, n/l, h/f, ang/an, eng/en, ing/in: ``zhang`` -> ``zan``."""
    for full, short in _INITIALS:
        if syllable.startswith(full):
            syllable = short + syllable[2:]
    if syllable[:1] == "n":
        syllable = "l" + syllable[1:]
    elif syllable[:2] == "hu" and len(syllable) > 2:
        syllable = "f" + syllable[2:]  # hui/fei apart, huang/fang alike
    for full, short in _ENDINGS:
        if syllable.endswith(full):
            syllable = syllable[: -len(full)] + short
    return syllable


@cache
def _table() -> dict[str, str]:
    table: dict[str, str] = {}
    for line in artifact("pinyin.txt").decode("utf-8").splitlines():
        syllable, characters = line.split(" ")
        table.update(dict.fromkeys(characters, fold(syllable)))
    return table


def syllables(text: str) -> list[str]:
    """Return one folded syllable a character; other signs stand for themselves."""
    table = _table()
    return [table.get(character, character) for character in text]
