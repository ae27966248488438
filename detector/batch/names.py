"""Where below OUT the report of each recording goes."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import PurePosixPath

from detector.batch.discover import shown
from detector.evidence.files import safe_name

__all__ = ["report_names"]

_MAX = 160
"""Bytes of a name: suffixes and a mark still have to fit behind."""


def _mark(path: str) -> str:
    return "-" + hashlib.sha256(os.fsencode(path)).hexdigest()[:8]


def _part(name: str) -> str:
    """Return a name that every disk takes: as it is wherever it can be, else with a mark."""
    plain = safe_name(PurePosixPath(name))  # type: ignore[arg-type]  # it only reads the name
    if len(plain.encode()) > _MAX:
        plain = plain.encode()[:_MAX].decode("utf-8", "ignore")
    return plain if plain == name else plain + _mark(name)


def report_names(paths: Iterable[str]) -> dict[str, str]:
    """Return for each recording the path of its report below `reports/`, without a suffix.

    It is the recording's own path, except where a disk could not hold that, or where two
    recordings would share a report on a disk that knows no capitals.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    folders: set[str] = set()
    parts: dict[str, str] = {}
    for path in paths:
        out = []
        for part in path.split("/"):
            if part not in parts:
                parts[part] = _part(part)
            out.append(parts[part])
        name = "/".join(out)
        folders.update(f"{parent}".casefold() for parent in PurePosixPath(name).parents)
        if name.casefold() in taken or len(name) > 3_000:
            name = f"{name[:3_000]}{_mark(path)}"
        taken.add(name.casefold())
        names[path] = name
    for path, name in names.items():
        if any(f"{name}{suffix}".casefold() in folders for suffix in (".json", ".html")):
            names[path] = name + _mark(path)
    assert all(shown(name) == name for name in names.values())
    return names
