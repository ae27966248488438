"""What workers are given and give back, whatever engine runs them."""

import os
import queue
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from detector.errors import DetectorError

__all__ = [
    "Engine",
    "Job",
    "OnStep",
    "Outcome",
    "Step",
    "TimeLimit",
    "WorkersError",
    "cores",
    "in_turn",
    "share",
]

Step = Callable[[str, float, float | None], None]
"""What a task calls with its step, the seconds of recording done, and those there are."""
OnStep = Callable[["Job", str, float, float | None], None]
"""Called with a job, its step, the seconds of recording done, and those there are (if known)."""


_TICK_S = 0.25


class WorkersError(DetectorError):
    """No worker can be started at all."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to work on, and others that belong to it.

    `payload` must be picklable; what a task leaves goes into the folder `out`. `also` are more
    files of the same work, `extra` files that the task reads besides, by names of its own: on
    another machine a task finds these files and no others.
    """

    id: str
    path: Path
    payload: Any = None
    out: Path | None = None
    also: tuple[Path, ...] = ()
    extra: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    `kind` is "done" (`value` is what the task returned), "bad_input" (the task raised a
    DetectorError: `error` is its message), "no_output" (it could not write its results),
    "failed" (another exception), "crashed" (the worker died twice), "timed_out", "cancelled" or
    "unusable" (there are no workers; `value` is the error).
    `peak_bytes` is the worker's peak resident memory so far; `seconds` are wall time of the last
    try.
    """

    job: Job
    kind: str
    value: Any = None
    error: str = ""
    seconds: float = 0.0
    tries: int = 1
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long a job may take and how long it may be silent, by the seconds of its recording.

    What a header says of the length is believed only as far as the file's size allows.
    """

    base_s: float = 300.0
    per_second: float = 20.0
    silent_s: float = 300.0
    silent_per_second: float = 0.2
    least_bytes_per_second: float = 100.0

    def of(self, job: Job, duration_s: float | None) -> tuple[float, float]:
        """Return the seconds in all and the seconds without a step."""
        try:
            size = sum(os.stat(path).st_size for path in (job.path, *job.also))
            most = size / self.least_bytes_per_second
        except OSError:
            most = 0.0
        length = most if duration_s is None else min(duration_s, most)
        return (
            self.base_s + self.per_second * length,
            self.silent_s + self.silent_per_second * length,
        )


class Engine(Protocol):
    """Runs jobs somewhere; `run` may be called several times, one after another."""

    def run(self, jobs: Iterable[Job], report: OnStep | None = None) -> Iterator[Outcome]:
        """Yield outcomes as they come, in any order; jobs are taken from `jobs` as needed."""
        ...

    def close(self) -> None:
        """Stop at once; jobs that run are given up."""
        ...


def in_turn(
    submit: Callable[[Job, Callable[[Outcome], None], OnStep | None], None],
    most: Callable[[], int],
    jobs: Iterable[Job],
    report: OnStep | None,
) -> Iterator[Outcome]:
    """Yield the outcomes of jobs as they come, at most so many submitted at a time.

    Raises:
        DetectorError: an outcome says that there are no workers.
    """
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    source, under_way, more = iter(jobs), 0, True
    while more or under_way:
        while more and under_way < most():
            job = next(source, None)
            if job is None:
                more = False
            else:
                submit(job, outcomes.put, report)
                under_way += 1
        if not under_way:
            return
        try:
            outcome = outcomes.get(timeout=_TICK_S)  # not for ever: Ctrl-C must get in
        except queue.Empty:
            continue
        under_way -= 1
        if outcome.kind == "unusable":
            raise outcome.value or WorkersError(outcome.error)
        yield outcome


def cores() -> int:
    """Return how many cores this process may use: affinity and container limits count."""
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:
        found = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        if quota != "max":
            found = min(found, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return max(1, found)


def _free_memory() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text("ascii").strip()
        free = min(free, int(limit) - int(used))
    except (OSError, ValueError):
        pass
    return free


WORKER_BYTES = 900_000_000
"""What a worker with the packaged model is given room for."""


def share(workers: int | None = None, threads: int = 0, jobs: int = 1 << 30) -> tuple[int, int]:
    """Return workers, and threads a worker, that fill the machine without crowding it.

    One thread a worker does most work per core (measured: `tests/bench/bench_batch.py`); fewer
    workers with more threads are taken where memory does not hold one worker a core, or where
    there are fewer `jobs` than cores.
    """
    have = cores()
    if workers is None:
        workers = max(1, have // threads) if threads else have
        free = _free_memory()
        if free is not None:
            workers = max(1, min(workers, free // WORKER_BYTES))
    workers = max(1, min(workers, jobs))
    return workers, threads or max(1, have // workers)
