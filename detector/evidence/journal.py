"""A file to which lines are only ever added: by several processes, and despite crashes.

A line that a crash cut off stays as it is and gets an end mark, so that the next line begins on
a line of its own.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from detector.output import write_error

__all__ = ["TORN", "append_line", "locked"]

TORN = b"  #torn"
"""The end of a line that was cut off by a crash; such a line is to be passed over."""


@contextmanager
def locked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading and appending, alone among all processes that do so.

    Raises:
        OutputError: it cannot be opened or written.
    """
    try:
        with path.open("a+b", buffering=0) as file:
            _lock(file)
            try:
                yield file
            finally:
                _unlock(file)
    except OSError as error:
        raise write_error(error, path) from None


def append_line(file: IO[bytes], line: bytes, whole: Callable[[bytes], bool]) -> None:
    """Append a line to a file opened by `locked`, and make sure that it is on the disk.

    `whole` tells whether a last line that has no end was written in full.

    Raises:
        OSError: it cannot be written; what was there stays as it was.
    """
    line = line.rstrip(b"\n") + b"\n"
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    last = file.read().rpartition(b"\n")[2]
    if last:
        line = (b"\n" if whole(last) else TORN + b"\n") + line
    try:
        written = 0
        while written < len(line):
            written += file.write(line[written:])
        os.fsync(file.fileno())
    except OSError:  # a full disk: take back the half of a line
        with suppress(OSError):
            file.truncate(end)
        raise


if os.name == "nt":  # pragma: no cover

    def _lock(file: IO[bytes]) -> None:
        import msvcrt

        file.seek(1 << 40)  # a place beyond the end, so that others can still read
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]

    def _unlock(file: IO[bytes]) -> None:
        import msvcrt

        file.seek(1 << 40)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:

    def _lock(file: IO[bytes]) -> None:
        import fcntl

        with suppress(OSError):  # some network disks know no locks; there one person reviews
            fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: IO[bytes]) -> None:
        return None  # closing the file lets go of it
