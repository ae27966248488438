"""Which Whisper model is used: the packaged one whole and checked, or the one that is named."""

import hashlib
import shutil
from pathlib import Path

import pytest

from detector import whisper_models
from detector.errors import ModelError
from detector.whisper_models import PACKAGED_SHA256, WhisperModelInfo, present, resolve


@pytest.fixture(autouse=True)
def nothing_else_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub folders but the test's own, and no network."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "scope"))
    for name in ("HF_HUB_CACHE", "HF_ENDPOINT", whisper_models.ENVIRONMENT):
        monkeypatch.delenv(name, raising=False)


def model_folder(folder: Path, data: bytes = b"weights") -> Path:
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(data)
    (folder / "config.json").write_text("{}")
    return folder


# ---------------------------------------------------------------- the packaged model


def test_packaged_model_is_the_published_one(cache: Path) -> None:
    found = resolve()
    assert (found.name, found.sha256) == ("base", PACKAGED_SHA256)
    assert found.folder == cache / "whisper-base"
    assert found.bytes == (found.folder / "model.bin").stat().st_size > 100_000_000
    assert {"config.json", "tokenizer.json", "vocabulary.txt"} <= {
        entry.name for entry in found.folder.iterdir()
    }
    assert not list(found.folder.glob("*.part"))
    assert resolve("base") == found == present()[0]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small packages in place of the real ones, and a cache of their own; returns the cache."""
    first, second = tmp_path / "one", tmp_path / "two"
    for folder in (first, second):
        folder.mkdir()
    (first / "model.bin.part1").write_bytes(b"first half ")
    (second / "model.bin.part2").write_bytes(b"second half")
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (first / name).write_text(name)
    folders = dict(zip(whisper_models._PARTS, (first, second), strict=True))
    monkeypatch.setattr(whisper_models, "_package_folder", folders.__getitem__)
    whole = hashlib.sha256(b"first half second half").hexdigest()
    monkeypatch.setattr(whisper_models, "PACKAGED_SHA256", whole)
    monkeypatch.setenv("DETECTOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_halves_are_joined_once(small: Path) -> None:
    model = resolve().folder / "model.bin"
    assert model.read_bytes() == b"first half second half"
    stamp = model.stat().st_mtime_ns
    for name in whisper_models._PARTS:
        shutil.rmtree(whisper_models._package_folder(name))
    assert (resolve().folder / "model.bin").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "gone", "no-tokenizer"])
def test_damaged_cache_is_joined_again(small: Path, damage: str) -> None:
    folder = resolve().folder
    model = folder / "model.bin"
    if damage == "gone":
        model.unlink()
    elif damage == "no-tokenizer":
        (folder / "tokenizer.json").unlink()
    else:
        model.write_bytes(
            {"cut": b"first", "changed": b"FIRST half second half", "empty": b""}[damage]
        )
    again = resolve()
    assert (again.folder / "model.bin").read_bytes() == b"first half second half"
    assert (again.folder / "tokenizer.json").read_text() == "tokenizer.json"
    assert again.sha256 == whisper_models.PACKAGED_SHA256


@pytest.mark.parametrize("part", [0, 1])
def test_altered_packages_are_refused(small: Path, part: int) -> None:
    folder = whisper_models._package_folder(whisper_models._PARTS[part])
    (half,) = folder.glob("model.bin.part*")
    half.write_bytes(half.read_bytes().replace(b"half", b"harm"))
    with pytest.raises(ModelError, match="SHA-256"):
        resolve()
    assert not list(small.rglob("model.bin*"))


def test_missing_package_says_how_to_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(whisper_models, "_PARTS", ("no_such_package_1", "no_such_package_2"))
    monkeypatch.setenv("DETECTOR_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match="no_such_package_1"):
        resolve()


def test_unusable_cache_says_how_to_mend(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.parent.joinpath("file").write_text("")
    monkeypatch.setenv("DETECTOR_CACHE", str(small.parent / "file" / "cache"))
    with pytest.raises(ModelError, match="DETECTOR_CACHE"):
        resolve()


def test_broken_notes_of_hashes_do_no_harm(small: Path) -> None:
    resolve()
    for text in ("", "[]", "{not json", '{"a": 1}'):
        (small / "hashes.json").write_text(text)
        assert resolve().sha256 == whisper_models.PACKAGED_SHA256


# ---------------------------------------------------------------- other models


def test_folder_is_used_and_hashed(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "我的模型")
    assert resolve(str(folder)) == WhisperModelInfo(
        "我的模型", folder, hashlib.sha256(b"weights").hexdigest(), 7
    )
    (folder / "model.bin").write_bytes(b"other weights")
    assert resolve(str(folder)).sha256 == hashlib.sha256(b"other weights").hexdigest()


@pytest.mark.parametrize("content", [[], ["model.bin"], ["config.json"], ["pytorch_model.bin"]])
def test_folder_that_is_no_model(tmp_path: Path, content: list[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in content:
        (folder / name).write_text("{}")
    with pytest.raises(ModelError, match="not a CTranslate2 Whisper folder"):
        resolve(str(folder))


def test_environment_names_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = model_folder(tmp_path / "one"), model_folder(tmp_path / "other", b"more")
    monkeypatch.setenv(whisper_models.ENVIRONMENT, str(one))
    assert resolve().folder == one
    assert resolve(str(other)).folder == other  # the option wins
    monkeypatch.setenv(whisper_models.ENVIRONMENT, "")
    assert resolve().name == "base"


_HUB = "hf/hub/models--Systran--faster-whisper-tiny/snapshots/0a1b2c"


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (_HUB, "Systran/faster-whisper-tiny"),
        ("scope/hub/Systran/faster-whisper-tiny", "Systran/faster-whisper-tiny"),
        ("scope/models/pengzhendong/faster-whisper-tiny", "pengzhendong/faster-whisper-tiny"),
        ("scope/hub/models/gpustack/faster-whisper-tiny", "gpustack/faster-whisper-tiny"),
    ],
)
def test_models_of_other_tools_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, known: str
) -> None:
    def fail(*_: object) -> Path:
        raise AssertionError("a model that is present was to be downloaded")

    monkeypatch.setattr(whisper_models, "_download", fail)
    folder = model_folder(tmp_path / place)
    assert [model.name for model in present()] == ["base", known]
    assert resolve("tiny").folder == resolve(known).folder == folder


def test_hub_cache_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    model_folder(tmp_path / "elsewhere/models--Systran--faster-whisper-small/snapshots/1")
    assert [model.name for model in present()][1:] == ["Systran/faster-whisper-small"]


@pytest.mark.parametrize(
    "place",
    [
        "hf/hub/models--Qwen--Qwen2-7B/snapshots/1",
        "hf/hub/models--openai--whisper-tiny/refs/1",
        "scope/hub/iic/SenseVoiceSmall",
    ],
)
def test_other_things_are_not_listed(tmp_path: Path, place: str) -> None:
    model_folder(tmp_path / place)
    assert [model.name for model in present()] == ["base"]


@pytest.mark.parametrize("name", ["huge", "Base", "tiny.zh", "没有"])
def test_unknown_name_says_what_is_here(tmp_path: Path, name: str) -> None:
    model_folder(tmp_path / _HUB)
    with pytest.raises(ModelError) as caught:
        resolve(name)
    message = str(caught.value)
    assert name in message
    assert "base(自带)" in message
    assert "Systran/faster-whisper-tiny" in message


def test_download_is_announced_and_its_failure_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(_: str) -> str:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr("faster_whisper.utils.download_model", no_network)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    said: list[str] = []
    with pytest.raises(ModelError) as caught:
        resolve("tiny", said.append)
    assert len(said) == 1
    for text in (said[0], str(caught.value)):
        assert "tiny" in text
        assert "https://mirror.example" in text
        assert "\n" not in text
    assert "base(自带)" in str(caught.value)


def test_nothing_is_downloaded_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise AssertionError("downloaded")

    monkeypatch.setattr("faster_whisper.utils.download_model", fail)
    assert resolve().name == "base"
    assert present()
