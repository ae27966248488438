"""What must not leave the house: numbers that name a person, and the names the user lists.

One short class a kind, each telling where, what and why. Recognised speech is full of wrong
digits, so a long number is taken for one even where its checksum fails; the checksum only
tells which kind it is.
"""

import datetime as dt
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from detector.evidence.digits import Group, Run, plain, runs
from detector.pinyin import syllables

__all__ = ["Found", "Recogniser", "find", "recognisers"]

Part = tuple[int, int, str]
"""Where a class finds its number among a run's groups (first, one past the last), and why."""


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of text to be masked: [start, end), what it is, and what tells."""

    start: int
    end: int
    kind: str
    why: str


class Recogniser(Protocol):
    """Finds one kind of thing in a text."""

    kind: str

    def find(self, text: str) -> Iterator[Found]:
        """Yield what is found, in any order."""
        ...


def _is_date(digits: str, short: bool = False) -> bool:
    try:
        born = dt.datetime.strptime(("19" if short else "") + digits, "%Y%m%d")
    except ValueError:
        return False
    return 1900 <= born.year <= 2100


def id_checksum(digits: str) -> str:
    """Return the last sign of an 18-digit ID number, by its first 17 (GB 11643)."""
    total = sum(int(d) * pow(2, 17 - i, 11) for i, d in enumerate(digits[:17]))
    return "10X98765432"[total % 11]


def luhn(digits: str) -> bool:
    """Tell whether the last digit is the check digit of a card number."""
    doubled = (
        int(d) if i % 2 == 0 else sum(divmod(2 * int(d), 10)) for i, d in enumerate(digits[::-1])
    )
    return sum(doubled) % 10 == 0


class _OfDigits(ABC):
    """A number of a known form that stands by itself among the groups of a run."""

    kind = ""
    lengths: tuple[int, ...] = ()

    @abstractmethod
    def tells(self, digits: str, after: str) -> str | None:
        """Return why these digits, followed by that text, are such a number."""

    def parts(self, run: Run, text: str) -> Iterator[Part]:
        for first in range(len(run.groups)):
            digits = ""
            for last in range(first, len(run.groups)):
                digits += run.groups[last].digits
                if len(digits) > max(self.lengths):
                    break
                if len(digits) in self.lengths:
                    after = text[run.groups[last].places[-1] + 1 :][:2]
                    if why := self.tells(digits, after):
                        yield first, last + 1, why

    def find(self, text: str) -> Iterator[Found]:
        for run in runs(text):
            for candidate in run.readings():
                for first, last, why in self.parts(candidate, text):
                    start = candidate.groups[first].places[0]
                    end = candidate.groups[last - 1].places[-1] + 1
                    yield Found(start, self.end(text, end, candidate, first, last), self.kind, why)

    def end(self, text: str, end: int, run: Run, first: int, last: int) -> int:
        return end


class IdNumber(_OfDigits):
    """居民身份证号码: 18 signs with a check sign, or the 15 digits of old."""

    kind = "id_number"
    lengths = (15, 17, 18)
    _check = re.compile("[ ,\uff0c、-]?[Xx叉]")

    def tells(self, digits: str, after: str) -> str | None:
        if not "11" <= digits[:2] <= "82":
            return None
        if len(digits) == 15:
            return "旧式身份证号(含出生日期)" if _is_date(digits[6:12], short=True) else None
        born = _is_date(digits[6:14])
        last = digits[17:] or ("X" if self._check.match(after) else "")
        if last and id_checksum(digits) == last:
            return "身份证校验码相符"
        return "含出生日期的身份证号形式" if born and last else None

    def end(self, text: str, end: int, run: Run, first: int, last: int) -> int:
        if sum(len(group.digits) for group in run.groups[first:last]) != 17:
            return end
        match = self._check.match(text, end)
        return match.end() if match else end


class Mobile(_OfDigits):
    """手机号码: 1, 3 to 9, nine more digits; the country's 86 may stand before it."""

    kind = "mobile"
    lengths = (11, 13, 15)
    form = re.compile(r"(?:(?:00)?86)?1[3-9]\d{9}")

    def tells(self, digits: str, after: str) -> str | None:
        return "手机号码形式" if self.form.fullmatch(digits) else None


class Landline(_OfDigits):
    """固定电话: area code and seven or eight digits; 400 and 800 numbers."""

    kind = "landline"
    lengths = (10, 11, 12)
    _form = re.compile(r"0(?:10|2\d|[3-9]\d\d)[2-8]\d{6,7}|[48]00\d{7}")

    def tells(self, digits: str, after: str) -> str | None:
        return "区号与电话号码" if self._form.fullmatch(digits) else None


class BankCard(_OfDigits):
    """银行卡号: 13 to 19 digits whose last is the check digit (Luhn)."""

    kind = "bank_card"
    lengths = tuple(range(13, 20))

    def tells(self, digits: str, after: str) -> str | None:
        known = digits[0] in "3456" or digits[:2] in ("10", "95")
        return "银行卡校验位相符" if known and luhn(digits) else None

    def parts(self, run: Run, text: str) -> Iterator[Part]:
        for first, last, why in super().parts(run, text):
            groups = run.groups[first:last]
            if len(groups) == 1 or not any(Mobile.form.fullmatch(g.digits) for g in groups):
                yield first, last, why


class LongNumber:
    """Any other run of seven digits or more, since recognition errs and all of them identify."""

    kind = "number"
    least, least_in_pieces = 7, 8
    _unit = re.compile(r"(?:\.\d+)?\s*(?:元|块|圆|万|亿|rmb)", re.I)
    _others: tuple[_OfDigits, ...] = (IdNumber(), Mobile(), BankCard(), Landline())

    def find(self, text: str) -> Iterator[Found]:
        simple = plain(text)
        for run in runs(text):
            readings = run.readings()
            if not readings:
                continue
            rest, whole = readings[-1], readings[0]
            for groups in self._without_known(rest, text):
                if groups and self._is_number(groups, simple):
                    start, end = groups[0].places[0], groups[-1].places[-1] + 1
                    if groups[0] is rest.groups[0]:
                        start = whole.groups[0].places[0]
                    if groups[-1] is rest.groups[-1]:
                        end = whole.groups[-1].places[-1] + 1
                    yield Found(start, end, self.kind, "七位以上的连续数字")

    def _without_known(self, run: Run, text: str) -> Iterator[Sequence[Group]]:
        """Yield what stands before, between and after numbers of a known form."""
        known = {
            index
            for other in self._others
            for first, last, _ in other.parts(run, text)
            for index in range(first, last)
        }
        rest: list[Group] = []
        for index, group in enumerate(run.groups):
            if index in known:
                yield rest
                rest = []
            else:
                rest.append(group)
        yield rest

    def _is_number(self, groups: Sequence[Group], simple: str) -> bool:
        digits = "".join(group.digits for group in groups)
        pieces = any(group.heavy for group in groups[1:])
        if len(digits) < (self.least_in_pieces if pieces else self.least):
            return False
        if self._unit.match(simple, groups[-1].places[-1] + 1):
            return False
        if len(groups) > 1 and all(len(g.digits) <= 5 and g.digits[-2:] == "00" for g in groups):
            return False  # amounts: 1500, 2000, 3000
        stamp = len(digits) in (8, 12, 14) and "1990" <= digits[:4] <= "2099"
        return not (stamp and _is_date(digits[:8]) and len(groups) <= 2)


class Listed:
    """Names and addresses that the user lists, also where only their sound was caught."""

    kind = "listed"

    def __init__(self, names: Sequence[str]) -> None:
        self._names = [self._bare("".join(_WORD.findall(name))) for name in names]

    @staticmethod
    def _bare(text: str) -> str:
        return plain(text).lower().translate(_AS_SPOKEN)

    def find(self, text: str) -> Iterator[Found]:
        places = [match.start() for match in _WORD.finditer(text)]
        bare = self._bare("".join(text[place] for place in places))
        heard = syllables(bare)
        for name in self._names:
            if not name:
                continue
            width = len(name)
            sound = syllables(name)
            chinese = [a != b for a, b in zip(name, sound, strict=True)]
            for at in range(len(bare) - width + 1):
                there = bare[at : at + width]
                alike = there == name
                if not alike and (width < 2 or sum(chinese) < 2 or heard[at : at + width] != sound):
                    continue
                if alike and name.isascii() and self._within_word(bare, at, width, places):
                    continue
                why = "用户列出的姓名或地址" + ("" if alike else "(同音)")
                yield Found(places[at], places[at + width - 1] + 1, self.kind, why)

    @staticmethod
    def _within_word(bare: str, at: int, width: int, places: Sequence[int]) -> bool:
        """Tell whether a Latin name is only part of a longer word."""
        before = at > 0 and bare[at - 1].isascii() and places[at - 1] + 1 == places[at]
        end = at + width
        after = end < len(bare) and bare[end].isascii() and places[end - 1] + 1 == places[end]
        return before or after


_WORD = re.compile(r"[^\W_]")
_AS_SPOKEN = str.maketrans("0123456789", "零一二三四五六七八九")


def recognisers(names: Sequence[str] = ()) -> tuple[Recogniser, ...]:
    """Return all recognisers, the surest first."""
    return (IdNumber(), Mobile(), BankCard(), Landline(), LongNumber(), Listed(names))


def find(text: str, names: Sequence[str] = ()) -> list[Found]:
    """Return what is to be masked in a text, in order; nothing twice.

    Where two overlap, they become one of the first one's kind.
    """
    every = [found for recogniser in recognisers(names) for found in recogniser.find(text)]
    order: Callable[[Found], tuple[int, int]] = lambda f: (f.start, -f.end)  # noqa: E731
    merged: list[Found] = []
    for found in sorted(every, key=order):
        if merged and found.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Found(last.start, max(last.end, found.end), last.kind, last.why)
        else:
            merged.append(found)
    return merged
