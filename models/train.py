"""Train the word model from the corpus: one command, a few minutes, deterministic.

    python -m models.train [--extra CALLS.jsonl ...]

Calibration, thresholds and the review band come from predictions on writers that were held
out (four folds by writer), never from what a model was trained on.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from detector.words_model import WordsModel
from models import calls as corpus
from models.artifacts_file import publish
from models.roughen import roughen_call
from models.vectorise import Vectoriser, call_features, listener_of, pack

SEED = 20
FOLDS = 4
C_LABEL, C_SUBTYPE, C_ROLE, C_LISTENER = 60.0, 20.0, 5.0, 2.0
REVIEW_SHARE = 0.07
MIN_PRECISION = 0.86
ROLES = ("collector", "debtor", "third_party")


def fit_head(x, y, c: float) -> tuple[np.ndarray, float]:
    model = LogisticRegression(C=c, solver="liblinear", max_iter=300, random_state=SEED)
    model.fit(x, y)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


class Data:
    """Rows of features with what is to be learned of them."""

    def __init__(self, calls: list[dict], rough: bool) -> None:
        self.rows: list[list[str]] = []
        self.turns: list[dict] = []
        self.calls: list[dict] = []
        for number, call in enumerate(calls):
            views = [(call, None)]
            if rough:
                views.append((roughen_call(call, seed=number), None))
                views.append((call, "U"))
            for view, listener in views:
                for turn, row in zip(call["turns"], call_features(view, listener), strict=True):
                    self.rows.append(row)
                    self.turns.append(turn)
                    self.calls.append(call)

    def mask(self, test) -> np.ndarray:
        return np.array([test(t, c) for t, c in zip(self.turns, self.calls, strict=True)], bool)


def own_words(row: list[str]) -> list[str]:
    return [name for name in row if name[0] in "cwp"]


def train(calls: list[dict]) -> bytes:
    """Return the packed word model."""
    data = Data(calls, rough=True)
    vectoriser = Vectoriser.fit(data.rows)
    x = vectoriser.transform(data.rows)
    own = vectoriser.transform([own_words(row) for row in data.rows])
    collector = data.mask(lambda t, c: t["speaker"] == "collector")
    spoken = data.mask(lambda t, c: c["kind"] != "messages")
    heads: dict[str, tuple[np.ndarray, float]] = {}
    for label in corpus.LABELS:
        y = data.mask(lambda t, c, label=label: label in t["labels"])
        heads[label] = fit_head(x[collector], y[collector], C_LABEL)
    for label, group in corpus.SUBTYPES.items():
        positive = data.mask(lambda t, c, label=label: label in t["labels"])
        for subtype in group:
            y = data.mask(lambda t, c, subtype=subtype: subtype in t["subtypes"])
            heads[subtype] = fit_head(own[positive], y[positive], C_SUBTYPE)
    for role in ROLES:
        y = data.mask(lambda t, c, role=role: t["speaker"] == role)
        heads[f"role:{role}"] = fit_head(own[spoken], y[spoken], C_ROLE)
    known = data.mask(lambda t, c: listener_of(c) != "U" and c["kind"] != "messages")
    third = data.mask(lambda t, c: listener_of(c) == "T")
    heads["listener:third_party"] = fit_head(own[known], third[known], C_LISTENER)
    return pack(vectoriser, heads)


def predict(model: WordsModel, calls: list[dict]) -> list[np.ndarray]:
    """Return logits (turns, heads) of each call, listener as the corpus says."""
    from detector.features import CallTurn, prepare

    return [
        model.call_logits(
            prepare([CallTurn(t["text"], t["speaker"]) for t in call["turns"]]), listener_of(call)
        )
        for call in calls
    ]


def folds(calls: list[dict], count: int = FOLDS) -> list[set[str]]:
    """Split the writers into folds."""
    writers = sorted({call.get("writer", call.get("profile", "")) for call in calls})
    return [set(writers[i::count]) for i in range(count)]


def writer_of(call: dict) -> str:
    return call.get("writer", call.get("profile", ""))


def fold_models(calls: list[dict]) -> Iterator[tuple[list[int], WordsModel]]:
    """Yield for each fold the places of its calls and a model that never saw their writers."""
    for fold in folds(calls):
        places = [i for i, call in enumerate(calls) if writer_of(call) in fold]
        if places:
            model = WordsModel(train([c for c in calls if writer_of(c) not in fold]))
            print(f"held out {', '.join(sorted(fold))}: {len(places)} calls", file=sys.stderr)
            yield places, model


def held_out(calls: list[dict]) -> list[np.ndarray]:
    """Return for each call the logits of a model that never saw its writer."""
    out: dict[int, np.ndarray] = {}
    for places, model in fold_models(calls):
        out.update(zip(places, predict(model, [calls[i] for i in places]), strict=True))
    return [out[i] for i in range(len(calls))]


def platt(logits: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return (a, b) so that sigmoid(a * logit + b) is a probability (Platt 1999)."""
    model = LogisticRegression(C=1e6, max_iter=1000).fit(logits[:, None], y)
    return float(model.coef_[0][0]), float(model.intercept_[0])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def choose_threshold(p: np.ndarray, y: np.ndarray) -> float:
    """Return the threshold with the best F1 among those with enough precision."""
    best, chosen = -1.0, 0.5
    for threshold in np.arange(0.2, 0.9, 0.01):
        flagged = p >= threshold
        hits = (flagged & y).sum()
        precision = hits / max(1, flagged.sum())
        f1 = 2 * hits / max(1, flagged.sum() + y.sum())
        if precision >= MIN_PRECISION and f1 > best:
            best, chosen = f1, float(threshold)
    return round(chosen, 2)


def calibrate(calls: list[dict], logits: list[np.ndarray], heads: list[str]) -> dict:
    """Return calibration, thresholds and the review band from held-out predictions."""
    column = {head: i for i, head in enumerate(heads)}
    rows = [
        (turn, logits[i][j])
        for i, call in enumerate(calls)
        for j, turn in enumerate(call["turns"])
        if turn["speaker"] == "collector"
    ]
    facts: dict = {"calibration": {}, "thresholds": {}}
    p = np.zeros((len(rows), 3))
    for k, label in enumerate(corpus.LABELS):
        z = np.array([row[column[label]] for _, row in rows])
        y = np.array([label in turn["labels"] for turn, _ in rows])
        a, b = platt(z, y)
        p[:, k] = sigmoid(a * z + b)
        facts["calibration"][label] = [round(a, 4), round(b, 4)]
        facts["thresholds"][label] = choose_threshold(p[:, k], y)
    thresholds = np.array([facts["thresholds"][label] for label in corpus.LABELS])
    below = np.where((p >= thresholds).any(axis=1), 0, (p / thresholds).max(axis=1))
    facts["review_from"] = round(float(np.quantile(below, 1 - REVIEW_SHARE)), 3)
    # how far the role evidence of two speakers lies apart, turned into a confidence
    role = column["role:collector"]
    gaps = []
    for call, z in zip(calls, logits, strict=True):
        is_collector = np.array([t["speaker"] == "collector" for t in call["turns"]])
        if call["kind"] != "messages" and is_collector.any() and not is_collector.all():
            gaps.append(z[is_collector, role].mean() - z[~is_collector, role].mean())
    g = np.array(gaps)
    a, _ = platt(np.concatenate([g, -g]), np.repeat([True, False], len(g)))
    facts["role_scale"] = round(min(a, 6.0), 4)
    sums = np.array([z[:, column["listener:third_party"]].mean() for z in logits])
    who = np.array([listener_of(call) for call in calls])
    telephone = np.array([call["kind"] != "messages" for call in calls]) & (who != "U")
    a, b = platt(sums[telephone], who[telephone] == "T")
    facts["listener"] = [round(a, 4), round(b, 4)]
    return facts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extra", type=Path, nargs="*", default=[], help="more labelled calls")
    parser.add_argument("--part", type=int, default=1, help="use each Nth call only (tests)")
    args = parser.parse_args()
    calls = corpus.load()[:: args.part]
    for path in args.extra:
        calls += corpus.read(path)
    wrong = [message for call in calls for message in corpus.check_call(call)]
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))
    packed = train(calls)
    facts = calibrate(calls, held_out(calls), WordsModel(packed).heads)
    source = f"models/corpus, {len(calls)} calls, {sum(len(c['turns']) for c in calls)} turns"
    publish("words.npz", packed, source, **facts)
    print(json.dumps(facts, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
