"""The report: one typed structure, and its JSON form.

All times are seconds from the start of the original recording. The JSON Schema is published
as `detector/report.schema.json`.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from detector.ghosts import Dropped

__all__ = [
    "CATEGORIES",
    "DISCLAIMER",
    "SCHEMA_VERSION",
    "Flag",
    "Observation",
    "RecordingFacts",
    "Report",
    "ReportWord",
    "Span",
    "Speaker",
    "Utterance",
    "schema",
]

SCHEMA_VERSION = "1.0"
CATEGORIES = ("threat", "insult", "third_party_disclosure")
DISCLAIMER = (
    "所列均为机器自动识别的疑似内容,须由人工逐条听录音核对;本软件输出不构成法律意见或事实认定。"
)


@dataclass(frozen=True, slots=True)
class StartedAt:
    """When the call began: ISO 8601, where that is known from, and how reliable it is."""

    value: str | None
    source: str | None
    reliability: str | None


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """The recording as it was found; nothing of it was changed."""

    file: str
    sha256: str
    bytes: int
    duration_s: float
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    layout: str
    started_at: StartedAt


@dataclass(frozen=True, slots=True)
class ReportWord:
    """One recognised word as heard."""

    text: str
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice (or channel), the role its words point to, and how sure that is (0 to 1)."""

    id: str
    role: str
    confidence: float
    source: str
    channel: str | None
    speech_s: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one person says without a long pause. `scores` are probabilities per category."""

    id: str
    start_s: float
    end_s: float
    speaker: str
    role: str
    text: str
    raw_text: str
    overlapped: bool
    words: tuple[ReportWord, ...]
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the quote, by character positions, and how much it raised the score."""

    start: int
    end: int
    text: str
    weight: float
    reading: str | None = None
    """The sound, where it was the sound rather than the characters that told."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A suspected passage. `decision` is the machine's, `status` the human's."""

    id: str
    category: str
    subtype: str
    start_s: float
    end_s: float
    quote: str
    utterance_ids: tuple[str, ...]
    speaker: str
    role: str
    score: float
    decision: str
    status: str
    origin: str
    severity: int
    why: tuple[Span, ...]
    note: str | None = None
    """Why it is to review, or which fact would settle it."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Something beside the three categories that a reader should know of."""

    id: str
    kind: str
    start_s: float
    end_s: float
    quote: str
    utterance_ids: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found in one recording."""

    recording: RecordingFacts
    settings: dict[str, Any]
    listener: dict[str, Any]
    speakers: tuple[Speaker, ...]
    utterances: tuple[Utterance, ...]
    flags: tuple[Flag, ...]
    observations: tuple[Observation, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()
    case: dict[str, Any] = field(default_factory=dict)
    schema_version: str = SCHEMA_VERSION
    disclaimer: str = DISCLAIMER

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, in the order in which it is published."""
        data = dataclasses.asdict(self)
        first = {"schema_version": data.pop("schema_version")}
        return first | data

    def to_json(self) -> str:
        """Return the report as JSON text, the same for the same report, byte for byte."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"


def schema() -> dict[str, Any]:
    """Return the published JSON Schema of a report."""
    text = (files("detector") / "report.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
