"""Writing an artifact together with the record of its hash and origin."""

import hashlib
import json
from pathlib import Path
from typing import Any

ARTIFACTS = Path(__file__).parent / "artifacts"


def publish(name: str, data: bytes, source: str, **facts: Any) -> None:
    """Write `artifacts/NAME` and note it in a record of the same stem with suffix .json."""
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / name).write_bytes(data)
    entry = {"source": source, "sha256": hashlib.sha256(data).hexdigest(), **facts}
    record = (ARTIFACTS / name).with_suffix(".json")
    text = json.dumps({"models": {name: entry}}, indent=1, ensure_ascii=False)
    record.write_text(text + "\n", "utf-8")
    print(f"{name}: {len(data)} bytes, sha256 {entry['sha256']}")
