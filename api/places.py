"""Where things lie below the data folder, and which of them belong to servers that are gone.

::

    key.json             the operator's key (`api.operator_key`)
    installation         which database belongs to this folder
    vault/<id>/          what was accepted, every file encrypted
    incoming/<server>/   uploads on their way in, encrypted
    tmp/<server>/<id>-*/ plain files while something works on them, private and short-lived
    servers/<server>     locked by that server process as long as it lives
    trash/               vault folders being removed; their keys are destroyed already
"""

import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from detector.errors import OptionError
from detector.evidence.files import remove_tree

__all__ = ["Places", "wait_lock"]

_KINDS = ("vault", "incoming", "tmp", "servers", "trash")


def _try_lock(file: IO[bytes]) -> bool:
    """Lock a file for this process, if nobody has; the system frees it when the process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def wait_lock(file: IO[bytes]) -> None:
    """Wait until a file is locked for whoever opened it; closing it frees it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)


class Places:
    """The folders of one server process, which it holds by a locked file.

    Raises:
        OptionError: the data folder cannot be made or written.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.server = secrets.token_hex(8)
        try:
            data.mkdir(parents=True, exist_ok=True)
            for kind in _KINDS:
                (data / kind).mkdir(mode=0o700, exist_ok=True)
            with suppress(PermissionError):  # somebody else's, whose rights are theirs to set
                data.chmod(stat.S_IRWXU)
            self._file = self._locked()
            for folder in (self.incoming, self.tmp):
                folder.mkdir(mode=0o700)
        except OSError as error:
            raise OptionError(
                f"数据文件夹 {data} 不能用:{error.strerror};请用 --data-dir 换一个 "
                "(cannot use the data folder)。"
            ) from None

    def _locked(self) -> IO[bytes]:
        """Return this server's file, locked before anybody can see it under its name."""
        path = self.data / "servers" / self.server
        if os.name == "nt":
            file = path.open("wb")
            _try_lock(file)
            return file
        hidden = path.with_name(f".{self.server}")
        file = hidden.open("wb")
        _try_lock(file)  # where locks do not work, others take this one for dead: see `Leases`
        os.rename(hidden, path)
        return file

    @property
    def incoming(self) -> Path:
        return self.data / "incoming" / self.server

    @property
    def tmp(self) -> Path:
        return self.data / "tmp" / self.server

    @property
    def vault(self) -> Path:
        return self.data / "vault"

    @property
    def trash(self) -> Path:
        return self.data / "trash"

    def private(self, recording: str, purpose: str) -> Path:
        """Make and return a private folder for plain files of a recording."""
        folder = self.tmp / f"{recording}-{purpose}-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        return folder

    def clear_private(self, recording: str) -> None:
        """Remove the plain files of a recording, of whatever server they are."""
        for folder in (self.data / "tmp").glob(f"*/{recording}-*"):
            _remove(folder)

    def dead(self) -> list[str]:
        """Return the servers that are gone but have left something."""
        gone = []
        names = {
            path.name
            for kind in ("servers", "incoming", "tmp")
            for path in (self.data / kind).iterdir()
            if not path.name.startswith(".")
        }
        for name in sorted(names - {self.server}):
            try:
                with (self.data / "servers" / name).open("r+b") as file:
                    if _try_lock(file):
                        gone.append(name)
            except FileNotFoundError:
                gone.append(name)
            except OSError:
                continue
        return gone

    def bury(self, server: str) -> None:
        """Remove what a server that is gone has left in its own folders."""
        for kind in ("incoming", "tmp"):
            _remove(self.data / kind / server)
        with suppress(OSError):
            (self.data / "servers" / server).unlink(missing_ok=True)

    def empty_trash(self) -> None:
        """Remove what is left of deleted recordings."""
        for folder in self.trash.iterdir():
            _remove(folder)

    def close(self) -> None:
        """Leave: nothing of this server stays."""
        for folder in (self.incoming, self.tmp):
            _remove(folder)
        with suppress(OSError):
            (self.data / "servers" / self.server).unlink(missing_ok=True)
        self._file.close()


def _remove(folder: Path) -> None:
    for _ in range(3):  # something may just be writing there
        with suppress(OSError):
            remove_tree(folder)
        if not os.path.lexists(folder):
            return
