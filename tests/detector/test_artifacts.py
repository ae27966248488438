"""Trained data is taken only if it is what was published."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector import artifacts
from detector.errors import ModelError

FILES = ("pinyin.txt", "words.npz", "speaker_embedding.onnx", "speaker_segmentation.onnx")


@pytest.mark.parametrize("name", FILES)
def test_published_files_are_whole(name: str) -> None:
    assert len(artifacts.artifact(name)) > 10_000
    assert len(artifacts.artifact_hash(name)) == 64


def test_every_trained_file_has_a_published_hash() -> None:
    for path in artifacts.folder().iterdir():
        if path.suffix != ".json" and not path.name.startswith("."):
            assert artifacts.artifact_hash(path.name)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the small part of the trained data, in place of the real one."""
    real = artifacts.folder()
    for name in ("pinyin.txt", "pinyin.json"):
        shutil.copyfile(real / name, tmp_path / name)
    monkeypatch.setattr(artifacts, "folder", lambda: tmp_path)
    artifacts._hashes.cache_clear()
    yield tmp_path
    artifacts._hashes.cache_clear()


def test_copy_is_accepted(copied: Path) -> None:
    assert artifacts.artifact("pinyin.txt") == (copied / "pinyin.txt").read_bytes()


def test_a_changed_byte_is_noticed(copied: Path) -> None:
    data = bytearray((copied / "pinyin.txt").read_bytes())
    data[100] ^= 1
    (copied / "pinyin.txt").write_bytes(data)
    with pytest.raises(ModelError, match=r"pinyin\.txt"):
        artifacts.artifact("pinyin.txt")


def test_a_missing_file_is_named(copied: Path) -> None:
    (copied / "pinyin.txt").unlink()
    with pytest.raises(ModelError, match=r"pinyin\.txt"):
        artifacts.artifact("pinyin.txt")


def test_a_file_without_a_published_hash_is_refused(copied: Path) -> None:
    record = copied / "pinyin.json"
    content = json.loads(record.read_text("utf-8"))
    record.write_text(json.dumps({**content, "models": {}}))
    with pytest.raises(ModelError):
        artifacts.artifact("pinyin.txt")
