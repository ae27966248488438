"""Who waits for a recording to change is told, whichever server process changed it."""

import threading
from collections.abc import Callable
from contextlib import suppress

import sqlalchemy as sa

from api.database import Database
from api.errors import ServiceError
from api.tables import recordings

__all__ = ["Changes"]

_POLL_S = 1.0
_BACK_S = 10.0
"""How far back a poll looks: a change may be committed later than it is stamped."""

Callback = Callable[[str], None]


class Changes:
    """Tells those who watch. Other servers' changes are found by asking once a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._watching: dict[int, Callback] = {}
        self._number = 0
        self._versions: dict[str, int] = {}
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def watch(self, callback: Callback) -> Callable[[], None]:
        """Call back with the id of every recording that changes; returns how to stop that."""
        with self._lock:
            self._number += 1
            mine = self._number
            self._watching[mine] = callback
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._poll, name="changes", daemon=True)
                self._thread.start()
        self._wake.set()

        def stop() -> None:
            with self._lock:
                self._watching.pop(mine, None)

        return stop

    def tell(self, recording: str) -> None:
        """Say that a recording changed."""
        with self._lock:
            callbacks = list(self._watching.values())
        for callback in callbacks:
            with suppress(Exception):  # of a listener that is just leaving
                callback(recording)

    def _poll(self) -> None:
        while not self._closed:
            self._wake.wait(None if not self._watching else _POLL_S)
            self._wake.clear()
            if self._watching and not self._closed:
                with suppress(ServiceError):  # away; the next poll looks back far enough
                    self._look()

    def _look(self) -> None:
        columns = sa.select(recordings.c.id, recordings.c.version)
        with self._database.reading() as connection:
            since = self._database.now(connection) - _BACK_S
            rows = connection.execute(columns.where(recordings.c.changed_at > since)).all()
        before, self._versions = self._versions, {row.id: row.version for row in rows}
        for recording, version in self._versions.items():
            if before.get(recording) != version:
                self.tell(recording)

    def close(self) -> None:
        """Stop asking."""
        self._closed = True
        self._wake.set()
