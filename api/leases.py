"""Who works on what: a recording is leased to one attempt of one server at a time.

An attempt has a token. Every change that it makes is made only while its token stands in the
row, so that of several attempts (a server that was thought dead, a database that was away) one
at most publishes. Leases end by the database's clock.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from api.database import Database
from api.tables import recordings

__all__ = ["LEASE_S", "Claim", "Leases"]

LEASE_S = 30.0
"""How long a server may be silent before others take its work."""
MOST_ATTEMPTS = 25
"""A recording whose work ends its server this often is given up."""
_FREE = {"token": None, "server": None, "lease_until": None, "step": None,
         "done_s": None, "total_s": None}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at one recording."""

    recording: str
    token: str
    attempts: int = 1
    """Which one it is."""

    @property
    def worn_out(self) -> bool:
        """Whether it was tried too often already; to be failed, not to be tried."""
        return self.attempts > MOST_ATTEMPTS


class Leases:
    """What a dispatcher asks of the database. AwayError where that is away."""

    def __init__(self, database: Database, server: str) -> None:
        self._database, self._server = database, server

    def claim(self) -> Claim | None:
        """Take the next recording that waits, or whose attempt is silent; None if there is none."""
        token = secrets.token_hex(16)
        table = recordings.c

        def free(now: float) -> Any:
            silent = (table.state == "running") & (table.lease_until < now)
            waiting = sa.select(table.id, table.attempts).where((table.state == "queued") | silent)
            return waiting.order_by(table.created_at, table.id).limit(1)

        with self._database.reading() as connection:
            if connection.execute(free(self._database.now(connection))).one_or_none() is None:
                return None
        with self._database.writing() as connection:
            now = self._database.now(connection)
            row = connection.execute(free(now).with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            connection.execute(
                recordings.update()
                .where(table.id == row.id)
                .values(
                    **_FREE
                    | {
                        "state": "running",
                        "token": token,
                        "server": self._server,
                        "lease_until": now + LEASE_S,
                        "attempts": row.attempts + 1,
                    },
                    version=table.version + 1,
                    changed_at=now,
                )
            )
        return Claim(row.id, token, row.attempts + 1)

    def _change(self, claim: Claim, values: Mapping[str, Any], visible: bool = True) -> bool:
        """Change a row if the attempt still holds it."""
        held = (recordings.c.id == claim.recording) & (recordings.c.token == claim.token)
        with self._database.writing() as connection:
            now = self._database.now(connection)
            more: dict[str, Any] = {}
            if visible:
                more = {"version": recordings.c.version + 1, "changed_at": now}
            if "finished_at" in values:
                more["finished_at"] = now
            if "lease_until" in values and values["lease_until"] is not None:
                more["lease_until"] = now + LEASE_S
            changed = connection.execute(
                recordings.update()
                .where(held, recordings.c.state == "running")
                .values({**values, **more})
            )
            return changed.rowcount == 1

    def beat(self, claim: Claim, progress: tuple[str, float, float | None] | None) -> bool:
        """Keep an attempt's lease, and show how far it is; False if it was lost."""
        values: dict[str, Any] = {"lease_until": 0.0}
        if progress:
            step, done, whole = progress
            values |= {"step": step[:32], "done_s": done, "total_s": whole}
        return self._change(claim, values, visible=progress is not None)

    def publish(self, claim: Claim) -> bool:
        """Make an attempt's results the recording's; False if that is no longer its to do."""
        done = {"state": "done", "result": claim.token, "error": None, "finished_at": 0.0}
        if self._change(claim, _FREE | done):
            return True
        mine = (recordings.c.id == claim.recording) & (recordings.c.result == claim.token)
        with self._database.reading() as connection:  # it was, but the answer was lost?
            published = connection.execute(sa.select(recordings.c.id).where(mine)).one_or_none()
        return published is not None

    def fail(self, claim: Claim, kind: str, again: bool) -> bool:
        """Say that a recording cannot be scanned; `again`: it may be sent once more."""
        failed: dict[str, Any] = {"state": "failed", "error": kind, "finished_at": 0.0}
        if again:
            failed["same"] = None
        return self._change(claim, _FREE | failed)

    def release(self, claim: Claim, counts: bool = False) -> bool:
        """Put a recording back into the queue; the attempt does not count unless it should."""
        back = {"state": "queued", "attempts": claim.attempts - (not counts)}
        return self._change(claim, _FREE | back)

    def revive(self, servers: Iterable[str]) -> list[str]:
        """Put back what servers that are gone were at; return the recordings."""
        table = recordings.c
        with self._database.writing() as connection:
            theirs = (table.state == "running") & table.server.in_(list(servers))
            found = list(connection.execute(sa.select(table.id).where(theirs)).scalars())
            if found:
                connection.execute(
                    recordings.update()
                    .where(theirs)
                    .values(
                        **_FREE, state="queued", version=table.version + 1,
                        changed_at=self._database.now(connection),
                    )
                )  # fmt: skip
        return found
