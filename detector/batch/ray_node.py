"""What runs on a node of a Ray cluster: an actor that holds a worker with the loaded model.

The actor itself only carries: recordings come as bytes and are laid into a private folder, the
work is done by a `LocalEngine` of one worker (so that a native crash, a hang or a lack of memory
ends as it does on one machine), and what the task wrote is fetched as bytes.
"""

import os
import queue
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from detector.batch.program import Program, this_program
from detector.jobs import Job, Outcome, TimeLimit
from detector.workers import LocalEngine

__all__ = ["Ended", "NodeWorker", "describe"]

_PREFIX = "detector-ray-"
_LOCK = "lock"
_REAP = 'exec 3<&0; (cat <&3 >/dev/null; rm -rf -- "$1") &'
"""In the background: Ray kills the children of an actor that it ends, but not theirs."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended on the node, and the files it left: path below its folder, and bytes."""

    outcome: Outcome
    files: tuple[tuple[str, int], ...]


def describe(whisper_model: str | None) -> Program:
    """Describe the installation of the node on which this runs; ModelError as `this_program`."""
    return this_program(whisper_model)


def _hold(folder: Path) -> IO[bytes] | None:
    """Lock a private folder, None where its owner lives (or where there are no locks)."""
    try:
        import fcntl

        lock = open(folder / _LOCK, "ab")  # noqa: SIM115
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def _sweep() -> None:
    """Remove what actors left whose machine lost its power."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if (folder / _LOCK).exists() and (lock := _hold(folder)):
                shutil.rmtree(folder, ignore_errors=True)
                lock.close()


class _Folder:
    """A private folder that goes when this process ends, however it ends."""

    def __init__(self) -> None:
        _sweep()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = _hold(self.path)
        with suppress(OSError):
            watched, self._alive = os.pipe()  # its end is that of this process
            try:
                subprocess.run(
                    ["/bin/sh", "-c", _REAP, "sh", str(self.path)],
                    stdin=watched,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    check=False,
                )
            finally:
                os.close(watched)

    def clear(self) -> None:
        for name in ("in", "out"):
            shutil.rmtree(self.path / name, ignore_errors=True)


class NodeWorker:
    """The actor. All methods return at once, but for `hear`, which waits for news."""

    def __init__(self, factory: str, config: Any, threads: int, limit: TimeLimit) -> None:
        self._folder = _Folder()
        self._news: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._engine = LocalEngine(factory, config, 1, threads, limit)

    def describe(self, whisper_model: str | None) -> Program:
        """Describe this node's installation; ModelError as `this_program`."""
        return describe(whisper_model)

    def where(self) -> tuple[str, str]:
        """Return the id and the address of this node."""
        import ray

        return ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()

    def put(self, place: str, first: bool, data: bytes, mtime_ns: int | None) -> None:
        """Lay a piece of a file into the private folder; the last one brings the file's time."""
        path = self._folder.path / "in" / place
        if first:
            path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb" if first else "ab") as file:
            file.write(data)
        if mtime_ns is not None:
            os.utime(path, ns=(mtime_ns, mtime_ns))

    def begin(self, job: Job, places: Sequence[str]) -> None:
        """Start on a job whose files lie at `places`: its path, `also`, `extra`."""
        paths = [self._folder.path / "in" / place for place in places]
        also, extra = paths[1 : 1 + len(job.also)], paths[1 + len(job.also) :]
        out = self._folder.path / "out"
        out.mkdir(exist_ok=True)
        here = replace(
            job, path=paths[0], also=tuple(also), out=out if job.out else None,
            extra=dict(zip(job.extra, extra, strict=True)),
        )  # fmt: skip
        self._engine.submit(here, self._done, self._step)

    def _step(self, _job: Job, name: str, done: float, whole: float | None) -> None:
        self._news.put((name, done, whole))

    def _done(self, outcome: Outcome) -> None:
        files = []
        out = self._folder.path / "out"
        for path in sorted(out.rglob("*")):
            if path.is_file() and not path.is_symlink():
                files.append((path.relative_to(out).as_posix(), path.stat().st_size))
        self._news.put(Ended(replace(outcome, job=replace(outcome.job, extra={})), tuple(files)))

    def hear(self, seconds: float) -> list[Any]:
        """Return the steps since last time, and an `Ended` last; waits so long for the first."""
        found: dict[str, Any] = {}
        until = time.monotonic() + seconds
        with suppress(queue.Empty):
            while True:
                wait = max(0.0, until - time.monotonic()) if not found else 0.0
                news = self._news.get(timeout=wait) if wait else self._news.get_nowait()
                name = "" if isinstance(news, Ended) else news[0]
                found.pop(name, None)
                found[name] = news
        return list(found.values())

    def get(self, name: str, start: int, size: int) -> bytes:
        """Return a piece of a file that the job left."""
        with open(self._folder.path / "out" / name, "rb") as file:
            file.seek(start)
            return file.read(size)

    def cancel(self, job_id: str) -> None:
        """Give up a job."""
        self._engine.cancel(job_id)

    def clear(self) -> None:
        """Remove the files of the job that ended."""
        self._folder.clear()
