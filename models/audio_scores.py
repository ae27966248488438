"""Counts of one scanned recording against its truth, for `models.evaluate_audio`.

`measure` gives sums only, so that any figure over several calls is a ratio of their sums.
A call is in the corpus format with `start` and `end` on every turn; a report is the JSON form
of `detector.report.Report`, or None if the recording could not be scanned.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from detector.text import normalise

LABELS = ("threat", "insult", "third_party_disclosure")
DECISIONS = {"flagged": ("flagged",), "with review": ("flagged", "review")}
MIN_IOU = 0.3
COLLAR_S = 0.25  # on either side of every boundary
_NOT_SPOKEN = re.compile(r"[\W_]+")

Json = dict[str, Any]
Span = tuple[float, float]


def overlap(a: Span, b: Span) -> float:
    """Return how many seconds two spans share."""
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0]))


def iou(a: Span, b: Span) -> float:
    """Return the temporal intersection over union of two spans."""
    shared = overlap(a, b)
    return shared / (a[1] - a[0] + b[1] - b[0] - shared) if shared else 0.0


def assign(weights: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Return the one-to-one pairs (row, column) of the greatest total weight (Hungarian).

    Pairs of weight 0 are left out.
    """
    rows, columns = len(weights), max((len(row) for row in weights), default=0)
    n = max(rows, columns)
    cost = np.zeros((n + 1, n + 1))
    for i, row in enumerate(weights, 1):
        cost[i, 1 : len(row) + 1] = -np.asarray(row, float)
    u, v = np.zeros(n + 1), np.zeros(n + 1)
    owner = np.zeros(n + 1, int)  # the row that holds each column; column 0 is a helper
    for i in range(1, n + 1):
        owner[0], j0 = i, 0
        least, way = np.full(n + 1, np.inf), np.zeros(n + 1, int)
        used = np.zeros(n + 1, bool)
        while owner[j0]:
            used[j0] = True
            slack = cost[owner[j0]] - u[owner[j0]] - v
            better = ~used & (slack < least)
            least[better], way[better] = slack[better], j0
            j1 = int(np.argmin(np.where(used, np.inf, least)))
            delta = least[j1]
            u[owner[used]] += delta
            v[used] -= delta
            least[~used] -= delta
            j0 = j1
        while j0:
            owner[j0] = owner[way[j0]]
            j0 = int(way[j0])
    pairs = ((int(owner[j]) - 1, j - 1) for j in range(1, columns + 1))
    return sorted((i, j) for i, j in pairs if i < rows and cost[i + 1, j + 1] < 0)


def match_spans(found: Sequence[Span], true: Sequence[Span]) -> list[tuple[int, int]]:
    """Match spans one to one: as many pairs with enough IoU as can be, then the closest."""
    many = float(len(found) + len(true) + 1)
    return assign([[many + x if (x := iou(f, t)) >= MIN_IOU else 0.0 for t in true] for f in found])


def edit_distance(a: str, b: str) -> int:
    """Return the Levenshtein distance of two texts."""
    codes = np.array([ord(c) for c in b], np.int64)
    steps = np.arange(len(b) + 1)
    row = steps.copy()
    for i, c in enumerate(a, 1):
        new = np.concatenate([[i], np.minimum(row[:-1] + (codes != ord(c)), row[1:] + 1)])
        row = np.minimum.accumulate(new - steps) + steps  # a letter of b left over
    return int(row[-1])


def spoken(texts: Sequence[str]) -> str:
    """Return what is compared of a transcript: normalised text by text, no punctuation."""
    return "".join(_NOT_SPOKEN.sub("", normalise(text)) for text in texts)


def _turn(turn: Json) -> Span:
    return turn["start"], turn["end"]


def _found(item: Json) -> Span:
    return item["start_s"], item["end_s"]


def _voice(turn: Json) -> tuple[str, str]:
    return turn["speaker"], str(turn.get("speaker_id", ""))


def _pairs(
    call: Json, report: Json, label: str, decisions: Sequence[str]
) -> tuple[list[Json], list[Json], list[tuple[int, int]]]:
    flags = [f for f in report["flags"] if f["category"] == label and f["decision"] in decisions]
    turns = [t for t in call["turns"] if label in t.get("labels", ())]
    return flags, turns, match_spans([_found(f) for f in flags], [_turn(t) for t in turns])


def _home(flag: Json, turns: Sequence[Json]) -> Json | None:
    """Return the turn in which most of a flag lies."""
    best = max(turns, key=lambda turn: overlap(_found(flag), _turn(turn)), default=None)
    return best if best and overlap(_found(flag), _turn(best)) > 0 else None


def _detection(call: Json, report: Json) -> Json:
    counts: Json = {}
    for scope, decisions in DECISIONS.items():
        flags = [f for f in report["flags"] if f["decision"] in decisions]
        homes = [_home(flag, call["turns"]) for flag in flags]
        touched = 0
        for label in LABELS:
            mine, turns, pairs = _pairs(call, report, label, decisions)
            counts[f"{scope}.{label}.tp"] = len(pairs)
            counts[f"{scope}.{label}.fp"] = len(mine) - len(pairs)
            counts[f"{scope}.{label}.fn"] = len(turns) - len(pairs)
            touched += sum(any(overlap(_turn(t), _found(f)) > 0 for f in mine) for t in turns)
        counts[f"{scope}.touched"] = touched
        counts[f"{scope}.count"] = len(flags)
        counts[f"{scope}.lawful"] = len(flags) if call.get("severity") == "lawful" else 0
        counts[f"{scope}.elsewhere"] = sum(
            home is not None and home["speaker"] != "collector" for home in homes
        )
    return counts


def diarization_error(call: Json, utterances: Sequence[Json]) -> Json:
    """Return the seconds that go into the diarization error rate, overlapped speech included."""
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    reference, hypothesis = Annotation(), Annotation()
    for number, turn in enumerate(call["turns"]):
        reference[Segment(*_turn(turn)), number] = "/".join(_voice(turn))
    for number, item in enumerate(utterances):
        if item["end_s"] > item["start_s"]:
            hypothesis[Segment(*_found(item)), number] = item["speaker"]
    last = max((t["end"] for t in call["turns"]), default=0.0)
    last = max([last, *(u["end_s"] for u in utterances)])
    # the library's collar is the whole width around a boundary
    metric = DiarizationErrorRate(collar=2 * COLLAR_S)
    parts = metric(reference, hypothesis, uem=Timeline([Segment(0, last)]), detailed=True)
    return {
        "der.missed": float(parts["missed detection"]),
        "der.false_alarm": float(parts["false alarm"]),
        "der.confusion": float(parts["confusion"]),
        "der.total": float(parts["total"]),
    }


def _shares(
    turns: Sequence[Json], utterances: Sequence[Json], voices: Sequence[str]
) -> list[list[float]]:
    """Return the seconds of each turn that are given to each found speaker."""
    return [
        [sum(overlap(_turn(t), _found(u)) for u in utterances if u["speaker"] == v) for v in voices]
        for t in turns
    ]


def turns_right(turns: Sequence[Json], utterances: Sequence[Json]) -> int:
    """Count the turns of which more than half is given to the right speaker.

    Found speakers stand for the true ones with whom they share most time, one to one.
    """
    voices = sorted({u["speaker"] for u in utterances})
    people = sorted({_voice(t) for t in turns})
    shares = _shares(turns, utterances, voices)
    together = [
        [sum(s[v] for t, s in zip(turns, shares, strict=True) if _voice(t) == person)
         for v in range(len(voices))]
        for person in people
    ]  # fmt: skip
    stands = dict(assign(together))
    return sum(
        (v := stands.get(people.index(_voice(t)))) is not None
        and s[v] > 0.5 * (t["end"] - t["start"])
        for t, s in zip(turns, shares, strict=True)
    )


def collector_right(turns: Sequence[Json], report: Json) -> bool:
    """Tell whether the collectors' main voice, and not the other side's, is called collector."""
    voices = [speaker["id"] for speaker in report["speakers"]]
    roles = {speaker["id"]: speaker["role"] for speaker in report["speakers"]}
    shares = _shares(turns, report["utterances"], voices)
    main = {}
    ours = [turn["speaker"] == "collector" for turn in turns]
    for side in (True, False):
        rows = [share for share, mine in zip(shares, ours, strict=True) if mine is side]
        sums = np.sum(rows, axis=0) if rows and voices else np.zeros(0)
        main[side] = voices[int(np.argmax(sums))] if sums.any() else None
    if main[True] is None or roles[main[True]] != "collector":
        return False
    return all(ours) or (
        main[False] is not None and roles[main[False]] in ("debtor", "third_party")
    )


def _roles(turns: Sequence[Json], report: Json) -> Json:
    counts = {"role_s": 0.0, "role_s_right": 0.0}
    for turn in turns:
        for item in report["utterances"]:
            seconds = overlap(_turn(turn), _found(item))
            called = {"collector": True, "unknown": None}.get(item["role"], False)
            counts["role_s"] += seconds
            counts["role_s_right"] += seconds * (called is (turn["speaker"] == "collector"))
    return counts


def true_listener(call: Json) -> str | None:
    """Return "debtor" or "third_party"; None where it is not clear from the call."""
    if call.get("listener") in ("debtor", "guarantor", "co_borrower"):
        return "debtor"
    return {"third_party_call": "third_party", "debtor_call": "debtor"}.get(call.get("kind", ""))


def _characters(turns: Sequence[Json], utterances: Sequence[Json]) -> Json:
    said = sorted(turns, key=_turn)
    heard = sorted(utterances, key=_found)
    sides = {
        "all": (said, heard),
        "collector": (
            [t for t in said if t["speaker"] == "collector"],
            [u for u in heard if u["role"] == "collector"],
        ),
        "other": (
            [t for t in said if t["speaker"] != "collector"],
            [u for u in heard if u["role"] in ("debtor", "third_party")],
        ),
    }
    counts: Json = {}
    for name, (true, found) in sides.items():
        reference = spoken([t["text"] for t in true])
        counts[f"cer.{name}.edits"] = edit_distance(reference, spoken([u["text"] for u in found]))
        counts[f"cer.{name}.length"] = len(reference)
    return counts


_SILENT: Json = {"flags": [], "utterances": [], "speakers": [], "listener": {}, "recording": {}}


def measure(call: Json, report: Json | None) -> Json:
    """Return all counts of one call."""
    report = report or _SILENT
    turns, utterances = call["turns"], report["utterances"]
    listener = true_listener(call)
    layout = "stereo" if "collector_channel" in call else "mono"
    return {
        "calls": 1,
        "lawful": int(call.get("severity") == "lawful"),
        **_detection(call, report),
        **diarization_error(call, utterances),
        "turns": len(turns),
        "turns_right": turns_right(turns, utterances),
        "speakers_right": int(len(report["speakers"]) == len({_voice(t) for t in turns})),
        "collector_right": int(collector_right(turns, report)),
        **_roles(turns, report),
        "listener_known": int(listener is not None),
        "listener_right": int(listener is not None and report["listener"].get("role") == listener),
        "layout_right": int(report["recording"].get("layout") == layout),
        **_characters(turns, utterances),
    }


def describe_errors(call: Json, report: Json | None) -> Json:
    """Return what went wrong in a call, to be looked at by a person."""
    report = report or _SILENT
    false, missed = [], []
    for label in LABELS:
        flags, turns, pairs = _pairs(call, report, label, DECISIONS["flagged"])
        for i, flag in enumerate(flags):
            if i not in {pair[0] for pair in pairs}:
                home = _home(flag, call["turns"])
                keys = ("category", "start_s", "end_s", "quote", "role", "score")
                false.append({k: flag[k] for k in keys} | {"turn": home and home["text"]})
        for j, turn in enumerate(turns):
            if j not in {pair[1] for pair in pairs}:
                near = [u for u in report["utterances"] if overlap(_found(u), _turn(turn)) > 0.3]
                missed.append(
                    {"category": label, "start": turn["start"], "end": turn["end"],
                     "text": turn["text"],
                     "heard": [[u["role"], u["text"], u["scores"][label]] for u in near],
                     "flags": [[f["category"], f["decision"]] for f in report["flags"]
                               if overlap(_found(f), _turn(turn)) > 0.3]}
                )  # fmt: skip
    return {
        "false_flags": false,
        "missed": missed,
        "speakers_found": len(report["speakers"]),
        "speakers_true": len({_voice(t) for t in call["turns"]}),
    }
