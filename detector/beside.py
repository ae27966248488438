"""Work beside the reading of a recording: calls in a thread of their own, one after another."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from detector.threads import Threads

__all__ = ["Beside"]


class Beside(Threads):
    """Hand in calls; they are made in this order, `ahead` of them at most being waited for.

    An error in one is raised by a later call here or by `finish`, which must be called last: what
    is not begun when the block is left is not begun any more.
    """

    def __init__(self, ahead: int) -> None:
        super().__init__(1)
        self._ahead = ahead
        self._waiting: deque[Future[Any]] = deque()

    def __call__(self, function: Callable[..., None], *args: Any) -> None:
        """Hand in a call; where too many wait, wait for the oldest."""
        self._waiting.append(self._pool.submit(function, *args))
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > self._ahead):
            self._waiting.popleft().result()

    def finish(self) -> None:
        """Wait until all calls are made."""
        while self._waiting:
            self._waiting.popleft().result()
