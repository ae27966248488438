"""What is known from earlier runs on one OUT folder: an SQLite file below it.

Two tables. `files` remembers the hash of a file by its path, size, time and inode, so that it
is not read again. `results` remembers, by the hash of a recording and the key of the settings,
what came of it. Both only save work: what counts are the reports, and a ledger that is lost or
damaged is made anew from them.
"""

import errno
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.batch.discover import MARK, FoundFile
from detector.errors import OptionError, OutputError

__all__ = ["Ledger", "Result", "locked"]

_FORMAT = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER, sha256 TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
    sha256 TEXT, key TEXT, kind TEXT, error TEXT, report TEXT, report_size INTEGER,
    report_mtime_ns INTEGER, given TEXT, entry TEXT, sound BLOB, PRIMARY KEY (sha256, key)
);
"""
_SOUND = """
SELECT (SELECT count(*) FROM files WHERE typeof(path) != 'blob' OR typeof(size) != 'integer'
        OR typeof(mtime_ns) != 'integer' OR typeof(inode) != 'integer'
        OR typeof(sha256) NOT IN ('text', 'null'))
    + (SELECT count(*) FROM results WHERE typeof(sha256) != 'text' OR typeof(kind) != 'text'
        OR typeof(error) != 'text' OR typeof(report) != 'text' OR typeof(given) != 'text'
        OR typeof(report_size) != 'integer' OR typeof(report_mtime_ns) != 'integer'
        OR typeof(sound) != 'blob' OR typeof(entry) NOT IN ('text', 'null'))
"""
"""Counts the lines that no run has written."""
_CHECK_BYTES = 100_000_000
"""A larger file is not read in full before each run."""
_TEXTS = "SELECT sha256, kind, error, report, given, entry FROM results"
_HELD = (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK)
_FRESH_NS = 2_000_000_000
"""A file changed this shortly before it was read could change again without its time doing so."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a recording.

    `kind` is "done" or "bad_input" (with `error`). `report` is the path of the report below
    `reports/` without a suffix, `given` what the start of the call was told from when
    the report was made, `entry` what the summary needs of it, `sound` its acoustic fingerprint.
    """

    sha256: str
    kind: str
    error: str = ""
    report: str = ""
    report_size: int = 0
    report_mtime_ns: int = 0
    given: str = ""
    entry: dict[str, Any] | None = None
    sound: bytes = b""


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        if type(error) in (sqlite3.ProgrammingError, sqlite3.IntegrityError):
            raise
        if type(error) is sqlite3.DatabaseError:
            raise OutputError(
                f"{path} 已损坏;请删除它再运行一次,已完成的报告都保留 (damaged; delete it)。"
            ) from None
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"无法写入 {path}:{reason};请检查磁盘空间和权限,已完成的结果都保留 (cannot write)。"
        ) from None


class Ledger:
    """The ledger of one OUT folder, for one key of settings."""

    def __init__(self, out: Path, key: str) -> None:
        self.path, self.key = out / MARK / "ledger.sqlite", key
        with _guarded(self.path):
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
                damaged = not isinstance(error, sqlite3.OperationalError)
                if not damaged and code & 0xFF != sqlite3.SQLITE_ERROR and self.path.exists():
                    raise  # the disk is full, say; SQLITE_ERROR is of what stands in the file
                aside = self.path.with_name(f"ledger.damaged-{time.time_ns()}.sqlite")
                with suppress(OSError):
                    os.replace(self.path, aside)
                self._open()

    def _open(self) -> None:
        self._base = sqlite3.connect(self.path, isolation_level=None)
        try:
            found = self._base.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, _FORMAT):
                raise sqlite3.DatabaseError("another version")
            self._base.execute("PRAGMA synchronous=FULL")
            self._base.executescript(_TABLES)
            self._base.execute(f"PRAGMA user_version={_FORMAT}")
            checked = "ok"
            if self.path.stat().st_size < _CHECK_BYTES:
                checked = self._base.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if checked != "ok" or self._base.execute(_SOUND).fetchone()[0]:
                raise sqlite3.DatabaseError("damaged")
            for *_, entry in self._base.execute(_TEXTS):  # fails where one is no text
                if not isinstance(json.loads(entry or "null"), dict | None):
                    raise sqlite3.DatabaseError("damaged")
        # no JSON (SQLite's own check stops at a zero byte), or what SQLite says of its damage
        except (ValueError, RecursionError) as error:
            self._base.close()
            raise sqlite3.DatabaseError("damaged") from error
        except sqlite3.DatabaseError:
            self._base.close()
            raise

    def close(self) -> None:
        """Close the file; everything noted is on the disk already."""
        self._base.close()

    def known(self) -> dict[str, tuple[int, int, int, str | None]]:
        """Return size, time, inode and hash (None: no recording) of the files seen before."""
        with _guarded(self.path):
            rows = self._base.execute("SELECT path, size, mtime_ns, inode, sha256 FROM files")
            return {os.fsdecode(path): rest for path, *rest in rows}

    def note_files(self, files: Iterable[tuple[FoundFile, str | None]]) -> None:
        """Remember hashes; those of files changed just now are not relied on next time."""
        now = time.time_ns()
        rows = [
            (os.fsencode(f.path), f.size, f.mtime_ns, f.inode, sha)
            for f, sha in files
            if f.mtime_ns < now - _FRESH_NS
        ]
        with _guarded(self.path), self._transaction():
            self._base.executemany("INSERT OR REPLACE INTO files VALUES (?,?,?,?,?)", rows)

    def forget_files(self, paths: Iterable[str]) -> None:
        """Forget files that are no longer there."""
        with _guarded(self.path), self._transaction():
            self._base.executemany(
                "DELETE FROM files WHERE path=?", ((os.fsencode(path),) for path in paths)
            )

    def results(self) -> dict[str, Result]:
        """Return what came of recordings with the present settings, by hash."""
        with _guarded(self.path):
            rows = self._base.execute(
                "SELECT sha256, kind, error, report, report_size, report_mtime_ns, given, entry "
                "FROM results WHERE key=?",
                (self.key,),
            )
            return {
                sha: Result(
                    sha, kind, error, report, size, mtime, given, json.loads(entry or "null")
                )
                for sha, kind, error, report, size, mtime, given, entry in rows
            }

    def sounds(self) -> Iterator[tuple[str, bytes]]:
        """Yield hash and acoustic fingerprint of recordings, by hash."""
        with _guarded(self.path):
            yield from self._base.execute(
                "SELECT sha256, sound FROM results WHERE key=? AND length(sound) > 0 "
                "ORDER BY sha256",
                (self.key,),
            )

    def sound(self, sha256: str) -> bytes:
        """Return the acoustic fingerprint of a recording, empty where there is none."""
        row = self._base.execute(
            "SELECT sound FROM results WHERE key=? AND sha256=?", (self.key, sha256)
        ).fetchone()
        return bytes(row[0]) if row and row[0] else b""

    def note_given(self, given: Iterable[tuple[str, str]]) -> None:
        """Remember that reports (by hash) are right also by what is known of their calls now."""
        with _guarded(self.path), self._transaction():
            self._base.executemany(
                "UPDATE results SET given=? WHERE sha256=? AND key=?",
                ((text, sha256, self.key) for sha256, text in given),
            )

    def note(self, result: Result) -> None:
        """Remember what came of a recording; it is on the disk when this returns."""
        entry = json.dumps(result.entry, ensure_ascii=False) if result.entry else None
        with _guarded(self.path), self._transaction():
            self._base.execute(
                "INSERT OR REPLACE INTO results VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    result.sha256, self.key, result.kind, result.error, result.report,
                    result.report_size, result.report_mtime_ns, result.given, entry, result.sound,
                ),
            )  # fmt: skip

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with suppress(sqlite3.Error):
                self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold OUT for one run; the system frees it when the run ends, however it ends.

    Raises:
        OptionError: another run holds it.
        OutputError: the folder cannot be made or written.
    """
    path = out / MARK / "lock"
    with _guarded(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _HELD:
                yield  # a disk that knows no locks
                return
            raise OptionError(
                f"另一次运行正在写 {out},请等它结束,或换一个 -o 文件夹 (OUT is in use)。"
            ) from None
        yield
    finally:
        os.close(descriptor)
