"""The dispatcher: takes recordings from the queue, has workers scan them, publishes once.

One thread a server process. What it holds is leased (`api.leases`) and kept by heartbeats; if
this process dies, another one (or its successor) takes the work again. Whether the database is
away, the disk full or the passphrase missing, jobs wait; none is lost.
"""

import logging
import queue
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from api.engines import Runner, make_runner
from api.errors import DamagedError, FullError, LockedError, NotFoundError, ServiceError
from api.failures import REPEATABLE
from api.leases import Claim, Leases
from api.orders import Finished, Order
from api.recordings import Store
from api.settings import Settings
from api.tasks_config import Config
from api.vault import result_folder
from detector.errors import DetectorError
from detector.jobs import Job, Outcome, cores, share

__all__ = ["Dispatcher"]

log = logging.getLogger("detector.api.jobs")
_TICK_S = 0.25
_PROGRESS_S = 0.5
_BEAT_S = 2.0
_LOOK_S = 1.0
_PAUSE_S = 30.0
_AWAY_S = 1.0
_CANCEL_S = 10.0
_CRASHES = 5
"""Attempts, of two tries each, after which a recording that ends workers is given up."""


@dataclass
class _Held:
    """An attempt of ours: its job, what was last heard of it, and how it ended."""

    claim: Claim
    job: Job
    private: Path
    beaten: float
    progress: tuple[str, float, float | None] | None = None
    news: bool = False
    given_up: bool = False
    outcome: Outcome | None = None
    ended: threading.Event = field(default_factory=threading.Event)


_THREADS = 2
"""Threads a worker, if nothing else is said: who waits for one recording alone waits less, and
whole folders are work for `detector batch`."""


class Dispatcher:
    """Works through the queue between `start` and `stop`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._vault = store.vault
        self._leases = Leases(store.database, store.vault.places.server)
        workers = settings.workers or (None if settings.engine == "local" else 8)
        threads = settings.threads or (0 if workers else min(_THREADS, cores()))
        self.workers, self._threads = share(workers, threads)
        if settings.engine != "local" and workers:
            self.workers = workers
        self._events: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._runner: Runner | None = None
        self._stopping = False
        self._wait_until = self._look_at = 0.0
        self._thread: threading.Thread | None = None
        self.problem: str | None = None
        """Why nothing is worked on now, as one word: away, full, unusable, locked; or None."""

    # ---------------------------------------------------------- for others to call

    def start(self) -> None:
        """Begin; returns at once."""
        self._store.on_new.append(self.wake)
        self._store.on_delete.append(self.cancel)
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look into the queue now."""
        self._look_at = 0.0
        self._events.put(None)

    def pids(self) -> list[int]:
        """Return the process ids of the workers, where they are of this machine."""
        pids = getattr(self._runner, "pids", None)
        return list(pids()) if pids else []

    def cancel(self, recording: str) -> None:
        """Give up the work on a recording; returns once no worker is at it any more."""
        with self._lock:
            mine = [held for held in self._held.values() if held.claim.recording == recording]
            for held in mine:
                held.given_up = True
        for held in mine:
            if self._runner is not None and not held.ended.is_set():
                self._runner.cancel(held.job.id)
            held.ended.wait(_CANCEL_S)
            shutil.rmtree(held.private, ignore_errors=True)

    def stop(self) -> None:
        """Stop the workers, and put what they were at back into the queue."""
        self._stopping = True
        self._events.put(None)
        if self._thread is not None:
            self._thread.join(30.0)
        for calls, mine in (
            (self._store.on_new, self.wake),
            (self._store.on_delete, self.cancel),
        ):
            with suppress(ValueError):
                calls.remove(mine)  # type: ignore[arg-type]

    # ---------------------------------------------------------- the thread

    def _run(self) -> None:
        while not self._stopping:
            with suppress(queue.Empty):
                self._events.get(timeout=_TICK_S)
            while not self._events.empty():
                self._events.get()
            if self._stopping:
                break
            try:
                self._finish_all()
                self._beat_all()
                self._fill()
            except LockedError:
                self.problem = "locked"
            except (ServiceError, OSError) as error:
                self._trouble("full" if isinstance(error, FullError) else "away")
                time.sleep(_AWAY_S)
            except Exception as error:  # a bug must not end all work; its words may be a call's
                log.error("dispatcher: %s", type(error).__name__)
                time.sleep(_AWAY_S)
        self._close()

    def _trouble(self, kind: str) -> None:
        if self.problem != kind:
            log.warning("work waits: %s", kind)
        self.problem = kind

    def _close(self) -> None:
        if self._runner is not None:
            self._runner.close()
        for held in list(self._held.values()):
            with suppress(Exception):  # its lease ends by itself
                if held.outcome is not None and not held.given_up:
                    self._finish(held)
                else:
                    self._leases.release(held.claim)
            shutil.rmtree(held.private, ignore_errors=True)
        self._held.clear()

    # ---------------------------------------------------------- taking work

    def _fill(self) -> None:
        now = time.monotonic()
        if now < self._wait_until or now < self._look_at:
            return
        self._vault.check_open()
        if self._runner is None:
            self._runner = self._made()
            if self._runner is None:
                return
        while len(self._held) < self.workers and not self._stopping:
            claim = self._leases.claim()
            if claim is None:
                self._look_at = time.monotonic() + _LOOK_S
                break
            self._begin(claim)
        self.problem = None

    def _made(self) -> Runner | None:
        config = Config(self._settings.whisper_model, self._threads)
        try:
            return make_runner(
                self._settings, self._settings.task, config, self.workers, self._threads
            )
        except DetectorError as error:
            self._unusable(str(error))
            return None

    def _begin(self, claim: Claim) -> None:
        recording = claim.recording
        if claim.worn_out:
            log.warning("recording %s: given up", recording)
            self._fail(claim, "crashed")
            return
        try:
            key = self._vault.key(recording)
            meta = self._vault.read_json(recording, "meta")
        except (NotFoundError, DamagedError):
            self._fail(claim, "lost")
            return
        except BaseException:
            with suppress(ServiceError):
                self._leases.release(claim)
            raise
        try:
            private = self._vault.places.private(recording, "scan")
            (private / "out").mkdir(mode=0o700)
        except OSError:
            self._leases.release(claim)
            raise FullError from None
        order = Order(meta["name"], key, meta["options"], self._settings.max_seconds)
        sealed = self._vault.folder(recording) / "original"
        job = Job(claim.token, sealed, order, out=private / "out")
        held = _Held(claim, job, private, time.monotonic())
        with self._lock:
            self._held[job.id] = held
        log.info("recording %s: begun", recording)
        self._store.changes.tell(recording)
        assert self._runner is not None
        self._runner.submit(job, self._ended, self._step)

    def _step(self, job: Job, name: str, done: float, whole: float | None) -> None:
        """Called from the engine's thread."""
        held = self._held.get(job.id)
        if held is not None:
            held.progress, held.news = (name, done, whole), True

    def _ended(self, outcome: Outcome) -> None:
        """Called from the engine's thread."""
        held = self._held.get(outcome.job.id)
        if held is not None:
            held.outcome = outcome
            held.ended.set()
            self._events.put(None)

    # ---------------------------------------------------------- keeping and ending it

    def _beat_all(self) -> None:
        now = time.monotonic()
        for held in list(self._held.values()):
            if held.outcome is not None or held.given_up:
                continue
            since = now - held.beaten
            if since < (_PROGRESS_S if held.news else _BEAT_S):
                continue
            news, held.news = held.news, False
            kept = self._leases.beat(held.claim, held.progress if news else None)
            held.beaten = now
            if kept and news:
                self._store.changes.tell(held.claim.recording)
            if not kept:  # deleted, or taken by another server
                log.info("recording %s: no longer ours", held.claim.recording)
                held.given_up = True
                if self._runner is not None:
                    self._runner.cancel(held.job.id)

    def _finish_all(self) -> None:
        for held in [h for h in list(self._held.values()) if h.outcome is not None]:
            self._finish(held)
            shutil.rmtree(held.private, ignore_errors=True)
            with self._lock:
                self._held.pop(held.job.id, None)
            self._look_at = 0.0

    def _finish(self, held: _Held) -> None:
        """Write to the database how an attempt ended; may be repeated if that is away."""
        claim, outcome = held.claim, held.outcome
        assert outcome is not None
        kind, said = outcome.kind, outcome.error
        if kind == "done":
            ended: Finished = outcome.value
            kind, said = ended.kind, ended.said
        if held.given_up:
            self._drop(claim)
        elif kind == "done":
            self._publish(held)
        elif kind == "bad_input":
            self._fail(claim, "bad_input", said)
        elif kind == "crashed" and claim.attempts < _CRASHES:
            self._leases.release(claim, counts=True)  # may be what else the machine did
        elif kind in ("no_output", "unusable", "cancelled"):
            self._leases.release(claim)
            if kind == "no_output":
                self._trouble("full")
                self._wait_until = time.monotonic() + _PAUSE_S
            elif kind == "unusable":
                self._unusable(said)
        else:
            self._fail(claim, kind)
        self._store.changes.tell(claim.recording)

    def _publish(self, held: _Held) -> None:
        claim = held.claim
        try:
            self._vault.keep_result(claim.recording, claim.token, held.private / "out")
        except NotFoundError:  # deleted
            return
        if self._leases.publish(claim):
            log.info("recording %s: done", claim.recording)
            self._vault.drop_results(claim.recording, claim.token)
        else:
            self._drop(claim)

    def _fail(self, claim: Claim, kind: str, sentence: str | None = None) -> None:
        if sentence is not None:
            with suppress(NotFoundError, DamagedError):
                self._vault.write_json(claim.recording, "error", {"sentence": sentence})
        if self._leases.fail(claim, kind, kind in REPEATABLE):
            log.info("recording %s: %s", claim.recording, kind)
        self._drop(claim)
        self._store.changes.tell(claim.recording)

    def _drop(self, claim: Claim) -> None:
        """Remove what an attempt that is not published has left."""
        folder = self._vault.folder(claim.recording) / result_folder(claim.token)
        shutil.rmtree(folder, ignore_errors=True)

    def _unusable(self, why: str) -> None:
        """No worker starts: try again later, with new ones. No worker has seen a call yet."""
        if self.problem != "unusable":
            log.warning("no worker starts: %s", why)
        self._trouble("unusable")
        self._wait_until = time.monotonic() + _PAUSE_S
        if self._runner is not None:
            self._runner.close()
            self._runner = None
            for held in self._held.values():  # their workers are gone, and say no more
                if held.outcome is None:
                    held.outcome = Outcome(held.job, "cancelled")
                    held.ended.set()
