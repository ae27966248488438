"""Who may ask: the machine's user on loopback, else whoever holds a key.

As long as no key exists and the service listens on loopback, everything belongs to the owner
"local". What keeps others out then: the name of the host that was asked for (a rebound DNS name
is not ours), the page that asks (`Origin`, `Sec-Fetch-Site`), the user of the process at the
other end of the connection (Linux), and no proxy between. With the first key, every owner sees
their own recordings only, on loopback too.
"""

import re
import time
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import ServiceError
from api.peers import is_loopback, peer_is_mine
from api.problems import as_problem, problem_of
from api.settings import Settings

__all__ = ["COOKIE", "LOCAL", "Access", "Gate", "Owner", "add_access"]

LOCAL = "local"
COOKIE = "detector_read"
_NAMES = ("localhost", "127.0.0.1", "::1")
_CACHED_S = 3.0
_SESSION_S = 3600
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?", re.I)
_PLAYED = re.compile("/v1/recordings/[0-9a-f]{32}/(?:audio|evidence|report|clips/[A-Za-z0-9]+)")
"""What players and downloads ask for: there alone the cookie stands in for the key."""
_FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-forwarded-host")


class _ForeignError(ServiceError):
    status, title = 403, "Forbidden"


class _KeyError(ServiceError):
    status, title = 401, "Key needed"


def _host_of(text: str) -> tuple[str, str] | None:
    """Return name and port of a Host header, or None for what is none."""
    found = _HOST.fullmatch(text.strip())
    if not found:
        return None
    return (found[1] or found[2]).lower().rstrip("."), found[3] or ""


def _origin_of(text: str) -> tuple[str, str] | None:
    scheme, sign, rest = text.partition("://")
    found = _host_of(rest) if sign and scheme in ("http", "https") else None
    default = {"http": "80", "https": "443"}.get(scheme)
    return found and (found[0], "" if found[1] == default else found[1])


@dataclass(slots=True)
class _Cache:
    """Answers of the key store for a few seconds; revoking a key takes that long to tell."""

    owners: dict[str, tuple[float, str | None]] = field(default_factory=dict)
    any_key: tuple[float, bool] = (0.0, False)


class Access:
    """Decides for each request who the owner is; `keys` is `api.keys.KeyStore`."""

    def __init__(self, settings: Settings, service: Any) -> None:
        self.settings, self._service = settings, service
        self.loopback = is_loopback(settings.host)
        self._cache = _Cache()

    def hosts(self) -> set[str]:
        """Return the names under which the service may be asked for without a key."""
        return {*_NAMES, *(name.lower() for name in self.settings.allowed_hosts)}

    async def key_needed(self) -> bool:
        """Tell whether a key has to be shown: always, but on loopback before the first key."""
        if not self.loopback:
            return True
        at, found = self._cache.any_key
        if not at or time.monotonic() - at > _CACHED_S:
            found = await run_in_threadpool(self._service.keys.any)
            self._cache.any_key = time.monotonic(), found
        return found

    async def owner_of(self, secret: str) -> str | None:
        """Return whose key this is, or None."""
        if not re.fullmatch("[A-Za-z0-9_-]{8,200}", secret):
            return None
        at, found = self._cache.owners.get(secret, (0.0, None))
        if not at or time.monotonic() - at > _CACHED_S:
            found = await run_in_threadpool(self._service.keys.owner_of, secret)
            if len(self._cache.owners) > 1000:
                self._cache.owners.clear()
            if found:
                self._cache.owners[secret] = time.monotonic(), found
            else:
                self._cache.owners.pop(secret, None)
        return found

    async def owner(self, request: Request) -> str:
        """Return the owner who asks.

        Raises:
            ServiceError: 401 without a key that is good, 403 for another user of the machine.
        """
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if secret or not await self.key_needed():
            if scheme.lower() == "bearer" and (owner := await self.owner_of(secret.strip())):
                return owner
            if not secret:
                self._check_local(request)
                return LOCAL
        elif cookie := request.cookies.get(COOKIE, ""):
            read = request.method in ("GET", "HEAD") and _PLAYED.fullmatch(request.url.path)
            if read and (owner := await self.owner_of(self._opened(cookie))):
                return owner
        raise _KeyError(
            "需要有效的密钥;请向管理员索取(detector keys create),再重试。",
            "A valid API key is needed: Authorization: Bearer hd_…",
        )

    def _check_local(self, request: Request) -> None:
        client, server = request.scope.get("client"), request.scope.get("server")
        forwarded = any(name in _FORWARDED for name, _ in request.scope["headers"])
        if forwarded or not peer_is_mine(client, server):
            raise _ForeignError(
                "没有建立密钥时,只有本机的同一用户可以直接访问;请先运行 detector keys create。",
                "Without keys only this machine's user may ask, and not through a proxy.",
            )

    def session(self, secret: str) -> str:
        """Return the value of a cookie that stands for a key in players, for an hour."""
        return str(self._fernet().encrypt(secret.encode()).decode())

    def _opened(self, cookie: str) -> str:
        from cryptography.fernet import InvalidToken

        try:
            return str(self._fernet().decrypt(cookie.encode(), ttl=_SESSION_S).decode())
        except (InvalidToken, UnicodeError):
            return ""

    def _fernet(self) -> Any:
        from base64 import urlsafe_b64encode

        from cryptography.fernet import Fernet

        secret: bytes = self._service.store.vault.derive(b"read-cookie")
        return Fernet(urlsafe_b64encode(secret))


class Gate:
    """Refuses what a page elsewhere sends, and hosts that are not ours, before anything else."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refused = self._refusal(scope)
            if refused:
                answer = as_problem(Request(scope), problem_of(refused))
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ServiceError | None:
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value.decode("latin-1"))
        hosts = headers.get(b"host", [])
        host = _host_of(hosts[0]) if len(hosts) == 1 else None
        names = self.access.hosts()
        limited = self.access.loopback or bool(self.access.settings.allowed_hosts)
        if host is None or (limited and host[0] not in names):
            return _ForeignError(
                "不能用这个主机名访问;请用 127.0.0.1,或在启动时加 --allowed-host。",
                "This host name is not allowed here; see --allowed-host.",
            )
        site = headers.get(b"sec-fetch-site", ["none"])[0]
        opened = scope["path"] == "/" and headers.get(b"sec-fetch-mode") == ["navigate"]
        foreign = site not in ("none", "same-origin") and not opened
        for text in headers.get(b"origin", []):
            origin = _origin_of(text)
            same = (
                origin is not None
                and origin[0] == host[0]
                and (origin[1] == _port(host[1]) or origin[0] in self.access.settings.allowed_hosts)
            )
            foreign = foreign or not same
        if foreign:
            return _ForeignError(
                "拒绝来自其他网页的请求。", "Requests from other web pages are refused."
            )
        return None


def _port(text: str) -> str:
    return "" if text in ("80", "443") else text


async def _owner(request: Request) -> str:
    access: Access = request.app.state.access
    return await access.owner(request)


Owner = Annotated[str, Depends(_owner)]
"""The owner who asks, as a parameter of a route."""


def add_access(app: FastAPI, access: Access) -> None:
    """Make `Owner` work in an application."""
    app.state.access = access
