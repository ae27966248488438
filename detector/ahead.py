"""Recognition on all cores: windows are decoded some at a time while the recording is read on."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

from detector.speech import Window
from detector.threads import Threads
from detector.transcript import PLAIN, Change, Heard, Recognises, room

__all__ = ["Ahead"]

BATCH, BATCH_S = 3, 60
"""Windows decoded together at the most, and seconds of room: more take more memory."""
AHEAD = 4
"""Batches begun before the first is waited for: the same on every machine, so that the same windows
come together."""

T = TypeVar("T")


class Ahead(Threads, Generic[T]):
    """Hand in windows, take what was heard in them: alike ones together, at last the longest first.

    Each window carries a note of the caller's; at most `together_s` seconds of room (30 or more)
    are decoded at once. What is being decoded when an error leaves the block is waited for, the
    rest is not begun.
    """

    def __init__(self, recogniser: Recognises, together_s: int = BATCH_S) -> None:
        super().__init__(recogniser.workers)
        self._recogniser = recogniser
        self._together_s = together_s
        self._waiting: dict[tuple[Change, int], list[tuple[Window, T]]] = {}
        self._under_way: deque[tuple[list[tuple[Window, T]], Future[list[Heard]]]] = deque()

    def add(self, window: Window, note: T, change: Change = PLAIN) -> None:
        """Hand in a window, to be decoded with others of the same change and room."""
        kind = (change, room(window, change))
        self._waiting.setdefault(kind, []).append((window, note))
        if len(self._waiting[kind]) == min(BATCH, self._together_s // kind[1]):
            self._begin(kind)

    def done(self) -> Iterator[tuple[Window, T, Heard]]:
        """Yield the oldest windows with what was heard, until AHEAD batches are left."""
        while len(self._under_way) > AHEAD:
            yield from self._oldest()

    def rest(self) -> Iterator[tuple[Window, T, Heard]]:
        """Yield all windows; more may be handed in meanwhile."""
        while self._waiting or self._under_way:
            # the longest first, so that all cores end at about the same time
            for kind in sorted(self._waiting, key=lambda kind: -kind[1]):
                self._begin(kind)
            yield from self._oldest()

    def _begin(self, kind: tuple[Change, int]) -> None:
        handed_in = self._waiting.pop(kind)
        windows = [window for window, _ in handed_in]
        future = self._pool.submit(self._recogniser, windows, kind[0])
        self._under_way.append((handed_in, future))

    def _oldest(self) -> Iterator[tuple[Window, T, Heard]]:
        handed_in, future = self._under_way.popleft()
        for (window, note), heard in zip(handed_in, future.result(), strict=True):
            yield window, note, heard
