"""The operator's key: what every recording's own key is wrapped by.

It is random and lies in the data folder: in `key.json`, readable by its owner alone, or wrapped
under the operator's passphrase (scrypt) where one is set. A passphrase may be set later; the
key stays the same, its plain file is replaced.
"""

import base64
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from api.errors import BadOptionError
from api.sealed import sync_folder
from detector.errors import InputError, OutputError

__all__ = ["OperatorKey"]

_N, _R, _P = 1 << 15, 8, 3
_LABEL = b"detector operator key"


def _by_passphrase(passphrase: str, salt: bytes, n: int, r: int, p: int) -> AESGCM:
    return AESGCM(Scrypt(salt, 32, n, r, p).derive(passphrase.encode("utf-8", "surrogatepass")))


def _wrapped(key: bytes, passphrase: str | None) -> dict[str, Any]:
    if passphrase is None:
        return {"format": 1, "kind": "file", "key": base64.b64encode(key).decode()}
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = _by_passphrase(passphrase, salt, _N, _R, _P).encrypt(nonce, key, _LABEL)
    return {
        "format": 1,
        "kind": "passphrase",
        "n": _N,
        "r": _R,
        "p": _P,
        "salt": base64.b64encode(salt).decode(),
        "key": base64.b64encode(nonce + sealed).decode(),
    }


class OperatorKey:
    """The key, or that it is still locked.

    Raises:
        BadOptionError: the passphrase is not the one.
        InputError: the key file is damaged.
        OutputError: it cannot be written.
    """

    def __init__(self, folder: Path, passphrase: str | None = None) -> None:
        self._path = folder / "key.json"
        self._key: bytes | None = None
        if not self._path.exists():
            self._store(_wrapped(os.urandom(32), passphrase), new=True)
        held = self._load()
        if held["kind"] == "passphrase":
            if passphrase is not None:
                self.unlock(passphrase)
            return
        try:
            self._key = base64.b64decode(held["key"], validate=True)
        except (KeyError, ValueError, TypeError):
            raise self._damaged() from None
        if len(self._key) != 32:
            raise self._damaged()
        if passphrase is not None:  # set later than the key was made
            self._store(_wrapped(self._key, passphrase), new=False)

    def _damaged(self) -> InputError:
        return InputError(
            f"{self._path} 已损坏,请用备份恢复;没有它,已收下的录音无法打开 (damaged key file)。"
        )

    def _load(self) -> dict[str, Any]:
        try:
            held = json.loads(self._path.read_text("ascii"))
            if held["format"] != 1 or held["kind"] not in ("file", "passphrase"):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            raise self._damaged() from None
        return dict(held)

    def _store(self, content: dict[str, Any], new: bool) -> None:
        """Write the file whole; of several servers that make it at once the first one wins."""
        partial = self._path.with_name(f".key-{os.urandom(6).hex()}.part")
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump(content, file)
                file.flush()
                os.fsync(file.fileno())
            if new:
                with suppress(FileExistsError):
                    os.link(partial, self._path)
            else:
                with self._path.open("r+b") as old:
                    os.replace(partial, self._path)
                    sync_folder(self._path.parent)
                    old.write(b"\0" * os.fstat(old.fileno()).st_size)  # the plain key goes
                    old.flush()
                    os.fsync(old.fileno())
            sync_folder(self._path.parent)
        except OSError as error:
            raise OutputError(
                f"无法写入 {self._path}:{error.strerror} (cannot write the key)。"
            ) from None
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    @property
    def locked(self) -> bool:
        return self._key is None

    def unlock(self, passphrase: str) -> None:
        """Open the key; BadOptionError for the wrong passphrase."""
        held = self._load()
        if held["kind"] == "file":
            return
        try:
            salt, sealed = base64.b64decode(held["salt"]), base64.b64decode(held["key"])
            n, r, p = int(held["n"]), int(held["r"]), int(held["p"])
        except (KeyError, ValueError, TypeError):
            raise self._damaged() from None
        try:
            cipher = _by_passphrase(passphrase, salt, n, r, p)
            self._key = cipher.decrypt(sealed[:12], sealed[12:], _LABEL)
        except (InvalidTag, ValueError):
            raise BadOptionError("口令不对。", "Wrong passphrase.") from None

    def derived(self, purpose: str) -> bytes | None:
        """Return a key for one purpose, None while locked."""
        if self._key is None:
            return None
        return HKDF(SHA256(), 32, None, b"detector " + purpose.encode()).derive(self._key)
