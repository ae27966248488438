"""`detector scan` in a process of its own, so that whatever it dies of is said in one sentence.

Recordings are decoded by native code, and a damaged one may bring it down. The process that the
user started does no work: it waits, stops the other within two seconds after Ctrl-C even where
that is deep in native code, and after a crash goes on with the next recording.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from detector.child_environment import child_environment

__all__ = ["begin", "is_child", "skipped", "supervised", "wanted"]

_NOTES = "DETECTOR_SCAN_NOTES"
"""Names the file in which the child notes each recording that it begins."""
_SKIP = "DETECTOR_SCAN_SKIP"
_STOP_S = 1.0
_WATCH_S = 1.0
_BOOT = "import sys; sys.path[:] = {path!r}; from detector.supervise import child; child({pid})"
_HELP = {"-h", "--help"}


def wanted(argv: Sequence[str]) -> bool:
    """Tell whether a command is one to run in a process of its own."""
    return argv[:1] == ["scan"] and not _HELP & set(argv) and _NOTES not in os.environ


# ---------------------------------------------------------------- the process the user started


def _say(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(text.encode(sys.stderr.encoding or "utf-8", "replace").decode(
            sys.stderr.encoding or "utf-8", "replace") + "\n")  # fmt: skip
        sys.stderr.flush()


def supervised(argv: Sequence[str]) -> int:
    """Run a command in a child and return its exit code, or 2 if it died."""
    handle, notes = tempfile.mkstemp(prefix="detector-", suffix=".notes")
    os.close(handle)
    try:
        done, code = 0, 0
        while True:
            ended = _run(argv, notes, done)
            begun = _begun(notes)
            if ended >= 0 or ended == -signal.SIGINT:
                return max(code, ended) if ended >= 0 else 130
            code = 2
            _say(f"错误:{_sentence(ended, begun, done)}")
            if len(begun) <= done:  # it died before any recording: it would again
                return code
            done = len(begun)
    finally:
        with suppress(OSError):
            os.unlink(notes)


def _run(argv: Sequence[str], notes: str, skip: int) -> int:
    code = _BOOT.format(path=[p or os.getcwd() for p in sys.path], pid=os.getpid())
    began = time.time()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child takes it once it can
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", code, *argv],
            env=child_environment({_NOTES: notes, _SKIP: str(skip)}),
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        return child.wait()
    except KeyboardInterrupt:
        _stop(child, began)
        return 130


def _stop(child: "subprocess.Popen[bytes]", began: float) -> None:
    """End a child that was told to stop, or is told now; say in its place what was kept."""
    end = time.monotonic() + _STOP_S
    with suppress(OSError, ValueError):
        if os.name != "nt":  # there the console has told it
            child.send_signal(signal.SIGINT)
    from detector.kept import stopped  # while the child is at it

    try:
        while child.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
    except KeyboardInterrupt:
        pass
    if child.poll() is None:
        child.kill()
        child.wait()
    _say(f"\n{stopped(began)}")


def _begun(notes: str) -> list[str]:
    try:
        lines = Path(notes).read_text("utf-8").splitlines()
        return [str(json.loads(line)) for line in lines]
    except (OSError, ValueError):
        return []


def _sentence(code: int, begun: Sequence[str], done: int) -> str:
    from detector.printable import printable
    from detector.worker_process import death

    at = f"分析 {printable(begun[-1])} 时" if len(begun) > done else ""
    return (
        f"{at}程序意外终止:{death(code)};录音没有被改动。请从手机重新导出这个录音再试,"
        "仍然如此请报告这个问题 (the scan died)。"
    )


# ---------------------------------------------------------------- the process that works


def begin(name: str) -> None:
    """Note that a recording is begun, for the case that it is never ended."""
    if notes := os.environ.get(_NOTES):
        with suppress(OSError), open(notes, "a", encoding="utf-8") as file:
            file.write(json.dumps(name) + "\n")


def is_child() -> bool:
    """Tell whether this process has a parent that says how it ended."""
    return _NOTES in os.environ


def skipped() -> int:
    """Return how many recordings are to be left out: they were begun before a crash."""
    return int(os.environ.get(_SKIP, "0"))


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # once: what cleans up is not to be stopped
    raise KeyboardInterrupt


def child(parent: int) -> None:
    """Run the command line that stands in `sys.argv`, as long as its parent lives."""
    import threading

    from detector.worker_child import die_with_parent

    die_with_parent(parent)
    signal.signal(signal.SIGINT, _interrupted)
    if sys.platform not in ("linux", "win32"):

        def watch() -> None:
            while os.getppid() == parent:
                time.sleep(_WATCH_S)
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
    from detector.cli import main

    raise SystemExit(main(sys.argv[1:]))
