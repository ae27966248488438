"""Recordings: sending them, listing them, following them, deleting them."""

import re
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from api.access import Owner
from api.answers import RecordingId, binary, problems
from api.errors import BadOptionError, NotFoundError, ServiceError
from api.models import RecordingList, RecordingOut
from api.options import FIELDS
from api.stream import events, follow
from api.upload import Upload
from api.wire import shown

__all__ = ["check_id", "router"]

router = APIRouter(prefix="/v1", tags=["recordings"])
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "minLength": 1},
                        **FIELDS,
                    },
                },
                "encoding": {"file": {"contentType": "application/octet-stream"}},
            }
        },
    }
}
_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "Of the recording."}}
_REPORT = {"application/json": {"schema": {"$ref": "#/components/schemas/Report"}}}
_TAKEN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Sent before with the same options: the recording as it is. With "
        "`wait=true`: the report.",
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        {"$ref": "#/components/schemas/RecordingOut"},
                        {"$ref": "#/components/schemas/Report"},
                    ]
                }
            }
        },
    },
    202: {
        "model": RecordingOut,
        "description": "Accepted; it will not be lost.",
        "headers": _LOCATION,
    },
}


def check_id(recording: str) -> str:
    """Return the id; NotFoundError for what no recording is ever called."""
    if not re.fullmatch("[0-9a-f]{32}", recording):
        raise NotFoundError
    return recording


@router.post(
    "/recordings",
    status_code=202,
    summary="Send a recording",
    responses={**_TAKEN, **problems(408, 409, 413, 415, 429, 507)},
    openapi_extra=_BODY,
)
async def send_recording(
    request: Request,
    owner: Owner,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=r"^[\x21-\x7e]{1,200}$",
            description="A repeated request with the same key is not taken twice.",
            examples=["0d6f2a3c9b7e4f51"],
        ),
    ] = None,
    wait: Annotated[
        bool, Query(description="Hold the connection and answer with the report.")
    ] = False,
) -> Response:
    """Take a recording of a call and put it in the queue; the form is streamed into the vault.

    Formats are told by content. The same recording with the same options is scanned once.
    """
    service, metrics = request.app.state.service, request.app.state.metrics

    def begin(name: str) -> Any:
        return service.store.create(owner, name, idempotency_key)

    upload = Upload(request, begin, service.settings.max_bytes)
    outcome = "broken"
    try:
        with request.app.state.uploads:
            recording, existed = await upload.receive()
        outcome = "known" if existed else "accepted"
    except ServiceError:
        outcome = "refused"
        raise
    finally:
        metrics.uploads.labels(outcome).inc()
        metrics.upload_bytes.inc(upload.bytes)
    if wait:
        return await _waited(request, owner, recording.id)
    content = shown(recording).model_dump(mode="json")
    location = {"Location": f"/v1/recordings/{recording.id}"}
    return JSONResponse(content, 200 if existed else 202, headers=location)


async def _waited(request: Request, owner: str, recording: str) -> Response:
    """Answer with the report once there is one; a client that leaves loses nothing."""
    service = request.app.state.service
    with request.app.state.watchers:
        async for now in follow(service, request.app.state.followers, owner, recording):
            if now is None and await request.is_disconnected():
                return Response(status_code=202)
            if now is not None and now.state == "failed":
                raise now.error or NotFoundError()
            if now is not None and now.state == "done":
                report = await run_in_threadpool(service.reviewing.report, owner, recording)
                location = {"Location": f"/v1/recordings/{recording}"}
                return JSONResponse(report, headers=location)
    if request.app.state.followers.closed:
        raise ServiceError(
            "服务正在停止;录音已收下,重新启动后会继续分析。",
            "The service is stopping; the recording is kept and will be scanned.",
            status=503, title="Stopping", retry_after_s=30,
        )  # fmt: skip
    raise NotFoundError


@router.get("/recordings", summary="List your recordings", responses=problems())
async def list_recordings(
    request: Request,
    owner: Owner,
    limit: Annotated[int, Query(ge=1, le=200, examples=[50])] = 50,
    cursor: Annotated[str | None, Query(max_length=100, description="`next` of a page.")] = None,
) -> RecordingList:
    """Return your recordings, the latest first."""
    cursor = cursor and cursor.replace(" ", "+")  # as it reads where nobody encoded it
    if cursor is not None and not re.fullmatch(r"[0-9a-fxp.+-]{1,40}_[0-9a-f]{32}", cursor):
        raise BadOptionError(
            "cursor 不对,请从第一页重新开始。", "Not a cursor of a page; begin with the first page."
        )
    store = request.app.state.service.store
    page = await run_in_threadpool(store.list, owner, limit, cursor)
    return RecordingList(items=[shown(item) for item in page.items], next=page.next)


@router.get("/recordings/{recording}", summary="State and progress", responses=problems(404))
async def get_recording(request: Request, owner: Owner, recording: RecordingId) -> RecordingOut:
    """Return one recording as it is now."""
    store = request.app.state.service.store
    return shown(await run_in_threadpool(store.get, owner, check_id(recording)))


@router.get(
    "/recordings/{recording}/events",
    summary="Follow a recording",
    response_class=StreamingResponse,
    responses={
        **problems(404),
        200: binary(
            "Server-sent events: `state` with the recording at each change; the stream ends when "
            "it is done or has failed.",
            "text/event-stream",
        ),
    },
)
async def follow_recording(request: Request, owner: Owner, recording: RecordingId) -> Response:
    """Send the recording at each change until it is done or has failed."""
    service, followers = request.app.state.service, request.app.state.followers
    await run_in_threadpool(service.store.get, owner, check_id(recording))  # 404 before the stream

    async def held() -> Any:
        with request.app.state.watchers:
            async for event in events(service, followers, owner, recording):
                yield event

    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(held(), headers=headers, media_type="text/event-stream")


@router.delete(
    "/recordings/{recording}",
    status_code=204,
    summary="Delete for good",
    responses=problems(404, 409),
)
async def delete_recording(request: Request, owner: Owner, recording: RecordingId) -> Response:
    """Stop the work on it, destroy its key, and delete its files."""
    store = request.app.state.service.store
    with anyio.CancelScope(shield=True):  # half a deletion would have to be finished later
        await run_in_threadpool(store.delete, owner, check_id(recording))
    return Response(status_code=204)
