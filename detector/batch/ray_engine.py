"""Jobs on a Ray cluster: the same outcomes as on one machine, no shared disk needed.

Ray decides where workers run. Each worker is an actor (`detector.batch.ray_node`) that keeps the
loaded model; a thread here serves it: sends a recording in pieces, hears of its steps, fetches
what the task wrote into the job's folder. What is lost with a node goes back to the front of the
queue, and the thread asks Ray for another actor.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from detector.batch.ray_carry import CancelledError, fetch, send
from detector.batch.ray_cluster import Cluster, RayError, first_line, ray
from detector.batch.ray_node import Ended, NodeWorker
from detector.errors import DetectorError, OutputError
from detector.jobs import Engine, Job, OnStep, Outcome, TimeLimit, WorkersError, in_turn

if TYPE_CHECKING:
    from detector.batch.run import MakeEngine

__all__ = ["RayEngine", "ray_engine", "ray_share"]

_HEAR_S = 1.0
_ANSWER_S = 120.0
"""A node that does not answer for so long is given up."""
_FREE_S = 300.0
"""So long it may take until there is any worker."""
_GROW_S = 5.0
_STARTS = 3
_LOSSES = 3
"""So often a job may lose its worker on nodes that live on (as by Ray's guard of memory)."""
_ALL_LOSSES = 8


@dataclass(eq=False)
class _Ticket:
    job: Job
    done: Callable[[Outcome], None]
    report: OnStep | None
    lost_on: list[str] = field(default_factory=list)
    cancelled: bool = False


class _Held:
    """An actor as its thread holds it."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.node = ""
        self.ticket: _Ticket | None = None

    def ask(self, method: str, *values: Any) -> Any:
        """Call the actor and wait; RayError where it is lost or does not answer."""
        return ray.get(getattr(self.actor, method).remote(*values), timeout=_ANSWER_S)

    def kill(self) -> None:
        with suppress(Exception):  # it is gone already, or the whole cluster is
            ray.kill(self.actor)


class RayEngine:
    """Workers on a cluster; offers what `detector.workers.LocalEngine` does.

    Args:
        address: of the cluster; None for `RAY_ADDRESS` or the one this machine belongs to.
        factory: the task, `module:function`, as for `LocalEngine`; nodes must have it.
        config: what the function is called with. It, or its `options`, says `whisper_model` and
            `device`, where it says so at all.
        workers: at most so many; fewer where the cluster is smaller.
        threads: CPUs a worker.
        limit: how long jobs may take.

    Raises:
        OptionError: the cluster cannot be reached or has no room.
        WorkersError: a node's program is not as this one.
    """

    def __init__(
        self,
        address: str | None,
        factory: str,
        config: Any,
        workers: int,
        threads: int = 1,
        limit: TimeLimit | None = None,
    ) -> None:
        self.workers, self.threads = workers, max(1, threads)
        self.peak_bytes = 0
        """The highest resident memory of any worker so far."""
        self._cluster = Cluster(address, self.threads, getattr(config, "options", config))
        self._class = ray.remote(NodeWorker).options(
            max_restarts=0, max_concurrency=4, scheduling_strategy="SPREAD", **self._cluster.demand
        )
        self._given = (factory, ray.put(config), self.threads, limit or TimeLimit())
        self._lock = threading.Condition()
        self._waiting: deque[_Ticket] = deque()
        self._held: list[_Held] = []
        self._slots: list[threading.Thread] = []
        self._left = 0
        """Threads that still try to have a worker."""
        self._why: DetectorError = WorkersError("没有工作进程 (no workers)。")
        self._none_since = time.monotonic()
        self._closed = threading.Event()
        self._grow()
        threading.Thread(target=self._keep_growing, name="ray-grow", daemon=True).start()

    def __enter__(self) -> "RayEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self, job: Job, done: Callable[[Outcome], None], report: OnStep | None = None
    ) -> None:
        """Take a job; `done` and `report` are called from a thread of this engine."""
        with self._lock:
            if self._left:
                self._waiting.append(_Ticket(job, done, report))
                self._lock.notify()
                return
        done(self._unusable(job))

    def cancel(self, job_id: str) -> None:
        """Give a job up, whether it waits or runs; its outcome is "cancelled"."""
        with self._lock:
            waiting = [ticket for ticket in self._waiting if ticket.job.id == job_id]
            for ticket in waiting:
                self._waiting.remove(ticket)
            for held in self._held:
                if held.ticket and held.ticket.job.id == job_id:
                    held.ticket.cancelled = True
                    with suppress(RayError):  # lost: its thread will see to it
                        held.actor.cancel.remote(job_id)
        for ticket in waiting:
            ticket.done(Outcome(ticket.job, "cancelled", tries=0))

    def run(self, jobs: Iterable[Job], report: OnStep | None = None) -> Iterator[Outcome]:
        """Yield the outcomes of jobs as they come.

        Raises:
            DetectorError: no worker can be started, or the task cannot be loaded.
        """
        return in_turn(self.submit, lambda: len(self._slots) + 1, jobs, report)

    def close(self) -> None:
        """Kill all workers and leave the cluster; jobs that run are given up."""
        self._closed.set()
        with self._lock:
            self._waiting.clear()
            held = list(self._held)
            self._lock.notify_all()
        for one in held:
            one.kill()
        until = time.monotonic() + 1.0
        for slot in self._slots:
            slot.join(max(0.0, until - time.monotonic()))
        self._cluster.close()

    # ---------------------------------------------------------- how many workers

    def _grow(self) -> None:
        """Serve as many workers as the cluster can hold by now."""
        wanted = min(self.workers, self._cluster.capacity())
        with self._lock:
            while len(self._slots) < wanted and not self._closed.is_set():
                slot = threading.Thread(target=self._serve, name="ray-worker", daemon=True)
                self._slots.append(slot)
                self._left += 1
                slot.start()

    def _keep_growing(self) -> None:
        while not self._closed.wait(_GROW_S):
            with suppress(Exception):  # the head does not answer just now
                self._grow()

    def _unusable(self, job: Job) -> Outcome:
        return Outcome(job, "unusable", value=self._why, error=str(self._why))

    def _retire(self) -> None:
        """A thread gives up; the last one answers for all jobs that wait."""
        with self._lock:
            self._left -= 1
            left = [] if self._left or self._closed.is_set() else list(self._waiting)
            if left:
                self._waiting.clear()
        for ticket in left:
            ticket.done(self._unusable(ticket.job))

    # ---------------------------------------------------------- a thread's side

    def _serve(self) -> None:
        failed = 0
        while not self._closed.is_set() and failed < _STARTS:
            held = None
            try:
                held = self._start()
                while held and (ticket := self._next()):
                    self._do(held, ticket)
                    failed = 0
            except DetectorError as error:  # the same would happen again
                failed, self._why = _STARTS, error
            except Exception as error:  # whatever kind it is of Ray's many, the actor is given up
                if held is None and not self._closed.is_set():
                    failed += 1
                    said = f"Ray 无法启动工作进程:{first_line(error)} (cannot start workers)。"
                    self._why = WorkersError(said)
                    self._closed.wait(failed)
            finally:
                if held:
                    with self._lock:
                        self._held.remove(held)
                        self._none_since = time.monotonic()
                    held.kill()
        self._retire()

    def _start(self) -> _Held | None:
        """Wait until Ray has placed an actor; None where the engine was closed meanwhile."""
        held = _Held(self._class.remote(*self._given))
        try:
            said = held.actor.describe.remote(self._cluster.whisper_model)
            while not ray.wait([said], timeout=0.5)[0]:
                if self._closed.is_set():
                    held.kill()
                    return None
                self._check_some_are_placed()
            with self._cluster.understood("?"):
                held.node, address = held.ask("where")
                self._cluster.check(ray.get(said, timeout=0), address)
        except BaseException:
            held.kill()
            raise
        with self._lock:
            self._held.append(held)
        return held

    def _check_some_are_placed(self) -> None:
        with self._lock:
            if self._held or not self._waiting:
                self._none_since = time.monotonic()
            elif time.monotonic() - self._none_since > _FREE_S:
                raise WorkersError(
                    f"等了 {_FREE_S:.0f} 秒,Ray 集群没有空闲的 CPU 或内存给一个工作进程;"
                    "请用 ray status 查看 (no free resources in the cluster)。"
                )

    def _next(self) -> _Ticket | None:
        with self._lock:
            while not self._waiting and not self._closed.is_set():
                self._lock.wait(1.0)
            return None if self._closed.is_set() else self._waiting.popleft()

    def _do(self, held: _Held, ticket: _Ticket) -> None:
        """Have a job done; what is raised says that the actor is of no more use."""
        with self._lock:
            held.ticket = ticket
        try:
            outcome = self._work(held, ticket)
            held.ask("clear")
        except CancelledError:
            outcome = Outcome(ticket.job, "cancelled")
            held.ask("clear")
        except RayError as error:  # before OSError: Ray's time-out is one of these too
            if not self._closed.is_set():
                self._lost(held, ticket, first_line(error))
            raise
        except OSError as error:
            reason = f"{error.strerror or error}"
            said = f"无法读取 {ticket.job.path.name}:{reason};请再运行一次 (cannot read)。"
            outcome = Outcome(ticket.job, "failed", error=said)
            held.ask("clear")
        finally:
            with self._lock:
                held.ticket = None
        if outcome.kind == "unusable":
            with self._lock:
                self._waiting.appendleft(ticket)
            raise outcome.value or WorkersError(outcome.error)
        self.peak_bytes = max(self.peak_bytes, outcome.peak_bytes or 0)
        ticket.done(outcome)

    def _work(self, held: _Held, ticket: _Ticket) -> Outcome:
        job = ticket.job
        places = send(held.ask, job, lambda: ticket.cancelled)
        bare = replace(job, out=None if job.out is None else job.path)  # it has a folder of its own
        held.ask("begin", bare, places)
        if ticket.cancelled:
            held.ask("cancel", job.id)
        while True:
            for news in held.ask("hear", _HEAR_S):
                if not isinstance(news, Ended):
                    if ticket.report:
                        ticket.report(job, *news)
                    continue
                outcome = replace(news.outcome, job=job)
                try:
                    if job.out is not None and outcome.kind == "done":
                        fetch(held.ask, news, job.out)
                except OutputError as error:
                    return replace(outcome, kind="no_output", value=None, error=str(error))
                return outcome

    def _lost(self, held: _Held, ticket: _Ticket, reason: str) -> None:
        """Put a job back whose actor was lost; a node that died is no fault of the job."""
        ticket.lost_on.append(held.node)
        alive: set[str] = set()
        with suppress(Exception):
            alive = self._cluster.alive()
        times = len(ticket.lost_on)
        if ticket.cancelled:
            ticket.done(Outcome(ticket.job, "cancelled"))
        elif times < _ALL_LOSSES and sum(node in alive for node in ticket.lost_on) < _LOSSES:
            with self._lock:
                self._waiting.appendleft(ticket)
                self._lock.notify()
        else:
            said = (
                f"分析这个文件的 Ray 工作进程 {times} 次中断:{reason};其他文件不受影响 "
                "(worker lost)。"
            )
            ticket.done(Outcome(ticket.job, "crashed", error=said, tries=times))


def ray_share(workers: int | None, threads: int, jobs: int) -> tuple[int, int]:
    """Return workers (at most) and threads a worker; how many there will be the cluster says."""
    return max(1, min(workers or jobs, jobs)), threads or 1


def ray_engine(address: str | None) -> "MakeEngine":
    """Return what makes engines on a cluster; None stands for `RAY_ADDRESS` or this machine's."""

    def make(task: str, config: Any, workers: int, threads: int) -> Engine:
        return RayEngine(address, task, config, workers, threads)

    return make
