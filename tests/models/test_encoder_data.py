"""Single lines that the call encoder also learns from."""

import json
import random

from detector.artifacts import artifact
from detector.encoder import VOCABULARY, Tables
from models import calls as corpus
from models.encoder_data import lines, spoken, targets


def test_lines_are_turns_of_the_collector_with_nothing_around_them() -> None:
    tables = Tables(json.loads(artifact(VOCABULARY).decode("utf-8")))
    call = max(spoken(corpus.load()), key=lambda call: len(call["turns"]))
    own = [targets(turn) for turn in call["turns"] if turn["speaker"] == "collector"]
    rng = random.Random(1)
    seen = [lines(call, tables, rng) for _ in range(20)]
    for windows in seen:
        assert len(windows) == 2
        for window in windows:
            assert window["owner"] == [0] and window["roles"].tolist() == [0]
            assert window["heads"][0].tolist() in own
    assert len({tuple(window["ids"]) for windows in seen for window in windows}) > 20


def test_a_call_without_a_collector_has_no_lines() -> None:
    tables = Tables(json.loads(artifact(VOCABULARY).decode("utf-8")))
    turn = {"speaker": "debtor", "text": "喂?", "labels": [], "subtypes": []}
    call = {"call_id": "x", "kind": "debtor_call", "turns": [turn]}
    assert lines(call, tables, random.Random(1)) == []
