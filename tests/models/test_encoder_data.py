"""What the call encoder also learns from: single lines, and what was said where it was misheard."""

import json
import random

import numpy as np
import pytest

from detector.artifacts import artifact
from detector.encoder import VOCABULARY, Tables
from models import calls as corpus
from models import encoder_data
from models.encoder_data import NOT_ASKED, collate, lines, meant, spoken, targets, view


@pytest.fixture
def tables() -> Tables:
    return Tables(json.loads(artifact(VOCABULARY).decode("utf-8")))


def test_lines_are_turns_of_the_collector_with_nothing_around_them(tables: Tables) -> None:
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


def test_a_call_without_a_collector_has_no_lines(tables: Tables) -> None:
    turn = {"speaker": "debtor", "text": "喂?", "labels": [], "subtypes": []}
    call = {"call_id": "x", "kind": "debtor_call", "turns": [turn]}
    assert lines(call, tables, random.Random(1)) == []


@pytest.mark.parametrize(
    ("said", "heard", "told"),
    [
        ("欠钱的事情", "天前的事情", "欠钱的事情"),
        ("还清,明白吗", "欢迎明白吗", "还清明白吗"),
        ("就带几个兄弟", "就在几个兄弟呀", "就带几个兄弟_"),
        ("你们单位人事", "你们到备,人事", "你们单位_人事"),
        ("喂?", "3.5", "___"),
    ],
)
def test_of_each_misheard_character_it_is_known_what_was_said(
    tables: Tables, said: str, heard: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_data, "SAME", 1.0)
    expected = [NOT_ASKED if c == "_" else tables.encode(c)[0] for c in told]
    assert meant(said, heard, tables, random.Random(1)) == expected


def test_of_what_was_heard_right_little_is_asked(tables: Tables) -> None:
    rng = random.Random(2)
    asked = [t >= 0 for _ in range(200) for t in meant("我们是信贷的", "我们是信带的", tables, rng)]
    every = np.array(asked).reshape(-1, 6)
    assert every[:, 4].all() and 0.1 < every[:, [0, 1, 2, 3, 5]].mean() < 0.2


def test_what_was_said_stands_at_the_token_that_was_heard(tables: Tables) -> None:
    turns = [
        {"speaker": "collector", "text": text, "labels": [], "subtypes": []}
        for text in ("欠钱要还", "没有钱" * 150, "起诉你")
    ]
    call = {"call_id": "x", "kind": "debtor_call", "turns": turns}
    asked = 0
    for seed in range(5):
        for window in (windows := view(call, tables, random.Random(seed), rough=1.0)):
            assert len(window["meant"]) == len(window["ids"])
            for token, told in zip(window["ids"], window["meant"], strict=True):
                asked += told not in (NOT_ASKED, token)
            marks = np.array([0, 1, len(window["ids"]) - 1, *window["marks"]])
            assert (window["meant"][marks] == NOT_ASKED).all()
        assert collate(windows)["meant"].shape == collate(windows)["ids"].shape
    assert asked > 100
    clean = [w for s in range(5) for w in view(call, tables, random.Random(s), rough=0.0)]
    assert all((w["meant"] == NOT_ASKED).all() for w in clean)
