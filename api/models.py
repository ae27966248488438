"""What goes over the wire, as the OpenAPI document shows it.

Times named `..._s` are seconds from the start of the recording; timestamps are ISO 8601 in UTC.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = [
    "Added",
    "Corrected",
    "Correction",
    "Decided",
    "EvidenceRequest",
    "Health",
    "Messages",
    "Problem",
    "RecordingList",
    "RecordingOut",
    "RoleChange",
    "SessionState",
    "TextResult",
    "Waveform",
]

RECORDING_ID = "5f0c4b7e9a1d4c55b0a2f6d1c3e48a90"


def _showable(text: str) -> str:
    """Refuse what no file of the service can hold."""
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("must not contain NUL or half a character")
    return text


Line = Annotated[str, AfterValidator(_showable)]
Name = Annotated[Line, Field(min_length=1, max_length=80, examples=["王芳"])]
"""Who decides, as it will stand in the records."""
Category = Literal["threat", "insult", "third_party_disclosure"]
Role = Literal["collector", "debtor", "third_party", "unknown"]
Status = Literal["confirmed", "rejected", "unreviewed"]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(extra="allow")


class Problem(BaseModel):
    """An error as RFC 9457 has it; `detail` is Chinese, `detail_en` English."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:harassment-detector:problem:not-found",
                    "title": "Not found",
                    "status": 404,
                    "detail": "没有这个录音,可能已经删除。",
                    "detail_en": "No such recording; it may have been deleted.",
                    "instance": f"/v1/recordings/{RECORDING_ID}",
                }
            ]
        },
    )
    type: str
    title: str
    status: int
    detail: str
    detail_en: str
    instance: str | None = None


class Progress(BaseModel):
    """The step at work, and how many seconds of the recording are done."""

    step: str = Field(examples=["transcribe"])
    done_s: float
    total_s: float | None = None


class Counts(BaseModel):
    """How many suspected passages the machine marked, and how many it put up for review."""

    flag: int
    review: int


class RecordingOut(BaseModel):
    """A recording of yours and how far its analysis is."""

    id: str = Field(examples=[RECORDING_ID])
    name: str | None = Field(description="The file's name; null while the service is locked.")
    state: Literal["queued", "running", "done", "failed", "locked"]
    progress: Progress | None = None
    queue_position: int | None = Field(None, description="1 is next.")
    created_at: datetime
    finished_at: datetime | None = None
    expires_at: datetime | None = Field(None, description="When it will be deleted by itself.")
    bytes: int
    duration_s: float | None = None
    counts: Counts | None = None
    urgent: bool = Field(False, description="Self-harm was urged: show the help line 12356 first.")
    error: Problem | None = None
    links: dict[str, str] = Field(default_factory=dict)


class RecordingList(BaseModel):
    """A page of your recordings, newest first; `next` is the cursor of the following page."""

    items: list[RecordingOut]
    next: str | None = None


class Decided(_In):
    """A person's decision on a flag; what is not given stays as it is."""

    by: Name
    status: Status | None = None
    text: Annotated[Line, Field(max_length=2000)] | None = None
    speaker: Annotated[Line, Field(min_length=1, max_length=8)] | None = None
    role: Role | None = None
    note: Annotated[Line, Field(max_length=2000)] = ""


class Correction(_In):
    """What an utterance really says, or who says it."""

    by: Name
    text: Annotated[Line, Field(max_length=2000)] | None = None
    speaker: Annotated[Line, Field(min_length=1, max_length=8)] | None = None


class RoleChange(_In):
    """Who a speaker is."""

    by: Name
    role: Role


class Added(_In):
    """A passage that the machine did not find."""

    by: Name
    category: Category
    subtype: Annotated[str, Field(max_length=40, pattern="^[a-z_]+$", examples=["veiled"])]
    utterance_ids: Annotated[
        list[Annotated[str, Field(pattern="^U[0-9]{1,6}$")]],
        Field(min_length=1, max_length=50, examples=[["U7"]]),
    ]
    note: Annotated[Line, Field(max_length=2000)] = ""


class EvidenceRequest(_In):
    """How the evidence package is made; `names` are masked in words and sound."""

    redact: bool = False
    names: Annotated[
        list[Annotated[Line, Field(min_length=1, max_length=40)]], Field(max_length=50)
    ] = []
    by: Annotated[Line, Field(max_length=80)] = ""


class FlagView(_Out):
    """A suspected passage with what people decided on it."""

    id: str = Field(examples=["F2"])
    category: Category
    subtype: str = Field(examples=["home_visit_intimidation"])
    start_s: float
    end_s: float
    quote: str
    decision: str = Field(examples=["flagged"])
    score: float
    status: Status


class Corrected(_Out):
    """An utterance after a correction, and the flags that it changed."""

    utterance: dict[str, Any]
    flags: list[dict[str, Any]]


class ReviewView(_Out):
    """Everything that a page shows of one recording."""

    flags: list[FlagView]
    utterances: list[dict[str, Any]]
    speakers: list[dict[str, Any]]
    observations: list[dict[str, Any]]
    warnings: list[str]
    disclaimer: str


class Waveform(_Out):
    """Peaks from 0 to 1, a list a channel; at most 4,000 in each."""

    seconds_per_peak: float
    duration_s: float
    peaks: list[list[float]]


class Messages(_In):
    """Messages, a chat export, subtitles or a transcript, as they were copied."""

    text: Annotated[
        Line,
        Field(
            min_length=1,
            max_length=200_000,
            examples=["催收:今天不还,就让你单位的人都知道。\n我:请按合同来。"],
        ),
    ]
    listener: Literal["auto", "debtor", "third-party"] = "auto"
    name: Annotated[Line, Field(max_length=200)] = ""


class TextFlag(BaseModel):
    """What is suspected of one message; positions in `why` are characters of its text."""

    category: Category
    subtype: str
    decision: Literal["flagged", "review"]
    score: float
    why: list[dict[str, int]]
    basis: list[dict[str, Any]] = []


class TextTurnOut(BaseModel):
    """One message or turn."""

    index: int
    text: str
    speaker: str | None = None
    role: str | None = None
    at_s: float | None = None
    flags: list[TextFlag]


class TextResult(BaseModel):
    """Messages, each with what is suspected of it."""

    name: str
    turns: list[TextTurnOut]
    urgent: bool
    disclaimer: str


class Health(BaseModel):
    """Whether the service works, and its limits."""

    status: Literal["ok", "starting", "locked"]
    version: str
    key_needed: bool
    max_bytes: int
    max_seconds: float
    retention_days: int | None
    language: str


class SessionState(BaseModel):
    """Whether a key is needed, and whether this request showed a good one."""

    key_needed: bool
    signed_in: bool
