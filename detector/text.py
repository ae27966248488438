"""Text in one script, and the form of it that is scored.

What the user reads stays as recognised or written, in the script they ask for; what the
classifier sees is simplified, half-width, lower-case and with numbers as they are spoken.
"""

import re
import unicodedata
from functools import cache
from typing import Any

__all__ = ["SCRIPTS", "is_traditional", "normalise", "spoken_number", "to_script"]

SCRIPTS = ("simplified", "traditional", "as-heard")
_DIGITS = "零一二三四五六七八九"
_MAX_TURN = 2_000
_URL = re.compile(r"https?://\S+|www\.\S+", re.I)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SPACE = re.compile(r"\s+")


@cache
def _converter(name: str) -> Any:
    import opencc

    return opencc.OpenCC(name)


def simplify(text: str) -> str:
    """Turn traditional characters into simplified ones, character for character."""
    return str(_converter("t2s").convert(text)) if not text.isascii() else text


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
        or (len(whole) == 4 == len(number) and (whole[:2] in ("19", "20")))
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


def normalise(text: str) -> str:
    """Return the form of a turn that is scored; at most 2,000 characters.

    Simplified characters, full-width forms folded, digits as spoken, addresses of pages
    replaced by one sign, runs of white space made a comma (recognisers leave out punctuation).
    """
    text = unicodedata.normalize("NFKC", text[: 5 * _MAX_TURN])
    text = simplify(text)
    text = _URL.sub("网址", text)
    text = text.replace("%", "百分之").lower()
    text = _NUMBER.sub(lambda match: spoken_number(match.group()), text)
    return _SPACE.sub(",", text.strip())[:_MAX_TURN]
