"""`detector scan` survives what its recordings do to it, and stops at once when told to."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.fixture
def started(tmp_path: Path, make_report: Any) -> Callable[..., "subprocess.Popen[str]"]:
    """Start `detector scan` of stand-ins for recordings that do what they are called."""
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(Path(__file__).parent / "supervised_scan.py", site / "sitecustomize.py")
    notes = tmp_path / "tmp"
    notes.mkdir()

    def start(*names: str, options: tuple[str, ...] = ("--quiet",)) -> "subprocess.Popen[str]":
        for name in names:
            (tmp_path / name).write_text(make_report().to_json(), "utf-8")
        path = os.pathsep.join([str(site), str(ROOT)])
        return subprocess.Popen(
            [sys.executable, "-m", "detector", "scan", *names, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1", "TMPDIR": str(notes)},
        )

    return start


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, list[str]]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err and "Fatal Python error" not in err
    return process.returncode, out, [line for line in err.splitlines() if line]


def test_a_native_crash_is_one_sentence(started: Any, tmp_path: Path) -> None:
    code, out, said = ended(started("segv"))
    assert (code, out, len(said)) == (2, "", 1)
    assert "segv" in said[0] and "SIGSEGV (native crash)" in said[0]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_others_are_scanned_all_the_same(started: Any) -> None:
    code, out, said = ended(started("good", "segv", "bad", "killed", "last"))
    assert code == 2
    assert out.count("录音:") == 2
    assert [word for line in said for word in ("segv", "bad ", "killed") if word in line][:2] == [
        "segv", "bad ",
    ]  # fmt: skip
    assert "killed" in said[2] and "memory" in said[2]


def test_what_goes_well_goes_as_without(started: Any) -> None:
    code, out, said = ended(started("good"))
    assert (code, said) == (0, [])
    assert "疑似威胁恐吓" in out


def test_a_broken_command_line_is_said_once(started: Any) -> None:
    code, out, said = ended(started("good", options=("--frobnicate",)))
    assert (code, out) == (2, "")
    assert sum("frobnicate" in line for line in said) == 1


def children(pid: int) -> list[int]:
    task = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in task.read_text().split()] if task.exists() else []


@pytest.mark.parametrize("name", ["sleeps", "deaf"])
@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "one process"])
def test_ctrl_c_stops_within_two_seconds(started: Any, name: str, whole_group: bool) -> None:
    process = started("good", name)
    assert process.stdout is not None
    while "asleep" not in process.stdout.readline():
        pass
    below = children(process.pid)
    began = time.monotonic()
    for pid in [*below, process.pid] if whole_group else [process.pid]:
        os.kill(pid, signal.SIGINT)
    code, _, said = ended(process)
    busy = hasattr(os, "getloadavg") and os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
    assert time.monotonic() - began < (5.0 if busy else 2.0)
    assert code == 130
    assert len(said) == 1 and "已中止;已写出的报告保留" in said[0]
    assert not any(Path(f"/proc/{pid}").exists() for pid in below)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the child")
def test_the_child_does_not_outlive_its_parent(started: Any) -> None:
    process = started("sleeps")
    assert process.stdout is not None
    process.stdout.readline()
    (child,) = children(process.pid)
    process.kill()
    process.wait()
    end = time.monotonic() + 2
    while Path(f"/proc/{child}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


def test_help_needs_no_child(command: Callable[..., Any]) -> None:
    assert command("scan", "--help", TMPDIR=tempfile.gettempdir()).code == 0
