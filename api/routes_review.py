"""What people say to what the machine found."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from api.access import Owner
from api.answers import FlagId, RecordingId, problems
from api.errors import BadOptionError, NotFoundError
from api.models import Added, Corrected, Correction, Decided, FlagView, RoleChange
from api.routes_recordings import check_id

__all__ = ["router"]

router = APIRouter(prefix="/v1/recordings/{recording}", tags=["review"])
_RESPONSES = problems(404, 409, 413, 507)


def _name(text: str, what: str) -> str:
    if not (text.isascii() and text.isalnum() and len(text) <= 16):
        raise NotFoundError(f"没有这{what}。", "No such thing in this recording.")
    return text


def _something(*values: Any) -> None:
    if all(value in (None, "") for value in values):
        raise BadOptionError("没有给出要改的内容。", "Nothing to change was given.")


@router.patch("/flags/{flag}", summary="Confirm, reject or correct a flag", responses=_RESPONSES)
async def decide(
    request: Request, owner: Owner, recording: RecordingId, flag: FlagId, decided: Decided
) -> FlagView:
    """Keep a decision: who and when, beside what the machine wrote. Undo with `unreviewed`."""
    _something(decided.status, decided.text, decided.speaker, decided.role, decided.note)
    service, name = request.app.state.service, check_id(recording)

    def keep() -> Any:
        return service.reviewing.decide(
            owner, name, _name(flag, "条标记"), by=decided.by, status=decided.status,
            text=decided.text, speaker=decided.speaker, role=decided.role, note=decided.note,
        )  # fmt: skip

    return FlagView(**await run_in_threadpool(keep))


@router.patch("/utterances/{utterance}", summary="Correct the transcript", responses=_RESPONSES)
async def correct(
    request: Request, owner: Owner, recording: RecordingId, utterance: str, given: Correction
) -> Corrected:
    """Say what an utterance really says, or who says it."""
    _something(given.text, given.speaker)
    service, name = request.app.state.service, check_id(recording)

    def keep() -> Any:
        return service.reviewing.correct(
            owner, name, _name(utterance, "句话"), by=given.by, text=given.text,
            speaker=given.speaker,
        )  # fmt: skip

    return Corrected(**await run_in_threadpool(keep))


@router.patch("/speakers/{speaker}", summary="Say who a speaker is", responses=_RESPONSES)
async def set_role(
    request: Request, owner: Owner, recording: RecordingId, speaker: str, given: RoleChange
) -> dict[str, Any]:
    """Set a speaker's role in the whole recording."""
    service, name = request.app.state.service, check_id(recording)

    def keep() -> Any:
        who = _name(speaker, "个说话人")
        return service.reviewing.role(owner, name, who, given.role, by=given.by)

    found = await run_in_threadpool(keep)
    return found if isinstance(found, dict) else {"speaker": speaker, "role": given.role}


@router.post("/flags", status_code=201, summary="Add a flag by hand", responses=_RESPONSES)
async def add_flag(
    request: Request, owner: Owner, recording: RecordingId, added: Added
) -> FlagView:
    """Mark a passage that the machine did not find."""
    service, name = request.app.state.service, check_id(recording)

    def keep() -> Any:
        return service.reviewing.add(
            owner, name, by=added.by, category=added.category, subtype=added.subtype,
            utterance_ids=added.utterance_ids, note=added.note,
        )  # fmt: skip

    return FlagView(**await run_in_threadpool(keep))
