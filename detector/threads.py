"""Threads that work for a block of the program and end with it."""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

__all__ = ["Threads"]


class Threads:
    """When the block is left, what the threads are at is waited for, the rest is not begun."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
