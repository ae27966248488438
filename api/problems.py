"""Errors as RFC 9457 problem details, in Chinese with the English beside it.

Nothing of what was sent is repeated in an answer: it would end up in logs and on screens.
"""

import logging
import re
import traceback
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from api.errors import AwayError, ServiceError
from detector.errors import DetectorError, InputError, OptionError

__all__ = ["MEDIA_TYPE", "add_handlers", "as_problem", "problem", "problem_of", "split_sentence"]

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:harassment-detector:problem:"
_LOG = logging.getLogger("detector.api")
_ENGLISH = re.compile(r"\s*\(([^()\u4e00-\u9fff]+)\)\s*。?\s*$")

_PLAIN: dict[int, tuple[str, str]] = {
    400: ("请求不完整或格式不对,请检查后重试。", "The request is malformed."),
    404: ("没有这个地址或内容,可能已被删除。", "There is nothing here; it may have been deleted."),
    405: ("这个地址不支持这种请求方法。", "This address does not take that method."),
    408: ("等待数据的时间太长,请重新上传。", "The data did not come in time; send it again."),
    413: ("内容太大。", "The content is too large."),
    422: ("有的内容不符合要求,请按说明修改。", "Something in the request is not usable."),
    500: (
        "服务内部出错,请稍后再试;若反复出现请报告这个问题。",
        "Internal error.",
    ),
    503: ("服务暂时不可用,请稍后再试。", "The service is not available now; try again later."),
}


def split_sentence(text: str) -> tuple[str, str]:
    """Return the Chinese of an error sentence of the house, and the English in its brackets."""
    found = _ENGLISH.search(text)
    if not found:
        return text, ""
    return text[: found.start()].rstrip("。") + "。", found.group(1).strip()


def problem(
    status: int,
    detail: str = "",
    detail_en: str = "",
    *,
    slug: str = "",
    title: str = "",
    instance: str | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """Return a problem document; what is not given is taken from the status."""
    phrase = HTTPStatus(status).phrase
    plain, plain_en = _PLAIN.get(status, (phrase, phrase))
    found: dict[str, Any] = {
        "type": _TYPE + (slug or re.sub("[^a-z]+", "-", (title or phrase).lower()).strip("-")),
        "title": title or phrase,
        "status": status,
        "detail": detail or plain,
        "detail_en": detail_en or (plain_en if not detail else phrase),
    }
    if instance:
        found["instance"] = instance
    return found | extra


def problem_of(error: BaseException) -> dict[str, Any]:
    """Return the problem document of an error that was raised while answering."""
    if isinstance(error, ServiceError):
        return problem(error.status, error.detail, error.detail_en, title=error.title)
    if isinstance(error, OptionError | InputError):
        return problem(422, *split_sentence(str(error)))
    if isinstance(error, DetectorError):
        return problem(503, *split_sentence(str(error)))
    if isinstance(error, HTTPException):
        return problem(error.status_code)
    return problem(500)


def as_problem(
    request: Request, content: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    """Return the answer that carries a problem document."""
    content.setdefault("instance", request.url.path)
    return JSONResponse(content, content["status"], headers=headers, media_type=MEDIA_TYPE)


def _retry_after(error: Exception) -> dict[str, str]:
    seconds = getattr(error, "retry_after_s", None)
    return {"Retry-After": str(max(1, round(seconds)))} if seconds else {}


def _where(error: BaseException) -> str:
    """Return the places of an error, without its message, which may hold words of a call."""
    frames = traceback.extract_tb(error.__traceback__)
    return " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames[-6:])


def add_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem document."""

    async def refused(request: Request, error: Exception) -> Response:
        headers = _retry_after(error)
        found = problem_of(error)
        if found["status"] == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="detector"'
        if isinstance(error, HTTPException):
            headers |= dict(error.headers or {})
        return as_problem(request, found, headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        places = [
            {"at": ".".join(str(part) for part in item["loc"]), "message": str(item["msg"])}
            for item in error.errors()[:20]
        ]
        named = "、".join(dict.fromkeys(place["at"] for place in places))
        # names of fields are the client's own words where they are unknown: kept short
        content = problem(
            422,
            f"请求里有不符合要求的内容({named[:200]}),请按接口说明修改。",
            f"These parts of the request are not usable: {named[:200]}.",
            errors=places,
        )
        return as_problem(request, content)

    async def unexpected(request: Request, error: Exception) -> Response:
        if _is_database_away(error):
            _LOG.warning("database away: %s", type(error).__name__)
            away = AwayError()
            return as_problem(request, problem_of(away), _retry_after(away))
        _LOG.error("unexpected %s at %s", type(error).__name__, _where(error))
        return as_problem(request, problem(500))

    app.add_exception_handler(DetectorError, refused)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unexpected)
    for kind in _database_errors():
        app.add_exception_handler(kind, unexpected)


def _database_errors() -> tuple[type[Exception], ...]:
    from sqlalchemy.exc import DBAPIError, TimeoutError

    return DBAPIError, TimeoutError


def _is_database_away(error: Exception) -> bool:
    from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError

    return isinstance(error, InterfaceError | OperationalError | TimeoutError)
