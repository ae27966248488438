"""Clips and evidence: made on request, in a worker process that is started at first use."""

import logging
import secrets
import shutil
import threading
from pathlib import Path
from typing import Any

from api.errors import ConflictError, FullError, NotFoundError, ServiceError
from api.orders import Order
from api.recordings import Store
from detector.jobs import Job, Outcome
from detector.workers import LocalEngine

__all__ = ["Desk"]

log = logging.getLogger("detector.api.desk")
_WAIT_S = 1800.0
_CANCEL_S = 10.0
TASK = "api.desk_tasks:load"


class Desk:
    """Does one piece of work after another; callers wait."""

    def __init__(self, store: Store, task: str = TASK) -> None:
        self._store, self._task = store, task
        self._lock = threading.Lock()
        self._engine: LocalEngine | None = None
        self._under_way: dict[str, tuple[str, threading.Event]] = {}
        self._closed = False
        store.on_delete.append(self.cancel)

    def do(
        self,
        owner: str,
        recording: str,
        what: str,
        details: dict[str, Any],
        folder: Path | None = None,
    ) -> Any:
        """Have something made from a recording; returns what the task does.

        Files that the task leaves are in `out` below `folder`, where one (of `new_folder`) is
        given; it is the caller's to remove.

        Raises:
            NotFoundError: it is not there, or was deleted meanwhile.
            FullError: the disk is full.
            ServiceError: it cannot be made.
        """
        vault = self._store.vault
        meta = self._store.meta(owner, recording)
        private = folder or self.new_folder(recording)
        try:
            (private / "out").mkdir(mode=0o700)
        except OSError:
            raise FullError from None
        order = Order(meta["name"], vault.key(recording), meta["options"], 0.0, what, details)
        sealed = vault.folder(recording) / "original"
        job = Job(secrets.token_hex(8), sealed, order, out=private / "out")
        ended, outcomes = threading.Event(), []

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            ended.set()

        with self._lock:
            if self._closed:
                raise ServiceError("服务正在停止。", "The service is stopping.", status=503)
            if self._engine is None:
                self._engine = LocalEngine(self._task, None)
            self._under_way[job.id] = recording, ended
            self._engine.submit(job, done)
        try:
            if not ended.wait(_WAIT_S):
                self._engine.cancel(job.id)
            return _value(outcomes[0] if outcomes else Outcome(job, "timed_out"), recording)
        finally:
            with self._lock:
                self._under_way.pop(job.id, None)
            if folder is None:
                shutil.rmtree(private, ignore_errors=True)

    def cancel(self, recording: str) -> None:
        """Stop work on a recording that is being deleted."""
        with self._lock:
            mine = [(job, end) for job, (of, end) in self._under_way.items() if of == recording]
            engine = self._engine
        for job, ended in mine:
            if engine is not None:
                engine.cancel(job)
            ended.wait(_CANCEL_S)

    def new_folder(self, recording: str) -> Path:
        """Make a private folder for work on a recording; FullError if that cannot be."""
        try:
            return self._store.vault.places.private(recording, "desk")
        except OSError:
            raise FullError from None

    def close(self) -> None:
        """Stop."""
        with self._lock:
            self._closed = True
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


def _value(outcome: Outcome, recording: str) -> Any:
    if outcome.kind == "done":
        return outcome.value
    log.warning("recording %s: desk %s", recording, outcome.kind)
    if outcome.kind == "cancelled":
        raise NotFoundError
    if outcome.kind == "no_output":
        raise FullError
    if outcome.kind == "bad_input":
        raise ConflictError(outcome.error, "It cannot be made from this recording.")
    raise ServiceError("生成时程序出错,请再试一次。", "It could not be made; please try again.")
