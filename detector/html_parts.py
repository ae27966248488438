"""Parts of the pages that this program writes: escaping, badges, style for a strict policy."""

import base64
import hashlib
import re
from functools import cache
from html import escape
from importlib.resources import files

__all__ = ["asset", "badge", "csp_hash", "esc", "page_start"]

# Shape and letter tell the categories apart without colour.
_SHAPES = {
    "threat": ('<path class="shape" d="M0-12 12 0 0 12-12 0z"/>', "威", "T"),
    "insult": ('<circle class="shape" r="10"/>', "辱", "I"),
    "third_party_disclosure": ('<path class="shape" d="M-9-9H9V9H-9z"/>', "泄", "D"),
}
# Controls, marks that turn the direction of writing, and lone surrogates: these come from file
# names that are no valid text, and could not be saved as UTF-8.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff]"
)


@cache
def asset(name: str, package: str = "detector") -> str:
    """Return a file of the program that goes into a page."""
    return (files(package) / name).read_text("utf-8").strip()


def csp_hash(text: str) -> str:
    """Return how a policy names an inlined style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def esc(value: object) -> str:
    """Escape for text and attributes, and make hidden characters visible."""
    return escape(_HIDDEN.sub(lambda found: f"\\u{ord(found.group()):04x}", str(value)))


def page_start(title: str, style: str, policy: str) -> str:
    """Return a page up to its body; policy is what may be loaded and run (CSP)."""
    return f"""<!DOCTYPE html>
<html lang="zh-Hans">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="format-detection" content="telephone=no">
<title>{esc(title)}</title>
<style>{style}</style>
</head>
<body>
"""


def badge(category: str, decision: str = "flagged") -> str:
    """Return a category's shape with its letter; hollow where it is to review."""
    shape, chinese, english = _SHAPES.get(category, ("", "?", "?"))
    hollow = "" if decision == "flagged" else " review"
    return (
        '<svg class="badge" viewBox="-13 -13 26 26" width="26" height="26" aria-hidden="true">'
        f'<g class="c-{esc(category)}{hollow}">{shape}<text y="4" data-en="{english}">{chinese}'
        "</text></g></svg>"
    )
