"""What is learned, written with its record."""

import json
from pathlib import Path

from models.artifacts_file import publish


def test_files_of_one_stem_share_a_record(tmp_path: Path) -> None:
    for data in (b"old", b"weights"):
        publish("e.onnx", data, "here", tmp_path, calls=3)
    publish("e.vocab", b"{}", "here", tmp_path)
    record = json.loads((tmp_path / "e.json").read_text("utf-8"))["models"]
    assert list(record) == ["e.onnx", "e.vocab"]
    assert record["e.onnx"]["calls"] == 3
    assert (tmp_path / "e.onnx").read_bytes() == b"weights"
