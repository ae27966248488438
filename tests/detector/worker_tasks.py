"""Tasks for the tests of workers: they do at once, or badly, what their payload says."""

import os
import signal
import time
from typing import Any

from detector.errors import ModelError, RecordingError


def load(config: Any) -> Any:
    """Return the task. `config` may name a way in which loading goes wrong."""
    if config == "no model":
        raise ModelError("没有模型 (no model)。")
    if config == "dies":
        os._exit(7)
    if config == "noisy":
        print("a library says hello")

    def task(job: Any, step: Any) -> Any:
        order = job.payload or ""
        what, _, rest = str(order).partition(" ")
        step("read", 0.0, 10.0)
        if what == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif what == "crash-once":
            if not os.path.exists(rest):
                open(rest, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
        elif what == "hang":
            while True:
                pass
        elif what == "sleep":
            time.sleep(float(rest))
        elif what == "busy":  # steps all the time, never ends
            while True:
                time.sleep(0.05)
                step("transcribe", time.monotonic() % 10, 10.0)
        elif what == "bad":
            raise RecordingError("不是录音 (not a recording)。")
        elif what == "bug":
            raise ZeroDivisionError("密码 in a message")
        elif what == "greedy":
            raise MemoryError
        elif what == "print":
            print("x" * 100_000, flush=True)
            os.write(1, b"native noise")
        elif what == "big":
            return b"x" * int(rest)
        elif what == "threads":
            return os.environ["OMP_NUM_THREADS"]
        step("done", 10.0, 10.0)
        return ("done", job.id, os.getpid())

    return task
