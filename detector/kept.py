"""The partial transcripts in the user's cache, seen from outside: listed, forgotten, told of.

Imports little, so that a stopped command can say at once what was kept.
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.whisper_models import cache_folder

__all__ = ["Kept", "clear", "folder", "forget", "kept", "parsed", "prune", "stopped"]

_DAYS = 30


@dataclass(frozen=True, slots=True)
class Kept:
    """A partial transcript: of what recording, up to where (s), and when it was last added to."""

    path: Path
    name: str
    sha256: str
    until_s: float
    duration_s: float | None
    bytes: int
    changed: float


def folder() -> Path:
    """Return where they are kept."""
    return cache_folder() / "partial"


def parsed(line: bytes) -> dict[str, Any] | None:
    """Return what a whole line of such a file says, None for anything else."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and line.endswith(b"\n") else None


def kept() -> list[Kept]:
    """List the partial transcripts in the user's cache, the latest first."""
    found = []
    for path in sorted(folder().glob("*.jsonl")):
        try:
            info = path.stat()
            with path.open("rb") as file:
                head = parsed(file.readline()) or {}
                entries = filter(None, map(parsed, file))
                until = max((float(entry.get("until_s", 0.0)) for entry in entries), default=0.0)
        except (OSError, ValueError, TypeError):
            continue
        length = head.get("duration_s")
        found.append(
            Kept(
                path,
                str(head.get("recording", "?")),
                str(head.get("sha256", "")),
                until,
                float(length) if isinstance(length, int | float) else None,
                info.st_size,
                info.st_mtime,
            )
        )
    return sorted(found, key=lambda kept: -kept.changed)


def forget(sha256: str) -> int:
    """Delete what is kept of a recording, whatever its settings; return how many files."""
    return _delete(list(folder().glob(f"{sha256[:32]}-*.jsonl")) if sha256.isalnum() else [])


def clear() -> int:
    """Delete all partial transcripts; return how many files."""
    return _delete(list(folder().glob("*.jsonl")))


def prune() -> None:
    """Delete what nobody came back to for a month."""
    limit = time.time() - _DAYS * 86_400
    old = []
    for path in folder().glob("*.jsonl"):
        with suppress(OSError):
            if path.stat().st_mtime < limit:
                old.append(path)
    _delete(old)


def _delete(paths: list[Path]) -> int:
    gone = 0
    for path in paths:
        with suppress(OSError):
            path.unlink()
            gone += 1
    return gone


def stopped(since: float) -> str:
    """Return what to say after Ctrl-C of a scan that began at a time (of `time.time`)."""
    from detector.printable import printable
    from detector.render_text import clock

    said = "已中止;已写出的报告保留 (stopped; finished reports are kept)。"
    for one in kept():
        if one.changed >= since and one.until_s > 0:
            said += (
                f"\n{printable(one.name)} 已转写到 {clock(one.until_s, 0)},文字暂存在本机;"
                "再运行同样的命令会接着做,detector cache clear 可删除 (kept, run again to go on)。"
            )
            break
    return said
