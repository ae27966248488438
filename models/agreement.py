"""How far two readers of the labelling guide agree: Cohen's kappa.

    python -m models.agreement [--list]

`models/corpus/second_labels.tsv` holds every collector's turn of the calls that were read
twice: the sub-types as first written, and those a second reader gave without seeing them
("-" for none). Kappa compares these two; turns on which they differed were then looked at
again, so the corpus may follow either side (`--list` shows them with what stands now). A turn
whose text has changed since (its CRC-32 differs) no longer counts.
"""

import argparse
import csv
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import calls as corpus

FILE = corpus.FOLDER / "second_labels.tsv"
COLUMNS = ["call_id", "turn", "first", "second", "text_crc32"]
RESAMPLES, SEED = 1_000, 20
Json = dict[str, Any]


@dataclass(frozen=True)
class TwiceRead:
    """A turn with the sub-types of both readers and those that stand in the corpus now."""

    call_id: str
    turn: int
    text: str
    first: frozenset[str]
    second: frozenset[str]
    now: frozenset[str]


def _subtypes(cell: str, place: str) -> frozenset[str]:
    names = frozenset() if cell == "-" else frozenset(cell.split(","))
    unknown = names - corpus.LABEL_OF.keys()
    if unknown:
        raise SystemExit(f"{place}: unknown sub-type {sorted(unknown)}")
    return names


def labels_of(subtypes: frozenset[str]) -> frozenset[str]:
    return frozenset(corpus.LABEL_OF[s] for s in subtypes)


def read(path: Path = FILE, calls: Sequence[corpus.Call] | None = None) -> list[TwiceRead]:
    """Return the turns that were read twice and whose text still stands in the corpus."""
    known = {call["call_id"]: call for call in (corpus.load() if calls is None else calls)}
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        if rows.fieldnames != COLUMNS:
            raise SystemExit(f"{path.name}: the columns are not {COLUMNS}")
        for number, row in enumerate(rows, 2):
            place = f"{path.name}, line {number}"
            turns = known.get(row["call_id"], {"turns": []})["turns"]
            index = int(row["turn"]) - 1
            if not 0 <= index < len(turns):
                continue
            text = turns[index]["text"]
            if f"{zlib.crc32(text.encode('utf-8')):08x}" != row["text_crc32"]:
                continue
            now = frozenset(turns[index]["subtypes"]) & corpus.LABEL_OF.keys()
            found.append(
                TwiceRead(
                    row["call_id"],
                    index + 1,
                    text,
                    _subtypes(row["first"], place),
                    _subtypes(row["second"], place),
                    now,
                )
            )
    return found


def kappa(tables: np.ndarray) -> np.ndarray:
    """Return Cohen's kappa of (both, first only, second only, neither) in the last axis.

    NaN where chance alone would agree on everything.
    """
    n = tables.sum(-1)
    both, first, second, neither = np.moveaxis(np.asarray(tables, float), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = (both + neither) / n
        a, b = (both + first) / n, (both + second) / n
        chance = a * b + (1 - a) * (1 - b)
        return np.where(chance < 1, (observed - chance) / (1 - chance), np.nan)


def _compare(
    turns: Sequence[TwiceRead], has: Callable[[frozenset[str]], bool], weights: np.ndarray
) -> Json:
    names = {name: i for i, name in enumerate(dict.fromkeys(t.call_id for t in turns))}
    tables = np.zeros((len(names), 4))
    for t in turns:
        tables[names[t.call_id], (0 if has(t.second) else 1) if has(t.first) else
               (2 if has(t.second) else 3)] += 1  # fmt: skip
    both, first, second, _ = tables.sum(0).astype(int).tolist()
    value = float(kappa(tables.sum(0)))
    drawn = kappa(weights @ tables)
    drawn = drawn[~np.isnan(drawn)]
    low, high = np.quantile(drawn, (0.025, 0.975)) if drawn.size else (np.nan, np.nan)
    return {
        "both": both,
        "first_only": first,
        "second_only": second,
        "kappa": None if np.isnan(value) else round(value, 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
    }


def measure(turns: Sequence[TwiceRead]) -> Json:
    """Return kappa by label and by sub-type, and what became of the differences."""
    if not turns:
        raise SystemExit("no turn was read twice")
    count = len({t.call_id for t in turns})
    rng = np.random.default_rng(SEED)
    weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    differ = [t for t in turns if t.first != t.second]
    return {
        "calls": count,
        "turns": len(turns),
        "any": _compare(turns, bool, weights),
        "labels": {
            label: _compare(turns, lambda s, name=label: name in labels_of(s), weights)
            for label in corpus.LABELS
        },
        "subtypes": {
            name: _compare(turns, lambda s, name=name: name in s, weights)
            for name in corpus.LABEL_OF
        },
        "differ": len(differ),
        "differ_in_labels": sum(labels_of(t.first) != labels_of(t.second) for t in differ),
        "labels_changed": sum(labels_of(t.first) != labels_of(t.now) for t in turns),
        "subtypes_changed": sum(t.first != t.now for t in turns),
    }


def render(found: Json) -> str:
    """Return the Markdown that `python -m models.agreement` prints."""
    lines = [
        f"{found['calls']} calls, {found['turns']} of the collector's turns. The readers differ on"
        f" {found['differ']} turns, on {found['differ_in_labels']} of them in a label. After a"
        f" third look {found['subtypes_changed']} turns of the corpus were changed,"
        f" {found['labels_changed']} of them in a label.",
        "",
        "| | both | first only | second only | kappa (95 % interval) |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    rows = {"any label": found["any"], **found["labels"], **found["subtypes"]}
    for name, entry in rows.items():
        value = "–"
        if entry["kappa"] is not None:
            value = f"{entry['kappa']:.2f} ({entry['low']:.2f}–{entry['high']:.2f})"
        counts = " | ".join(str(entry[key]) for key in ("both", "first_only", "second_only"))
        bold = f"**{name}**" if name not in found["subtypes"] else name
        lines.append(f"| {bold} | {counts} | {value} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--list", action="store_true", help="show the turns that differ")
    args = parser.parse_args(argv)
    turns = read()
    print(render(measure(turns)))
    if args.list:
        order = list(corpus.LABEL_OF)
        for t in turns:
            if t.first != t.second:
                print(f"\n{t.call_id} {t.turn}\n  {t.text}")
                for name in ("first", "second", "now"):
                    print(
                        f"  {name}: {', '.join(sorted(getattr(t, name), key=order.index)) or '-'}"
                    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
