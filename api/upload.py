"""A recording on its way in: from the socket into the vault, never whole in memory.

What arrives is encrypted by the vault as it comes; nothing of it is ever plain on the disk. An
upload that breaks off leaves nothing behind.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from api.errors import ServiceError, TooLargeError
from api.multipart import BrokenFormError, FileBegins, FileBytes, Form
from api.options import read_options

__all__ = ["Draft", "Upload"]

_SILENT_S = 60.0
_FORM_BYTES = 1 << 20
_DRAINED = 16 << 20
_DRAIN_S = 3.0
_WRITERS = anyio.CapacityLimiter(2)
"""Writing is quick and the cores are few: the others stay free for those who read."""


class _SlowError(ServiceError):
    status, title = 408, "Request timeout"


class Draft(Protocol):
    """What is being uploaded, at the store (`api.recordings`); its methods block."""

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""

    def commit(self, options: dict[str, Any], name: str | None = None) -> tuple[Any, bool]:
        """Accept the recording; the second value tells that it was there already."""

    def abort(self) -> None:
        """Leave nothing of it."""


async def _call(function: Any, *args: Any) -> Any:
    return await anyio.to_thread.run_sync(function, *args, limiter=_WRITERS)


class Upload:
    """One upload: feeds a form into a draft, which is opened where the file begins."""

    def __init__(
        self, request: Request, open_draft: Callable[[str], Draft], max_bytes: int
    ) -> None:
        self.request, self.max_bytes = request, max_bytes
        self._open = open_draft
        self._draft: Draft | None = None
        self.name: str | None = None
        self.bytes = 0

    async def receive(self) -> tuple[Any, bool]:
        """Take the body and return the recording, and whether it was there already.

        Raises:
            ServiceError: what is sent cannot be used, is too large, stalls, or is cut off.
            ClientDisconnect: the client is gone.
        """
        try:
            options = await self._take()
            assert self._draft is not None  # a form without a file was refused
            recording, existed = await _call(self._draft.commit, options, self.name)
            return recording, bool(existed)
        except ServiceError:
            await self._drop()
            await _drain(self.request)
            raise
        except BaseException:
            await self._drop()
            raise

    async def _take(self) -> dict[str, Any]:
        form = Form(self.request.headers.get("content-type", ""))
        length = self.request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self.max_bytes + _FORM_BYTES:
            raise self._too_large()
        received = 0
        async for data in _pieces(self.request):
            received += len(data)
            for event in form.feed(data):
                if isinstance(event, FileBegins):
                    self.name = event.name
                    self._draft = await _call(self._open, event.name)
                elif isinstance(event, FileBytes):
                    await self._keep(event.data)
            if received - self.bytes > _FORM_BYTES:
                raise BrokenFormError("表单里除录音外的内容太多。", "The form is too large.")
        form.close()
        if not self.bytes:
            raise BrokenFormError(
                "录音文件是空的,请重新选择。", "The recording is empty.", status=422,
                title="Empty file",
            )  # fmt: skip
        return read_options(form.fields)

    async def _keep(self, data: memoryview) -> None:
        self.bytes += len(data)
        if self.bytes > self.max_bytes:
            raise self._too_large()
        if self._draft:
            await _call(self._draft.write, data)

    async def _drop(self) -> None:
        draft, self._draft = self._draft, None
        if draft:
            with anyio.CancelScope(shield=True):
                await _call(draft.abort)

    def _too_large(self) -> TooLargeError:
        limit = f"{self.max_bytes / (1 << 20):,.0f} MB"
        return TooLargeError(
            f"录音超过 {limit} 的上限,请分段上传。", f"The recording exceeds the limit of {limit}."
        )


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(_SILENT_S):
                data = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _SlowError(
                "等待数据的时间太长,已放弃这次上传;请重新上传。",
                "No data came for a minute; send it again.",
            ) from None
        yield data


async def _drain(request: Request) -> None:
    """Read on for a moment, so that a client that only listens after sending sees the answer."""
    left = _DRAINED
    try:
        async with asyncio.timeout(_DRAIN_S):
            async for data in request.stream():
                left -= len(data)
                if left < 0:
                    return
    except (TimeoutError, ClientDisconnect, RuntimeError):
        return
