"""Text in one script, and the form of it that is scored.

What the user reads stays as recognised or written, in the script they ask for; what the
classifier sees is simplified, half-width, lower-case and with numbers as they are spoken.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = [
    "SCRIPTS",
    "Place",
    "aligned",
    "is_traditional",
    "normalise",
    "spoken_number",
    "to_script",
]

SCRIPTS = ("simplified", "traditional", "as-heard")
_DIGITS = "零一二三四五六七八九"
_MAX_TURN = 2_000
_MARKS = "[\u0300-\u036f\u3099\u309a\uff9e\uff9f]"
# what folding may change: a sign with its marks, and any but ASCII and Chinese characters
_SIGN = re.compile(f".{_MARKS}+|[^\0-\x7f\u4e00-\u9fff]", re.S)
_URL = re.compile(r"(?:https?://|www\.)[!-~]+", re.I)  # Chinese words may follow without a space
_PERCENT = re.compile("%")
_CAPITAL = re.compile(r"[^\W\d_a-z\u4e00-\u9fff]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SPACE = re.compile(r"\s+")

Place = tuple[int, int]


@cache
def _converter(name: str) -> Any:
    import opencc

    return opencc.OpenCC(name)


def simplify(text: str) -> str:
    """Turn traditional characters into simplified ones, character for character."""
    if text.isascii():
        return text
    simple = str(_converter("t2s").convert(text))
    if len(simple) != len(text):  # a phrase with another one of its own
        simple = "".join(str(_converter("t2s").convert(character)) for character in text)
    return simple


def to_script(text: str, script: str) -> str:
    """Write text in "simplified" or "traditional" characters, or leave it "as-heard"."""
    if script == "simplified":
        return simplify(text)
    if script == "traditional":
        return str(_converter("s2t").convert(text))
    return text


def is_traditional(text: str) -> bool:
    """Tell whether text is written mainly in traditional characters."""
    simple, full = simplify(text), str(_converter("s2t").convert(text))
    return sum(a != b for a, b in zip(text, simple, strict=False)) > sum(
        a != b for a, b in zip(text, full, strict=False)
    )


def _section(digits: str) -> str:
    """Read one to four digits."""
    out, zero = "", False
    for digit, unit in zip(digits.zfill(4), "千百十 ", strict=True):
        if digit == "0":
            zero = bool(out)
            continue
        if zero:
            out, zero = out + "零", False
        out += _DIGITS[int(digit)] + unit.strip()
    return out


def spoken_number(number: str) -> str:
    """Read a number aloud: 28600 -> 两万八千六百; long ones and leading zeros digit by digit."""
    whole, _, fraction = number.partition(".")
    if (
        len(whole) > 8
        or (len(whole) > 1 and whole[0] == "0")
        or (len(whole) == 4 == len(number) and whole[:2] in ("19", "20") and whole[2:] != "00")
    ):
        read = "".join(_DIGITS[int(d)] for d in whole)
    elif not whole.strip("0"):
        read = "零"
    else:
        high, low = whole[:-4], whole[-4:]
        read = _section(high) + "万" if high else ""
        tail = _section(low)
        if high and tail and len(low.lstrip("0")) < 4:
            tail = "零" + tail
        read += tail
        read = re.sub(r"^一十", "十", read)
        read = re.sub(r"^二(?=[千万])", "两", read)
    if fraction:
        read += "点" + "".join(_DIGITS[int(d)] for d in fraction)
    return read


def _replace(
    pattern: re.Pattern[str], made: Callable[[str], str], text: str, places: list[Place]
) -> tuple[str, list[Place]]:
    """Replace matches; each new character stands for the whole of what its match stood for."""
    parts: list[str] = []
    kept: list[Place] = []
    at = 0
    for match in pattern.finditer(text):
        start, end = match.span()
        new = made(match.group())
        parts += (text[at:start], new)
        kept += places[at:start]
        kept += [(places[start][0], places[end - 1][1])] * len(new)
        at = end
    return "".join((*parts, text[at:])), kept + places[at:]


def aligned(text: str) -> tuple[str, list[Place]]:
    """Return the form of a turn that is scored, and what each of its characters stands for.

    That is a part (start, end) of the text: one character mostly, a whole number or address
    where it was read as one.
    """
    text = text[: 5 * _MAX_TURN]
    places = [(i, i + 1) for i in range(len(text))]
    text, places = _replace(_SIGN, lambda s: unicodedata.normalize("NFKC", s), text, places)
    text = simplify(text)
    text, places = _replace(_URL, lambda _: "网址", text, places)
    text, places = _replace(_PERCENT, lambda _: "百分之", text, places)
    text, places = _replace(_CAPITAL, str.lower, text, places)
    text, places = _replace(_NUMBER, spoken_number, text, places)
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    text, places = _replace(_SPACE, lambda _: ",", text[begin:end], places[begin:end])
    return text[:_MAX_TURN], places[:_MAX_TURN]


def normalise(text: str) -> str:
    """Return the form of a turn that is scored; at most 2,000 characters.

    Simplified characters, full-width forms folded, digits as spoken, addresses of pages
    replaced by one sign, runs of white space made a comma (recognisers leave out punctuation).
    """
    return aligned(text)[0]
