"""Progress of a folder on stderr: files, hours of sound, speed, time left."""

import sys
import time
from typing import TextIO

from detector.batch.discover import shown
from detector.jobs import Job
from detector.render_text import clock

__all__ = ["Show"]

_EACH_S = 0.5
_PLAIN_EACH_S = 60.0
_WIDTH = 100


class Show:
    """One line that is redrawn on a terminal; elsewhere a plain line a minute."""

    def __init__(self, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._quiet, self._stream = quiet, stream or sys.stderr
        self._live = self._stream.isatty()
        self._last = 0.0
        self._partial: dict[str, tuple[float, float]] = {}
        """Of the jobs that run: seconds done, share done."""
        self.begin(0, 0)

    def begin(self, jobs: int, size: int) -> None:
        """Start counting: so many recordings of so many bytes are to be done."""
        self._jobs, self._bytes = jobs, size
        self._done = self._failed = 0
        self._bytes_done, self._seconds = 0.0, 0.0
        self._began = time.monotonic()

    def looking(self, what: str, done: int, whole: int | None = None) -> None:
        """Say how far the search or the hashing is."""
        if not done:
            return
        of = f"/{whole:,}" if whole else ""
        self._line(f"{what} {done:,}{of} 个文件 …")

    def step(self, job: Job, name: str, done: float, whole: float | None) -> None:
        """Take note of a job's progress; this is an engine's `report`."""
        if name == "transcribe" and whole:
            self._partial[job.id] = (min(done, whole), min(1.0, done / whole))
            self._progress(job)

    def end(self, job: Job, size: int, seconds: float, failed: bool) -> None:
        """Take note of a job's end."""
        self._partial.pop(job.id, None)
        self._done += 1
        self._failed += failed
        self._bytes_done += size
        self._seconds += seconds
        self._progress(job, force=self._done == self._jobs)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        if self._live and not self._quiet:
            self._stream.write("\r\x1b[K")
        self._stream.write(text + "\n")
        self._stream.flush()

    def finish(self) -> None:
        """Leave the line that is redrawn."""
        if self._live and not self._quiet:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _progress(self, job: Job, force: bool = False) -> None:
        took = max(1e-3, time.monotonic() - self._began)
        running = list(self._partial.values())
        seconds = self._seconds + sum(done for done, _ in running)
        size = job.payload.size if job.payload else 0
        share = (self._bytes_done + size * sum(part for _, part in running)) / (self._bytes or 1)
        text = (
            f"{self._done}/{self._jobs} 个录音  {seconds / 3600:.2f} 小时音频  "
            f"{seconds / took:.1f}× 实时"
        )
        if 0.005 < share < 1:
            text += f"  还需约 {clock(took / share * (1 - share), 0)}"
        if self._failed:
            text += f"  {self._failed} 个没有完成"
        self._line(f"{text}  {shown(job.path.name)}", force)

    def _line(self, text: str, force: bool = False) -> None:
        now = time.monotonic()
        if self._quiet or (
            not force and now - self._last < (_EACH_S if self._live else _PLAIN_EACH_S)
        ):
            return
        self._last = now
        text = "".join(c if c.isprintable() else "\ufffd" for c in text)[:_WIDTH]
        self._stream.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        self._stream.flush()
