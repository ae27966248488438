"""Training of the call encoder: a tiny model to the end."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from tiny_e5 import SAID, call, write_e5

from detector.encoder import SPECIALS, CallEncoder, Tables
from detector.features import ROLES as ROLES_OF
from detector.text import normalise
from models.confusion import recognised
from models.encoder_data import HEADS, OUTPUTS, collate, view


@pytest.fixture
def e5_path(tmp_path: Path) -> Path:
    write_e5(tmp_path / "tiny.bin")
    return tmp_path / "tiny.bin"


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


def test_moved_tokens_are_harder_and_come_back(
    train_encoder: Callable[..., dict[str, Any]], e5_path: Path, tmp_path: Path
) -> None:
    import torch

    from models.encoder_model import load
    from models.train_encoder import adversarial, loss_of

    kept = tmp_path / "kept.pt"
    train_encoder("--e5", str(e5_path), "--save", str(kept))
    model, data, _ = load(kept)
    windows = view(call(), Tables(data), random.Random(0), rough=0.0)
    batch = {name: torch.from_numpy(values) for name, values in collate(windows).items()}
    before = {name: values.clone() for name, values in model.state_dict().items()}

    def loss() -> torch.Tensor:
        return loss_of(model(*(batch[name] for name in ("ids", "sounds", "turns", "marks"))), batch)

    (plain := loss()).backward()
    with adversarial(model):
        assert loss() > plain
    assert all((values == before[name]).all() for name, values in model.state_dict().items())
    easy, hard = (
        train_encoder("--start", str(kept), *more)["encoder.onnx"]["sha256"]
        for more in ([], ["--adversarial"])
    )
    assert easy != hard


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
