"""What the OpenAPI document says of answers: every error is a problem document."""

from typing import Annotated, Any

from fastapi import Path

from api.models import RECORDING_ID
from api.problems import MEDIA_TYPE, problem

__all__ = ["FlagId", "RecordingId", "binary", "problems"]

_SAID = {
    400: "The request is malformed or cut off.",
    401: "A key is needed, or this one is not good.",
    403: "The request comes from another page, host or user.",
    404: "There is no such thing, or it belongs to somebody else.",
    408: "The data did not come in time.",
    409: "It cannot be done in the state in which the recording is.",
    413: "More bytes than are taken.",
    415: "The body is of another type.",
    416: "The range lies behind the end.",
    422: "A value cannot be used; the sentence says which and why.",
    429: "Too many uploads or too many waiting; see Retry-After.",
    500: "An error of the service itself.",
    503: "The service is locked, busy, or its database is away; see Retry-After.",
    507: "The disk of the service is full.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route: those given, and what any route may answer."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, 400, 401, 403, 422, 500, 503}):
        example = problem(status, instance=f"/v1/recordings/{RECORDING_ID}")
        schema = {"$ref": "#/components/schemas/Problem"}
        found[status] = {
            "description": _SAID[status],
            "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
        }
    return found


def binary(description: str, *media_types: str) -> dict[str, Any]:
    """Return how an answer that is a file is described."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {"description": description, "content": dict.fromkeys(media_types, schema)}


RecordingId = Annotated[
    str,
    Path(max_length=100, description="As `POST /v1/recordings` gave it.", examples=[RECORDING_ID]),
]
FlagId = Annotated[str, Path(max_length=100, description="As in the review.", examples=["F1"])]
