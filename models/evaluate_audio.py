"""How good the whole pipeline is on recordings whose truth is known.

    python -m models.evaluate_audio FOLDER... [--json FILE] [--jobs N] [-- scan options]

FOLDER holds NAME.json, in the form of `models/corpus/README.md` with `start` and `end` (seconds)
on every turn, and the recording NAME.wav, .m4a, .amr and so on. What follows
`--` are options of `detector scan`, as in `-- --listener third-party`. How noisy a call is, in dB,
is `snr_db` of its truth or the number at the end of the folder's name (mono20). Every figure comes
with a 95 % interval (bootstrap over calls). All but the times is the same on every run.
"""

import argparse
import json
import multiprocessing
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import DetectorError
from models.audio_scores import DECISIONS, LABELS, describe_errors, measure

RESAMPLES, SEED = 1_000, 20
WORST = 10
RATES = ("precision", "recall", "F1")
BREAKDOWNS = ("layout", "noise", "setting", "channel", "kind", "lang", "severity")
Json = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A ratio of sums over calls: weights of the counts above and below the line."""

    name: str
    above: dict[str, float]
    below: dict[str, float]
    percent: bool = True


def _detection(name: str, scope: str, labels: Sequence[str]) -> list[Figure]:
    def weights(**each: float) -> dict[str, float]:
        return {f"{scope}.{label}.{key}": w for label in labels for key, w in each.items()}

    return [
        Figure(f"{name} precision", weights(tp=1), weights(tp=1, fp=1)),
        Figure(f"{name} recall", weights(tp=1), weights(tp=1, fn=1)),
        Figure(f"{name} F1", weights(tp=2), weights(tp=2, fp=1, fn=1)),
    ]


def _figures() -> list[Figure]:
    out = []
    for scope in DECISIONS:
        for label in LABELS:
            out += _detection(f"{scope}: {label}", scope, (label,))
        out += _detection(f"{scope}: micro", scope, LABELS)
    for scope in DECISIONS:
        labelled = {f"{scope}.{label}.{key}": 1.0 for label in LABELS for key in ("tp", "fn")}
        out += [
            Figure(f"{scope}: labelled turns touched", {f"{scope}.touched": 1}, labelled),
            Figure(
                f"{scope}: false flags per lawful call",
                {f"{scope}.lawful": 1}, {"lawful": 1}, percent=False,
            ),
            Figure(
                f"{scope}: on another's turn", {f"{scope}.elsewhere": 1}, {f"{scope}.count": 1}
            ),
        ]  # fmt: skip
    parts = ("missed", "false_alarm", "confusion")
    out.append(Figure("diarization error rate", {f"der.{p}": 1 for p in parts}, {"der.total": 1}))
    out += [Figure(f"  {part}", {f"der.{part}": 1}, {"der.total": 1}) for part in parts]
    out += [
        Figure("turns given to the right speaker", {"turns_right": 1}, {"turns": 1}),
        Figure("number of speakers right", {"speakers_right": 1}, {"calls": 1}),
        Figure("collector right (calls)", {"collector_right": 1}, {"calls": 1}),
        Figure("role right (speech time)", {"role_s_right": 1}, {"role_s": 1}),
        Figure("listener right", {"listener_right": 1}, {"listener_known": 1}),
        Figure("layout right", {"layout_right": 1}, {"calls": 1}),
        Figure("character error rate", {"cer.all.edits": 1}, {"cer.all.length": 1}),
    ]
    for role in ("collector", "other"):
        above, below = {f"cer.{role}.edits": 1.0}, {f"cer.{role}.length": 1.0}
        out.append(Figure(f"  {role}", above, below))
    return out


FIGURES = _figures()
BY_NAME = {figure.name: figure for figure in FIGURES}
GENERAL = [figure for figure in FIGURES if ": " not in figure.name]
SHORT = [
    BY_NAME[name]
    for name in (
        "flagged: micro precision", "flagged: micro recall", "flagged: micro F1",
        "with review: micro recall", "with review: micro F1",
        "flagged: false flags per lawful call", "diarization error rate",
        "turns given to the right speaker", "number of speakers right", "collector right (calls)",
        "listener right", "character error rate", "  collector", "  other",
    )
]  # fmt: skip


def interval(figure: Figure, counts: Sequence[Json]) -> Json:
    """Return a figure over calls with its bootstrap interval; None where nothing is counted."""
    empty: Json = {"value": None, "low": None, "high": None}
    if not counts:
        return empty

    def vector(weights: dict[str, float]) -> np.ndarray:
        return np.array([sum(w * c[k] for k, w in weights.items()) for c in counts], float)

    above, below = vector(figure.above), vector(figure.below)
    if below.sum() <= 0:
        return empty
    n = len(counts)
    times = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    top, bottom = times @ above, times @ below
    low, high = np.percentile(top[bottom > 0] / bottom[bottom > 0], [2.5, 97.5])
    value = above.sum() / below.sum()
    return {k: round(float(v), 4) for k, v in (("value", value), ("low", low), ("high", high))}


# ---------------------------------------------------------------- scanning


def find(folder: Path) -> list[tuple[Json, Path]]:
    """Return the calls of a folder with their recordings, in the order of their names."""
    found = []
    for path in sorted(folder.glob("*.json")):
        call = json.loads(path.read_text("utf-8"))
        if not isinstance(call, dict) or "turns" not in call:
            continue
        beside = [p for p in sorted(folder.glob(f"{path.stem}.*")) if p.suffix != ".json"]
        named = folder / call.get("audio", "")
        recording = named if named.is_file() else next(iter(beside), None)
        if recording is None:
            print(f"{path.name}: no recording beside it, left out", file=sys.stderr)
            continue
        known = {"call_id": call.get("call_id", path.stem), "noise": _noise(call, folder.name)}
        found.append((call | known, recording))
    return found


def _noise(call: Json, folder: str) -> str:
    """Return how far speech is above the noise, from the truth or the folder's name."""
    at_end = re.search(r"(\d+)(?: ?dB)?$", folder, re.IGNORECASE)
    snr = call.get("snr_db", at_end and at_end[1])
    return "?" if snr is None else f"{float(snr):g} dB"


_scanner: Any = None


def _load(options: Sequence[str]) -> None:
    """Load the models of this process once, before anything is timed."""
    global _scanner  # noqa: PLW0603 - one scanner a process
    from detector.cli import scan_options
    from detector.scan import Scanner

    _scanner = Scanner(scan_options(options))
    _ = _scanner.recogniser


def _scan(recording: Path) -> tuple[Json | None, str, float]:
    """Return the report as plain data or None, the error, and the seconds it took."""
    begun = time.perf_counter()
    try:
        report, error = json.loads(_scanner.scan(recording).to_json()), ""
    except DetectorError as failure:
        report, error = None, str(failure)
    except Exception as failure:  # a crash is a failed recording too, and no end of the run
        report, error = None, f"crashed: {failure!r}"
    return report, error, time.perf_counter() - begun


def scan_all(
    recordings: Sequence[Path], jobs: int, options: Sequence[str]
) -> Iterator[tuple[Json | None, str, float]]:
    """Scan recordings in order, with one loaded scanner a process."""
    if jobs <= 1:
        _load(options)
        yield from map(_scan, recordings)
        return
    if "--threads" not in options:
        options = [*options, "--threads", str(max(1, (os.cpu_count() or 1) // jobs))]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _load, (options,)) as pool:
        yield from pool.map(_scan, recordings)


def evaluate(call: Json, report: Json | None, error: str, wall_s: float) -> Json:
    """Return everything that is known of one call; one that failed counts as silent."""
    layout = "stereo" if "collector_channel" in call else "mono"
    noise = call.get("noise", "?")
    facts = report["recording"] if report else {}
    seconds = facts.get("duration_s") or max((t["end"] for t in call["turns"]), default=0.0)
    return {
        "call_id": call["call_id"],
        **{key: call.get(key, "?") for key in ("kind", "lang", "severity")},
        "layout": layout,
        "noise": noise,
        "setting": f"{layout} {noise}",
        "channel": f"{facts['sample_rate_hz'] / 1000:g} kHz" if facts else "?",
        "error": error,
        "counts": measure(call, report),
        **describe_errors(call, report),
        "duration_s": seconds,
        "wall_s": wall_s,
    }


# ---------------------------------------------------------------- results


def summarise(results: Sequence[Json]) -> Json:
    """Return all figures of all calls and of each group of calls."""
    groups: dict[str, list[Json]] = {"all": list(results)}
    for key in BREAKDOWNS:
        for value in sorted({r[key] for r in results}):
            groups[f"{key}={value}"] = [r for r in results if r[key] == value]
    out: Json = {}
    for name, members in groups.items():
        counts = [r["counts"] for r in members]
        figures = {f.name.strip(): interval(f, counts) for f in FIGURES}
        total = {key: round(sum(c[key] for c in counts), 3) for key in (counts or [{}])[0]}
        out[name] = {"calls": len(members), "figures": figures, "counts": total}
    return out


def timing(results: Sequence[Json]) -> Json:
    """Return how long the scans took; the only part that differs between runs."""
    walls = [r["wall_s"] for r in results]
    seconds = [{"wall": r["wall_s"], "audio": r["duration_s"]} for r in results]
    factor = interval(Figure("real-time factor", {"wall": 1}, {"audio": 1}), seconds)
    return {
        "recordings": len(walls),
        "audio_s": round(sum(r["duration_s"] for r in results), 1),
        "wall_s": round(sum(walls), 1),
        "wall_s_median": round(statistics.median(walls), 1) if walls else None,
        "wall_s_longest": round(max(walls, default=0.0), 1),
        "real_time_factor": factor,
        "calls": {r["call_id"]: round(r["wall_s"], 2) for r in results},
    }


def _cell(found: Json, percent: bool = True) -> str:
    if found["value"] is None:
        return "–"
    scale, form = (100, ".1f") if percent else (1, ".2f")
    value, low, high = (format(scale * found[k], form) for k in ("value", "low", "high"))
    return f"{value} [{low}–{high}]"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a plain-text table, the first column to the left and the others to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, ["-" * width for width in widths], *rows)
    ]
    return "\n".join([title, *lines, ""])


def _detection_table(scope: str, summary: Json) -> str:
    figures, counts = summary["figures"], summary["counts"]
    rows = []
    for label in (*LABELS, "micro"):
        names = [f"{scope}: {label} {name}" for name in RATES]
        cells = [_cell(figures[name]) for name in names]
        several = LABELS if label == "micro" else (label,)
        sums = [
            str(round(sum(counts[f"{scope}.{one}.{key}"] for one in several)))
            for key in ("tp", "fp", "fn")
        ]
        rows.append([label, *cells, *sums])
    title = f"Time stamps, {scope} (%; same label, temporal IoU >= 0.3)"
    text = table(title, ["", *RATES, "right", "false", "missed"], rows)
    extra = [f for f in FIGURES if f.name.startswith(f"{scope}: ") and not f.name.endswith(RATES)]
    lines = [f"  {f.name.split(': ')[1]}: {_cell(figures[f.name], f.percent)}" for f in extra]
    return "\n".join([text.rstrip(), *lines, ""])


def _worst_table(results: Sequence[Json]) -> str:
    def sums(r: Json, key: str) -> int:
        return sum(r["counts"][f"flagged.{label}.{key}"] for label in LABELS)

    def share(r: Json, name: str) -> float:
        figure = BY_NAME[name]
        below = sum(w * r["counts"][k] for k, w in figure.below.items())
        return sum(w * r["counts"][k] for k, w in figure.above.items()) / below if below else 0.0

    rates = ("diarization error rate", "turns given to the right speaker", "character error rate")
    order = sorted(results, key=lambda r: (
        -sums(r, "fp") - sums(r, "fn"), -share(r, rates[2]), r["call_id"]
    ))  # fmt: skip
    rows = []
    for r in order[:WORST]:
        known = r["counts"]["listener_known"]
        rows.append([
            r["call_id"], r["kind"], r["severity"], r["layout"],
            *(str(sums(r, key)) for key in ("tp", "fp", "fn")),
            *(f"{100 * share(r, name):.0f}" for name in rates),
            f"{r['speakers_found']}/{r['speakers_true']}",
            "yes" if r["counts"]["collector_right"] else "NO",
            ("yes" if r["counts"]["listener_right"] else "NO") if known else "–",
            f"{r['wall_s']:.0f}", f"{r['wall_s'] / max(r['duration_s'], 1e-9):.2f}",
        ])  # fmt: skip
    head = [
        "call", "kind", "severity", "layout", "right", "false", "missed", "DER %", "turns %",
        "CER %", "voices", "collector", "listener", "wall s", "RTF",
    ]  # fmt: skip
    return table(f"The {len(rows)} worst calls (most wrong flags, then CER)", head, rows)


def render(results: Sequence[Json], groups: Json, times: Json) -> str:
    """Return the result as plain text."""
    every = groups["all"]
    text = [f"{len(results)} calls, {times['audio_s'] / 60:.1f} min; [95 % interval]\n"]
    text += [_detection_table(scope, every) for scope in DECISIONS]
    rows = [[f.name, _cell(every["figures"][f.name.strip()], f.percent)] for f in GENERAL]
    text.append(table("Speakers, roles and words (%)", ["", "all"], rows))
    for key in BREAKDOWNS:
        names = [name for name in groups if name.startswith(f"{key}=")]
        if names == [f"{key}=?"]:
            continue
        head = [""] + [f"{n.split('=')[1]} ({groups[n]['calls']})" for n in names]
        rows = [
            [f.name, *(_cell(groups[n]["figures"][f.name.strip()], f.percent) for n in names)]
            for f in SHORT
        ]
        text.append(table(f"By {key} (%; calls)", head, rows))
    text.append(_worst_table(results))
    text.append(
        f"Wall time: {times['wall_s']:.0f} s in all, median {times['wall_s_median']} s and at most "
        f"{times['wall_s_longest']} s a recording; "
        f"real-time factor {_cell(times['real_time_factor'], percent=False)}"
    )
    failed = [f"  {r['call_id']}: {r['error']}" for r in results if r["error"]]
    if failed:
        text += ["", f"{len(failed)} recordings failed and count as silent:", *failed]
    return "\n".join(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the evaluation; returns 1 if a recording could not be scanned."""
    given = list(sys.argv[1:] if argv is None else argv)
    at = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(
        "python -m models.evaluate_audio", description=__doc__.splitlines()[0],
        epilog="Options of `detector scan` may follow after `--`.",
    )  # fmt: skip
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--first", type=int, metavar="N", help="only the first N of each folder")
    parser.add_argument("--reports", type=Path, metavar="FOLDER", help="keep every call's report")
    args = parser.parse_args(given[:at])
    calls = []
    for folder in args.folders:
        found = find(folder)[: args.first]
        if not found:
            parser.error(f"{folder} holds no call with a recording")
        several = f"{folder.name}/" if len(args.folders) > 1 else ""
        calls += [(call | {"call_id": several + call["call_id"]}, path) for call, path in found]
    scanned = scan_all([recording for _, recording in calls], args.jobs, given[at + 1 :])
    results, settings = [], None
    for number, ((call, _), (report, error, wall)) in enumerate(
        zip(calls, scanned, strict=True), 1
    ):
        results.append(evaluate(call, report, error, wall))
        settings = settings or (report and report["settings"])
        if args.reports and report:
            text = json.dumps(report, ensure_ascii=False, indent=1)
            target = args.reports / f"{call['call_id']}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text + "\n", "utf-8")
        print(f"{number}/{len(calls)} {call['call_id']} {wall:.1f} s {error}", file=sys.stderr)
    groups, times = summarise(results), timing(results)
    print(render(results, groups, times))
    if args.json:
        calls_out = [{k: v for k, v in r.items() if k != "wall_s"} for r in results]
        whole = {"settings": settings, "groups": groups, "calls": calls_out, "timing": times}
        args.json.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return int(any(r["error"] for r in results))


if __name__ == "__main__":
    raise SystemExit(main())
