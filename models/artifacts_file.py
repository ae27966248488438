"""Writing an artifact together with the record of its hash and origin."""

import hashlib
import json
from pathlib import Path
from typing import Any

ARTIFACTS = Path(__file__).parent / "artifacts"


def publish(name: str, data: bytes, source: str, folder: Path = ARTIFACTS, **facts: Any) -> None:
    """Write `artifacts/NAME` and note it in a record of the same stem with suffix .json.

    Files of the same stem share the record.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    entry = {"source": source, "sha256": hashlib.sha256(data).hexdigest(), **facts}
    record = (folder / name).with_suffix(".json")
    models = json.loads(record.read_text("utf-8"))["models"] if record.exists() else {}
    text = json.dumps({"models": {**models, name: entry}}, indent=1, ensure_ascii=False)
    record.write_text(text + "\n", "utf-8")
    print(f"{name}: {len(data)} bytes, sha256 {entry['sha256']}")
