"""Asking the service: in this process, and a real server beside it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings

HERE = Path(__file__).parent


def quick_settings(folder: Path, **changed: Any) -> Settings:
    """Return settings of a service whose scans are made up and quick."""
    values: dict[str, Any] = {
        "data_dir": folder / "data", "workers": 1, "threads": 1, "min_free_bytes": 0,
        "task": "quick_tasks:load",
    }  # fmt: skip
    return Settings(**(values | changed))


@contextmanager
def asked(settings: Settings) -> Iterator[TestClient]:
    """Give a client of an application that runs in this process."""
    app = create_app(settings)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def upload(client: Any, content: bytes = b"a call", **more: Any) -> dict[str, Any]:
    """Send a recording; return it as it was accepted."""
    name = more.pop("name", "call.wav")
    answer = client.post("/v1/recordings", files={"file": (name, content)}, **more)
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


def finished(client: Any, recording: str, timeout_s: float = 30.0, **more: Any) -> Any:
    """Wait until a recording is done or has failed; return it."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = client.get(f"/v1/recordings/{recording}", **more).json()
        if found["state"] in ("done", "failed"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found['state']}")


class Served:
    """`detector serve` as its own process; `url` is what it printed."""

    def __init__(self, folder: Path, *words: str, quick: bool = True, **environment: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        variables = {k: v for k, v in os.environ.items() if not k.startswith("DETECTOR_P")}
        variables |= {"DETECTOR_DATA_DIR": str(self.data), "DETECTOR_MIN_FREE_BYTES": "1"}
        if quick:
            variables["DETECTOR_TASK"] = "quick_tasks:load"
            variables["PYTHONPATH"] = str(HERE)
        self.log = (folder / "server.log").open("w+", encoding="utf-8")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "detector", "serve", "--port", "0", "-v", *words],
            stdout=self.log, stderr=subprocess.STDOUT, env=variables | environment,
        )  # fmt: skip
        self.port = 0

    def said(self) -> str:
        """Return what the server printed so far."""
        return (self.folder / "server.log").read_text("utf-8")

    def wait(self, timeout_s: float = 60.0) -> "Served":
        """Wait until it answers."""
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/", self.said())):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() - self.began < timeout_s, self.said()
            time.sleep(0.02)
        self.port = int(found[1])
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """Return a plain connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are; return everything that comes back until it closes."""
        with self.connect() as connection:
            answer = b""
            with suppress(OSError):
                connection.sendall(data)
                while piece := connection.recv(65536):
                    answer += piece
        return answer

    def memory(self, what: str = "VmRSS") -> int:
        """Return bytes of memory of the server process, as Linux tells."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    def files(self) -> set[str]:
        """Return the files of all recordings, uploads and temporary folders."""
        found = (p for p in self.data.rglob("*") if p.is_file())
        names = {str(p.relative_to(self.data)) for p in found}
        return {
            name for name in names if name.split("/")[0] in ("vault", "incoming", "tmp", "trash")
        }

    def stop(self) -> None:
        """End it as `systemctl stop` does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
            self.process.kill()
        self.process.wait()
        self.log.close()


@contextmanager
def served(folder: Path, *words: str, quick: bool = True, **environment: str) -> Iterator[Served]:
    """Run a server for a while."""
    server = Served(folder, *words, quick=quick, **environment)
    try:
        yield server.wait()
    finally:
        server.stop()


def eventually(true: Callable[[], Any], timeout_s: float = 20.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.05)
