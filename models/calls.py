"""The corpus: labelled calls in `models/corpus/*.jsonl`, one call a line.

    python -m models.calls             check the format, the label rules and the balance

The format and the labels are described in `models/corpus/README.md`.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "corpus"
LABELS = ("threat", "insult", "third_party_disclosure")
SUBTYPES = {
    "threat": (
        "violence", "family", "home_visit_intimidation", "detention_or_arrest", "exposure",
        "livelihood", "harassment", "veiled", "self_harm",
    ),
    "insult": (
        "profanity", "name_calling", "mockery", "curse", "discrimination", "obscene",
    ),
    "third_party_disclosure": (
        "to_third_party", "reported", "announced", "demand_payment", "personal_data",
    ),
}  # fmt: skip
LABEL_OF = {subtype: label for label, group in SUBTYPES.items() for subtype in group}
UNLABELLED = ("debtor_abuse", "quoted")
KINDS = ("debtor_call", "third_party_call", "visit", "messages")
SPEAKERS = ("collector", "debtor", "third_party")
SEVERITIES = ("lawful", "mixed", "abusive")
MIN_CALLS, MIN_TURNS, MIN_SUBTYPE = 900, 12_000, 80

Call = dict[str, Any]


def read(path: Path) -> list[Call]:
    """Read calls from a JSON Lines file; a broken line is named by its number."""
    calls = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            try:
                calls.append(json.loads(line))
            except ValueError as error:
                raise SystemExit(f"{path.name}, line {number}: not JSON ({error})") from None
    return calls


def load(folder: Path = FOLDER) -> list[Call]:
    """Return all calls of the corpus, files in the order of their names."""
    return [call for path in sorted(folder.glob("*.jsonl")) for call in read(path)]


def heard(folder: Path = FOLDER) -> list[Call]:
    """Return what the recogniser made of spoken calls (`models.hear`): call_id, said, heard …"""
    return [r for path in sorted((folder / "heard").glob("*.jsonl")) for r in read(path)]


def check_call(call: Call) -> list[str]:
    """Return what is wrong with one call."""
    wrong = []
    name = call.get("call_id", "?")
    for key, allowed in (
        ("kind", KINDS),
        ("lang", ("zh-Hans", "zh-Hant")),
        ("severity", SEVERITIES),
    ):
        if call.get(key) not in allowed:
            wrong.append(f"{name}: {key} is {call.get(key)!r}")
    labelled = 0
    for number, turn in enumerate(call.get("turns", []), 1):
        place = f"{name}, turn {number}"
        if turn.get("speaker") not in SPEAKERS:
            wrong.append(f"{place}: speaker is {turn.get('speaker')!r}")
        if not str(turn.get("text", "")).strip():
            wrong.append(f"{place}: no text")
        labels, subtypes = turn.get("labels", []), turn.get("subtypes", [])
        labelled += bool(labels)
        if any(label not in LABELS for label in labels):
            wrong.append(f"{place}: unknown label in {labels}")
        unknown = [s for s in subtypes if s not in LABEL_OF and s not in UNLABELLED]
        if unknown:
            wrong.append(f"{place}: unknown sub-type {unknown}")
        if {LABEL_OF[s] for s in subtypes if s in LABEL_OF} != set(labels):
            wrong.append(f"{place}: labels {labels} do not follow from sub-types {subtypes}")
        if labels and turn.get("speaker") != "collector":
            wrong.append(f"{place}: only the collector's turns are labelled")
    if call.get("severity") == "lawful" and labelled:
        wrong.append(f"{name}: a lawful call with labelled turns")
    if call.get("severity") != "lawful" and not labelled:
        wrong.append(f"{name}: no labelled turn")
    return wrong


def duplicates(calls: Iterable[Call]) -> list[str]:
    """Return turns of ten characters or more that stand in the corpus twice, and repeated ids."""
    wrong, seen, ids = [], {}, set()
    for call in calls:
        if call["call_id"] in ids:
            wrong.append(f"{call['call_id']}: used twice")
        ids.add(call["call_id"])
        for turn in call["turns"]:
            text = turn["text"]
            if len(text) >= 10 and text in seen:
                wrong.append(f"{call['call_id']}: stands also in {seen[text]}: {text}")
            seen[text] = call["call_id"]
    return wrong


def balance(calls: list[Call]) -> dict[str, Any]:
    """Return counts of everything that should be balanced."""
    turns = [turn for call in calls for turn in call["turns"]]
    return {
        "calls": len(calls),
        "turns": len(turns),
        "kind": dict(Counter(call["kind"] for call in calls)),
        "severity": dict(Counter(call["severity"] for call in calls)),
        "lang": dict(Counter(call["lang"] for call in calls)),
        "not_collection": sum("topic" in call for call in calls),
        "profiles": dict(Counter(call.get("profile", "") for call in calls)),
        "labels": dict(Counter(label for turn in turns for label in turn["labels"])),
        "subtypes": dict(Counter(s for turn in turns for s in turn["subtypes"]).most_common()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    calls = load(parser.parse_args().folder)
    wrong = [message for call in calls for message in check_call(call)] + duplicates(calls)
    counts = balance(calls)
    if counts["calls"] < MIN_CALLS or counts["turns"] < MIN_TURNS:
        wrong.append(f"fewer than {MIN_CALLS} calls or {MIN_TURNS} turns")
    wrong += [
        f"sub-type {s} stands fewer than {MIN_SUBTYPE} times"
        for s in LABEL_OF
        if counts["subtypes"].get(s, 0) < MIN_SUBTYPE
    ]
    print(json.dumps(counts, ensure_ascii=False, indent=1))
    for message in wrong:
        print(message, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
