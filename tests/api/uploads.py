"""Uploading to a service in tests, and waiting for what becomes of it."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from api.recordings import Recording
from api.service import Service

OWNER = "o-test"


def send(
    service: Service,
    content: bytes,
    owner: str = OWNER,
    name: str = "call.wav",
    options: dict[str, Any] | None = None,
    key: str | None = None,
) -> Recording:
    """Upload something; return what was accepted."""
    draft = service.store.create(owner, name, key)
    for start in range(0, len(content), 50_000):
        draft.write(content[start : start + 50_000])
    return draft.commit(options or {})[0]


def wait_for(
    service: Service, recording: str, *states: str, owner: str = OWNER, timeout_s: float = 30.0
) -> Recording:
    """Wait until a recording is in one of some states."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = service.store.get(owner, recording)
        if found.state in (states or ("done", "failed")):
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found.state} after {timeout_s} s")


def eventually(true: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    """Wait until something is true; return it."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError("it never became true")


def alive(pid: int) -> bool:
    """Tell whether a process lives."""
    with suppress(OSError):
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return status != "Z"
    return False


def kill(pid: int) -> None:
    """Kill a process the hard way."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
