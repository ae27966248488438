"""Files of a case: hashed and copied as streams, named so that every system can hold them."""

import hashlib
import os
import re
import shutil
import stat
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from detector.errors import InputError

__all__ = [
    "copy_verified",
    "files_under",
    "hash_file",
    "link_or_copy",
    "plain_name",
    "read_only",
    "remove_tree",
    "safe_name",
]

_PIECE = 1 << 20
_FORBIDDEN = re.compile('[\x00-\x1f\x7f<>:"/\\\\|?*\u200e\u200f\u2028-\u202e\u2066-\u2069]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.I)
_MAX_NAME = 200
"""Bytes; leaves room for a number in front where two recordings have one name."""


def hash_file(path: Path, limit: int | None = None) -> tuple[str, int]:
    """Return a file's SHA-256 and size in bytes; of its first `limit` bytes where given."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE if limit is None else min(_PIECE, limit - size)):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def copy_verified(source: Path, target: Path) -> tuple[str, int]:
    """Hash a file, copy it byte for byte, check the copy, and make the copy read-only.

    Returns:
        SHA-256 and size in bytes.

    Raises:
        InputError: what was read the second time is not what was read the first time.
        OSError: it cannot be read or written.
    """
    before = hash_file(source)
    with source.open("rb") as reader, target.open("xb") as writer:
        while piece := reader.read(_PIECE):
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
    if hash_file(target) != before:
        raise InputError(
            f"{plain_name(source)} 在拷贝时内容有变,可能正被其他程序写入,或存储介质读取不稳;"
            "请先停止录音或换一个接口再试 (the recording changed while it was copied)。"
        )
    with suppress(OSError):  # some disks know no times
        shutil.copystat(source, target)
    read_only(target)
    return before


def read_only(path: Path) -> None:
    """Take away everybody's right to write, where the disk knows rights."""
    with suppress(OSError):
        path.chmod(0o444)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the disk cannot, copy it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def plain_name(path: Path) -> str:
    """Return a file's name as text that can be written anywhere."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def safe_name(path: Path) -> str:
    """Return a file's name, changed only where Windows, a zip or a list could not hold it."""
    name = unicodedata.normalize("NFC", plain_name(path))
    name = _FORBIDDEN.sub("_", name).rstrip(". ") or "_"
    if _RESERVED.match(name):
        name = "_" + name
    stem, suffix = os.path.splitext(name)
    suffix = suffix if len(suffix.encode()) <= 16 else ""
    room = _MAX_NAME - len(suffix.encode())
    if len(name.encode()) > _MAX_NAME:
        name = stem.encode()[:room].decode("utf-8", "ignore") + suffix
    return name


def files_under(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file below a folder: relative path with slashes (NFC), and where it is.

    A link is yielded as itself and never followed.
    """
    for place, folders, names in os.walk(folder):
        folders.sort()
        linked = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted([*names, *linked]):
            path = Path(place) / name
            relative = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "replace")
            yield unicodedata.normalize("NFC", relative), path


def remove_tree(folder: Path) -> None:
    """Remove a folder with its read-only files; OSError if something stays."""
    opened: set[str] = set()

    def again(remove: Callable[..., Any], path: str, failed: Any) -> None:
        if isinstance(failed[1], FileNotFoundError):  # somebody else removes it too
            return
        with suppress(OSError):
            Path(path).parent.chmod(stat.S_IRWXU)
        with suppress(OSError):
            Path(path).chmod(stat.S_IRWXU)
        if remove in (os.unlink, os.rmdir):
            with suppress(FileNotFoundError):
                remove(path)
        elif path in opened:
            raise failed[1]
        else:  # a folder that could not be read
            opened.add(path)
            shutil.rmtree(path, onerror=again)

    if folder.exists():
        shutil.rmtree(folder, onerror=again)
