"""An upload on its way in: encrypted as it comes, accepted whole or not at all."""

import errno
import hashlib
import json
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.errors import BadOptionError, FullError, TooLargeError
from api.sealed import Writer, sync_folder, write_sealed

if TYPE_CHECKING:
    from api.recordings import Recording, Store

__all__ = ["Draft", "clean_name", "full_disk"]

_MAX_NAME = 200


def clean_name(name: str | None) -> str:
    """Return a file name as it is shown: one line, no folders, never empty."""
    last = re.split(r"[/\\]", name or "")[-1]
    kept = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    kept = " ".join(kept.split())[:_MAX_NAME]
    return kept if kept.strip(". ") else "recording"


@contextmanager
def full_disk() -> Iterator[None]:
    """Turn a full disk into FullError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise FullError from None
        raise


class Draft:
    """One upload. `write` and `commit` may be called from any thread, one at a time.

    A draft that is neither committed nor aborted, as of a server that was killed, is removed
    when a server starts.
    """

    def __init__(self, store: "Store", owner: str, name: str | None, key: str | None) -> None:
        self._store, self._owner, self._name, self._idempotency = store, owner, name, key
        self.id = secrets.token_hex(16)
        self._folder: Path = store.vault.places.incoming / self.id
        self._digest = hashlib.sha256()
        self._over = False
        self._writer: Writer | None = None
        with full_disk():
            self._folder.mkdir(mode=0o700)
            try:
                self._key = store.vault.new_key(self._folder, self.id)
                self._writer = Writer(self._folder / "original", self._key, "original")
            except BaseException:
                self.abort()
                raise

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._writer.size if self._writer else 0

    def write(self, data: bytes) -> None:
        """Add a piece of the recording.

        Raises:
            TooLargeError: more than is taken.
            FullError: the disk is full.
        """
        assert self._writer is not None
        most = self._store.settings.max_bytes
        try:
            if self._writer.size + len(data) > most:
                raise TooLargeError(
                    f"文件超过上限 {_shown(most)},没有收下;请先剪短或压缩后再传。",
                    f"The file is larger than the limit of {_shown(most)}.",
                )
            self._digest.update(data)
            with full_disk():
                self._writer.write(data)
        except BaseException:
            self.abort()
            raise

    def commit(
        self, options: Mapping[str, Any], name: str | None = None
    ) -> tuple["Recording", bool]:
        """Accept the upload; returns once neither a crash nor a power cut can lose it.

        Returns:
            The recording, and whether it is one that was there before: the same content with
            the same options, or the same idempotency key.

        Raises:
            BadOptionError: it is empty, or the idempotency key was used for something else.
            TooManyError: too many wait.
            FullError, AwayError, LockedError: as the store.
        """
        if self._over or self._writer is None:
            raise RuntimeError("a draft is committed once")
        self._over = True
        try:
            if not self._writer.size:
                raise BadOptionError(
                    "是空文件(0 字节),请重新选择录音。", "The file is empty (0 bytes)."
                )
            return self._accept(dict(options), clean_name(name or self._name))
        finally:
            self._drop()

    def _accept(self, options: dict[str, Any], name: str) -> tuple["Recording", bool]:
        assert self._writer is not None
        store, digest = self._store, self._digest.hexdigest()
        canonical = json.dumps(options, sort_keys=True, ensure_ascii=True)
        same = store.vault.mark("same", self._owner, digest, canonical)
        key = None
        if self._idempotency is not None:
            key = store.vault.mark("idempotency", self._owner, self._idempotency)
        if (known := store.find_same(self._owner, same, key)) is not None:
            return known, True
        meta = {"name": name, "sha256": digest, "options": options}
        with full_disk():
            self._writer.close()
            data = json.dumps(meta, ensure_ascii=True).encode("ascii")
            write_sealed(self._folder / "meta", self._key, "meta", data)
            sync_folder(self._folder)
            store.vault.accept(self._folder, self.id)
        return store.insert(self.id, self._owner, self._writer.size, same, key)

    def abort(self) -> None:
        """Forget the upload; nothing of it stays. May be called at any time, and again."""
        self._over = True
        self._drop()

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.abort()
        with suppress(OSError):  # gone, or moved into the vault
            shutil.rmtree(self._folder)


def _shown(size: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} B"
