"""The vault: a folder a recording, every file in it encrypted under the recording's own key.

::

    vault/<id>/key         the recording's key, wrapped by the operator's
    vault/<id>/original    the recording as it was sent
    vault/<id>/meta        its name, hash and options (JSON)
    vault/<id>/error       the sentence why it failed (JSON)
    vault/<id>/decisions   what people decided (JSON)
    vault/<id>/result-<attempt>/report, listen, waveform, summary
    vault/<id>/pending     there until the database knows of the recording

A recording is destroyed by destroying its key; the files go after it.
"""

import hmac
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.errors import DamagedError, LockedError, NotFoundError
from api.operator_key import OperatorKey
from api.orders import PLAIN
from api.places import Places, wait_lock
from api.sealed import Reader, read_sealed, sync_folder, write_sealed

__all__ = ["Vault", "result_folder"]

PENDING = "pending"


def result_folder(token: str) -> str:
    """Return the name of the folder of an attempt's results."""
    return f"result-{token}"


class Vault:
    """Opens, fills and destroys the folders of recordings.

    Ids are made by this program alone (32 hexadecimal digits); names from outside never become
    paths. LockedError while the operator's key is locked; NotFoundError where a recording's key
    or file is gone.
    """

    def __init__(self, places: Places, operator: OperatorKey) -> None:
        self.places, self._operator = places, operator

    @property
    def locked(self) -> bool:
        return self._operator.locked

    def unlock(self, passphrase: str) -> None:
        """Give the passphrase; BadOptionError if it is the wrong one."""
        self._operator.unlock(passphrase)

    def _derived(self, purpose: str) -> bytes:
        key = self._operator.derived(purpose)
        if key is None:
            raise LockedError
        return key

    def check_open(self) -> None:
        """Raise LockedError while locked."""
        self._derived("check")

    def derive(self, purpose: bytes) -> bytes:
        """Return 32 secret bytes for one purpose, the same in every server process."""
        return self._derived("use " + purpose.hex())

    def mark(self, *parts: str) -> str:
        """Return 64 hexadecimal digits that are equal for equal parts, and tell nothing else."""
        message = "\0".join(str(len(part)) + ":" + part for part in parts)
        key = self._derived("marks")
        return hmac.new(key, message.encode("utf-8", "surrogatepass"), sha256).hexdigest()

    def folder(self, recording: str) -> Path:
        """Return a recording's folder, be it there or not."""
        if len(recording) != 32 or set(recording) - set("0123456789abcdef"):
            raise NotFoundError
        return self.places.vault / recording

    # ---------------------------------------------------------- keys

    def new_key(self, folder: Path, recording: str) -> bytes:
        """Make a recording's key and store it, wrapped, in its folder."""
        key, nonce = secrets.token_bytes(32), os.urandom(12)
        wrapped = AESGCM(self._derived("wrap")).encrypt(nonce, key, recording.encode())
        descriptor = os.open(folder / "key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(nonce + wrapped)
            file.flush()
            os.fsync(file.fileno())
        return key

    def key(self, recording: str) -> bytes:
        """Return a recording's key.

        Raises:
            NotFoundError: it was destroyed.
            LockedError: the operator's key is locked.
            DamagedError: the file is not what was written.
        """
        cipher = AESGCM(self._derived("wrap"))
        try:
            held = (self.folder(recording) / "key").read_bytes()
        except FileNotFoundError:
            raise NotFoundError from None
        try:
            return cipher.decrypt(held[:12], held[12:], recording.encode())
        except (InvalidTag, ValueError):
            raise DamagedError from None

    # ---------------------------------------------------------- files

    def reader(self, recording: str, name: str) -> Reader:
        """Return a reader of one of a recording's files; `name` as in the listing above."""
        path = self.folder(recording) / name
        return Reader(path, self.key(recording), name.rpartition("/")[2])

    def read_json(self, recording: str, name: str) -> Any:
        """Return what a file holds; NotFoundError where there is none."""
        path = self.folder(recording) / name
        return json.loads(read_sealed(path, self.key(recording), name.rpartition("/")[2]))

    def write_json(self, recording: str, name: str, value: Any) -> None:
        """Write a file whole, in place of an earlier one; OSError where it cannot be."""
        data = json.dumps(value, ensure_ascii=True).encode("ascii")
        path = self.folder(recording) / name
        try:
            write_sealed(path, self.key(recording), name.rpartition("/")[2], data)
        except FileNotFoundError:
            raise NotFoundError from None

    @contextmanager
    def exclusive(self, recording: str) -> Iterator[None]:
        """Hold a recording's own lock, against threads and other server processes.

        Raises:
            NotFoundError: it is gone.
        """
        try:
            with (self.folder(recording) / "lock").open("ab") as file:
                wait_lock(file)
                yield
        except FileNotFoundError:
            raise NotFoundError from None

    # ---------------------------------------------------------- coming and going

    def accept(self, draft: Path, recording: str) -> None:
        """Move a finished draft to its place and wait until that is on the disk."""
        (draft / PENDING).touch(mode=0o600)
        sync_folder(draft)
        os.rename(draft, self.folder(recording))
        sync_folder(self.places.vault)

    def accepted(self, recording: str) -> None:
        """Note that the database knows of a recording."""
        with suppress(OSError):
            (self.folder(recording) / PENDING).unlink(missing_ok=True)

    def pending(self) -> Iterator[tuple[str, float]]:
        """Yield recordings that the database may not know of, and since when (by the disk)."""
        for folder in list(self.places.vault.iterdir()):
            with suppress(OSError):
                yield folder.name, (folder / PENDING).stat().st_mtime

    def keep_result(self, recording: str, token: str, made: Path) -> None:
        """Move an attempt's files to their place and wait until that is on the disk.

        Raises:
            NotFoundError: the recording was deleted.
            OSError: they cannot be moved.
        """
        folder = self.folder(recording)
        try:
            if made.exists():  # else it was done before, and only the database was away
                if (made / PLAIN).exists():  # never into the vault
                    shutil.rmtree(made / PLAIN)
                sync_folder(made)
                os.rename(made, folder / result_folder(token))
            sync_folder(folder)
        except FileNotFoundError:
            raise NotFoundError from None

    def drop_results(self, recording: str, keep: str | None) -> None:
        """Remove the results of all attempts but one."""
        from detector.evidence.files import remove_tree

        kept = result_folder(keep) if keep else ""
        for folder in self.folder(recording).glob("result-*"):
            if folder.name != kept:
                with suppress(OSError):
                    remove_tree(folder)

    def destroy(self, recording: str) -> None:
        """Destroy a recording: its key, its files, and plain files of work on it.

        May be repeated. OSError where something could not be removed.
        """
        folder = self.folder(recording)
        if folder.exists():
            _wipe(folder / "key")
            sync_folder(folder)
            with suppress(FileNotFoundError):  # another server is at it too
                os.rename(folder, self.places.trash / f"{recording}-{secrets.token_hex(4)}")
        self.places.clear_private(recording)
        self.places.empty_trash()


def _wipe(path: Path) -> None:
    """Overwrite a small file and remove it; what a disk keeps of it besides is the disk's."""
    with suppress(FileNotFoundError):
        with suppress(PermissionError), path.open("r+b") as file:
            file.write(b"\0" * path.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
