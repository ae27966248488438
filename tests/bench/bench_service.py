"""Load on `detector serve`: many uploads at once, one huge upload, time of scans.

::

    python tests/bench/bench_service.py --what start,uploads,large,scan

Prints JSON. Every part starts a server of its own on SQLite, with real worker processes that
scan meanwhile (`uploads`: WAV files of tone). Reads /proc, so Linux only.
"""

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BOUNDARY = b"bench"
HEAD = b'--bench\r\nContent-Disposition: form-data; name="file"; filename="call-%d.wav"\r\n\r\n'
END = b"\r\n--bench--\r\n"
PIECE = 64 << 10


class Server:
    """A running service."""

    def __init__(self, folder: Path) -> None:
        began = time.monotonic()
        self.log = folder / "log"
        words = [
            sys.executable, "-m", "detector", "serve", "--port", "0", "--data-dir",
            str(folder / "data"), "--uploads-per-minute", "100000", "--queue-limit", "100000",
            "--max-bytes", str(4 << 30),
        ]  # fmt: skip
        with self.log.open("w") as out:
            self.process = subprocess.Popen(words, stdout=out, stderr=out)
        while not (found := re.search(r":(\d+)/", self.log.read_text())):
            if self.process.poll() is not None:
                raise SystemExit(self.log.read_text())
            time.sleep(0.01)
        self.port = int(found[1])
        self.get("/v1/health")
        self.first_answer_s = time.monotonic() - began
        self.most = 0
        self._over = threading.Event()
        threading.Thread(target=self._sample, daemon=True).start()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
            return json.loads(answer.read())

    def memory(self) -> int:
        """Return resident bytes of the server process, without its workers."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]

    def cpu(self) -> float:
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def workers_cpu(self) -> float:
        """Return seconds of processor time of the worker processes so far."""
        spent = 0.0
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            with suppress(OSError):
                parts = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
                if int(parts[1]) == self.process.pid:
                    spent += (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
        return spent

    def _sample(self) -> None:
        while not self._over.wait(0.02):
            with suppress(OSError, TypeError):
                self.most = max(self.most, self.memory())

    def stop(self) -> None:
        self._over.set()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            yield server
        finally:
            server.stop()


def sound(size: int, number: int) -> bytes:
    """Return a WAV file of `size` bytes, 8 kHz, different for each number."""
    count = size - 44
    head = b"RIFF" + (size - 8).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += b"".join(
        value.to_bytes(length, "little")
        for value, length in ((1, 2), (1, 2), (8000, 4), (16000, 4), (2, 2), (16, 2))
    )
    head += b"data" + count.to_bytes(4, "little")
    piece = hashlib.shake_128(str(number).encode()).digest(16_000)
    return head + (piece * (count // len(piece) + 1))[:count]


async def send(port: int, number: int, size: int) -> tuple[int, str, float]:
    """Upload one file; return status, id and seconds."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head, whole = HEAD % number, size + len(HEAD % number) + len(END)
    writer.write(
        b"POST /v1/recordings HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: multipart/form-data; boundary=bench\r\nContent-Length: %d\r\n\r\n"
        % whole
        + head
    )
    first = sound(min(size, 16_044), number)
    writer.write(first)
    repeated = first[44:] * 5
    left = size - len(first)
    while left > 0:
        writer.write(repeated[:left])
        left -= len(repeated)
        await writer.drain()
    writer.write(END)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    status = int(answer.split(b" ", 2)[1]) if answer else 0
    content = json.loads(answer.partition(b"\r\n\r\n")[2] or b"{}")
    return status, str(content.get("id")), time.monotonic() - began


def poll(port: int, recording: str, out: Any, over: Any) -> None:
    """Ask for one recording again and again, from a process of its own."""
    connection, times = HTTPConnection("127.0.0.1", port, timeout=60), []
    while not over.is_set():
        began = time.perf_counter()
        connection.request("GET", f"/v1/recordings/{recording}")
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            times.append(time.perf_counter() - began)
        time.sleep(0.01)
    out.put(times)


def uploads(count: int, size: int) -> dict[str, Any]:
    with running() as server:
        idle = server.memory()
        status, known, _ = asyncio.run(send(server.port, 10**6, 200_000))
        assert status == 202, status
        out, over = multiprocessing.Queue(), multiprocessing.Event()
        asking = multiprocessing.Process(target=poll, args=(server.port, known, out, over))
        asking.start()
        time.sleep(1.0)
        cpu, began = server.cpu(), time.monotonic()

        async def all_at_once() -> list[tuple[int, str, float]]:
            return await asyncio.gather(*(send(server.port, n, size) for n in range(count)))

        results = asyncio.run(all_at_once())
        took = time.monotonic() - began
        cpu = server.cpu() - cpu
        over.set()
        times = sorted(out.get())
        asking.join()
        ids = {name for status, name, _ in results if status == 202}
        held: dict[str, int] = {}
        cursor = ""
        while True:
            page = server.get(f"/v1/recordings?limit=200{cursor}")
            held |= {item["id"]: item["bytes"] for item in page["items"]}
            if not page["next"]:
                break
            cursor = "&cursor=" + page["next"].replace("+", "%2B")
        lost = [name for name in ids if held.get(name) != size]
        return {
            "uploads": count,
            "bytes_each": size,
            "accepted": len(ids),
            "lost": len(lost),
            "seconds": round(took, 2),
            "server_cpu_s": round(cpu, 2),
            "slowest_upload_s": round(max(r[2] for r in results), 2),
            "server_memory_mb": {"idle": idle >> 20, "most": server.most >> 20},
            "get_recording_ms": {
                "asked": len(times),
                "p50": round(times[len(times) // 2] * 1000, 1),
                "p99": round(times[int(len(times) * 0.99)] * 1000, 1),
                "most": round(times[-1] * 1000, 1),
            },
        }


def large(size: int) -> dict[str, Any]:
    with running() as server:
        idle = server.memory()
        status, name, took = asyncio.run(send(server.port, 1, size))
        held = server.get(f"/v1/recordings/{name}")
        return {
            "bytes": size,
            "status": status,
            "kept": held["bytes"] == size,
            "seconds": round(took, 2),
            "server_memory_mb": {"idle": idle >> 20, "most": server.most >> 20},
        }


def start(times: int) -> dict[str, Any]:
    walls, cpus = [], []
    for _ in range(times):
        with running() as server:
            walls.append(server.first_answer_s)
            cpus.append(server.cpu())
    return {
        "first_answer_s": [round(t, 2) for t in walls],
        "median_s": round(statistics.median(walls), 2),
        "server_cpu_s": round(statistics.median(cpus), 2),
    }


def scan(times: int) -> dict[str, Any]:
    """Compare the command line with `wait=true`, by turns, with one thread each.

    Processor time tells more than wall time on a machine that does other things besides.
    """
    sample = ROOT / "samples" / "abusive_debtor.m4a"
    found: dict[str, list[float]] = {"command": [], "api": [], "command_cpu": [], "api_cpu": []}
    one = ["--threads", "1"]
    with running() as server:
        address = f"http://127.0.0.1:{server.port}/v1/recordings"
        time.sleep(15.0)  # the workers load their models
        for number in range(times):
            began, spent = time.monotonic(), sum(os.times()[2:4])
            words = [sys.executable, "-m", "detector", "scan", str(sample), "--json", "--quiet"]
            subprocess.run([*words, *one], check=True, stdout=subprocess.DEVNULL)
            found["command"].append(time.monotonic() - began)
            found["command_cpu"].append(sum(os.times()[2:4]) - spent)
            began, spent = time.monotonic(), server.workers_cpu()
            # with another note the same recording is scanned again
            form = ["-F", f"file=@{sample}", "-F", f"note=run {number}"]
            ask = ["curl", "-sf", "-o", os.devnull, *form, f"{address}?wait=true"]
            subprocess.run(ask, check=True)
            found["api"].append(time.monotonic() - began)
            found["api_cpu"].append(server.workers_cpu() - spent)
    return {
        **{name: [round(t, 2) for t in each] for name, each in found.items()},
        "median_s": {name: round(statistics.median(each), 2) for name, each in found.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", default="start,uploads,large,scan")
    parser.add_argument("--count", type=int, default=200, help="uploads at once")
    parser.add_argument("--bytes", type=int, default=5_000_000, help="of each")
    parser.add_argument("--large", type=int, default=1 << 30, help="bytes of the huge upload")
    parser.add_argument("--times", type=int, default=5, help="starts, and scans of each kind")
    args = parser.parse_args()
    parts = {
        "start": lambda: start(args.times),
        "uploads": lambda: uploads(args.count, args.bytes),
        "large": lambda: large(args.large),
        "scan": lambda: scan(args.times),
    }
    result: dict[str, Any] = {"load_before": os.getloadavg()[0], "cores": os.cpu_count()}
    for name in args.what.split(","):
        result[name] = parts[name]()
        print(json.dumps({name: result[name]}, indent=1), file=sys.stderr, flush=True)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
