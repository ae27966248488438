"""The page's files as text: what they may not hold, and that they agree with the program."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from detector.case import ANSWERED_BY, LENDER_TYPES
from detector.labels import CATEGORY_NAMES, OBSERVATION_NAMES, ROLE_NAMES, SUBTYPES
from detector.report import DISCLAIMER

PAGE = Path(__file__).parents[2] / "api" / "page"
FILES = {path.name: path.read_text("utf-8") for path in PAGE.iterdir() if path.is_file()}
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}
PAIR = re.compile(r'\[\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)",?\s*\]')


def pairs(script: str, name: str = "") -> dict[str, tuple[str, str]]:
    """Return the [Chinese, English] pairs of a script, or of one object in it."""
    text = SCRIPTS[script]
    if name:
        text = text.split(f"export const {name} = {{")[1].split("\n};")[0]
    found = re.findall(rf"(\w+): {PAIR.pattern}", re.sub(r'" \+\s+"', "", text))
    return {key: (json.loads(f'"{zh}"'), json.loads(f'"{en}"')) for key, zh, en in found}


def test_names_are_those_of_the_report() -> None:
    assert pairs("names.js", "CATEGORIES") == CATEGORY_NAMES
    assert pairs("names.js", "ROLES") == ROLE_NAMES
    assert pairs("names.js", "OBSERVATIONS") == OBSERVATION_NAMES
    mine = {code: names[:2] for group in SUBTYPES.values() for code, names in group.items()}
    assert pairs("names.js", "SUBTYPES") == mine
    answered = {code: name for code, (name, _) in pairs("names.js", "ANSWERED_BY").items()}
    assert answered == {code: name for name, code in ANSWERED_BY.items()}
    lenders = {code: name for code, (name, _) in pairs("names.js", "LENDERS").items()}
    assert lenders == {code: name for name, code in reversed(LENDER_TYPES.items())}
    assert pairs("strings.js")["disclaimer"][0] == DISCLAIMER


def test_every_sentence_has_both_languages_and_the_same_values() -> None:
    strings = pairs("strings.js")
    assert len(strings) > 200
    keys = re.findall(r"^  (\w+): \[", SCRIPTS["strings.js"], re.M)
    assert sorted(keys) == sorted(strings)
    for key, (chinese, english) in strings.items():
        assert chinese and english, key
        values = [set(re.findall(r"\{(\w+)\}", text)) for text in (chinese, english)]
        assert values[0] == values[1], key
    used = "".join(text for name, text in SCRIPTS.items() if name != "strings.js")
    assert [key for key in strings if f'"{key}"' not in used] == []


def test_nothing_is_called_a_crime_or_a_fact() -> None:
    strings = pairs("strings.js")
    said = "".join(zh for key, (zh, _) in strings.items() if key != "disclaimer")
    assert not re.search("构成|违法行为|犯罪|骚扰者|已证实", said)
    assert strings["suspected"][0].startswith("疑似")
    assert strings["mayConcern"][0].startswith("可能涉及")


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_scripts_cannot_turn_text_into_markup(name: str) -> None:
    text = SCRIPTS[name]
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser"
        r"|setAttribute\(\"(style|on\w+)|srcdoc|javascript:|createContextualFragment|cssText"
    )
    assert not re.search(forbidden, text)
    others = [u for u in re.findall(r"\w+://[^\s\"'`]*", text) if "www.w3.org" not in u]
    assert others == []
    assert len(text.splitlines()) < 400
    for module in re.findall(r'from "([^"]+)"', text):
        assert module.startswith("./") and module[2:] in SCRIPTS


def test_the_document_needs_nothing_inline_and_nothing_from_elsewhere() -> None:
    page = FILES["index.html"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|//\w", page)
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith("#") or address.removeprefix("/page/") in FILES
    assert not re.search(r"url\(|@import", FILES["app.css"])


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js to check the syntax with")
@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_scripts_parse(name: str) -> None:
    done = subprocess.run(
        ["node", "--check", "--input-type=module"], input=SCRIPTS[name].encode(),
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()


def luminance(colour: str) -> float:
    """Return the relative luminance of #rgb or #rrggbb, as WCAG defines it."""
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * d for d in digits)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_read(scheme: int) -> None:
    block = FILES["app.css"].split(":root {")[1 + scheme].split("}")[0]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))
    texts = {
        "ink": "paper card hint calm now bad-ground good-ground warn-ground mark",
        "soft": "paper card hint now",
        "accent": "paper card hint calm",
        "bad": "paper card hint",
        "good": "card good-ground",
        "on-accent": "accent accent-deep",
        "on": "threat insult disclosure",
        "card": "bad",
        "threat": "card", "insult": "card", "disclosure": "card",
    }  # fmt: skip
    for text, grounds in texts.items():
        for ground in grounds.split():
            pair = sorted((luminance(colours[text]), luminance(colours[ground])))
            ratio = (pair[1] + 0.05) / (pair[0] + 0.05)
            assert ratio >= 4.5, (text, ground, round(ratio, 2))
