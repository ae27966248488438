"""The one home of crash-isolated work: processes that do jobs and may die at it.

A task is named as ``module:function``; every worker process calls that function once with a
configuration (models are loaded there) and then calls what it returned with job after job and a
`step` to report progress. Whatever happens to a worker (native crash, lack of memory, `kill -9`,
a hang) costs the job it was doing, and that only after a second try; the worker is replaced.
Workers die with the process that made them.

`Engine` (in `detector.jobs`) is what users of workers see, so that another engine can stand
beside `LocalEngine`.
"""

import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from detector.errors import DetectorError
from detector.jobs import Engine, Job, OnStep, Outcome, TimeLimit, WorkersError, in_turn
from detector.worker_process import Ticket, WorkerProcess, death

__all__ = ["Engine", "Job", "LocalEngine", "OnStep", "Outcome", "TimeLimit", "WorkersError"]

_TICK_S = 0.25
_ASLEEP_S = 10.0
"""A pause this long between two ticks is a suspended machine, not time spent on a job."""
_STARTS = 3
_TRIES = 2
_RECYCLE_BYTES = 1_500_000_000


class _Slot:
    """A place for a worker. Empty once no worker starts there any more."""

    def __init__(self) -> None:
        self.worker: WorkerProcess | None = None
        self.failed_starts = 0
        self.reasons: list[str] = []


class LocalEngine:
    """Worker processes on this machine. All state belongs to one thread, the keeper."""

    def __init__(
        self,
        factory: str,
        config: Any,
        workers: int = 1,
        threads: int = 1,
        limit: TimeLimit | None = None,
        recycle_bytes: int = _RECYCLE_BYTES,
    ) -> None:
        self.factory, self.config = factory, config
        self.workers, self.threads = workers, threads
        self.limit = limit or TimeLimit()
        self.peak_bytes = 0
        """The highest resident memory of any worker so far."""
        self._recycle_bytes = recycle_bytes
        self._events: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._waiting: deque[Ticket] = deque()
        self._slots = [_Slot() for _ in range(workers)]
        self._fatal: DetectorError | None = None
        # The kernel kills workers when the thread that started them ends: that must be this one.
        self._keeper = threading.Thread(target=self._keep, name="workers", daemon=True)
        self._keeper.start()

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self, job: Job, done: Callable[[Outcome], None], report: OnStep | None = None
    ) -> None:
        """Take a job; `done` and `report` are called from the keeper's thread."""
        self._events.put(("submit", Ticket(job, done, report)))

    def cancel(self, job_id: str) -> None:
        """Give a job up, whether it waits or runs; its outcome is "cancelled"."""
        self._events.put(("cancel", job_id))

    def pids(self) -> list[int]:
        """Return the process ids of the workers as they are now."""
        return [worker.pid for slot in self._slots if (worker := slot.worker) is not None]

    def run(self, jobs: Iterable[Job], report: OnStep | None = None) -> Iterator[Outcome]:
        """Yield the outcomes of jobs as they come.

        Raises:
            DetectorError: no worker can be started, or the task cannot be loaded.
        """
        return in_turn(self.submit, lambda: self.workers + 1, jobs, report)

    def close(self) -> None:
        """Kill all workers; returns when they are gone (well within 2 seconds)."""
        self._events.put(("close",))
        self._keeper.join(5.0)

    # ---------------------------------------------------------- the keeper's side

    def _keep(self) -> None:
        handle: dict[str, Callable[..., None]] = {
            "submit": self._submitted,
            "cancel": self._cancelled,
            "message": self._heard,
            "gone": self._gone,
        }
        for slot in self._slots:
            self._start(slot)
        ticked = time.monotonic()
        event: tuple[Any, ...] | None = None
        while event != ("close",):
            try:
                event = self._events.get(timeout=_TICK_S)
            except queue.Empty:
                event = None
            now = time.monotonic()
            if now - ticked > _ASLEEP_S:
                for worker in self._workers():
                    worker.asleep(now - ticked)
            ticked = now
            try:
                if event and event[0] in handle:
                    handle[event[0]](*event[1:])
                self._check_limits(now)
                self._hand_out()
            except Exception:  # of a callback: it must not stop the work of others
                traceback.print_exc()
        for worker in self._workers():
            worker.end()

    def _workers(self) -> list[WorkerProcess]:
        return [slot.worker for slot in self._slots if slot.worker is not None]

    def _start(self, slot: _Slot) -> None:
        while slot.failed_starts < _STARTS:
            try:
                slot.worker = WorkerProcess(
                    self.factory, self.config, self.threads, self._events.put
                )
                return
            except OSError as error:
                slot.failed_starts += 1
                slot.reasons.append(str(error))

    def _submitted(self, ticket: Ticket) -> None:
        self._waiting.append(ticket)
        self._refuse_if_none_works()

    def _cancelled(self, job_id: str) -> None:
        for ticket in [t for t in self._waiting if t.job.id == job_id]:
            self._waiting.remove(ticket)
            ticket.done(Outcome(ticket.job, "cancelled", tries=ticket.tries))
        for worker in self._workers():
            if worker.ticket and worker.ticket.job.id == job_id:
                self._finish(self._replace(worker), worker, "cancelled")

    def _heard(self, worker: WorkerProcess, message: tuple[str, str, Any]) -> None:
        what, job_id, value = message
        ticket = worker.ticket
        if worker not in self._workers():
            return  # already given up
        worker.heard = time.monotonic()
        if what == "ready":
            worker.ready = True
            self._slot(worker).failed_starts = 0
        elif what == "unusable":
            self._fatal = value
            self._slot(worker).failed_starts = _STARTS
            self._replace(worker, str(value))
        elif ticket is None or ticket.job.id != job_id:
            return
        elif what == "step":
            name, done, whole = value
            if name == "read":
                worker.limits = self.limit.of(ticket.job, whole)
            if ticket.report:
                ticket.report(ticket.job, name, done, whole)
        else:
            kind, result, used = value
            if used:
                worker.peak = used[1]
                self.peak_bytes = max(self.peak_bytes, used[1])
            worker.ticket = None
            if kind == "no_memory" or (used and used[0] > self._recycle_bytes):
                self._replace(worker)
            if kind == "no_memory":
                self._try_again(ticket, worker, "内存不足 (out of memory)")
            else:
                self._finish(ticket, worker, kind, result)

    def _gone(self, worker: WorkerProcess) -> None:
        if worker not in self._workers():
            return
        slot = self._slot(worker)
        slot.failed_starts += not worker.ready
        code, words = worker.end(ending=True)
        ticket = self._replace(worker, f"{death(code)} {words[-300:]}")
        if ticket:
            self._try_again(ticket, worker, death(code))

    def _check_limits(self, now: float) -> None:
        for worker in self._workers():
            overdue = worker.overdue(now)
            if not overdue:
                continue
            self._slot(worker).failed_starts += not worker.ready
            ticket = self._replace(worker, f"启动时{overdue}")
            if ticket:
                said = f"分析这个文件{overdue},已放弃;其他文件不受影响 (took too long)。"
                self._finish(ticket, worker, "timed_out", said)

    def _try_again(self, ticket: Ticket, worker: WorkerProcess, reason: str) -> None:
        if ticket.tries < _TRIES:
            self._waiting.append(ticket)  # behind the others: it may end a worker again
            return
        said = f"分析这个文件的进程 {_TRIES} 次意外终止:{reason};其他文件不受影响 (worker died)。"
        self._finish(ticket, worker, "crashed", said)

    def _finish(
        self, ticket: Ticket | None, worker: WorkerProcess, kind: str, result: Any = None
    ) -> None:
        if ticket is None:
            return
        if kind == "failed":
            result = f"分析这个文件时程序出错:{result};请报告这个问题 (unexpected error)。"
        done = kind == "done"
        ticket.done(
            Outcome(
                ticket.job,
                kind,
                value=result if done else None,
                error="" if done or result is None else str(result),
                seconds=round(time.monotonic() - worker.began, 3),
                tries=ticket.tries,
                peak_bytes=worker.peak,
            )
        )

    def _slot(self, worker: WorkerProcess) -> _Slot:
        return next(slot for slot in self._slots if slot.worker is worker)

    def _replace(self, worker: WorkerProcess, reason: str = "") -> Ticket | None:
        """End a worker and start the next; returns the job that it was doing."""
        worker.end()
        ticket, worker.ticket = worker.ticket, None
        slot = self._slot(worker)
        slot.worker = None
        if slot.failed_starts:
            slot.reasons.append(reason.strip())
        self._start(slot)
        self._refuse_if_none_works()
        return ticket

    def _refuse_if_none_works(self) -> None:
        if any(slot.worker for slot in self._slots):
            return
        reasons = dict.fromkeys(
            reason for slot in self._slots for reason in slot.reasons[-_STARTS:]
        )
        said = f"无法启动工作进程:{' / '.join(reasons)} (workers cannot be started)。"
        while self._waiting:
            ticket = self._waiting.popleft()
            error = self._fatal or WorkersError(said)
            ticket.done(Outcome(ticket.job, "unusable", value=error, error=str(error)))

    def _hand_out(self) -> None:
        for worker in self._workers():
            if self._waiting and worker.ready and worker.ticket is None:
                ticket = self._waiting.popleft()
                worker.begin(ticket, self.limit.of(ticket.job, None))
