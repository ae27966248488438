"""The child's side of `detector.workers`: loads a task once, then does job after job.

Talks in length-prefixed pickles: jobs come on stdin, messages go out on what was stdout. The
child never outlives its parent: on Linux the kernel kills it, elsewhere (and there too) the end
of stdin does.
"""

import faulthandler
import importlib
import os
import pickle
import queue
import signal
import struct
import sys
import threading
import time
import traceback
from typing import IO, Any

from detector.errors import DetectorError, OutputError

__all__ = ["die_with_parent", "main", "memory", "receive", "send"]

_SIZE = struct.Struct(">Q")
_STEP_EACH_S = 0.2
_PR_SET_PDEATHSIG = 1


def send(stream: IO[bytes], message: Any) -> None:
    """Write one message; OSError where the other side is gone."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    stream.write(_SIZE.pack(len(body)) + body)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message; EOFError where the other side is gone, be it amid a message."""
    head = stream.read(_SIZE.size)
    body = stream.read(_SIZE.unpack(head)[0]) if len(head) == _SIZE.size else b""
    if len(head) < _SIZE.size or len(body) < _SIZE.unpack(head)[0]:
        raise EOFError
    return pickle.loads(body)


def memory() -> tuple[int, int] | None:
    """Return this process's resident memory and its peak in bytes, None where not known.

    Where the system tells, the peak is of this program alone: `ru_maxrss` keeps that of the one
    which started it.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["VmRSS"].split()[0]) * 1024, int(lines["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak *= 1 if sys.platform == "darwin" else 1024
        return peak, peak
    except (ImportError, OSError):
        return None


def die_with_parent(parent: int) -> None:
    """Let this process end with the one that started it, and go first where memory runs out."""
    if sys.platform != "linux":
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("500")  # where memory runs out a worker goes, never what started it
    except (OSError, AttributeError):
        pass
    if os.getppid() != parent:  # it died before the kernel was told
        os._exit(1)


def _listen(stream: IO[bytes], jobs: "queue.SimpleQueue[Any]") -> None:
    try:
        while True:
            jobs.put(receive(stream))
    except (EOFError, OSError):
        os._exit(1)  # the parent is gone


def _load(factory: str, config: Any) -> Any:
    module, _, name = factory.partition(":")
    return getattr(importlib.import_module(module), name)(config)


def _do(task: Any, job: Any, channel: IO[bytes]) -> tuple[str, Any]:
    """Return how a job ended, and its value or what is to be said."""
    last: list[Any] = ["", 0.0]

    def step(name: str, done: float, whole: float | None) -> None:
        now = time.monotonic()
        if name != last[0] or now - last[1] >= _STEP_EACH_S:
            last[:] = name, now
            send(channel, ("step", job.id, (name, done, whole)))

    try:
        return "done", task(job, step)
    except OutputError as error:
        return "no_output", error
    except DetectorError as error:
        return "bad_input", error
    except MemoryError:
        return "no_memory", None
    except Exception as error:
        traceback.print_exc()
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}:{where.lineno}"
        return "failed", f"{type(error).__name__} ({place})"


def main(parent: int) -> None:
    """Work until the parent closes stdin or dies."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    except (ValueError, OSError):
        pass
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not spoil the channel
    die_with_parent(parent)
    faulthandler.enable()
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()
    try:
        factory, config = jobs.get()
        try:
            task = _load(factory, config)
        except DetectorError as error:
            send(channel, ("unusable", None, error))
            return
        send(channel, ("ready", None, memory()))
        while True:
            job = jobs.get()
            kind, value = _do(task, job, channel)
            try:
                send(channel, ("end", job.id, (kind, value, memory())))
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                send(channel, ("end", job.id, ("failed", str(error), memory())))
    except (BrokenPipeError, ConnectionError):
        os._exit(1)
