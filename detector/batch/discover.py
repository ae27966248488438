"""Everything that lies below a folder, whatever it is called and however odd the folder is.

Only names and metadata are looked at here; whether a file is a recording is told by its content
(`detector.batch.content`).
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from detector.errors import InputError
from detector.listening import LISTENING

__all__ = ["MARK", "Found", "FoundFile", "Problem", "discover", "shown"]

MARK = ".detector"
"""The folder inside OUT that makes it known as a result of this program."""
_CASE_FILES = ("manifest.json", "custody.jsonl")


class FoundFile(NamedTuple):
    """A plain file; `path` is relative to the folder, with `/` between its parts."""

    path: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something below the folder that could not be used, and why."""

    path: str
    reason: str


@dataclass
class Found:
    """What lies below a folder, in order of its names as bytes."""

    files: list[FoundFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    """Pipes, sockets, devices and links that lead nowhere."""
    own: list[str] = field(default_factory=list)
    """Folders that this program made (results, cases): not looked into."""


def shown(path: str) -> str:
    """Return a path as text that can be written out, bytes that are no text replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def _reason(error: OSError) -> str:
    return f"无法读取:{error.strerror or error} (cannot read)"


class _Walk:
    def __init__(self, root: Path, out: Path, tell: Callable[[int], None]) -> None:
        self.root, self.tell = root, tell
        self.found = Found()
        self.seen: set[tuple[int, int]] = set()
        self.linked: list[str] = []
        try:
            info = os.stat(out)
            self.seen.add((info.st_dev, info.st_ino))
        except OSError:
            pass  # not made yet

    def folder(self, top: str) -> None:
        """Walk one folder down; folders behind links wait until all others were seen."""
        waiting = [top]
        while waiting:
            here = waiting.pop()
            waiting += reversed(list(self._entries(here)))

    def _entries(self, here: str) -> Iterator[str]:
        """Note the files of a folder; yield the folders in it."""
        try:
            info = os.stat(self.root / here)
            if (info.st_dev, info.st_ino) in self.seen:
                return
            self.seen.add((info.st_dev, info.st_ino))
            with os.scandir(self.root / here) as listing:
                entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self.found.problems.append(Problem(here or ".", _reason(error)))
            return
        names = {entry.name for entry in entries}
        if here and (MARK in names or names.issuperset(_CASE_FILES)):
            self.found.own.append(here)
            return
        self.tell(len(self.found.files))
        for entry in entries:
            path = f"{here}/{entry.name}" if here else entry.name
            try:
                info = entry.stat()
            except OSError as error:
                if entry.is_symlink():
                    self.found.special.append(path)  # leads nowhere, or round in a circle
                else:
                    self.found.problems.append(Problem(path, _reason(error)))
                continue
            if stat.S_ISDIR(info.st_mode):
                if entry.is_symlink():
                    self.linked.append(path)
                else:
                    yield path
            elif not stat.S_ISREG(info.st_mode):
                self.found.special.append(path)
            elif not entry.name.endswith(LISTENING):
                inode = info.st_ino or 0
                self.found.files.append(FoundFile(path, info.st_size, info.st_mtime_ns, inode))


def discover(folder: Path, out: Path, tell: Callable[[int], None] = lambda _: None) -> Found:
    """List what lies below `folder`, leaving out `out`; `tell` hears how many files so far.

    Links are followed, but no folder is entered twice, however links lead.

    Raises:
        InputError: the folder itself cannot be read.
    """
    try:
        with os.scandir(folder):
            pass
    except FileNotFoundError:
        raise InputError(f"找不到文件夹 {folder} (no such folder)。") from None
    except NotADirectoryError:
        raise InputError(
            f"{folder} 不是文件夹;单个录音请用 detector scan (not a folder)。"
        ) from None
    except OSError as error:
        raise InputError(f"无法读取文件夹 {folder}:{error.strerror} (cannot read)。") from None
    walk = _Walk(folder, out, tell)
    walk.folder("")
    while walk.linked:
        linked, walk.linked = walk.linked, []
        for path in linked:
            walk.folder(path)
    walk.found.files.sort(key=lambda file: os.fsencode(file.path))
    walk.found.problems.sort(key=lambda problem: os.fsencode(problem.path))
    return walk.found
