"""Packing a word model: small, and scoring as the weights that were learned."""

import numpy as np

from detector.artifacts import artifact
from detector.words_model import WordsModel
from models.vectorise import Vectoriser, pack

MB = 1_000_000


def test_a_packed_model_scores_as_what_was_learned() -> None:
    rng = np.random.default_rng(3)
    names = [f"c{i}" for i in range(400)] + [f"w{i}" for i in range(400)]
    rows = [list(rng.choice(names, 30, replace=False)) for _ in range(60)]
    vectoriser = Vectoriser(sorted(names), np.ones(len(names), np.float32))
    # one head speaks a hundred times louder, and must not silence the other
    loud = rng.choice([-1, 1], 800) * (50 + 50 * rng.random(800))  # no feature is left out
    heads = {"quiet": (rng.normal(size=800), 0.5), "loud": (loud, -2.0)}
    x = vectoriser.transform(rows)
    learned = np.column_stack([x @ weights + bias for weights, bias in heads.values()])
    model = WordsModel(pack(vectoriser, heads))
    packed = np.stack([model.logits(row) for row in rows])
    spread = learned.std(axis=0)
    assert (np.abs(packed - learned).max(axis=0) < 0.05 * spread).all()


def test_the_classifier_is_small_enough_to_carry() -> None:
    sizes = [len(artifact(name)) for name in ("words.npz", "encoder.onnx", "encoder.vocab")]
    assert sum(sizes) <= 25 * MB
