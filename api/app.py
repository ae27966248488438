"""The application: routes, guards, and the work that begins and ends with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi

from api import (
    routes_page,
    routes_recordings,
    routes_results,
    routes_review,
    routes_service,
)
from api.access import Access, Gate, add_access
from api.headers import Headers
from api.limits import BodyLimit, add_slots
from api.metrics import Metrics
from api.models import Problem
from api.problems import add_handlers
from api.settings import Settings
from api.stream import Followers
from api.text_task import TextDesk
from detector.report import schema

__all__ = ["create_app"]

_ABOUT = """\
Finds suspected threats, insults and third-party disclosure in recorded Mandarin debt-collection
calls. Everything found is *suspected* and has to be checked by a person who listens.

Errors are problem documents (RFC 9457): `detail` is a Chinese sentence, `detail_en` an English
one. Without a key the service is open to the user of this machine alone; otherwise send
`Authorization: Bearer hd_…` (`detector keys create`).
"""


def _version() -> str:
    try:
        return version("harassment-detector")
    except PackageNotFoundError:
        return "0"


def create_app(settings: Settings, service: Any = None) -> FastAPI:
    """Return the application; `service` (an `api.service.Service`) is opened if not given.

    Raises:
        DetectorError: the data folder or the database cannot be used.
    """
    if service is None:
        from api.service import Service

        service = Service(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.start)
        try:
            yield
        finally:
            await run_in_threadpool(app.state.text_desk.close)
            await run_in_threadpool(service.stop)

    app = FastAPI(
        title="Harassment detector", version=_version(), description=_ABOUT, lifespan=lifespan,
        openapi_url="/v1/openapi.json", docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.service = service
    app.state.metrics = Metrics(service.store.counts)
    app.state.text_desk = TextDesk()
    app.state.followers = Followers()
    access = Access(settings, service)
    add_access(app, access)
    add_slots(app)
    add_handlers(app)
    for room in (routes_recordings, routes_results, routes_review, routes_service, routes_page):
        app.include_router(room.router)
    # the last that is added is the first that is asked
    app.add_middleware(BodyLimit)
    app.add_middleware(Gate, access=access)
    app.add_middleware(Headers, metrics=app.state.metrics)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document: with problems as the only errors, and the report's schema."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = found["components"]["schemas"]
        schemas["Problem"] = Problem.model_json_schema()
        schemas["Report"] = _report_schema()
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        found["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "`detector keys create`"}
        }
        found["security"] = [{"key": []}, {}]
        app.openapi_schema = found
    return app.openapi_schema


def _report_schema() -> dict[str, Any]:
    """Return the published schema of reports with its references turned to this document."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: item.replace("#/$defs/", "#/components/schemas/Report/$defs/")
                if key == "$ref" and isinstance(item, str)
                else turned(item)
                for key, item in value.items()
                if key not in ("$schema", "$id")
            }
        return [turned(item) for item in value] if isinstance(value, list) else value

    found: dict[str, Any] = turned(schema())
    return found
