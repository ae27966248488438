"""The service itself: health, figures, the reading cookie, messages."""

from fastapi import APIRouter, Request, Response

from api.access import COOKIE, Owner
from api.answers import problems
from api.errors import AwayError, ServiceError
from api.metrics import CONTENT_TYPE
from api.models import Health, Messages, SessionState, TextResult
from api.peers import is_loopback
from detector.report import DISCLAIMER

__all__ = ["router"]

router = APIRouter(tags=["service"])


@router.get("/v1/health", summary="Whether the service works", responses=problems())
async def health(request: Request) -> Health:
    """Answer without a key, so that a load balancer or a container can ask."""
    state = request.app.state
    settings = state.service.settings
    try:
        needed = await state.access.key_needed()
    except AwayError:
        needed = True
    return Health(
        status="locked" if state.service.store.vault.locked else "ok",
        version=request.app.version,
        key_needed=needed,
        max_bytes=settings.max_bytes,
        max_seconds=settings.max_seconds,
        retention_days=settings.retention_days,
        language=settings.language,
    )


@router.get("/v1/session", summary="Whether a key is needed", responses=problems())
async def get_session(request: Request) -> SessionState:
    """Tell whether this request may read; always 200."""
    needed = await request.app.state.access.key_needed()
    try:
        await request.app.state.access.owner(request)
        signed_in = True
    except ServiceError:
        signed_in = False
    return SessionState(key_needed=needed, signed_in=signed_in)


@router.post("/v1/session", status_code=204, summary="A cookie for players", responses=problems())
async def begin_session(request: Request, owner: Owner) -> Response:
    """Set a cookie that stands for the key of this request, for an hour at most.

    Players and downloads of a browser cannot send a header. The cookie is good for getting sound,
    clips, reports and evidence, and for nothing else.
    """
    secret = request.headers.get("authorization", "").partition(" ")[2].strip()
    response = Response(status_code=204)
    if secret:
        https = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        response.set_cookie(
            COOKIE, request.app.state.access.session(secret), path="/v1", secure=https,
            httponly=True, samesite="strict",
        )  # fmt: skip
    return response


@router.delete("/v1/session", status_code=204, summary="Forget the cookie", responses=problems())
async def end_session() -> Response:
    """Have the browser forget the cookie."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/v1", httponly=True, samesite="strict")
    return response


@router.post("/v1/text", summary="Score messages", responses=problems(413))
async def score_text(request: Request, owner: Owner, messages: Messages) -> TextResult:
    """Score pasted messages as `detector classify` does; nothing of them is kept."""
    found = await request.app.state.text_desk.score(messages.text, messages.listener)
    return TextResult(name=messages.name, disclaimer=DISCLAIMER, **found)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        **problems(),
        200: {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    },
)
async def metrics(request: Request) -> Response:
    """Return counters and gauges; from this machine, or with a key."""
    client = request.client
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    if forwarded or client is None or not is_loopback(client.host):
        await request.app.state.access.owner(request)
    from fastapi.concurrency import run_in_threadpool

    text = await run_in_threadpool(request.app.state.metrics.render)
    return Response(text, media_type=CONTENT_TYPE)
