"""What the call encoder learns from: vocabulary, views, batches; what was said where misheard."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_e5 import PIECES, SAID, call, write_e5

from detector import encoder
from detector.artifacts import artifact
from detector.encoder import LONGEST, SPECIALS, VOCABULARY, Tables
from detector.pinyin import syllables
from detector.text import normalise
from models import calls as corpus
from models import encoder_data
from models.calls import LABEL_OF, LABELS
from models.encoder_data import (
    HEADS,
    NOT_ASKED,
    OUTPUTS,
    ROLES,
    batches,
    collate,
    layout,
    lines,
    meant,
    spoken,
    targets,
    view,
    vocabulary,
)
from models.extract_e5 import E5File
from models.roughen import PUNCTUATION


@pytest.fixture
def e5_path(tmp_path: Path) -> Path:
    write_e5(tmp_path / "tiny.bin")
    return tmp_path / "tiny.bin"


@pytest.fixture
def tables(e5_path: Path) -> Tables:
    return Tables(vocabulary(E5File(e5_path), [call()])[0])


def test_the_heads_are_those_that_the_detector_reads() -> None:
    assert (*LABELS, *LABEL_OF) == HEADS
    assert (len(LABELS), len(LABEL_OF), len(ROLES)) == (
        encoder.LABELS,
        encoder.SUBTYPES,
        encoder.ROLES,
    )
    assert OUTPUTS == encoder.LABELS + encoder.SUBTYPES + encoder.ROLES


def test_the_vocabulary_holds_what_e5_knows_and_what_the_calls_use(e5_path: Path) -> None:
    e5 = E5File(e5_path)
    data, rows = vocabulary(e5, [call()])
    tokens = data["tokens"]
    assert len(tokens) == len(set(tokens)) == len(data["sound_of"]) == len(rows) - len(SPECIALS)
    assert {"催", "钱", "赖", ","} <= set(tokens)
    assert "寬" not in tokens  # traditional: `normalise` gives none
    assert "▁query" not in tokens
    row_of = dict(zip(tokens, rows[len(SPECIALS) :], strict=True))
    assert row_of["钱"] == [PIECES.index("钱")]
    assert row_of["能"] == [e5.unknown]  # nothing in the file sounds like it


def test_a_character_that_e5_lacks_starts_from_those_that_sound_like_it(e5_path: Path) -> None:
    heard = call([("debtor", "环,前", [], [])])
    data, rows = vocabulary(E5File(e5_path), [heard])
    row_of = dict(zip(data["tokens"], rows[len(SPECIALS) :], strict=True))
    assert syllables("前") == syllables("钱")
    assert row_of["前"] == [PIECES.index("钱")]


def test_homophones_share_a_sound_and_signs_have_none(tables: Tables) -> None:
    sound = {token: tables.sound_of[i] for token, i in tables.tokens.items()}
    assert sound[","] == sound["[collector]"] == 0 < sound["钱"]
    for a in "款还钱您周":
        for b in "款还钱您周":
            assert (sound[a] == sound[b]) == (syllables(a) == syllables(b))


def test_tables_come_back_from_their_file(tables: Tables, e5_path: Path) -> None:
    data = vocabulary(E5File(e5_path), [call()])[0]
    again = Tables(json.loads(json.dumps(data, ensure_ascii=False)))
    assert again.encode("您还钱☃") == [*(tables.tokens[c] for c in "您还钱"), 1]
    assert again.sound_of == tables.sound_of


def test_each_turn_stands_behind_the_marker_of_its_speaker(tables: Tables) -> None:
    texts = ["您还", "嗯", "钱", "我"]
    (window,) = layout(call()["turns"], texts, ["C", "D", "U", "T"], "T", tables)
    names = list(tables.tokens)
    assert [names[i] for i in window["ids"]] == [
        "<s>", "[to third_party]", "[collector]", "您", "还", "[debtor]", "嗯", "[someone]", "钱",
        "[third_party]", "我", "</s>",
    ]  # fmt: skip
    assert window["marks"] == [2, 5, 7, 9]
    assert window["turns"] == [-1, -1, 0, 0, 0, 1, 1, 2, 2, 3, 3, -1]
    assert window["roles"].tolist() == [0, 1, 0, 2]  # the truth, whatever the marker shows
    assert window["hidden"].tolist() == [0, 0, 1, 0]
    assert window["heads"][2, [HEADS.index("threat"), HEADS.index("exposure")]].tolist() == [1, 1]
    assert window["heads"].sum() == 2


def test_only_the_heads_are_targets() -> None:
    turn = {"labels": ["insult"], "subtypes": ["mockery", "debtor_abuse"]}
    assert [n for n, is_so in zip(HEADS, targets(turn), strict=True) if is_so] == [
        "insult",
        "mockery",
    ]


def test_a_long_turn_is_read_in_units_and_keeps_its_labels(tables: Tables) -> None:
    said = [("debtor", "嗯", [], []), ("collector", "还钱" * 350, ["threat"], ["veiled"])]
    windows = layout(call(said)["turns"], [t for _, t, *_ in said], ["D", "C"], "D", tables)
    units = {key for w in windows for key in zip(w["owner"], w["part"], strict=True)}
    assert units == {(0, 0), (1, 0), (1, 300), (1, 600)}
    for window in windows:
        labelled = window["heads"][:, HEADS.index("threat")]
        assert labelled.tolist() == [float(owner == 1) for owner in window["owner"]]


def test_windows_overlap_and_leave_nothing_out(tables: Tables) -> None:
    said = [("collector" if i % 2 else "debtor", "还钱" * 20, [], []) for i in range(40)]
    roles = ["C" if i % 2 else "D" for i in range(40)]
    windows = layout(call(said)["turns"], [t for _, t, *_ in said], roles, "D", tables)
    assert all(len(window["ids"]) <= LONGEST for window in windows)
    assert sorted({i for window in windows for i in window["owner"]}) == list(range(40))
    for before, after in pairwise(windows):
        assert set(before["owner"]) & set(after["owner"])


def text_of(window: Any, tables: Tables) -> str:
    names = list(tables.tokens)
    return "".join(names[i] for i in window["ids"] if i >= len(SPECIALS))


def many(tables: Tables, cut: float = 0.0, **changes: Any) -> list[Any]:
    rng = random.Random(5)
    return [w for _ in range(300) for w in view(call(**changes), tables, rng, cut)]


def test_the_same_seed_gives_the_same_views(tables: Tables) -> None:
    first, again = (view(call(), tables, random.Random(4), 0.5) for _ in range(2))
    assert [w["ids"] for w in first] == [w["ids"] for w in again]


def test_most_views_are_misheard_some_lack_punctuation(tables: Tables) -> None:
    clean = "".join(normalise(text) for _, text, *_ in SAID)
    bare = "".join(c for c in clean if c not in PUNCTUATION)
    seen = [text_of(window, tables) for window in many(tables)]
    assert 0.13 < np.mean([text == clean for text in seen]) < 0.3
    assert 0.04 < np.mean([text == bare for text in seen]) < 0.17
    assert 0.62 < np.mean([text not in (clean, bare) for text in seen]) < 0.8


def test_roles_and_listener_are_hidden_now_and_then(tables: Tables) -> None:
    windows = many(tables, kind="third_party_call")
    hidden = np.array([window["hidden"] for window in windows])
    assert 0.2 < np.mean(hidden.all(axis=1)) < 0.4
    assert 0.5 < np.mean(~hidden.any(axis=1)) < 0.75
    listeners = [window["ids"][1] for window in windows]
    named, hid = tables.tokens["[to third_party]"], tables.tokens["[to someone]"]
    assert set(listeners) == {named, hid}
    assert 0.2 < np.mean(np.array(listeners) == hid) < 0.4
    for window in windows:
        assert window["roles"].tolist() == [0, 1, 0, 2]


def test_excerpts_are_a_few_turns_in_order(tables: Tables) -> None:
    assert all(len(window["marks"]) == 4 for window in many(tables))
    lengths = [len(window["marks"]) for window in many(tables, cut=1.0)]
    assert set(lengths) == {1, 2, 3, 4}
    for window in many(tables, cut=1.0):
        if len(window["marks"]) == 3:
            assert window["roles"].tolist() in ([0, 1, 0], [1, 0, 2])


def test_batches_hold_every_window_once_within_the_budget(tables: Tables) -> None:
    windows = many(tables, cut=0.7)
    groups = batches(windows, 400, random.Random(1))
    assert sorted(id(w) for group in groups for w in group) == sorted(map(id, windows))
    for group in groups:
        assert len(group) * max(len(w["ids"]) for w in group) <= 400
    assert groups == batches(windows, 400, random.Random(1))


def test_a_batch_is_padded(tables: Tables) -> None:
    turns = call()["turns"]
    short = layout(turns[:1], ["还"], ["C"], "D", tables)
    longer = layout(turns[:2], ["还钱", "嗯"], ["C", "U"], "D", tables)
    batch = collate(short + longer)
    assert batch["ids"].shape == batch["sounds"].shape == batch["turns"].shape == (2, 8)
    assert batch["ids"][0, 5:].tolist() == [0, 0, 0]
    assert batch["turns"][0].tolist() == [-1, -1, 0, 0, -1, -1, -1, -1]
    assert batch["valid"].tolist() == [[1, 0], [1, 1]]
    assert batch["marks"].tolist() == [[2, 0], [2, 5]]
    assert batch["hidden"].tolist() == [[0, 0], [0, 1]]


@pytest.fixture
def published() -> Tables:
    return Tables(json.loads(artifact(VOCABULARY).decode("utf-8")))


def test_lines_are_turns_of_the_collector_with_nothing_around_them(published: Tables) -> None:
    call = max(spoken(corpus.load()), key=lambda call: len(call["turns"]))
    own = [targets(turn) for turn in call["turns"] if turn["speaker"] == "collector"]
    rng = random.Random(1)
    seen = [lines(call, published, rng) for _ in range(20)]
    for windows in seen:
        assert len(windows) == 2
        for window in windows:
            assert window["owner"] == [0] and window["roles"].tolist() == [0]
            assert window["heads"][0].tolist() in own
    assert len({tuple(window["ids"]) for windows in seen for window in windows}) > 20


def test_a_call_without_a_collector_has_no_lines(published: Tables) -> None:
    turn = {"speaker": "debtor", "text": "喂?", "labels": [], "subtypes": []}
    call = {"call_id": "x", "kind": "debtor_call", "turns": [turn]}
    assert lines(call, published, random.Random(1)) == []


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
    published: Tables, said: str, heard: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_data, "SAME", 1.0)
    expected = [NOT_ASKED if c == "_" else published.encode(c)[0] for c in told]
    assert meant(said, heard, published, random.Random(1)) == expected


def test_of_what_was_heard_right_little_is_asked(published: Tables) -> None:
    rng = random.Random(2)
    asked = [
        t >= 0 for _ in range(200) for t in meant("我们是信贷的", "我们是信带的", published, rng)
    ]
    every = np.array(asked).reshape(-1, 6)
    assert every[:, 4].all() and 0.1 < every[:, [0, 1, 2, 3, 5]].mean() < 0.2


def test_what_was_said_stands_at_the_token_that_was_heard(published: Tables) -> None:
    turns = [
        {"speaker": "collector", "text": text, "labels": [], "subtypes": []}
        for text in ("欠钱要还", "没有钱" * 150, "起诉你")
    ]
    call = {"call_id": "x", "kind": "debtor_call", "turns": turns}
    asked = 0
    for seed in range(5):
        for window in (windows := view(call, published, random.Random(seed), rough=1.0)):
            assert len(window["meant"]) == len(window["ids"])
            for token, told in zip(window["ids"], window["meant"], strict=True):
                asked += told not in (NOT_ASKED, token)
            marks = np.array([0, 1, len(window["ids"]) - 1, *window["marks"]])
            assert (window["meant"][marks] == NOT_ASKED).all()
        assert collate(windows)["meant"].shape == collate(windows)["ids"].shape
    assert asked > 100
    clean = [w for s in range(5) for w in view(call, published, random.Random(s), rough=0.0)]
    assert all((w["meant"] == NOT_ASKED).all() for w in clean)
