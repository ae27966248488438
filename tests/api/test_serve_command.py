"""`detector serve` from the outside: quick to start, clear when it cannot, quiet in its log."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from http_help import Served, eventually, served

HEAVY = ("fastapi", "uvicorn", "sqlalchemy", "pydantic", "numpy", "cryptography", "api.app")
LIBRARIES = ("libav", "ctranslate2", "onnxruntime", "silk")


def _refused(tmp_path: Path, *words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "detector", "serve", "--data-dir", str(tmp_path / "d"), *words],
        capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("错误:")
    return lines[0]


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return bytes(answer.read())


def test_the_command_loads_nothing_heavy() -> None:
    code = f"import sys, api.command, api.keys; print([m for m in {HEAVY!r} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_it_prints_where_it_is_and_answers(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        assert re.search(r"打开 http://127\.0\.0\.1:\d+/", server.said())
        health = json.loads(_get(server.url + "/v1/health"))
        assert health["status"] == "ok"
        assert b"<html" in _get(server.url + "/")
        with pytest.raises(OSError):  # from this machine alone
            socket.create_connection((_own_address(), server.port), 2).close()


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.2"


def test_it_starts_within_two_seconds_of_work(tmp_path: Path) -> None:
    """Time of the processor, so that a busy machine does not count; wall time where it is idle."""
    with served(tmp_path) as server:
        _get(server.url + "/v1/health")
        parts = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(parts[11]) + int(parts[12])
        assert ticks / os.sysconf("SC_CLK_TCK") <= 2.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_server_process_holds_no_models_and_no_decoders(tmp_path: Path) -> None:
    with served(tmp_path, quick=False) as server:
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nx\r\n'
        request = urllib.request.Request(
            server.url + "/v1/recordings", body + b"--b--\r\n",
            {"Content-Type": "multipart/form-data; boundary=b"},
        )  # fmt: skip
        made = json.loads(urllib.request.urlopen(request).read())
        address = f"{server.url}/v1/recordings/{made['id']}"
        eventually(lambda: json.loads(_get(address))["state"] == "failed", 120.0)
        assert json.loads(_get(address))["error"]["status"] == 422
        maps = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert not [name for name in LIBRARIES if name in maps]
        assert server.memory() < 200_000_000


def test_a_taken_port_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"端口 {port} 已被占用" in _refused(tmp_path, "--port", port)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "abc"), "--port"),
        (("--port", "70000"), "65535"),
        (("--host", "203.0.113.5"), "--host"),
        (("--host", "not a host"), "--host"),
        (("--max-bytes", "0"), "--max-bytes"),
        (("--engine", "cloud"), "--engine"),
        (("--retention-days", "-1"), "--retention-days"),
        (("--database-url", "mysql://x"), "--database"),
        (("--passphrase-file", "/nowhere/at/all"), "口令"),
        (("--language", "fr"), "--language"),
    ],
)
def test_a_bad_option_is_told_in_a_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in _refused(tmp_path, *words)


def test_a_bad_variable_is_told_in_a_sentence(tmp_path: Path) -> None:
    assert "DETECTOR_WORKERS" in _refused(tmp_path, DETECTOR_WORKERS="many")


def test_a_folder_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    _refused(tmp_path, "--data-dir", str(tmp_path / "file"), "--port", "0")


def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError('no', name='uvicorn')")
    said = _refused(tmp_path, PYTHONPATH=str(tmp_path))
    assert "pip install" in said
    assert "[api]" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_told_even_while_somebody_listens(tmp_path: Path, number: int) -> None:
    server = Served(tmp_path).wait()
    try:
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhang\r\n'
        request = urllib.request.Request(
            server.url + "/v1/recordings", body + b"--b--\r\n",
            {"Content-Type": "multipart/form-data; boundary=b"},
        )  # fmt: skip
        made = json.loads(urllib.request.urlopen(request).read())
        events = urllib.request.urlopen(f"{server.url}/v1/recordings/{made['id']}/events")
        events.readline()
        server.process.send_signal(number)
        began = time.monotonic()
        assert server.process.wait(60) in (0, -signal.SIGTERM)
        assert time.monotonic() - began < 40
        assert "Traceback" not in server.said()
    finally:
        server.stop()
