"""The options of a scan as form fields: checked here, so that a bad one is told at once.

The scanner itself is not loaded for it: that is the workers' part.
"""

from collections.abc import Callable, Iterable
from typing import Any

from api.errors import BadOptionError
from api.problems import split_sentence
from detector.case import ANSWERED_BY, LENDER_TYPES, parse_start
from detector.errors import OptionError
from detector.labels import CATEGORY_NAMES

__all__ = ["FIELDS", "read_options"]

LISTENERS = ("auto", "debtor", "third-party")
SCRIPTS = ("simplified", "traditional", "as-heard")
COLLECTORS = ("left", "right", *(chr(ord("A") + n) for n in range(26)))
_TEXTS = ("recorded_by", "caller_number", "called_number", "note")
_PARTIES = ("debtor", "lender", "agency")
_MAX_TEXT = 1000
_REPEATED = ("collector", "threshold")

FIELDS: dict[str, dict[str, Any]] = {
    "collector": {
        "type": "array",
        "items": {"type": "string", "enum": list(COLLECTORS)},
        "description": "Who collects: `left` or `right` of a two-channel call, else a speaker of "
        "the report, `A`, `B` …; repeatable.",
    },
    "listener": {
        "type": "string",
        "enum": list(LISTENERS),
        "description": "Who answered; inferred from the words where it is not given.",
    },
    "script": {"type": "string", "enum": list(SCRIPTS), "description": "Characters of the text."},
    "started_at": {
        "type": "string",
        "maxLength": 40,
        "description": "When the call began, ISO 8601; without an offset it is Beijing time.",
    },
    "beam_size": {"type": "integer", "minimum": 1, "maximum": 20},
    "threshold": {
        "type": "array",
        "items": {
            "type": "string",
            "pattern": f"^({'|'.join(CATEGORY_NAMES)})=(1|0?\\.[0-9]*[1-9])$",
        },
        "description": "CATEGORY=VALUE, from 0 to 1; repeatable.",
    },
    "second_look": {
        "type": "string",
        "enum": ["true", "false"],
        "description": "Whether suspected passages are heard again: finds more, takes longer.",
    },
    "language": {"type": "string", "enum": ["zh", "en"]},
    "lender_type": {"type": "string", "enum": [*LENDER_TYPES, *sorted({*LENDER_TYPES.values()})]},
    "answered_by": {"type": "string", "enum": [*ANSWERED_BY, *ANSWERED_BY.values()]},
    **{name: {"type": "string", "maxLength": _MAX_TEXT} for name in _TEXTS},
    **{
        name: {"type": "string", "maxLength": _MAX_TEXT, "description": "Name of this party."}
        for name in _PARTIES
    },
}
"""The fields beside `file`, as JSON Schema; this is what the OpenAPI document shows."""


def read_options(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the options that the fields of a form mean, those alone that were given.

    Empty values count as not given, since pages send empty fields.

    Raises:
        BadOptionError: a field is not known, comes twice, or its value cannot be used.
    """
    options: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    seen: set[str] = set()
    for name, raw in fields:
        value = raw.strip()
        if name not in FIELDS:
            raise BadOptionError(
                f"不认识的选项 {name[:40]!r};可用:{'、'.join(FIELDS)}。",
                f"Unknown field; known are: {', '.join(FIELDS)}.",
            )
        if name in seen and name not in _REPEATED:
            raise BadOptionError(f"选项 {name} 只能给一次。", f"Give {name} once.")
        seen.add(name)
        if not value:
            continue
        if "\0" in value or len(value) > _MAX_TEXT:
            raise BadOptionError(
                f"选项 {name} 太长或含有不可用的字符。", f"{name} is too long or holds a NUL."
            )
        if name in _READ:
            options[name] = _READ[name](name, value, options.get(name))
        elif name == "threshold":
            category, number = _threshold(value)
            options.setdefault("thresholds", {})[category] = number
        elif name in _PARTIES:
            facts.setdefault("parties", {})[name] = value
        else:
            facts[name] = _fact(name, value)
    if facts:
        options["facts"] = facts
    return options


def _bad(name: str, *allowed: str) -> BadOptionError:
    return BadOptionError(
        f"选项 {name} 应为:{'、'.join(allowed)}。", f"{name} has to be: {', '.join(allowed)}."
    )


def _one_of(name: str, value: str, _before: Any) -> str:
    allowed: list[str] = FIELDS[name]["enum"]
    if value not in allowed:
        raise _bad(name, *allowed)
    return value


def _collectors(name: str, value: str, before: Any) -> list[str]:
    if value not in COLLECTORS:
        raise _bad(name, "left", "right", "A-Z")
    return list(dict.fromkeys([*(before or ()), value]))


def _beam(name: str, value: str, _before: Any) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 4 and 1 <= int(value) <= 20):
        raise _bad(name, "1-20")
    return int(value)


def _yes(name: str, value: str, before: Any) -> bool:
    return _one_of(name, value.lower(), before) == "true"


def _start(_name: str, value: str, _before: Any) -> str:
    try:
        return parse_start(value)
    except (OptionError, OverflowError) as error:
        detail, _ = split_sentence(str(error))
        raise BadOptionError(detail, "started_at is not an ISO 8601 time.") from None


def _threshold(value: str) -> tuple[str, float]:
    category, _, text = value.partition("=")
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if category.strip() not in CATEGORY_NAMES or not 0 < number <= 1:
        raise BadOptionError(
            f"选项 threshold 应写成 类别=数值,如 threat=0.7;类别:{'、'.join(CATEGORY_NAMES)}。",
            "threshold is CATEGORY=VALUE, such as threat=0.7.",
        )
    return category.strip(), number


def _fact(name: str, value: str) -> str:
    known = {"lender_type": LENDER_TYPES, "answered_by": ANSWERED_BY}.get(name)
    if known is None:
        return value
    if value in known:
        return known[value]
    if value not in known.values():
        raise _bad(name, *known)
    return value


_READ: dict[str, Callable[[str, str, Any], Any]] = {
    "collector": _collectors,
    "listener": _one_of,
    "script": _one_of,
    "language": _one_of,
    "beam_size": _beam,
    "started_at": _start,
    "second_look": _yes,
}
