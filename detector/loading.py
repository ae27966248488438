"""Whisper takes half a second to load: the recording is read meanwhile."""

from collections.abc import Callable, Sequence

from detector.speech import Window
from detector.threads import Threads
from detector.transcript import PLAIN, Change, Heard, Recognises

__all__ = ["Loading"]


class Loading(Threads):
    """A recogniser that is being loaded: whoever has windows for it waits.

    An error in loading is raised to them.
    """

    def __init__(self, load: Callable[[], Recognises], workers: int) -> None:
        super().__init__(1)
        self.workers = workers
        self._loaded = self._pool.submit(load)

    def __call__(self, windows: Sequence[Window], change: Change = PLAIN) -> list[Heard]:
        return self._loaded.result()(windows, change)
