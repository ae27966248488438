"""Stands in for a scan in the tests of `detector.supervise`: what a recording is called is done.

Put on the path as `sitecustomize`, it takes the place of `Scanner` before the command begins.
"""

import os
import signal
import sys
import threading
import time


def _install() -> None:
    import detector.scan

    class Quick:
        def __init__(self, *_: object, **_more: object) -> None:
            pass

        def scan(self, path, step):  # type: ignore[no-untyped-def]
            from detector.errors import RecordingError
            from detector.report import read_report

            step("read", 0.0, 1.0)
            if path.name == "segv":
                os.kill(os.getpid(), signal.SIGSEGV)
            elif path.name == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            elif path.name == "bad":
                raise RecordingError("bad 不是录音 (no recording)。")
            elif path.name == "sleeps":
                print("asleep", flush=True)
                time.sleep(60)
            elif path.name == "deaf":  # as in native code, which no signal reaches
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
                print("asleep", flush=True)
                while True:
                    threading.Event().wait(1)
            return read_report(path)

    detector.scan.Scanner = Quick  # type: ignore[misc, assignment]


if "DETECTOR_SCAN_NOTES" in os.environ and sys.argv[0] == "-c":
    _install()
