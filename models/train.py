"""Train the word model from the corpus: one command, a few minutes, deterministic.

    python -m models.train [--extra CALLS.jsonl ...]

Calibration, thresholds and the review band come from predictions on four writers that were
held out from both models, never from what a model was trained on. The encoder is trained
apart, by `models.train_encoder`.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from detector.classify import evidence
from detector.encoder import CallEncoder, Tables
from detector.features import ROLES as ROLES_OF
from detector.features import CallTurn, prepare
from detector.text import normalise
from detector.words_model import WordsModel
from models import calls as corpus
from models.artifacts_file import ARTIFACTS, publish
from models.confusion import recognised
from models.roughen import roughen_call
from models.vectorise import Vectoriser, call_features, listener_of, pack

SEED = 20
HELD_OUT = ("w2", "w5", "w29", "w30")
HELD_OUT_FOLDER = Path(__file__).parent / "held_out"
C_LABEL, C_SUBTYPE, C_ROLE, C_LISTENER = 60.0, 20.0, 5.0, 2.0
REVIEW_SHARE = 0.07
MIN_PRECISION = 0.91
ROLES = tuple(ROLES_OF)


def fit_head(x, y, c: float) -> tuple[np.ndarray, float]:
    model = LogisticRegression(C=c, solver="liblinear", max_iter=300, random_state=SEED)
    # more threads wait longer than they work, and sum in another order on another machine
    with threadpool_limits(1):
        model.fit(x, y)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


class Data:
    """Rows of features with what is to be learned of them."""

    def __init__(self, calls: list[dict]) -> None:
        self.rows: list[list[str]] = []
        self.turns: list[dict] = []
        self.calls: list[dict] = []
        for number, call in enumerate(calls):
            rows = call_features(call)
            # the last view is each turn alone, as a single message stands
            alone = [[name for name in row if name[0] != "x"] for row in rows]
            for view in (rows, call_features(roughen_call(call, seed=number)), alone):
                self.add(call, view, [True] * len(view))
            for version in recognised().get(call["call_id"], []):
                turns = [
                    {**turn, "text": text}
                    for turn, (text, _) in zip(call["turns"], version, strict=True)
                ]
                view = call_features({**call, "turns": turns})
                self.add(call, view, [clear for _, clear in version])

    def add(self, call: dict, rows: list[list[str]], clear: list[bool]) -> None:
        """Add one view of a call; turns that are not clear are context only."""
        for row, turn, learn in zip(rows, call["turns"], clear, strict=True):
            if learn:
                self.rows.append(row)
                self.turns.append(turn)
                self.calls.append(call)

    def mask(self, test) -> np.ndarray:
        return np.array([test(t, c) for t, c in zip(self.turns, self.calls, strict=True)], bool)


def own_words(row: list[str]) -> list[str]:
    return [name for name in row if name[0] in "cwp"]


def fit_subtypes(data: Data, own) -> dict[str, tuple[np.ndarray, float]]:
    """Return the heads of the sub-types, fitted on the own words of their category's turns."""
    heads = {}
    for label, group in corpus.SUBTYPES.items():
        positive = data.mask(lambda t, c, label=label: label in t["labels"])
        for subtype in group:
            y = data.mask(lambda t, c, subtype=subtype: subtype in t["subtypes"])
            heads[subtype] = fit_head(own[positive], y[positive], C_SUBTYPE)
    return heads


def train(calls: list[dict]) -> bytes:
    """Return the packed word model."""
    data = Data(calls)
    vectoriser = Vectoriser.fit(data.rows)
    x = vectoriser.transform(data.rows)
    own = vectoriser.transform([own_words(row) for row in data.rows])
    collector = data.mask(lambda t, c: t["speaker"] == "collector")
    spoken = data.mask(lambda t, c: c["kind"] != "messages")
    heads: dict[str, tuple[np.ndarray, float]] = {}
    for label in corpus.LABELS:
        y = data.mask(lambda t, c, label=label: label in t["labels"])
        heads[label] = fit_head(x[collector], y[collector], C_LABEL)
    heads |= fit_subtypes(data, own)
    for role in ROLES:
        y = data.mask(lambda t, c, role=role: t["speaker"] == role)
        heads[f"role:{role}"] = fit_head(own[spoken], y[spoken], C_ROLE)
    known = data.mask(lambda t, c: listener_of(c) != "U" and c["kind"] != "messages")
    third = data.mask(lambda t, c: listener_of(c) == "T")
    heads["listener:third_party"] = fit_head(own[known], third[known], C_LISTENER)
    return pack(vectoriser, heads)


def predict(model: WordsModel, calls: list[dict]) -> list[np.ndarray]:
    """Return logits (turns, heads) of each call, listener as the corpus says."""
    return [
        model.call_logits(
            prepare([CallTurn(t["text"], t["speaker"]) for t in call["turns"]]), listener_of(call)
        )
        for call in calls
    ]


def writer_of(call: dict) -> str:
    return call.get("writer", call.get("profile", ""))


def held_out(calls: list[dict]) -> tuple[list[dict], WordsModel, CallEncoder]:
    """Return the held-out writers' calls and the two models that never saw these writers.

    The encoder takes long to train, so its held-out twin is kept in `models/held_out`.
    """
    mine = [call for call in calls if writer_of(call) in HELD_OUT]
    words = WordsModel(train([call for call in calls if writer_of(call) not in HELD_OUT]))
    return mine, words, held_out_encoder()


def held_out_encoder() -> CallEncoder:
    """Return the encoder that never saw the writers held out."""
    tables = Tables(json.loads((HELD_OUT_FOLDER / "encoder.vocab").read_text("utf-8")))
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(HELD_OUT_FOLDER / "encoder.onnx"), options, providers=["CPUExecutionProvider"]
    )
    return CallEncoder(tables, session)


def read(encoder: CallEncoder, calls: list[dict]) -> list[np.ndarray]:
    """Return the encoder's logits (turns, 26) of each call, listener as the corpus says."""
    return [
        encoder(
            [(ROLES_OF[t["speaker"]], normalise(t["text"])) for t in call["turns"]],
            listener_of(call),
        )
        for call in calls
    ]


def logistic(x: np.ndarray, y: np.ndarray) -> list[float]:
    """Return weights and constant so that their sigmoid is a probability (Platt 1999)."""
    model = LogisticRegression(C=1e3, max_iter=1000).fit(x, y)
    return [round(float(v), 4) for v in (*model.coef_[0], model.intercept_[0])]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(x / 2)  # without overflow


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


def weigh_subtypes(
    words: np.ndarray, seen: np.ndarray, has: np.ndarray, names: Sequence[str]
) -> dict[str, list[float]]:
    """Return for each sub-type what both logits weigh, alike for all of a category, and a constant.

    All arrays have the shape (turns of the category, sub-types of the category).
    """
    each = np.tile(np.eye(len(names)), (len(words), 1))
    x = np.column_stack([words.ravel(), seen.ravel(), each])
    model = LogisticRegression(C=1.0, max_iter=1000, fit_intercept=False).fit(x, has.ravel())
    a, b, *constants = (round(float(v), 4) for v in model.coef_[0])
    return {name: [a, b, c] for name, c in zip(names, constants, strict=True)}


def of_collector(
    calls: list[dict], logits: list[np.ndarray], seen: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits of both models for the collector's turns, a row each."""
    own = np.array([turn["speaker"] == "collector" for call in calls for turn in call["turns"]])
    return np.concatenate(logits)[own], np.concatenate(seen)[own]


@dataclass(frozen=True, slots=True)
class Reading:
    """What both models make of a call they have not seen."""

    call: dict
    words: np.ndarray
    """Logits of the word model (turns, heads)."""
    seen: np.ndarray
    """Logits of the encoder (turns, 26)."""
    alone: np.ndarray
    """`evidence` of the collector's turns, each without the call (turns, 3, 4)."""
    rough: np.ndarray
    """The same in the call as it is misheard."""


def readings(calls: list[dict], words: WordsModel, encoder: CallEncoder) -> list[Reading]:
    """Read calls as they were written, turn by turn, and misheard."""
    own = [[t for t in call["turns"] if t["speaker"] == "collector"] for call in calls]
    lines = [{**c, "turns": [turn]} for c, turns in zip(calls, own, strict=True) for turn in turns]
    misheard = [roughen_call(call, seed=number) for number, call in enumerate(calls)]
    ends = np.cumsum([len(turns) for turns in own])[:-1]

    def both(some: list[dict]) -> list[np.ndarray]:
        logits = of_collector(some, predict(words, some), read(encoder, some))
        return np.split(evidence(words.column, *logits), ends)

    read_as = predict(words, calls), read(encoder, calls), both(lines), both(misheard)
    return [Reading(*row) for row in zip(calls, *read_as, strict=True)]


def calibrate(readings: Sequence[Reading], column: Mapping[str, int]) -> dict:
    """Return calibration, thresholds and the review band.

    What both models weigh is fitted on the calls as they were written and as they are misheard;
    thresholds and the band, on the calls as written.

    Args:
        readings: calls that neither model has seen.
        column: where the word model's logits stand.
    """
    calls, logits = [r.call for r in readings], [r.words for r in readings]
    alone = np.concatenate([r.alone for r in readings])
    rough = np.concatenate([r.rough for r in readings])
    of_words, of_encoder = of_collector(calls, logits, [r.seen for r in readings])
    turns = [turn for call in calls for turn in call["turns"] if turn["speaker"] == "collector"]
    says = evidence(column, of_words, of_encoder)
    facts: dict = {"calibration": {}, "lone": {}, "thresholds": {}, "subtypes": {}}
    first = len(corpus.LABELS)
    p = np.zeros((len(turns), 3))
    for k, label in enumerate(corpus.LABELS):
        x = says[:, k]
        y = np.array([label in turn["labels"] for turn in turns])
        both = np.concatenate([x, rough[:, k]])
        *weights, c = facts["calibration"][label] = logistic(both, np.tile(y, 2))
        p[:, k] = sigmoid(x @ np.array(weights) + c)
        facts["lone"][label] = logistic(alone[:, k], y)
        facts["thresholds"][label] = choose_threshold(p[:, k], y)
        group = corpus.SUBTYPES[label]
        facts["subtypes"] |= weigh_subtypes(
            of_words[y][:, [column[s] for s in group]],
            of_encoder[y, first : first + len(group)],
            np.array([[s in turn["subtypes"] for s in group] for turn in turns])[y],
            group,
        )
        first += len(group)
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
    a, _ = logistic(np.concatenate([g, -g])[:, None], np.repeat([True, False], len(g)))
    facts["role_scale"] = min(a, 6.0)
    sums = np.array([z[:, column["listener:third_party"]].mean() for z in logits])
    who = np.array([listener_of(call) for call in calls])
    telephone = np.array([call["kind"] != "messages" for call in calls]) & (who != "U")
    facts["listener"] = logistic(sums[telephone][:, None], who[telephone] == "T")
    return facts


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extra", type=Path, nargs="*", default=[], help="more labelled calls")
    parser.add_argument("--part", type=int, default=1, help="use each Nth call only (tests)")
    parser.add_argument("--out", type=Path, default=ARTIFACTS, help="folder for the model")
    args = parser.parse_args(argv)
    calls = corpus.load()[:: args.part]
    for path in args.extra:
        calls += corpus.read(path)
    wrong = [message for call in calls for message in corpus.check_call(call)]
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))
    packed = train(calls)
    mine, words, encoder = held_out(calls)
    facts = calibrate(readings(mine, words, encoder), words.column)
    source = f"models/corpus, {len(calls)} calls, {sum(len(c['turns']) for c in calls)} turns"
    publish("words.npz", packed, source, args.out, **facts)
    print(json.dumps(facts, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
