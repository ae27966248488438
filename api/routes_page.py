"""The page: the files in `api/page`, and nothing else of the disk."""

import hashlib
import re
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from api.errors import NotFoundError

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
    "webmanifest": "application/manifest+json",
}


@cache
def _file(name: str) -> tuple[bytes, str]:
    """Return a file of the page and its mark; NotFoundError for what is none."""
    if (
        not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,60}", name)
        or name.rpartition(".")[2] not in _TYPES
    ):
        raise NotFoundError("没有这个页面文件。", "No such file of the page.")
    try:
        data = (files("api") / "page" / name).read_bytes()
    except OSError:
        raise NotFoundError("没有这个页面文件。", "No such file of the page.") from None
    return data, f'"{hashlib.sha256(data).hexdigest()[:20]}"'


def _answer(request: Request, name: str) -> Response:
    data, mark = _file(name)
    headers = {"ETag": mark, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])


@router.get("/")
async def index(request: Request) -> Response:
    """Return the page."""
    return _answer(request, "index.html")


@router.get("/page/{name}")
async def page_file(request: Request, name: str) -> Response:
    """Return a file of the page."""
    return _answer(request, name)


@router.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    """Return the icon."""
    return _answer(request, "icon.svg")
