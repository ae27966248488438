"""Whisper takes half a second to load: the recording is read meanwhile."""

from collections.abc import Callable, Sequence

from threadpoolctl import threadpool_limits

from detector.speech import Window
from detector.threads import Threads
from detector.transcript import PLAIN, Change, Heard, Recognises

__all__ = ["Loading"]


class Loading(Threads):
    """A recogniser that is being loaded: whoever has windows for it waits.

    An error in loading is raised to them. `then` is run when it is loaded, for what else is slow
    the first time.
    """

    def __init__(
        self, load: Callable[[], Recognises], workers: int, then: Callable[[], object]
    ) -> None:
        super().__init__(1)
        threadpool_limits(1, user_api="blas")  # as the recogniser does, but before it is there
        self.workers = workers
        self._loaded = self._pool.submit(load)
        self._pool.submit(then)

    def __call__(self, windows: Sequence[Window], change: Change = PLAIN) -> list[Heard]:
        return self._loaded.result()(windows, change)
