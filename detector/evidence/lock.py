"""One run at a time on a case. The system frees the lock when a run ends, however it ends."""

import errno
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from detector.errors import OptionError
from detector.output import write_error

__all__ = ["beside", "locked"]


def beside(case: Path, what: str) -> Path:
    """Return the path of a hidden helper beside a case folder, whose name may be very long."""
    short = hashlib.sha256(os.fsencode(case.name)).hexdigest()[:8]
    return case.with_name(f".detector-{short}-{what}")


def _take(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _same(descriptor: int, path: Path) -> bool:
    """Tell whether the lock file that was opened is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


@contextmanager
def locked(case: Path) -> Iterator[None]:
    """Hold the lock of a case folder (which need not exist yet); its parent folder must.

    The lock file lies beside the folder, as the folder itself is replaced by a new export.

    Raises:
        OptionError: another run holds it.
        OutputError: the place cannot be written.
    """
    path = beside(case, "lock")
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise write_error(error, case.parent) from None
        try:
            _take(descriptor)
        except OSError as error:
            # some network disks know no locks; there one person works at a time
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                os.close(descriptor)
                raise OptionError(
                    f"另一个程序正在处理 {case.name},请等它结束再试 (the case is in use)。"
                ) from None
        if _same(descriptor, path):
            break
        os.close(descriptor)  # whoever held it has just removed it: begin anew
    try:
        yield
    finally:
        if sys.platform == "win32":
            os.close(descriptor)
        with suppress(OSError):
            path.unlink()
        if sys.platform != "win32":
            os.close(descriptor)
