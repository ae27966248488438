"""Progress on stderr: what is being done, how far, and how long it will still take."""

import sys
import time
from typing import TextIO

from detector.printable import printable
from detector.render_text import clock

__all__ = ["Progress"]

_NAMES = {
    "read": "读取录音",
    "load": "加载模型",
    "resume": "接着上次做,已转写到",
    "transcribe": "转写",
    "classify": "分析内容",
    "second_look": "重听可疑段落",
}


_PLAIN_EACH_S = 30.0


class Progress:
    """A callable for `Scanner.scan`; one line that is redrawn on a terminal, plain lines else."""

    def __init__(self, name: str, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._name = printable(name)
        self._quiet = quiet
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._began = 0.0
        self._from = 0.0  # the share that was done before: it says nothing of the speed
        self._last_shown = -1.0
        self._step = ""

    def __call__(self, step: str, done: float, whole: float | None) -> None:
        """Show a step; `done` and `whole` are seconds of the recording."""
        if self._quiet:
            return
        now = time.monotonic()
        if step != self._step:
            if step != "transcribe":  # the first window is done when its progress arrives
                self._began = now
            self._step, self._last_shown = step, -1.0
        if step == "done":
            self._write("", end=True)
            return
        text = f"{self._name}  {_NAMES.get(step, step)} …"
        if step == "resume":
            self._from = done / whole if whole else 0.0
            text = f"{self._name}  {_NAMES[step]} {clock(done, 0)}"
        elif step in ("read", "transcribe") and done and not whole:
            text = f"{self._name}  {_NAMES[step]} {clock(done, 0)}"
            if not self._live and now - self._last_shown < _PLAIN_EACH_S:
                return
            self._last_shown = now
        elif step in ("read", "transcribe") and whole and (done or step == "transcribe"):
            share = min(1.0, done / whole)
            if step == "read" or share <= self._from:
                left = None
                self._began = now if step == "transcribe" else self._began
            else:
                made = share - self._from
                left = (now - self._began) / made * (1 - share) if made > 0.02 else None
            text = f"{self._name}  {_NAMES[step]} {share:4.0%}  {clock(done, 0)}/{clock(whole, 0)}"
            if left is not None and share < 1:
                text += f"  还需约 {clock(left, 0)}"
            if not self._live and share < 1 and share - self._last_shown < 0.1:
                return
            self._last_shown = share
        self._write(text)

    def _write(self, text: str, end: bool = False) -> None:
        if self._live:
            self._stream.write("\r\x1b[K" + text)
        elif not end:
            self._stream.write(text + "\n")
        self._stream.flush()
