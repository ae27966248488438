"""The call encoder from torch to ONNX with integer weights and back, and how near the two are."""

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from detector.encoder import MODEL, VOCABULARY, CallEncoder, Tables
from detector.features import ROLES as ROLES_OF
from detector.text import normalise
from models.calls import LABELS, Call
from models.encoder_model import CallModel, of_weights
from models.vectorise import listener_of

__all__ = ["INPUTS", "export", "gap", "restore"]

INPUTS = ("ids", "sounds", "turns", "marks")


class _Torch:
    """The model where `CallEncoder` expects a session of ONNX Runtime."""

    def __init__(self, model: CallModel) -> None:
        self._model = model.eval()

    def run(self, _: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad():
            return [self._model(*(torch.from_numpy(feed[name]) for name in INPUTS)).numpy()]


def export(model: CallModel) -> bytes:
    """Return the ONNX file: weights and embeddings as small integers, per channel."""
    model.eval()
    example = (
        torch.ones(1, 9, dtype=torch.int64),
        torch.ones(1, 9, dtype=torch.int64),
        torch.tensor([[-1, -1, 0, 0, 0, 1, 1, 1, -1]]),
        torch.tensor([[2, 5]]),
    )
    axes = {name: {0: "batch", 1: "length"} for name in INPUTS[:3]}
    axes |= {name: {0: "batch", 1: "units"} for name in ("marks", "logits")}
    with tempfile.TemporaryDirectory() as scratch:
        plain, small = Path(scratch) / "plain.onnx", Path(scratch) / "small.onnx"
        torch.onnx.export(
            model,
            example,
            str(plain),
            input_names=list(INPUTS),
            output_names=["logits"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        logging.disable(logging.WARNING)  # advice on models for other processors
        quantize_dynamic(
            str(plain),
            str(small),
            weight_type=QuantType.QInt8,
            per_channel=True,
            # seven bits: older processors add products of eight in sixteen, which overflow
            reduce_range=True,
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
        )
        logging.disable(logging.NOTSET)
        onnx.checker.check_model(str(small))
        return small.read_bytes()


def restore(folder: Path) -> tuple[CallModel, dict[str, Any]]:
    """Return the model and the vocabulary of published files, to train it further."""
    graph = onnx.load(str(folder / MODEL)).graph
    arrays = {array.name: onnx.numpy_helper.to_array(array) for array in graph.initializer}
    weights: dict[str, np.ndarray] = {}
    products: list[np.ndarray] = []
    for name, values in arrays.items():
        if name.endswith("_quantized"):
            plain = name.removesuffix("_quantized")
            scale, zero = arrays[f"{plain}_scale"], arrays[f"{plain}_zero_point"]
            full = (values.astype(np.float32) - zero.astype(np.float32)) * scale
            if plain.endswith(".weight"):
                weights[plain] = full
            else:  # the weights of products have lost their names, not their order
                products.append(full.T)
        elif not name.endswith(("_scale", "_zero_point")):
            weights[name] = values
    blocks = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    parts = ("query", "key", "value", "out", "up", "down")
    names = [f"blocks.{number}.{part}" for number in range(blocks) for part in parts]
    for name, full in zip([*names, "hidden", "head"], products, strict=True):
        weights[f"{name}.weight"] = full
    data = json.loads((folder / VOCABULARY).read_text("utf-8"))
    return of_weights({n: torch.from_numpy(v.copy()) for n, v in weights.items()}, data)


def gap(model: CallModel, data: bytes, tables: Tables, calls: list[Call]) -> dict[str, Any]:
    """Return how far the file's logits lie from torch's, and how many decisions differ."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    ours, theirs = CallEncoder(tables, session), CallEncoder(tables, _Torch(model))
    pairs = []
    for call in calls:
        turns = [(ROLES_OF[t["speaker"]], normalise(t["text"])) for t in call["turns"]]
        who = listener_of(call)
        pairs.append((ours(turns, who)[:, : len(LABELS)], theirs(turns, who)[:, : len(LABELS)]))
    a, b = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    return {
        "mean_difference_int8": round(float(np.abs(a - b).mean()), 3),
        "decisions_changed_int8": round(float(((a > 0) != (b > 0)).mean()), 4),
    }
