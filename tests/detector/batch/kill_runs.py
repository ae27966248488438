"""Kills runs over a folder at random moments: `kill_runs.py WORK SEEDS RUNS_A_SEED [FIRST]`.

Everything is imported once; each run is a fork with a process group of its own, which is killed
whole (kill -9). Prints one JSON line a seed: how often it was killed, whether processes were
left, how often a recording was scanned, and whether the summary is that of a quiet run.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import fake_scan

from detector.batch.run import Batch, run_batch
from detector.batch.show import Show
from detector.scan import ScanOptions

COUNT = 12


def folder(where: Path) -> Path:
    """Make recordings: plain ones, copies, a bad one, one that always crashes."""
    for number in range(COUNT):
        fake_scan.recording(
            where / f"{number % 3}" / f"录音 {number}.amr",
            n=number,
            sleep_s=0.04,
            flags=[["threat", "violence", 4]] * (number % 3),
            say=[["collector", f"第{number}次"], ["debtor", "别再打了"]],
        )
    shutil.copy(where / "0" / "录音 0.amr", where / "copy.amr")
    fake_scan.recording(where / "bad.amr", do="bad")
    fake_scan.recording(where / "crash.amr", do="crash")
    (where / "empty.m4a").touch()
    old = time.time() - 100
    for path in where.rglob("*"):
        os.utime(path, (old, old))
    return where


def run(recordings: Path, out: Path) -> None:
    run_batch(
        Batch(recordings, out, ScanOptions(), workers=2, html=False, task="fake_scan:load"),
        Show(quiet=True),
    )


def start(recordings: Path, out: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        run(recordings, out)
        os._exit(0)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(1)


def ended(pid: int, seconds: float) -> int | None:
    """Wait for a run; its exit code, None where it still runs."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    return None


def count(out: Path) -> int:
    return sum(1 for _ in (out / "reports").rglob("*.json"))


def at_random(pid: int, out: Path, moments: random.Random, whole_s: float) -> int | None:
    """Wait for a random moment: of the start, or of the work; the exit code if it ended before."""
    if moments.random() < 0.25:
        return ended(pid, moments.uniform(0, 0.5) * whole_s)
    wanted = moments.randrange(COUNT + 1)
    until = time.monotonic() + 60
    while count(out) < wanted and time.monotonic() < until:
        code = ended(pid, 0.002)
        if code is not None:
            return code
    return ended(pid, moments.uniform(0, 0.15))


def group_lives(group: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, 0)
        return True
    return False


def one_seed(recordings: Path, out: Path, seed: int, runs: int, whole_s: float) -> dict:
    moments = random.Random(seed)
    log = out.with_suffix(".scans")
    os.environ["FAKE_SCANS"] = str(log)
    killed, left = 0, False
    for _ in range(runs):
        pid = start(recordings, out)
        code = at_random(pid, out, moments, whole_s)
        if code is None:
            only_parent = moments.random() < 0.5  # its workers must then end by themselves
            (os.kill if only_parent else os.killpg)(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            killed += 1
            until = time.monotonic() + 15  # one that was just starting must get as far as to look
            while group_lives(pid) and time.monotonic() < until:
                time.sleep(0.01)
            left = left or group_lives(pid)
    before = len(log.read_text().splitlines()) if log.exists() else 0
    done = count(out)
    code = ended(start(recordings, out), 120)
    scans = log.read_text().splitlines()
    return {
        "seed": seed,
        "killed": killed,
        "left": left,
        "code": code,
        "reports_before": done,
        "scanned_after": len(scans) - before,
        "summary": json.loads((out / "summary.json").read_text("utf-8")),
        "half_made": [p.name for p in out.rglob("*") if p.name.endswith(".part")],
    }


def main() -> None:
    work, seeds, runs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    recordings = folder(work / "in")
    os.environ["FAKE_SCANS"] = str(work / "quiet.scans")
    began = time.monotonic()
    assert ended(start(recordings, work / "quiet"), 120) == 0
    whole_s = time.monotonic() - began
    quiet = json.loads((work / "quiet" / "summary.json").read_text("utf-8"))
    print(json.dumps({"whole_s": whole_s, "files": quiet["totals"]["recordings"]}), flush=True)
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    for seed in range(first, first + seeds):
        found = one_seed(recordings, work / f"out{seed}", seed, runs, whole_s)
        found["same"] = found.pop("summary") == quiet
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
