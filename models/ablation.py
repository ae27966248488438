"""What each part of the classifier is worth: one left out at a time, held-out writers.

    python -m models.ablation [--part N]

The published classifier weighs, besides what both models say of the three categories, what they
say of the sub-types; the other rows do without. The heads of the categories are fitted anew without
the family of features; calibration and thresholds for each held-out writer come from the others, as
in `models.evaluate`. Average
precision does not hang on a threshold; it is also given for the calls as a recogniser might mishear
them (`models.roughen`). Prints the table of the model card.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import average_precision_score

from detector.classify import evidence
from models import calls as corpus
from models import train
from models.roughen import roughen_call
from models.vectorise import Vectoriser, call_features

FAMILIES = {
    "characters": "c",
    "jieba words": "w",
    "pinyin": "p",
    "who listens": "l",
    "turns around": "x",
}
LABELS = corpus.LABELS


class Turns:
    """The collector's turns of some calls: (turns, …) arrays."""

    def __init__(self, calls: Sequence[corpus.Call]) -> None:
        own = [
            (row, turn, train.writer_of(call))
            for call in calls
            for row, turn in zip(call_features(call), call["turns"], strict=True)
            if turn["speaker"] == "collector"
        ]
        self.rows = [row for row, _, _ in own]
        self.true = np.array([[label in turn["labels"] for label in LABELS] for _, turn, _ in own])
        self.writer = np.array([writer for _, _, writer in own])


def measure(logits: Sequence[np.ndarray], turns: Turns) -> list[float]:
    """Return precision, recall, F1 (micro, flagged) and mean average precision.

    Args:
        logits: of each model that has a say, shape (turns, labels).
        turns: what is true.
    """
    flagged = np.zeros_like(turns.true)
    ranked = []
    for k in range(len(LABELS)):
        x, y = np.column_stack([own[:, k] for own in logits]), turns.true[:, k]
        for writer in train.HELD_OUT:
            mine = turns.writer == writer
            *weights, constant = train.logistic(x[~mine], y[~mine])
            p = train.sigmoid(x @ np.array(weights) + constant)
            flagged[mine, k] = p[mine] >= train.choose_threshold(p[~mine], y[~mine])
            if y[mine].any():  # in a small part of the corpus a writer may have none
                ranked.append(average_precision_score(y[mine], p[mine]))
    hits = (flagged & turns.true).sum()
    precision, recall = hits / max(1, flagged.sum()), hits / turns.true.sum()
    f1 = 2 * hits / max(1, flagged.sum() + turns.true.sum())
    return [100 * float(value) for value in (precision, recall, f1, np.mean(ranked))]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", type=int, default=1, help="use each Nth call only (tests)")
    args = parser.parse_args(argv)
    calls = corpus.load()[:: args.part]
    unseen = [call for call in calls if train.writer_of(call) in train.HELD_OUT]
    views = [unseen, [roughen_call(call, seed=number) for number, call in enumerate(unseen)]]
    turns = [Turns(view) for view in views]
    encoder = train.held_out_encoder()
    seen = [
        np.concatenate([
            logits[[turn["speaker"] == "collector" for turn in call["turns"]]]
            for call, logits in zip(view, train.read(encoder, view), strict=True)
        ])
        for view in views
    ]  # fmt: skip
    data = train.Data([call for call in calls if train.writer_of(call) not in train.HELD_OUT])
    vectoriser = Vectoriser.fit(data.rows)
    collector = data.mask(lambda t, c: t["speaker"] == "collector")
    x = vectoriser.transform(data.rows)[collector]
    others = [vectoriser.transform(view.rows) for view in turns]
    family = np.array([name[0] for name in vectoriser.names])
    learned = [turn for turn, use in zip(data.turns, collector, strict=True) if use]

    def words(without: str = "") -> list[np.ndarray]:
        kept = np.flatnonzero(family != without)
        heads = [
            train.fit_head(
                x[:, kept], np.array([label in turn["labels"] for turn in learned]), train.C_LABEL
            )
            for label in LABELS
        ]
        return [
            np.stack([other[:, kept] @ weights + bias for weights, bias in heads], axis=1)
            for other in others
        ]

    def subtypes(plain: list[np.ndarray]) -> list[list[np.ndarray]]:
        """Return the logits of any sub-type of a category, of the word model and the encoder."""
        own = vectoriser.transform([train.own_words(row) for row in data.rows])
        heads = train.fit_subtypes(data, own).values()
        column = {name: number for number, name in enumerate([*LABELS, *corpus.LABEL_OF])}
        found: list[list[np.ndarray]] = [[], []]
        for view, others in enumerate(turns):
            other = vectoriser.transform([train.own_words(row) for row in others.rows])
            spoken = [other @ weights + bias for weights, bias in heads]
            says = evidence(column, np.column_stack([*plain[view].T, *spoken]), seen[view])
            for model in range(2):
                found[model].append(says[:, :, 2 + model])
        return found

    print("| | precision % | recall % | F1 % | average precision % | misheard % |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")

    def show(name: str, *models: list[np.ndarray]) -> None:
        plain, misheard = (
            measure([logits[view] for logits in models], turns[view]) for view in (0, 1)
        )
        print(f"| {name} | " + " | ".join(f"{v:.1f}" for v in (*plain, misheard[-1])) + " |")

    categories = [logits[:, : len(LABELS)] for logits in seen]
    plain = words()
    show("both models, sub-types too", plain, categories, *subtypes(plain))
    show("both models", plain, categories)
    show("word model alone", plain)
    show("call encoder alone", categories)
    for name, letter in FAMILIES.items():
        less = words(letter)
        show(f"without {name}", less, categories)
        show(f"without {name}, word model alone", less)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
