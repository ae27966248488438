"""What every answer says to a browser, and the log line of every request.

The log holds the method, the route's template, ids, the status and the time it took: never a
query, a file name or a word of a call.
"""

import logging
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics

__all__ = ["POLICY", "Headers"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_ALWAYS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"x-robots-tag", b"noindex"),
    (b"cache-control", b"no-store"),
)
_LOG = logging.getLogger("detector.api.requests")


class Headers:
    """Adds the headers that an answer does not set itself; counts and logs requests."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with(message["headers"])
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - began
            template = _template(scope)
            self.metrics.answered(scope["method"], template, status, seconds)
            _LOG.info(
                "%s %s %s %d %.0f ms", scope["method"][:10], template,
                scope.get("path_params", {}).get("recording", "-"), status, seconds * 1000,
            )  # fmt: skip


def _with(own: Any) -> list[tuple[bytes, bytes]]:
    headers = list(own)
    named = {name.lower() for name, _ in headers}
    headers += [(name, value) for name, value in _ALWAYS if name not in named]
    return headers


def _template(scope: MutableMapping[str, Any]) -> str:
    """Return the route, never the path itself: what a stranger sends is not written down."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "other"
