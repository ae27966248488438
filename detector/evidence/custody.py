"""The custody log of a case: append-only JSON Lines, each line carrying the hash of the one before.

A line::

    {"n": 2, "at": "2026-03-06T09:00:00+08:00", "at_utc": "2026-03-06T01:00:00Z",
     "actor": "…", "action": "export", "files": {"name": "sha256"}, "details": {…},
     "tool": {"name": "…", "version": "…"}, "models": {"name": "sha256"}, "options": {…},
     "prev": "hash of line 1", "hash": "SHA-256 of this line without this field"}

The log holds hashes, never what was said. A chain shows that a line was changed, taken out or
moved; that lines were cut off at the end shows by the signature over the whole file,
`custody.sig`, and by the signed manifest, which carries the log's length and last hash.
"""

import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from detector.case import SHANGHAI
from detector.errors import InputError
from detector.evidence.signing import Key, verify
from detector.output import write_error, write_file

__all__ = [
    "ACTIONS", "LOG", "LOG_SIGNATURE", "START", "Event", "Fault", "append", "append_all",
    "check_chain", "read_log", "sign_log", "signed_lines", "tool",
]  # fmt: skip

LOG, LOG_SIGNATURE = "custody.jsonl", "custody.sig"
START = "0" * 64
"""What stands for the hash before the first line."""
ACTIONS = (
    "import", "analysis", "review", "correction", "export", "sign", "zip", "redacted_export",
    "deletion",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """What is to be written into the log; file names are relative to the case folder."""

    action: str
    actor: str
    files: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a log is broken (line from 1) and how, as a Chinese clause."""

    line: int
    text: str


def tool() -> dict[str, str]:
    """Return this program's name and version."""
    try:
        return {"name": "harassment-detector", "version": version("harassment-detector")}
    except PackageNotFoundError:
        return {"name": "harassment-detector", "version": "unknown"}


def _text(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def _hash(entry: Mapping[str, Any]) -> str:
    bare = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(_text(bare).encode("utf-8", "replace")).hexdigest()


def append(
    case: Path,
    action: str,
    actor: str,
    files: Mapping[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
    models: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Append one line to the log of a case folder and make sure that it is on the disk.

    Returns:
        The entry as written.

    Raises:
        InputError: the log is broken, so that nothing may be chained onto it.
        OutputError: it cannot be written.
    """
    event = Event(action, actor, files or {}, details or {}, models or {}, options or {})
    return append_all(case, [event])[-1]


def append_all(case: Path, events: Iterable[Event]) -> list[dict[str, Any]]:
    """Append lines at once; otherwise as `append`."""
    events = list(events)
    if not events:
        return []
    path = case / LOG
    before = read_log(case) if path.exists() else []
    number, last = len(before), before[-1]["hash"] if before else START
    now = dt.datetime.now(dt.UTC)
    written: list[dict[str, Any]] = []
    for event in events:
        if event.action not in ACTIONS:
            raise ValueError(f"unknown action {event.action}")
        number += 1
        entry: dict[str, Any] = {
            "n": number,
            "at": now.astimezone(SHANGHAI).isoformat(timespec="seconds"),
            "at_utc": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "actor": event.actor,
            "action": event.action,
            "files": dict(event.files),
            "details": dict(event.details),
            "tool": tool(),
            "models": dict(event.models),
            "options": dict(event.options),
            "prev": last,
        }
        # once through JSON, so that what is hashed is what a reader will get
        entry = json.loads(_text(entry).encode("utf-8", "replace"))
        last = entry["hash"] = _hash(entry)
        written.append(entry)
    try:
        with path.open("ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            data = "".join(_text(entry) + "\n" for entry in written).encode("utf-8")
            try:
                while data:
                    data = data[file.write(data) :]
                os.fsync(file.fileno())
            except OSError:  # a full disk: take back what was half written
                file.truncate(end)
                raise
    except OSError as error:
        raise write_error(error, path) from None
    return written


def sign_log(case: Path, key: Key) -> None:
    """Sign the log as it is now, so that no line can be taken away from its end unnoticed.

    Raises:
        OutputError: it cannot be written.
    """
    write_file(case / LOG_SIGNATURE, key.sign((case / LOG).read_bytes()))


def signed_lines(log: bytes, public: bytes, signature: bytes) -> int:
    """Return how many of a log's first lines a signature is of; 0 where it is of none.

    Lines that were written just before a crash may not have been signed.

    Raises:
        InputError: `public` is no public key.
    """
    lines = log.splitlines(keepends=True)
    for count in range(len(lines), 0, -1):
        if verify(public, b"".join(lines[:count]), signature):
            return count
    return 0


def read_log(case: Path) -> list[dict[str, Any]]:
    """Return the lines of a log whose chain is whole.

    Raises:
        InputError: there is no log, or it is broken (the first broken line is named).
    """
    entries, faults = check_chain(case)
    if faults:
        raise InputError(
            f"{LOG} {faults[0].text};保管记录已不可信,不能再往上续写;请用 detector verify 查看,"
            "并用未改动的备份 (the custody log is broken)。"
        )
    return entries


def check_chain(case: Path) -> tuple[list[dict[str, Any]], list[Fault]]:
    """Return the lines of a log as far as they can be read, and every break of the chain.

    Raises:
        InputError: there is no log, or it cannot be read.
    """
    path = case / LOG
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"找不到 {LOG},保管记录不见了 (the custody log is missing)。") from None
    except OSError as error:
        raise InputError(f"无法读取 {path}:{error.strerror} (cannot read)。") from None
    faults: list[Fault] = []
    entries: list[dict[str, Any]] = []
    lines = data.split(b"\n")
    if lines[-1]:
        faults.append(Fault(len(lines), f"第 {len(lines)} 行不完整,末尾被截断"))
    else:
        lines.pop()
    if not lines:
        faults.append(Fault(1, "是空的"))
    last, expected = START, 1
    for number, line in enumerate(lines, 1):
        entry = _parsed(line)
        if entry is None:
            if not any(fault.line == number for fault in faults):
                faults.append(Fault(number, f"第 {number} 行内容被改动(不再是一条记录)"))
            last, expected = "", expected + 1
            continue
        entries.append(entry)
        if _hash(entry) != entry["hash"] or _text(entry).encode("utf-8", "replace") != line:
            faults.append(Fault(number, f"第 {number} 行内容被改动"))
        elif entry["n"] > expected:
            gone = entry["n"] - expected
            faults.append(
                Fault(
                    number, f"第 {number} 行之前缺少 {gone} 行(原第 {expected} 行起),或次序被调换"
                )
            )
        elif entry["n"] < expected:
            faults.append(Fault(number, f"第 {number} 行的次序被调换(原为第 {entry['n']} 行)"))
        elif last and entry["prev"] != last:
            faults.append(Fault(number, f"第 {number} 行与前一行接不上,前面的内容被改动"))
        last, expected = entry["hash"], entry["n"] + 1
    return entries, faults


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    kinds = {
        "n": int, "at": str, "actor": str, "action": str, "files": dict, "details": dict,
        "prev": str, "hash": str,
    }  # fmt: skip
    if not isinstance(entry, dict):
        return None
    if not all(isinstance(entry.get(key), kind) for key, kind in kinds.items()):
        return None
    return entry
