"""A worker process as its parent holds it."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from detector.child_environment import child_environment
from detector.jobs import Job, OnStep, Outcome
from detector.worker_child import receive, send

__all__ = ["Ticket", "WorkerProcess", "death"]

START_LIMIT_S = 300.0
_BOOT = "import sys; sys.path[:] = {path!r}; from detector.worker_child import main; main({pid})"


class Ticket:
    """A job on its way."""

    def __init__(
        self, job: Job, done: Callable[[Outcome], None], report: OnStep | None = None
    ) -> None:
        self.job, self.done, self.report = job, done, report
        self.tries = 0


class WorkerProcess:
    """One started child. OSError where the system cannot start it.

    `put` is called (from a thread of its own) with ("message", self, message) for what the child
    says, and once with ("gone", self).
    """

    def __init__(
        self, factory: str, config: Any, threads: int, put: Callable[[tuple[Any, ...]], None]
    ) -> None:
        self.ready = False
        self.ticket: Ticket | None = None
        self.peak: int | None = None
        self.began = self.heard = time.monotonic()
        self.limits = (START_LIMIT_S, START_LIMIT_S)
        """Seconds a job (or the start) may take, and may be silent."""
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        environment = child_environment({"OMP_NUM_THREADS": str(threads)})
        code = _BOOT.format(path=[p or os.getcwd() for p in sys.path], pid=os.getpid())
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment,
            )
        except OSError:
            self._errors.close()
            raise
        assert self._process.stdin and self._process.stdout
        self._stdin = self._process.stdin
        self.pid = self._process.pid
        self.tell((factory, config))
        threading.Thread(target=self._listen, args=(self._process.stdout, put), daemon=True).start()

    def _listen(self, stream: IO[bytes], put: Callable[[tuple[Any, ...]], None]) -> None:
        with stream:
            try:
                while True:
                    put(("message", self, receive(stream)))
            except Exception:  # the end of the pipe, or what is no message at all
                put(("gone", self))

    def tell(self, message: Any) -> None:
        """Send something to the child; if it is dead, the end of its pipe says so."""
        with suppress(OSError):
            send(self._stdin, message)

    def begin(self, ticket: Ticket, limits: tuple[float, float]) -> None:
        """Hand the child a job."""
        self.ticket = ticket
        ticket.tries += 1
        self.began = self.heard = time.monotonic()
        self.limits = limits
        self.tell(ticket.job)

    def overdue(self, now: float) -> str:
        """Return in words what limit was passed, or nothing."""
        if self.ready and self.ticket is None:
            return ""
        whole, silent = self.limits
        if now - self.began > whole:
            return f"用时超过 {whole:.0f} 秒"
        return f"{silent:.0f} 秒没有进展" if now - self.heard > silent else ""

    def asleep(self, seconds: float) -> None:
        """Take no account of a time in which the machine was suspended."""
        self.began += seconds
        self.heard += seconds

    def end(self, ending: bool = False) -> tuple[int | None, str]:
        """Kill; return the exit code (None: stuck in the kernel) and its last words.

        One that is `ending` by itself gets a moment to do so: how it ends says why.
        """
        if ending:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        with suppress(OSError):
            self._process.kill()
        code = None
        with suppress(subprocess.TimeoutExpired):  # on a dead network disk say
            code = self._process.wait(1.0)
        with suppress(OSError):
            self._stdin.close()
        words = ""
        with suppress(OSError, ValueError), self._errors as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2_000))
            words = file.read().decode("utf-8", "replace").strip()
        return code, words


def death(code: int | None) -> str:
    """Say how a process ended."""
    if code is None:
        return "没有反应 (does not react)"
    if code == -getattr(signal, "SIGKILL", 9):
        return "被系统强行终止,多半是内存不足 (killed, most likely for lack of memory)"
    if code < 0:
        with suppress(ValueError):
            return f"{signal.Signals(-code).name} (native crash)"
    return f"退出码 {code} (exit code)"
