"""What was found in a recording, and its sound."""

from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from api.access import Owner
from api.answers import FlagId, RecordingId, binary, problems
from api.errors import NotFoundError
from api.models import EvidenceRequest, ReviewView, Waveform
from api.routes_recordings import check_id
from api.sending import OnceSent, attachment, send_range

__all__ = ["router"]

router = APIRouter(prefix="/v1/recordings/{recording}", tags=["results"])
Form = Literal["json", "html", "txt", "srt", "vtt", "csv"]
_PAGE_POLICY = "sandbox allow-scripts allow-downloads; frame-ancestors 'none'"
"""The report page brings its own policy, with the hashes of its style and script; this one puts
it on an origin of its own besides, from which nothing of the service can be reached."""
_DESK = anyio.CapacityLimiter(8)
"""Whoever waits for a worker keeps no thread from the others."""
_CLOSED = "default-src 'none'; sandbox; frame-ancestors 'none'"


@router.get(
    "/report",
    summary="The report",
    responses={
        **problems(404, 409),
        200: {
            "description": "The report, with people's decisions laid over it.",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Report"}},
                **binary("", "text/html", "text/plain", "text/csv", "text/vtt")["content"],
                **binary("", "application/x-subrip")["content"],
            },
        },
    },
)
async def get_report(
    request: Request,
    owner: Owner,
    recording: RecordingId,
    form: Annotated[
        Form | None, Query(alias="format", description="Else as `Accept` says; JSON by default.")
    ] = None,
) -> Response:
    """Return the report as JSON, a page, plain text, subtitles or a table."""
    reviewing, name = request.app.state.service.reviewing, check_id(recording)
    page = "text/html" in request.headers.get("accept", "")
    form = form or ("html" if page else "json")
    if form == "json":
        return JSONResponse(await run_in_threadpool(reviewing.report, owner, name))
    data, media_type, file_name = await run_in_threadpool(reviewing.rendered, owner, name, form)
    headers = {"Content-Disposition": attachment(file_name, "inline")}
    headers["Content-Security-Policy"] = _PAGE_POLICY if form == "html" else _CLOSED
    return Response(data, headers=headers, media_type=media_type)


@router.get("/review", summary="What the page shows", responses=problems(404, 409))
async def get_review(request: Request, owner: Owner, recording: RecordingId) -> ReviewView:
    """Return flags, transcript and decisions together, with the rules that may be touched."""
    reviewing = request.app.state.service.reviewing
    return ReviewView(**await run_in_threadpool(reviewing.view, owner, check_id(recording)))


@router.get("/waveform", summary="Peaks for drawing", responses=problems(404, 409))
async def get_waveform(request: Request, owner: Owner, recording: RecordingId) -> Waveform:
    """Return the peaks of each channel."""
    store = request.app.state.service.store
    return Waveform(**await run_in_threadpool(store.waveform, owner, check_id(recording)))


@router.get(
    "/audio",
    summary="The sound",
    responses={
        **problems(404, 409, 416),
        200: binary("All of it.", "application/octet-stream", "audio/mpeg"),
        206: binary("The range that was asked for.", "application/octet-stream", "audio/mpeg"),
    },
)
async def get_audio(
    request: Request,
    owner: Owner,
    recording: RecordingId,
    listen: Annotated[
        bool, Query(description="A copy that every browser plays (mp3), not the original.")
    ] = False,
) -> Response:
    """Return the recording byte for byte as it was sent, or a copy to listen to."""
    store, name = request.app.state.service.store, check_id(recording)
    what = "listen" if listen else "original"
    reader = await run_in_threadpool(store.reader, owner, name, what)
    headers = {"ETag": f'"{name}-{what}"', "Content-Security-Policy": _CLOSED}
    if not listen:
        found = await run_in_threadpool(store.get, owner, name)
        headers["Content-Disposition"] = attachment(found.name or name)
    kind = "audio/mpeg" if listen else "application/octet-stream"
    return send_range(request, reader, kind, headers)


@router.get(
    "/clips/{flag}",
    summary="The sound of a flag",
    responses={
        **problems(404, 409),
        200: binary("The clip.", "application/octet-stream"),
    },
)
async def get_clip(
    request: Request, owner: Owner, recording: RecordingId, flag: FlagId
) -> Response:
    """Return the part of the recording around a flag, not re-encoded where that is possible."""
    reviewing = request.app.state.service.reviewing
    name, which = check_id(recording), _flag(flag)

    def cut() -> Any:
        return reviewing.clip(owner, name, which)

    data, media_type, file_name = await anyio.to_thread.run_sync(cut, limiter=_DESK)
    headers = {"Content-Disposition": attachment(file_name), "Content-Security-Policy": _CLOSED}
    return Response(data, headers=headers, media_type=media_type)


_ZIP: dict[int | str, dict[str, Any]] = {
    **problems(404, 409, 507),
    200: binary("The case folder as `detector evidence --zip` makes it.", "application/zip"),
}


@router.get("/evidence", summary="The evidence package", responses=_ZIP)
async def get_evidence(
    request: Request,
    owner: Owner,
    recording: RecordingId,
    redact: Annotated[
        bool, Query(description="Mask numbers, in words and sound; see POST for names.")
    ] = False,
) -> Response:
    """Return the case folder: original, clips, transcript, lists, signed checksums."""
    return await _evidence(request, owner, recording, EvidenceRequest(redact=redact))


@router.post("/evidence", summary="The evidence package, names masked", responses=_ZIP)
async def make_evidence(
    request: Request, owner: Owner, recording: RecordingId, how: EvidenceRequest
) -> Response:
    """The same; names to mask stand in the body, as addresses end up in logs of proxies."""
    return await _evidence(request, owner, recording, how)


async def _evidence(request: Request, owner: str, recording: str, how: EvidenceRequest) -> Response:
    service, name = request.app.state.service, check_id(recording)

    def make() -> Any:
        return service.reviewing.evidence(
            owner, name, by=how.by, redact=how.redact or bool(how.names), names=tuple(how.names)
        )

    path = await anyio.to_thread.run_sync(make, limiter=_DESK)
    redacted = "-脱敏" if how.redact or how.names else ""
    return OnceSent(path, "application/zip", f"证据包{redacted}-{name[:8]}.zip")


def _flag(name: str) -> str:
    """Return a flag's id; NotFoundError for what no flag is ever called."""
    if not (name.isascii() and name.isalnum() and len(name) <= 16):
        raise NotFoundError("没有这条标记。", "No such flag.")
    return name
