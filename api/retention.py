"""Tidying: what is too old is deleted, what was begun is finished, what nobody holds is freed."""

import logging
import threading
import time
from contextlib import suppress

import sqlalchemy as sa

from api.errors import NotFoundError, ServiceError
from api.leases import Leases
from api.recordings import Store
from api.tables import recordings

__all__ = ["Tidier"]

log = logging.getLogger("detector.api.retention")
_EACH_S = 60.0
_PENDING_S = 3600.0
"""An upload that the database does not know after this long was never accepted."""


class Tidier:
    """Tidies at the start and once a minute, in a thread of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._leases = Leases(store.database, store.vault.places.server)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tidier", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is being done."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            wait = _EACH_S
            try:
                self.tidy()
            except (ServiceError, OSError) as error:
                log.warning("tidying waits: %s", type(error).__name__)
                wait = 5.0
            except Exception as error:
                log.error("tidying: %s", type(error).__name__)
            self._stopping.wait(wait)

    def tidy(self) -> None:
        """Do everything once.

        Raises:
            AwayError: the database cannot be reached.
            OSError: something cannot be removed.
        """
        self._bury()
        self._delete()
        self._forget()

    def _bury(self) -> None:
        """Free what servers that are gone held, and remove what they left."""
        places = self._store.vault.places
        gone = places.dead()
        if gone:
            freed = self._leases.revive(gone)
            for server in gone:
                places.bury(server)
            for recording in freed:
                log.info("recording %s: back in the queue", recording)
                self._store.changes.tell(recording)
            for call in self._store.on_new if freed else ():
                call()
        places.empty_trash()

    def _delete(self) -> None:
        """Finish deletions, and delete what is past its time."""
        table = recordings.c
        with self._store.database.reading() as connection:
            now = self._store.database.now(connection)
            begun = connection.execute(sa.select(table.id).where(table.state == "deleting")).all()
            old = connection.execute(
                sa.select(table.id, table.owner).where(
                    table.expires_at < now, table.state != "deleting"
                )
            ).all()
        for row in begun:
            self._store.finish_delete(row.id)
        for row in old:
            with suppress(NotFoundError):
                self._store.delete(row.owner, row.id)
                log.info("recording %s: deleted, its time is over", row.id)

    def _forget(self) -> None:
        """Remove uploads that were never accepted; of accepted ones, only the mark."""
        vault = self._store.vault
        waiting = dict(vault.pending())
        if not waiting:
            return
        with self._store.database.reading() as connection:
            ids = sa.select(recordings.c.id).where(recordings.c.id.in_(list(waiting)))
            known = set(connection.execute(ids).scalars())
        for recording, since in waiting.items():
            if recording in known:
                vault.accepted(recording)
            elif time.time() - since > _PENDING_S:
                with suppress(NotFoundError):
                    vault.destroy(recording)
