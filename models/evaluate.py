"""How good the classifier is: on writers it never saw, or on a file of labelled calls.

    python -m models.evaluate                         held-out writers of the corpus (minutes)
    python -m models.evaluate CALLS.jsonl             the published model on a file, as
                                                      `detector classify` would score it
    python -m models.evaluate --rough 1               either, on text as a recogniser mishears it
    python -m models.evaluate --why 5                 either, and whether the shown words explain
                                                      every fifth flag
    python -m models.evaluate --figures --card [CALLS.jsonl]
                                                      redraw models/figures/, rewrite the numbers
                                                      of models/README.md

Four writers are held out from both models; calibration and thresholds for each come from the
other three. Every figure comes with a 95 % interval (bootstrap over calls, 1,000 resamplings). The
same corpus gives the same figures.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from detector.classify import Classifier, call_classifier, settings_of
from detector.classify_text import classify_calls
from detector.messages import read_calls
from models import calls as corpus
from models import train
from models.evaluate_tables import render, write_card
from models.explain_scores import explained
from models.keyword_baseline import keyword_labels
from models.roughen import roughen_call
from models.word_scores import Measured, ScoredTurn

WORST = 20
GROUPS = ("kind", "lang", "severity", "profile")
CARD_ROUGH = 1
Call = dict[str, Any]
Json = dict[str, Any]


def roughened(calls: Sequence[Call], seed: int) -> list[Call]:
    """Return copies of calls as a recogniser would mishear them."""
    return [roughen_call(call, seed=1_000_003 * seed + n) for n, call in enumerate(calls)]


def held_out_classifiers(
    calls: list[Call],
) -> tuple[list[Call], list[tuple[list[int], Classifier]]]:
    """Return the held-out writers' calls, and for each writer a classifier that never saw them.

    Neither the weights nor the calibration and the thresholds come from the writer: the other
    held-out writer gives the latter.
    """
    mine, words, encoder = train.held_out(calls)
    readings = train.readings(mine, words, encoder)
    parts = []
    for writer in train.HELD_OUT:
        places = [i for i, call in enumerate(mine) if train.writer_of(call) == writer]
        others = [reading for reading in readings if train.writer_of(reading.call) != writer]
        settings = settings_of(train.calibrate(others, words.column))
        parts.append((places, Classifier(words, settings, lambda encoder=encoder: encoder)))
    return mine, parts


def score(
    calls: Sequence[Call], places: Iterable[int], classifier: Classifier
) -> Iterator[ScoredTurn]:
    """Score the calls at some places the way `detector classify` does, roles as given."""
    places = list(places)
    lines = "\n".join(json.dumps(calls[i], ensure_ascii=False) for i in places)
    results = classify_calls(read_calls("-", lines.encode("utf-8")), published=classifier)
    for place, result in zip(places, results, strict=True):
        pairs = zip(calls[place]["turns"], result.scored, strict=True)
        for number, (turn, scored) in enumerate(pairs, 1):
            yield ScoredTurn(
                place, number, turn, scored.scores, scored.flagged, scored.review, scored.subtypes
            )


def measure(calls: Sequence[Call], parts: Sequence[tuple[list[int], Classifier]]) -> Measured:
    """Score all calls, each with the classifier of its part."""
    turns = [turn for places, classifier in parts for turn in score(calls, places, classifier)]
    return Measured(calls, sorted(turns, key=lambda turn: (turn.call, turn.number)))


def summary(name: str, measured: Measured) -> Json:
    """Return all figures of one run."""
    m = measured
    keywords = m.grid(lambda t, label: label in keyword_labels(t.turn["text"]))
    groups: Json = {}
    for field in GROUPS:
        values = sorted({str(call[field]) for call in m.calls if call.get(field)})
        groups[field] = {
            value: _group(m, lambda call, f=field, v=value: call.get(f) == v) for value in values
        }
    return {
        "evaluated": name,
        "calls": len(m.calls),
        "turns": len(m.turns),
        "collector_turns": int(m.collector.sum()),
        "flagged": m.detection(m.flagged, m.collector),
        "flagged_or_review": m.detection(m.flagged | m.review, m.collector),
        "keywords": m.detection(keywords, m.collector),
        "review_share": m.review_share(),
        "lawful": m.lawful(m.flagged),
        "lawful_keywords": m.lawful(keywords),
        "flags_on_other_speakers": int(m.flagged[~m.collector].sum()),
        "by": groups,
        "subtypes": m.subtypes(corpus.SUBTYPES),
        "calibration": m.calibration(m.collector),
        "worst": m.worst(WORST),
    }


def _group(m: Measured, test: Any) -> Json:
    rows = m.collector & m.in_calls(test)
    flagged = m.detection(m.flagged, rows)["micro"]
    with_review = m.detection(m.flagged | m.review, rows)["micro"]
    return {
        "calls": sum(map(test, m.calls)),
        **flagged,
        "recall_with_review": with_review["recall"],
        "false": int((m.flagged & ~m.true)[rows].sum()),
    }


def _load(path: Path) -> list[Call]:
    calls = corpus.read(path)
    if not calls:
        raise SystemExit(f"{path}: no calls")
    for message in [m for call in calls for m in corpus.check_call(call)][:20]:
        print(f"{path.name}: {message}", file=sys.stderr)
    empty: Call = {"speaker": None, "labels": [], "subtypes": []}
    return [{**call, "turns": [{**empty, **turn} for turn in call["turns"]]} for call in calls]


def main(argv: Sequence[str] | None = None) -> int:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("file", type=Path, nargs="?", metavar="CALLS.jsonl")
    parser.add_argument("--json", action="store_true", help="all figures as JSON")
    parser.add_argument("--rough", type=int, metavar="SEED", help="roughen the text first")
    parser.add_argument(
        "--why", type=int, metavar="N", help="take the shown words out of each Nth flag"
    )
    parser.add_argument("--figures", action="store_true", help="redraw models/figures/*.png")
    parser.add_argument("--card", action="store_true", help="rewrite models/README.md")
    parser.add_argument("--part", type=int, default=1, help="each Nth call of the corpus only")
    args = parser.parse_args(argv)
    if args.card and args.rough is not None:
        parser.error("--card measures plain and roughened text in one run")
    if (args.card or args.figures) and args.part != 1:
        parser.error("--card and --figures measure the whole corpus")
    if args.figures and args.file and not args.card:
        parser.error("--figures shows held-out writers; leave the file out")
    if args.rough is not None and args.rough < 0:
        parser.error("SEED is a whole number from 0")

    reports = []
    if args.file:
        calls = _load(args.file)
        published = [(list(range(len(calls))), call_classifier())]
        views = calls if args.rough is None else roughened(calls, args.rough)
        reports.append(summary(args.file.name, measure(views, published)))
        if args.why:
            reports[-1]["why"] = asdict(explained(views, published, args.why))
    if args.card or not args.file:
        calls, parts = held_out_classifiers(corpus.load()[:: args.part])
        views = calls if args.rough is None else roughened(calls, args.rough)
        measured = measure(views, parts)
        reports.insert(0, summary("held-out writers", measured))
        if args.why:
            reports[0]["why"] = asdict(explained(views, parts, args.why))
        if args.figures:
            from models.evaluate_figures import draw

            draw(measured)
        if args.card:
            rough = measure(roughened(calls, CARD_ROUGH), parts)
            reports.insert(1, summary("held-out writers, roughened", rough))
            write_card(reports)
    if args.json:
        print(json.dumps(reports if args.card else reports[0], ensure_ascii=False, indent=1))
    else:
        print("\n\n".join(render(report) for report in reports))
    return 0


if __name__ == "__main__":
    sys.exit(main())
