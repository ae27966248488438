"""Trained data at run time: found beside the `models` package, its hashes checked at load."""

import hashlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from detector.errors import ModelError

__all__ = ["artifact", "artifact_hash", "folder", "onnx_session"]


@cache
def folder() -> Path:
    """Return the folder that holds the trained data. Nothing of `models` is imported."""
    spec = find_spec("models")
    places = list(spec.submodule_search_locations or []) if spec else []
    beside = str(Path(__file__).parent.parent / "models")
    for place in (*places, beside):
        if (Path(place) / "artifacts").is_dir():
            return Path(place) / "artifacts"
    raise ModelError("缺少随程序安装的模型文件,请重新安装:pip install . (model files missing)。")


@cache
def _hashes() -> dict[str, str]:
    found: dict[str, str] = {}
    for record in sorted(folder().glob("*.json")):
        content = json.loads(record.read_text("utf-8"))
        if isinstance(content, dict):
            for name, entry in content.get("models", {}).items():
                found[name] = entry["sha256"]
    return found


def artifact_hash(name: str) -> str:
    """Return the published SHA-256 of a trained file."""
    return _hashes()[name]


def artifact(name: str) -> bytes:
    """Return a trained file's bytes after checking its SHA-256.

    Raises:
        ModelError: the file is missing or is not the one that was published.
    """
    try:
        data = (folder() / name).read_bytes()
    except OSError:
        raise ModelError(
            f"缺少模型文件 {name},请重新安装本程序 (a model file is missing)。"
        ) from None
    if hashlib.sha256(data).hexdigest() != _hashes().get(name):
        raise ModelError(
            f"模型文件 {name} 校验失败(SHA-256 不符),请重新安装本程序 (model file damaged)。"
        )
    return data


@cache
def onnx_session(name: str, threads: int = 2) -> Any:
    """Return an ONNX Runtime session (CPU) of a trained file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        artifact(name),
        options,
        providers=["CPUExecutionProvider"],
        # fused, the two steps take longer than apart
        disabled_optimizers=["SkipLayerNormFusion"],
    )
