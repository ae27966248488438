"""The call encoder from torch to ONNX with 8-bit weights, and how near the two are."""

import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from detector.encoder import CallEncoder, Tables
from detector.features import ROLES as ROLES_OF
from detector.text import normalise
from models.calls import LABELS, Call
from models.encoder_model import CallModel
from models.vectorise import listener_of

__all__ = ["INPUTS", "export", "gap"]

INPUTS = ("ids", "sounds", "turns", "marks")


class _Torch:
    """The model where `CallEncoder` expects a session of ONNX Runtime."""

    def __init__(self, model: CallModel) -> None:
        self._model = model.eval()

    def run(self, _: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad():
            return [self._model(*(torch.from_numpy(feed[name]) for name in INPUTS)).numpy()]


def export(model: CallModel) -> bytes:
    """Return the ONNX file: weights and embeddings in eight bits, per channel."""
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
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
        )
        logging.disable(logging.NOTSET)
        onnx.checker.check_model(str(small))
        return small.read_bytes()


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
