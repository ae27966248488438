"""Runs of digits in text, as written and as spoken: 138 0013 8000, 幺三八、零零幺三……

A run ends where something stands that no number is read with: a unit (万, 元, 年), a word.
Dates, amounts and fingerprints of files are no runs.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from detector.text import simplify

__all__ = ["Group", "Run", "plain", "runs"]

_SURE = {
    **{str(n): str(n) for n in range(10)},
    **dict(zip("零一二三四五六七八九", "0123456789", strict=True)),
    **dict(zip("〇○壹贰叁肆伍陆柒捌玖幺", "001234567891", strict=True)),
}
_ALSO = dict(zip("洞拐勾两么腰妖", "0792111", strict=True))
"""Read for digits, but words as well: they count beside digits only."""
_HEARD_AS = {
    character: digit
    for digit, characters in {
        "0": "领灵凌另令玲", "1": "要夭吆邀依衣医以", "2": "儿尔而耳", "3": "山散伞",
        "4": "是死似寺", "5": "武舞午无吴", "6": "路刘流留柳溜", "7": "其期骑起气妻",
        "8": "吧巴爸拔把", "9": "就酒久旧",
    }.items()
    for character in characters
}  # fmt: skip
"""What recognisers write for a digit: counts only between two digits of a long run."""
_FILLERS = "啊嗯呃额哦杠转"
_LIGHT = " \t\n\u3000.-\u2010\u2011\u2012\u2013\u2014\u2015\u2212·" + _FILLERS
_HEAVY = ",、。;"
_MAX_JOINT = 3
_MIN_SURE, _MAX_HEARD = 6, 0.25

_NO_RUNS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"(?<!\d)(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)",
        r"(?<!\d)\d{1,2}:\d\d(?::\d\d)?(?!\d)",
        r"(?<![0-9a-z])(?=[0-9]*[a-f])[0-9a-f]{16,}(?![0-9a-z])",
        r"(?<!\d)\d{1,3}(?:,\d{3})+(?:\.\d+)?(?=\s*(?:元|块|圆|万|亿|人民币|rmb))",
        r"(?<=[¥$])\s*\d[\d,]*(?:\.\d+)?",
        r"(?<!\d)\d+\.\d{1,2}(?!\d)",
    )
)


@dataclass(frozen=True, slots=True)
class Group:
    """Digits read in one go, and where each of them stands in the text."""

    digits: str
    places: tuple[int, ...]
    heavy: bool
    """Set off from the digits before by a comma or stop."""


@dataclass(frozen=True, slots=True)
class Run:
    """Groups that may be one number."""

    groups: tuple[Group, ...]
    unsure_first: bool = False
    """The first digit may be a word beside the number: 怎么 138..."""
    unsure_last: bool = False

    def readings(self) -> list["Run"]:
        """Return the run with and without what may be words, the shortest last."""
        found = [self]
        if self.unsure_first:
            found.append(_without(self, 0))
        if self.unsure_last:
            found += [_without(run, -1) for run in found if run.groups]
        return [run for run in found if run.groups]


def _without(run: Run, edge: int) -> Run:
    """Leave out the first (0) or last (-1) digit."""
    keep = slice(1, None) if edge == 0 else slice(None, -1)
    groups = list(run.groups)
    old = groups[edge]
    groups[edge] = Group(old.digits[keep], old.places[keep], old.heavy)
    return Run(tuple(group for group in groups if group.digits))


def plain(text: str) -> str:
    """Return text in simplified, half-width characters, as long as it was."""
    folded = (unicodedata.normalize("NFKC", c) for c in text)
    pairs = zip(folded, text, strict=True)
    return simplify("".join(new if len(new) == 1 else old for new, old in pairs))


def _kinds(simple: str) -> list[str]:
    """Return one kind a character: a digit's, "s"ure, "a"lso, "h"eard; joints, "o"ther."""
    barred = [False] * len(simple)
    for pattern in _NO_RUNS:
        for match in pattern.finditer(simple):
            barred[match.start() : match.end()] = [True] * (match.end() - match.start())
    kinds = []
    for character, out in zip(simple, barred, strict=True):
        kind = "o"
        for name, table in (
            ("s", _SURE), ("a", _ALSO), ("h", _HEARD_AS), ("l", _LIGHT), ("c", _HEAVY), ("g", "个"),
        ):  # fmt: skip
            if not out and character in table:
                kind = name
                break
        kinds.append(kind)
    return kinds


_SPREAD = re.compile(rf"[sa](?:[hg]?[sa]|[lc]{{1,{_MAX_JOINT}}}[sa])*")


def runs(text: str) -> Iterator[Run]:
    """Yield the runs of digits in a text, in order."""
    simple = plain(text)
    kinds = "".join(_kinds(simple))
    for match in _SPREAD.finditer(kinds):
        start, end = match.span()
        part = kinds[start:end]
        sure = part.count("s")
        # few digits: what stands between them is the word that it looks like
        apart = "hg" if sure < _MIN_SURE or part.count("h") > _MAX_HEARD * sure else ""
        for piece in re.finditer(f"[^{apart}]+" if apart else ".+", part):
            yield _run(simple, kinds, range(start + piece.start(), start + piece.end()))


def _run(simple: str, kinds: str, places: range) -> Run:
    groups: list[Group] = []
    digits: list[str] = []
    at: list[int] = []
    heavy = counted = False
    for place in places:
        kind = kinds[place]
        if kind == "g":  # 三个八: three eights
            counted = True
        elif kind in "lc":
            if digits:
                groups.append(Group("".join(digits), tuple(at), heavy))
                digits, at, heavy = [], [], False
            heavy = heavy or kind == "c"
        else:
            digit = (_SURE | _ALSO | _HEARD_AS)[simple[place]]
            if counted:
                times, counted = max(int(digits.pop()), 1), False
                digits += [digit] * times
                at += [place] * (times - 1)
            else:
                digits.append(digit)
                at.append(place)
    groups.append(Group("".join(digits), tuple(at), heavy))
    return Run(tuple(groups), kinds[places[0]] == "a", kinds[places[-1]] == "a")
