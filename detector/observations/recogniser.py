"""What the recognisers share: cues in words and in sound, and the speech around them.

A recogniser lists cues and says what may not stand around them. Text must be normalised
(`detector.text.normalise`). A cue in sound is a short telling phrase that is also found where
a recording was heard as homophones, commas apart.

Cues are regular expressions in which <我>, <你> and <他> stand for the pronouns of the dialects,
other names in angle brackets for what the recogniser says, ~6 for up to six signs within the
clause and ≈6 for up to six within the sentence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from detector.pinyin import syllables

__all__ = [
    "Cue", "Hit", "Recogniser", "by_ear", "cue", "matcher", "negated", "quoted", "reported",
    "sentence", "warned",
]  # fmt: skip

_PRONOUNS = {"我": "[我俺咱额]", "你": "[你您妳恁]", "他": "[他她它伊佢]"}
_NAME = re.compile(r"<(\w+)>")
_REACH = 30


def matcher(*ways: str, **names: str) -> re.Pattern[str]:
    """Compile ways of saying something, see the head of this module."""
    known = _PRONOUNS | names
    text = "|".join(ways)
    while _NAME.search(text):
        text = _NAME.sub(lambda match: f"(?:{known[match[1]]})", text)
    text = re.sub(r"~(\d+)", r"[^,。!?;]{0,\1}", text)
    return re.compile(re.sub(r"≈(\d+)", r"[^。!?;]{0,\1}", text))


_NEGATION = matcher(
    "(不(要|会|能|得|可|许|用|必|准|该|应|需|建议|提倡|接受|收取|是|允许)|没(有|让|说|叫)?|未|勿|别|莫|"
    "严禁|禁止|避免|拒绝|从不|绝不|决不|甭|唔(好|会|可以|系)|毋|免得|以免|防止)~8$",
    "[不未没]$",
)
_DOUBLE = matcher("(不能不|不得不|不是不|要不|差不多|要不要|是不是|能不能|会不会)[^,]*$")
_REPORTED = matcher(
    "(有(没有|的|些)?人|网上|外面|别人|人家|对方|他们|骗子|不法分子|那边|<他>|谁)~8"
    "(说|自称|讲|要求|[要让叫]<你>|喊|问|冒充|打着)≈12$",
    "(?<![跟和给对向同])<你>[^我俺咱,。!?;]{0,4}(说|讲|提到|反映|反馈)≈10$",
    "(如果|若|要是|万一|假如|凡是|任何)(再?有|遇|碰|接到|听到)≈16$",
    "(所谓|什么叫|号称)~6$",
)
_WARNING = matcher(
    "冒充|假冒|骗子|骗局|不法分子|谨防|切勿|请勿|防骗|反诈|防诈|上当|受骗|诈骗(电话|短信|分子|话术|套路)",
    "(别|莫|不要|勿|不可)(轻易|随便)?[相听]?信|[是系](假的|诈骗|骗人)|标准的?诈骗|套路",
)
_QUOTES = re.compile('[“‘「『"][^“‘「『”’」』"]{0,60}[”’」』"]')


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage by character positions, and what it may be and what would settle it."""

    start: int
    end: int
    note: str


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that tell. `sounds` are phrases of four characters or more, also found by ear."""

    note: str
    words: re.Pattern[str]
    sounds: tuple[str, ...] = ()


def cue(
    note: str, *ways: str, sounds: tuple[str, ...] = (), names: Mapping[str, str] | None = None
) -> Cue:
    """Return a cue of several ways of saying something."""
    return Cue(note, matcher(*ways, **(names or {})), sounds)


def sentence(text: str, start: int, end: int) -> tuple[str, str]:
    """Return what stands before and after a passage in its sentence, at most 30 characters."""
    before, after = text[max(0, start - _REACH) : start], text[end : end + _REACH]
    return re.split("[。!?;]", before)[-1], re.split("[。!?;]", after)[0]


def negated(text: str, start: int) -> bool:
    """Tell whether the clause denies or forbids what follows."""
    before = sentence(text, start, start)[0]
    return bool(_NEGATION.search(before)) and not _DOUBLE.search(before)


def reported(text: str, start: int) -> bool:
    """Tell whether the words are told of somebody else, or supposed."""
    return bool(_REPORTED.search(sentence(text, start, start)[0]))


def quoted(text: str, start: int, end: int) -> bool:
    """Tell whether the passage stands in quotation marks."""
    near = _QUOTES.finditer(text, max(0, start - 2 * _REACH), end + 2 * _REACH)
    return any(match.start() < start and end < match.end() for match in near)


def warned(text: str, start: int, end: int) -> bool:
    """Tell whether the passage is part of a warning of fraud."""
    return bool(_WARNING.search(text, max(0, start - _REACH), end + _REACH))


@lru_cache(maxsize=8)
def _heard(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the syllables without commas, and where each stands."""
    kept = [(s, at) for at, s in enumerate(syllables(text)) if s not in ",、 "]
    return tuple(s for s, _ in kept), tuple(at for _, at in kept)


@lru_cache(maxsize=256)
def _phrase(phrase: str) -> tuple[str, ...]:
    return tuple(syllables(phrase))


def by_ear(text: str, phrase: str) -> list[tuple[int, int]]:
    """Return where a phrase, or what sounds like it, is said."""
    sought, (heard, places) = _phrase(phrase), _heard(text)
    size = len(sought)
    return [
        (places[at], places[at + size - 1] + 1)
        for at in range(len(heard) - size + 1)
        if heard[at] == sought[0] and heard[at : at + size] == sought
    ]


class Recogniser:
    """Finds one kind of observation; a sub-class names its cues."""

    KIND: ClassVar[str]
    CUES: ClassVar[tuple[Cue, ...]]

    def find(self, text: str) -> list[Hit]:
        """Return the hits in a normalised text, in order and without overlaps."""
        found = [
            Hit(start, end, known.note)
            for known in self.CUES
            for start, end in (
                *(match.span() for match in known.words.finditer(text)),
                *(span for phrase in known.sounds for span in by_ear(text, phrase)),
            )
            if self.counts(text, start, end)
        ]
        found.sort(key=lambda hit: (hit.start, -hit.end))
        kept: list[Hit] = []
        for hit in found:
            if not kept or hit.start >= kept[-1].end:
                kept.append(hit)
        return kept

    def counts(self, text: str, start: int, end: int) -> bool:
        """Tell whether the speaker means the words: not denied, reported, quoted or warned of."""
        return not (
            negated(text, start)
            or reported(text, start)
            or quoted(text, start, end)
            or warned(text, start, end)
        )
