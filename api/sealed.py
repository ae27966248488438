"""Encrypted files, in pieces that can be read on their own.

Layout: 6 bytes of magic, 16 of salt, then pieces of 128 KiB, each sealed by AES-256-GCM. The key
of a file is derived from its recording's key, the salt and the file's role, so that no nonce is
ever used twice and one file cannot stand in for another. A piece's nonce is its number and a mark
on the last one: pieces that are missing, swapped or cut off do not open (the STREAM construction,
as age has it).
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from api.errors import DamagedError, NotFoundError

__all__ = ["Reader", "Writer", "copy_plain", "read_sealed", "sync_folder",
           "write_sealed"]  # fmt: skip

_MAGIC = b"HDV1\r\n"
_SALT = 16
_HEAD = len(_MAGIC) + _SALT
PIECE = 128 << 10
_TAG = 16
_SEALED = PIECE + _TAG


def _cipher(key: bytes, salt: bytes, role: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"detector file " + role.encode()).derive(key))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise NotFoundError from None


def sync_folder(folder: Path) -> None:
    """Make sure that a folder's names are on the disk, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Writer:
    """Writes one sealed file, a stream of any length; OSError as of any file."""

    def __init__(self, path: Path, key: bytes, role: str) -> None:
        salt = os.urandom(_SALT)
        self._cipher = _cipher(key, salt, role)
        self._held = bytearray()
        self._number = 0
        self.size = 0
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: IO[bytes] = os.fdopen(descriptor, "wb")
        self._file.write(_MAGIC + salt)

    def write(self, data: bytes) -> None:
        """Add data; what fills a piece, and is certainly not the last, goes out."""
        self.size += len(data)
        self._held += data
        while len(self._held) > PIECE:
            self._seal(bytes(self._held[:PIECE]), False)
            del self._held[:PIECE]

    def _seal(self, plain: bytes, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), plain, None))
        self._number += 1

    def close(self) -> None:
        """Write the last piece and wait until all is on the disk."""
        if self._file.closed:
            return
        with self._file:
            self._seal(bytes(self._held), True)
            self._held.clear()
            self._file.flush()
            os.fsync(self._file.fileno())

    def abort(self) -> None:
        """Close without finishing; the file is good for nothing."""
        self._held.clear()
        with suppress(OSError):
            self._file.close()


class Reader:
    """Reads any range of a sealed file. Holds no open file: what is deleted ends at once.

    Raises:
        NotFoundError: it is not there (any more); from `read` too.
        DamagedError: it is cut short or of another key.
    """

    def __init__(self, path: Path, key: bytes, role: str) -> None:
        self.path = path
        with _opened(path) as file:
            head = file.read(_HEAD)
            whole = file.seek(0, os.SEEK_END) - _HEAD
        if len(head) < _HEAD or not head.startswith(_MAGIC) or whole < _TAG:
            raise DamagedError
        self._cipher = _cipher(key, head[len(_MAGIC) :], role)
        self._pieces = -(-whole // _SEALED)
        self.size = whole - self._pieces * _TAG
        if self.size < 0:
            raise DamagedError
        self._pieces_at(self._pieces - 1, 1)  # the last tells whether the file is whole

    def _pieces_at(self, first: int, count: int) -> Iterator[bytes]:
        plain = []
        with _opened(self.path) as file:
            file.seek(_HEAD + first * _SEALED)
            for number in range(first, min(first + count, self._pieces)):
                try:
                    nonce = _nonce(number, number == self._pieces - 1)
                    plain.append(self._cipher.decrypt(nonce, file.read(_SEALED), None))
                except (InvalidTag, ValueError):
                    raise DamagedError from None
        return iter(plain)

    def read(self, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`; fewer at the end."""
        start, end = max(start, 0), min(start + length, self.size)
        if start >= end:
            return b""
        first = start // PIECE
        found = b"".join(self._pieces_at(first, (end - 1) // PIECE - first + 1))
        return found[start - first * PIECE : end - first * PIECE]

    def __iter__(self) -> Iterator[bytes]:
        """Yield the whole, piece by piece."""
        for at in range(0, self.size, 8 * PIECE):
            yield self.read(at, 8 * PIECE)


def write_sealed(path: Path, key: bytes, role: str, data: bytes) -> None:
    """Write a file whole or not at all, and wait until it is on the disk."""
    partial = path.with_name(f".{os.urandom(6).hex()}.part")
    writer = Writer(partial, key, role)
    try:
        writer.write(data)
        writer.close()
        os.replace(partial, path)
        sync_folder(path.parent)
    except BaseException:
        writer.abort()
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def read_sealed(path: Path, key: bytes, role: str) -> bytes:
    """Return a whole file's content; as `Reader`."""
    return b"".join(Reader(path, key, role))


def copy_plain(path: Path, key: bytes, role: str, target: Path) -> None:
    """Write what a sealed file holds to a new private file; OSError where that cannot be."""
    reader = Reader(path, key, role)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in reader:
            file.write(piece)
