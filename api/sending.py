"""Answers that carry files: parts of sealed files, archives that are deleted once sent."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.byte_ranges import UnsatisfiableError, read_range
from api.problems import as_problem, problem

__all__ = ["OnceSent", "attachment", "send_range"]

_PIECE = 256 << 10


def attachment(name: str, disposition: str = "attachment") -> str:
    """Return a Content-Disposition (RFC 6266); nothing in a name can end the header."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in name)
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"{disposition}; filename=\"{plain.strip() or 'file'}\"; filename*=UTF-8''{encoded}"


def send_range(request: Request, reader: Any, media_type: str, headers: dict[str, str]) -> Response:
    """Answer with a file or the part that was asked for; `reader` has `size` and `read`."""
    headers = headers | {"Accept-Ranges": "bytes"}
    etag = headers.get("ETag")
    asked = request.headers.get("range")
    if request.headers.get("if-range") not in (None, etag):
        asked = None
    try:
        part = read_range(asked, reader.size)
    except UnsatisfiableError:
        content = problem(
            416, "请求的位置超出了文件末尾。", "The range lies behind the end of the file."
        )
        headers["Content-Range"] = f"bytes */{reader.size}"
        return as_problem(request, content, headers)
    first, length = part or (0, reader.size)
    headers["Content-Length"] = str(length)
    if part:
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{reader.size}"

    async def pieces() -> AsyncIterator[bytes]:
        at, end = first, first + length
        while at < end:
            data = await anyio.to_thread.run_sync(reader.read, at, min(_PIECE, end - at))
            if not data:
                return
            at += len(data)
            yield data

    return StreamingResponse(pieces(), 206 if part else 200, headers, media_type)


class OnceSent(Response):
    """Sends a file of a folder that was made for it, and deletes the folder afterwards."""

    def __init__(self, path: Path, media_type: str, name: str) -> None:
        self.path, self.folder = path, path.parent
        size = path.stat().st_size
        super().__init__(
            None,
            media_type=media_type,
            headers={"Content-Disposition": attachment(name), "Content-Length": str(size)},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            async with await anyio.open_file(self.path, "rb") as file:
                while data := await file.read(_PIECE):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(shutil.rmtree, self.folder, True)
