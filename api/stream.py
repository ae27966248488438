"""Following a recording: every change of it, as an async iterator and as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fastapi.concurrency import run_in_threadpool

from api.errors import AwayError, NotFoundError
from api.wire import shown

__all__ = ["Followers", "events", "follow"]

ENDED = ("done", "failed")
_PING_S = 15.0
_LOOK_S = 5.0
"""A change that was not told (its server died) is found by looking."""
_PAUSE_S = 0.5
"""Changes of others, which move the queue, are not looked at more often than that."""


class Followers:
    """All who follow a recording, so that they can be sent home when the server stops."""

    def __init__(self) -> None:
        self.closed = False
        self._waiting: set[asyncio.Event] = set()

    @contextmanager
    def waiting(self) -> Iterator[asyncio.Event]:
        """Give an event that is set when the server stops."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)

    def close(self) -> None:
        """Wake all; called in the event loop."""
        self.closed = True
        for event in self._waiting:
            event.set()


async def follow(
    service: Any, followers: Followers, owner: str, recording: str
) -> AsyncIterator[Any]:
    """Yield the recording now, at each change, and None where a while passes without one.

    Ends after it is done or has failed, and when the server stops. The first look raises
    NotFoundError where there is no such recording; one that is deleted meanwhile ends the
    iteration.
    """
    with followers.waiting() as changed:
        async for now in _changes(service, followers, changed, owner, recording):
            yield now


async def _changes(
    service: Any, followers: Followers, changed: asyncio.Event, owner: str, recording: str
) -> AsyncIterator[Any]:
    loop = asyncio.get_running_loop()

    def told(_which: str) -> None:
        with suppress(RuntimeError):  # the server is being stopped
            loop.call_soon_threadsafe(changed.set)

    stop = await run_in_threadpool(service.store.watch, told)
    try:
        now = await run_in_threadpool(service.store.get, owner, recording)
        yield now
        quiet = 0.0
        while now.state not in ENDED and not followers.closed:
            changed.clear()
            try:
                async with asyncio.timeout(_LOOK_S):
                    await changed.wait()
                await asyncio.sleep(_PAUSE_S)
            except TimeoutError:
                quiet += _LOOK_S
            try:
                found = await run_in_threadpool(service.store.get, owner, recording)
            except NotFoundError:
                return
            except AwayError:
                continue
            if _mark(found) != _mark(now):
                now, quiet = found, 0.0
                yield now
            elif quiet >= _PING_S:
                quiet = 0.0
                yield None
    finally:
        stop()


def _mark(recording: Any) -> tuple[Any, ...]:
    return recording.version, recording.state, recording.queue_position


async def events(
    service: Any, followers: Followers, owner: str, recording: str
) -> AsyncIterator[bytes]:
    """Yield server-sent events: `state` with the recording at each change, comments between."""
    yield b"retry: 3000\n\n"
    async for now in follow(service, followers, owner, recording):
        if now is None:
            yield b": still here\n\n"
            continue
        data = shown(now).model_dump_json()
        yield f"event: state\nid: {now.version}\ndata: {data}\n\n".encode()
