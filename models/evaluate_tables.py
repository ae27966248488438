"""Tables of `models.evaluate` in Markdown, for the terminal and for the model card."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from models import agreement
from models import calls as corpus
from models.calls import LABELS

CARD = Path(__file__).parent / "README.md"
START, END = "<!-- numbers: start -->", "<!-- numbers: end -->"
Json = dict[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, the first column to the left and the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(figure: Json) -> str:
    """Write a share with its interval: ``84.2 (82.0–86.1)``."""
    return _written(figure, 100, 1)


def plain(figure: Json) -> str:
    """Write a number with its interval: ``0.031 (0.020–0.046)``."""
    return _written(figure, 1, 3)


def _written(figure: Json, scale: float, digits: int) -> str:
    if figure["value"] is None:
        return "–"
    value, low, high = (f"{scale * figure[k]:.{digits}f}" for k in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def detection_table(found: Json) -> str:
    """Return precision, recall and F1 by label."""
    rows = [
        [
            name,
            str(entry["true"]),
            str(entry["predicted"]),
            *(percent(entry[key]) for key in ("precision", "recall", "f1")),
        ]
        for name, entry in found.items()
    ]
    return table(["label", "in truth", "found", "precision %", "recall %", "F1 %"], rows)


def share_lines(report: Json) -> str:
    """Return what is asked of a reviewer, and what befalls lawful calls."""
    review, lawful, keywords = (report[k] for k in ("review_share", "lawful", "lawful_keywords"))
    return "\n".join(
        (
            f"- Collector's turns to review: {percent(review['only'])} % have no flag but a label"
            f" to review; {percent(review['any'])} % have any label to review.",
            f"- Lawful calls ({lawful['calls']}): {plain(lawful['flags_per_call'])} false flags a"
            f" call; {percent(lawful['calls_with_a_flag'])} % have at least one. Words alone:"
            f" {plain(keywords['flags_per_call'])} and {percent(keywords['calls_with_a_flag'])} %.",
            f"- Flags on turns of the debtor or a third party: {report['flags_on_other_speakers']}"
            " (roles as given).",
        )
    )


def group_table(field: str, groups: Json) -> str:
    """Return micro figures by one property of the call."""
    rows = [
        [
            name,
            str(entry["calls"]),
            str(entry["true"]),
            *(
                percent(entry[key]) if entry["true"] else "–"
                for key in ("precision", "recall", "f1", "recall_with_review")
            ),
            f"{entry['false'] / entry['calls']:.2f}",
        ]
        for name, entry in groups.items()
    ]
    head = [field, "calls", "in truth", "precision %", "recall %", "F1 %", "recall with review %"]
    return table([*head, "false flags a call"], rows)


def subtype_table(subtypes: Json) -> str:
    """Return recall and naming by sub-type."""
    rows = [
        [
            name,
            entry["label"],
            str(entry["true"]),
            percent(entry["recall"]),
            percent(entry["named"]),
        ]
        for name, entry in subtypes["by_subtype"].items()
    ]
    head = ["sub-type", "label", "in truth", "flagged with the label %", "named, if flagged %"]
    first = ", ".join(f"{label} {percent(subtypes['first'][label])} %" for label in LABELS)
    return f"{table(head, rows)}\n\nFirst named sub-type right, given a hit: {first}."


def calibration_table(calibration: Json) -> str:
    """Return ECE and Brier score by label."""
    rows = [
        [name, str(entry["scores"]), plain(entry["ece"]), plain(entry["brier"])]
        for name, entry in calibration.items()
    ]
    return table(["label", "scores ≥ 0.05", "ECE", "Brier (all scores)"], rows)


def worst_table(worst: Sequence[Json]) -> str:
    """Return the worst errors."""
    rows = [
        [
            f"{e['call_id']} {e['turn']}",
            e["error"],
            f"{e['score']:.2f}",
            ", ".join(e["subtypes"]) or "–",
            e["text"].replace("|", "\\|").replace("\n", " "),
        ]
        for e in worst
    ]
    return table(["call, turn", "error", "score", "sub-types in truth", "text"], rows)


def render(report: Json) -> str:
    """Return everything `python -m models.evaluate` prints."""
    parts = [
        f"# {report['evaluated']}: {report['calls']} calls, {report['turns']} turns,"
        f" {report['collector_turns']} of them the collector's",
        "Precision, recall and F1 over the collector's turns; in brackets the 95 % interval.",
        "## Flagged",
        detection_table(report["flagged"]),
        "## Flagged or to review",
        detection_table(report["flagged_or_review"]),
        "## A list of words instead",
        detection_table(report["keywords"]),
        "## Review, lawful calls, other speakers",
        share_lines(report),
    ]
    if why := report.get("why"):
        parts += [
            "## What is shown as the reason",
            f"- In {why['flags']} flags the shown words are {100 * why['share']:.0f} % of the turn"
            f" on average, {100 * why['longest']:.0f} % at most; without them"
            f" {100 * why['fall']:.0f} % of the flags fall below the threshold.",
        ]
    for field, groups in report["by"].items():
        if groups:
            parts += [f"## By {field}", group_table(field, groups)]
    parts += [
        "## By sub-type",
        subtype_table(report["subtypes"]),
        "## Calibration",
        calibration_table(report["calibration"]),
        "## Worst errors",
        worst_table(report["worst"]),
    ]
    return "\n\n".join(parts)


def _command(options: str) -> str:
    return f"`python -m models.{options}`"


def card_numbers(reports: Sequence[Json]) -> str:
    """Return the numbers of the model card: held out, held out and roughened, other files."""
    main, rough, *others = reports
    counts = corpus.balance(corpus.load())
    parts = [
        f"Corpus ({_command('calls')}): {counts['calls']} calls, {counts['turns']} turns,"
        f" {len(counts['profiles'])} profiles; severity "
        + ", ".join(f"{name} {count}" for name, count in counts["severity"].items())
        + ".",
        f"### Held-out writers, {_command('evaluate')}",
        "Flagged:",
        detection_table(main["flagged"]),
        "Flagged or to review:",
        detection_table(main["flagged_or_review"]),
        "A list of words instead (`models/keyword_baseline.py`):",
        detection_table(main["keywords"]),
        share_lines(main),
    ]
    for field, groups in main["by"].items():
        parts += [f"By {field}:", group_table(field, groups)]
    parts += [
        "By sub-type:",
        subtype_table(main["subtypes"]),
        "Calibration:",
        calibration_table(main["calibration"]),
        f"### Roughened text, {_command('evaluate --rough 1')}",
        "Flagged:",
        detection_table(rough["flagged"]),
        "Flagged or to review:",
        detection_table(rough["flagged_or_review"]),
        share_lines(rough),
        calibration_table(rough["calibration"]),
    ]
    for report in others:
        name = report["evaluated"]
        parts += [
            f"### `{name}`, {_command('evaluate ' + name)}",
            f"{report['calls']} calls that are not in the corpus, the published model.",
            "Flagged:",
            detection_table(report["flagged"]),
            "Flagged or to review:",
            detection_table(report["flagged_or_review"]),
            "A list of words instead:",
            detection_table(report["keywords"]),
            share_lines(report),
        ]
    parts += [f"### Agreement of two readers, {_command('agreement')}"]
    parts += [agreement.render(agreement.measure(agreement.read()))]
    return "\n\n".join(parts)


def write_card(reports: Sequence[Json], card: Path = CARD) -> None:
    """Put the numbers between the marks of the model card."""
    text = card.read_text("utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise SystemExit(f"{card.name} lacks the marks {START} and {END}")
    card.write_text(f"{before}{START}\n\n{card_numbers(reports)}\n\n{END}{after}", "utf-8")
