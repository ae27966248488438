"""What keeps one client from using up the service: sizes of bodies, uploads at once."""

from types import TracebackType

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import TooLargeError, TooManyError
from api.problems import as_problem, problem_of

__all__ = ["MAX_UPLOADS", "BodyLimit", "Slots", "add_slots"]

MAX_UPLOADS = 400
"""Uploads at once in one server process; each holds well below half a megabyte of memory."""
_MAX_WATCHERS = 1000
_SMALL = 64 << 10
_TEXT = 2 << 20


class Slots:
    """So many at once and no more; used as a context in the event loop's thread."""

    def __init__(self, most: int, detail: str, detail_en: str) -> None:
        self.most, self.used = most, 0
        self._words = detail, detail_en

    def __enter__(self) -> None:
        if self.used >= self.most:
            raise TooManyError(*self._words, status=503, title="Busy", retry_after_s=10)
        self.used += 1

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.used -= 1


def add_slots(app: FastAPI) -> None:
    """Give the application its slots for uploads and for held connections."""
    app.state.uploads = Slots(
        MAX_UPLOADS, "同时上传的人太多,请稍后再试。", "Too many uploads at once; try again soon."
    )
    app.state.watchers = Slots(
        _MAX_WATCHERS, "同时等待结果的连接太多,请稍后再试。", "Too many open connections."
    )


class BodyLimit:
    """Reads the small body of a request whole before it is looked at, up to a limit.

    Uploads of recordings pass: they are streamed and have a limit of their own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = scope["type"] == "http" and scope["path"].rstrip("/") == "/v1/recordings"
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD") or upload:
            await self.app(scope, receive, send)
            return
        most = _TEXT if scope["path"] == "/v1/text" else _SMALL
        length = next((v for n, v in scope["headers"] if n == b"content-length"), b"0")
        body = b""
        more, large = True, length.isdigit() and int(length) > most
        while more and not large:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            large = len(body) > most
        if large:
            error = TooLargeError(
                f"内容超过 {most >> 10} KB,请分成几次。",
                f"More than {most >> 10} KB; send it in parts.",
            )
            answer = as_problem(Request(scope), problem_of(error), {"Connection": "close"})
            await answer(scope, receive, send)
            return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)
