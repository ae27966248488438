"""The recordings that were accepted, as their owners see them.

Every function takes the owner; what belongs to somebody else is not there (NotFoundError).
AwayError is raised throughout where the database cannot be reached.
"""

import datetime as dt
import re
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from api.changes import Changes
from api.database import Database, TakenError
from api.drafts import Draft
from api.errors import (
    AwayError,
    BadOptionError,
    ConflictError,
    DamagedError,
    FullError,
    LockedError,
    NotFoundError,
    ServiceError,
    TooManyError,
)
from api.failures import failure
from api.sealed import Reader
from api.settings import Settings
from api.tables import idempotency, recordings
from api.vault import Vault, result_folder
from detector.report import Report

__all__ = ["Page", "Progress", "Recording", "Store"]

_DAY_S = 86_400.0
_CURSOR = re.compile(r"0x1\.[0-9a-f]{1,13}p\+\d{1,2}_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is: its step, the seconds of recording done, and those there are."""

    step: str
    done_s: float
    total_s: float | None


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as its owner sees it.

    `state` is queued, running, done, failed, or locked where the operator's passphrase is
    missing (`name` is then None, as is what was found). `version` grows with every change.
    """

    id: str
    owner: str
    state: str
    created_at: dt.datetime
    bytes: int
    version: int
    name: str | None = None
    progress: Progress | None = None
    queue_position: int | None = None
    finished_at: dt.datetime | None = None
    expires_at: dt.datetime | None = None
    duration_s: float | None = None
    flagged: int | None = None
    to_review: int | None = None
    urgent: bool = False
    error: ServiceError | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some recordings, the latest first, and the cursor of those after them."""

    items: list[Recording]
    next: str | None


def _time(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)


class Store:
    """What the HTTP side uses; safe for threads. Calls wait for disk and database."""

    def __init__(self, settings: Settings, database: Database, vault: Vault) -> None:
        self.settings, self.database, self.vault = settings, database, vault
        self.changes = Changes(database)
        self.on_new: list[Callable[[], None]] = []
        """Called when something was put in the queue."""
        self.on_delete: list[Callable[[str], None]] = []
        """Called with an id that is being deleted; to return once nothing works on it."""

    # ---------------------------------------------------------- coming in

    def create(self, owner: str, name: str | None, idempotency_key: str | None = None) -> Draft:
        """Begin an upload.

        Raises:
            LockedError: the passphrase is missing.
            TooManyError: the queue is full, or the owner sends too fast.
            FullError: the disk is.
        """
        self.vault.check_open()
        if shutil.disk_usage(self.vault.places.data).free < self.settings.min_free_bytes:
            raise FullError
        with self.database.reading() as connection:
            self._check_room(connection)
            since = self.database.now(connection) - 60.0
            count = sa.select(sa.func.count()).where(
                recordings.c.owner == owner, recordings.c.created_at > since
            )
            if connection.execute(count).scalar_one() >= self.settings.uploads_per_minute:
                raise TooManyError(
                    f"上传太快(每分钟最多 {self.settings.uploads_per_minute} 个),请稍后再传。",
                    f"At most {self.settings.uploads_per_minute} uploads a minute.",
                )
        return Draft(self, owner, name, idempotency_key)

    def _check_room(self, connection: Connection) -> None:
        waiting = sa.select(sa.func.count()).where(recordings.c.state == "queued")
        if connection.execute(waiting).scalar_one() >= self.settings.queue_limit:
            raise TooManyError(
                f"已有 {self.settings.queue_limit} 个录音在排队,请等一些完成后再传。",
                f"{self.settings.queue_limit} recordings are waiting already.",
            )

    def find_same(self, owner: str, same: str, key: str | None) -> Recording | None:
        """Return what an upload would repeat, by its marks (`Vault.mark`).

        Raises:
            BadOptionError: the key was used for another recording, or with other options.
        """
        with self.database.writing() as connection:
            used = None
            if key is not None:
                owned = (idempotency.c.owner == owner) & (idempotency.c.key == key)
                found = sa.select(recordings.c.id, recordings.c.same).join(
                    idempotency, idempotency.c.recording == recordings.c.id
                )
                used = connection.execute(found.where(owned)).one_or_none()
                if used is not None and used.same not in (same, None):
                    raise BadOptionError(
                        "这个 Idempotency-Key 已用于另一个录音或另一些选项,请换一个。",
                        "This Idempotency-Key was used for another recording or options.",
                    )
            mine = (recordings.c.owner == owner) & (recordings.c.same == same)
            known = connection.execute(sa.select(recordings.c.id).where(mine)).scalar_one_or_none()
            if known is not None and used is None and key is not None:
                with suppress(TakenError):
                    connection.execute(
                        idempotency.insert().values(owner=owner, key=key, recording=known)
                    )
            known = known or (used.id if used else None)
        return self.get(owner, known) if known else None

    def insert(
        self, recording: str, owner: str, size: int, same: str, key: str | None
    ) -> tuple[Recording, bool]:
        """Put what lies in the vault into the queue; returns it and whether it was there before.

        From here on it is accepted. Where the answer of the database is lost (AwayError) the
        files stay, as it may have been accepted; `retention` finds out later.
        """
        days = self.settings.retention_days
        try:
            with self.database.writing() as connection:
                self._check_room(connection)
                now = self.database.now(connection)
                connection.execute(
                    recordings.insert().values(
                        id=recording, owner=owner, state="queued", created_at=now, changed_at=now,
                        expires_at=now + days * _DAY_S if days else None, bytes=size, same=same,
                        version=1, attempts=0,
                    )
                )  # fmt: skip
                if key is not None:
                    connection.execute(
                        idempotency.insert().values(owner=owner, key=key, recording=recording)
                    )
        except TakenError:  # the same came in at the same moment
            self.vault.destroy(recording)
            known = self.find_same(owner, same, key)
            if known is None:  # and was deleted at once
                raise AwayError from None
            return known, True
        except AwayError:
            raise
        except ServiceError:
            self.vault.destroy(recording)
            raise
        self.vault.accepted(recording)
        self.changes.tell(recording)
        for call in self.on_new:
            call()
        return self.get(owner, recording), False

    # ---------------------------------------------------------- reading

    def _row(self, owner: str, recording: str) -> Any:
        with self.database.reading() as connection:
            return self._find(connection, owner, recording)

    def _find(self, connection: Connection, owner: str, recording: str) -> Any:
        self.vault.folder(recording)  # it is an id
        mine = (recordings.c.id == recording) & (recordings.c.owner == owner)
        wanted = sa.select(recordings).where(mine, recordings.c.state != "deleting")
        row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFoundError
        return row

    def get(self, owner: str, recording: str) -> Recording:
        """Return one recording."""
        with self.database.reading() as connection:
            row = self._find(connection, owner, recording)
            place = None
            if row.state == "queued":
                before = (recordings.c.created_at < row.created_at) | (
                    (recordings.c.created_at == row.created_at) & (recordings.c.id < row.id)
                )
                count = sa.select(sa.func.count()).where(recordings.c.state == "queued", before)
                place = connection.execute(count).scalar_one() + 1
        return self._shown(row, place)

    def list(self, owner: str, limit: int = 50, cursor: str | None = None) -> Page:
        """Return an owner's recordings, the latest first.

        Raises:
            BadOptionError: it is no cursor of an earlier page.
        """
        limit = max(1, min(limit, 200))
        wanted = sa.select(recordings).where(
            recordings.c.owner == owner, recordings.c.state != "deleting"
        )
        if cursor is not None:
            if not _CURSOR.fullmatch(cursor):
                raise BadOptionError("cursor 不对。", "Not a cursor of a page.")
            at_hex, _, last = cursor.partition("_")
            at = float.fromhex(at_hex)
            later = (recordings.c.created_at < at) | (
                (recordings.c.created_at == at) & (recordings.c.id < last)
            )
            wanted = wanted.where(later)
        order = (recordings.c.created_at.desc(), recordings.c.id.desc())
        queue = sa.select(recordings.c.id).where(recordings.c.state == "queued")
        with self.database.reading() as connection:
            rows = connection.execute(wanted.order_by(*order).limit(limit + 1)).all()
            places: dict[str, int] = {}
            if any(row.state == "queued" for row in rows):
                in_order = queue.order_by(recordings.c.created_at, recordings.c.id)
                ids = connection.execute(in_order.limit(10_000)).scalars()
                places = {name: number for number, name in enumerate(ids, 1)}
        items = [self._shown(row, places.get(row.id)) for row in rows[:limit]]
        after = None
        if len(rows) > limit:
            after = f"{rows[limit - 1].created_at.hex()}_{rows[limit - 1].id}"
        return Page(items, after)

    def counts(self) -> dict[str, int]:
        """Return how many recordings of all owners are in which state."""
        query = sa.select(recordings.c.state, sa.func.count()).group_by(recordings.c.state)
        with self.database.reading() as connection:
            return {str(state): int(count) for state, count in connection.execute(query)}

    def _shown(self, row: Any, place: int | None) -> Recording:
        """Return a row with what the vault holds of it."""
        held: dict[str, Any] = {}
        state, error = row.state, None
        try:
            held = {"name": str(self.vault.read_json(row.id, "meta")["name"])}
            if row.state == "done":
                held |= self.vault.read_json(row.id, f"{result_folder(row.result)}/summary")
            if row.state == "failed":
                error = failure(row.error, self._sentence(row.id))
        except LockedError:
            state = "locked"
        except (NotFoundError, DamagedError, OSError, ValueError, KeyError, TypeError):
            error = failure("lost", None)
        progress = None
        if row.state == "running" and row.step:
            progress = Progress(row.step, row.done_s or 0.0, row.total_s)
        created = _time(row.created_at)
        assert created is not None
        return Recording(
            id=row.id, owner=row.owner, state=state, created_at=created, bytes=row.bytes,
            version=row.version, progress=progress, queue_position=place,
            finished_at=_time(row.finished_at), expires_at=_time(row.expires_at), error=error,
            **held,
        )  # fmt: skip

    def _sentence(self, recording: str) -> str | None:
        with suppress(NotFoundError):
            return str(self.vault.read_json(recording, "error")["sentence"])
        return None

    def _done(self, owner: str, recording: str) -> Any:
        row = self._row(owner, recording)
        if row.state == "done":
            return row
        if row.state == "failed":
            raise ConflictError(
                "这个录音没有分析成功,没有结果。", "The recording could not be scanned."
            )
        raise ConflictError("还没有分析完,请稍后再看。", "The scan has not finished yet.")

    def reader(self, owner: str, recording: str, what: str = "original") -> Reader:
        """Return a reader of the bytes that were sent ("original"), or of a copy that browsers
        play ("listen", mp3).

        Raises:
            ConflictError: there is no copy to listen to yet.
        """
        if what == "original":
            self._row(owner, recording)
            return self.vault.reader(recording, "original")
        row = self._done(owner, recording)
        return self.vault.reader(recording, f"{result_folder(row.result)}/listen")

    def _result(self, owner: str, recording: str, name: str) -> Any:
        row = self._done(owner, recording)
        return self.vault.read_json(recording, f"{result_folder(row.result)}/{name}")

    def report(self, owner: str, recording: str) -> Report:
        """Return the machine's report; ConflictError while there is none."""
        return Report.from_dict(self._result(owner, recording, "report"))

    def waveform(self, owner: str, recording: str) -> dict[str, Any]:
        """Return seconds_per_peak, duration_s and peaks (0 to 1 per channel)."""
        return dict(self._result(owner, recording, "waveform"))

    def meta(self, owner: str, recording: str) -> dict[str, Any]:
        """Return name, sha256 and options as they were sent."""
        self._row(owner, recording)
        return dict(self.vault.read_json(recording, "meta"))

    # ---------------------------------------------------------- changes

    def watch(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Be told the id of every recording that changes; returns how to stop that."""
        return self.changes.watch(callback)

    def changed(self, owner: str, recording: str, since: int, timeout_s: float) -> Recording | None:
        """Wait until a recording's version is no longer `since`; None if that does not happen."""
        event = threading.Event()

        def hear(changed: str) -> None:
            if changed == recording:
                event.set()

        stop = self.changes.watch(hear)
        try:
            for last in (False, True):
                found = self.get(owner, recording)
                if found.version != since:
                    return found
                if last or not event.wait(timeout_s):
                    break
            return None
        finally:
            stop()

    # ---------------------------------------------------------- going

    def delete(self, owner: str, recording: str) -> None:
        """Delete for good: work on it is stopped, its key destroyed, all files removed."""
        with self.database.writing() as connection:
            row = self._find(connection, owner, recording)
            connection.execute(idempotency.delete().where(idempotency.c.recording == row.id))
            connection.execute(
                recordings.update()
                .where(recordings.c.id == row.id)
                .values(
                    state="deleting", same=None, token=None, lease_until=None, step=None,
                    version=recordings.c.version + 1, changed_at=self.database.now(connection),
                )
            )  # fmt: skip
        self.finish_delete(recording)

    def finish_delete(self, recording: str) -> None:
        """Do what is left to do of a deletion; may be repeated."""
        for call in self.on_delete:
            call(recording)
        self.vault.destroy(recording)
        with self.database.writing() as connection:
            gone = (recordings.c.id == recording) & (recordings.c.state == "deleting")
            connection.execute(recordings.delete().where(gone))
        self.changes.tell(recording)
