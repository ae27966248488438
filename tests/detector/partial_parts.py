"""A recording, a window and a recogniser to try partial transcripts with."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from detector.audio import RATE, Recording
from detector.ghosts import Dropped
from detector.speech import Window
from detector.transcript import Heard, RecogniserOptions, Word

RECORDING = Recording(Path("长录音.m4a"), "cd" * 32, 9_000_000, "wav", "pcm", 8_000, 1, 3_600.0)
WINDOW = Window(0, np.linspace(0, 1, 2 * RATE, dtype=np.float32), ((0, 700 * RATE, 2 * RATE),))
LATER = Window(0, np.linspace(1, 0, RATE, dtype=np.float32), ((0, 900 * RATE, RATE),))
HEARD = Heard(
    [Word("喂", 700.1, 700.4, 0.931, 0), Word("你好", 700.4, 701.0, 0.72, 0)],
    [Dropped(701.2, 701.9, "谢谢观看", "boilerplate")],
    "zh",
)


class Model:
    """Stands in for Whisper: hears always the same, and counts what it is asked to hear."""

    workers = 1

    def __init__(self, **options: Any) -> None:
        self.options = RecogniserOptions(**options)
        self.asked = 0

    def __call__(self, windows: Sequence[Window], _change: Any = None) -> list[Heard]:
        self.asked += len(windows)
        return [HEARD] * len(windows)


def opened(partial: ModuleType, model: Any = None) -> Any:
    return partial.Partial(model or Model(), RECORDING, {"model": "x"})


def place(partial: ModuleType) -> Path:
    """Return where the file is kept, made new."""
    with opened(partial) as made:
        made([WINDOW])
    from detector.kept import kept

    return kept()[0].path
