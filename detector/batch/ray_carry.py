"""Files on their way to a node of a Ray cluster and back, in pieces, so that none is held whole."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from detector.batch.ray_node import Ended
from detector.jobs import Job
from detector.output import write_error

__all__ = ["PIECE", "CancelledError", "fetch", "places", "send"]

PIECE = 8 << 20
Ask = Callable[..., Any]
"""Calls a method of the actor and waits for its answer."""


class CancelledError(Exception):
    """The user gave the job up while its files were on their way."""


def places(job: Job) -> list[tuple[str, Path]]:
    """Return where below the actor's folder the files of a job go; their names stay.

    The name of the folder stays too: a report of joined messages is called after it.
    """
    found = []
    for number, path in enumerate((job.path, *job.also, *job.extra.values())):
        folder = path.absolute().parent.name
        inside = "" if folder in ("", ".", "..") else f"{folder}/"
        found.append((f"{number}/{inside}{path.name}", path))
    return found


def _files(place: str, path: Path) -> Iterator[tuple[str, Path]]:
    """Yield a file, or all files of a folder."""
    if not path.is_dir():
        yield place, path
        return
    for inside in sorted(path.rglob("*")):
        if inside.is_file():
            yield f"{place}/{inside.relative_to(path).as_posix()}", inside


def send(ask: Ask, job: Job, given_up: Callable[[], bool]) -> list[str]:
    """Send the files of a job; return where they went.

    Raises:
        OSError: one cannot be read.
        CancelledError: the job was given up meanwhile.
    """
    went = places(job)
    for start, top in went:
        for place, path in _files(start, top):
            with open(path, "rb") as file:
                size, first, sent = os.fstat(file.fileno()).st_size, True, 0
                while first or sent < size:
                    if given_up():
                        raise CancelledError
                    data = file.read(min(PIECE, max(1, size - sent)))
                    sent += len(data)
                    last = sent >= size or not data
                    # a file that changes meanwhile has another time at the end
                    mtime = os.fstat(file.fileno()).st_mtime_ns if last else None
                    ask("put", place, first, data, mtime)
                    first = False
                    if last:
                        break
    return [place for place, _ in went]


def fetch(ask: Ask, ended: Ended, out: Path) -> None:
    """Write what a job left on its node into the job's own folder, to last.

    Raises:
        OutputError: it cannot be written here.
    """
    for name, size in ended.files:
        parts = PurePosixPath(name).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise ValueError(name)
        path = out.joinpath(*parts)
        done = 0
        pieces = (size + PIECE - 1) // PIECE or 1
        for number in range(pieces):
            data = ask("get", name, number * PIECE, PIECE)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "ab" if number else "wb") as file:
                    file.write(data)
                    if number == pieces - 1:
                        file.flush()
                        os.fsync(file.fileno())
            except OSError as error:
                raise write_error(error, path) from None
            done += len(data)
        if done != size:
            raise ValueError(name)
