"""The report: one typed structure, and its JSON form.

All times are seconds from the start of the original recording. The JSON Schema is published
as `detector/report.schema.json`.
"""

import dataclasses
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from detector.errors import InputError
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
    "read_report",
    "schema",
]

SCHEMA_VERSION = "1.0"
_DIGITS = 18
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

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Report":
        """Return the report that `to_dict` was made of; KeyError, TypeError for other data."""
        recording = dict(data["recording"])
        started_at = StartedAt(**recording.pop("started_at"))
        parts: dict[str, Any] = {
            "recording": RecordingFacts(started_at=started_at, **recording),
            "speakers": tuple(Speaker(**s) for s in data["speakers"]),
            "utterances": tuple(
                Utterance(**{**u, "words": tuple(ReportWord(**w) for w in u["words"])})
                for u in data["utterances"]
            ),
            "flags": tuple(
                Flag(
                    **{
                        **f,
                        "utterance_ids": tuple(f["utterance_ids"]),
                        "why": tuple(Span(**s) for s in f["why"]),
                    }
                )
                for f in data["flags"]
            ),
            "observations": tuple(
                Observation(**{**o, "utterance_ids": tuple(o["utterance_ids"])})
                for o in data["observations"]
            ),
            "dropped": tuple(Dropped(**d) for d in data["dropped"]),
            "warnings": tuple(data["warnings"]),
        }
        return cls(**{**data, **parts})


def read_report(path: str | os.PathLike[str]) -> Report:
    """Read a report that `detector scan --json` or `-o FILE.json` wrote.

    Raises:
        InputError: it cannot be read, or is no report of this program.
    """
    path = Path(path)
    try:
        data = json.loads(
            path.read_text("utf-8-sig"),
            parse_constant=_number,
            parse_float=_number,
            parse_int=_count,
        )
        if not data["schema_version"].startswith(SCHEMA_VERSION.partition(".")[0] + "."):
            raise InputError(
                f"{path.name} 是另一版本({data['schema_version']})的报告,请重新分析录音 "
                "(another version's report; scan again)。"
            )
        _validator()(data)
        report = Report.from_dict(data)
        known = {utterance.id for utterance in report.utterances}
        named = {i for flag in report.flags for i in flag.utterance_ids}
        named |= {i for item in report.observations for i in item.utterance_ids}
        if not named <= known:
            raise ValueError("no such utterance")
        return report
    except FileNotFoundError:
        raise InputError(f"找不到报告 {path} (report not found)。") from None
    except OSError as error:
        raise InputError(f"无法读取报告 {path}:{error.strerror} (cannot read)。") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{path.name} 不是本程序的 JSON 报告;请用 detector scan 录音 -o 报告.json 生成 "
            "(not a report of this program)。"
        ) from None


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(text)
    return int(text)


def _relaxed(part: Any) -> Any:
    """Return a schema without what no reader depends on: settings, scores, how many of a thing."""
    if isinstance(part, list):
        return [_relaxed(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {k: _relaxed(v) for k, v in part.items() if k not in ("minItems", "uniqueItems")}
    free = {"settings": {"type": "object"},
            "scores": {"type": "object", "additionalProperties": {"type": "number"}}}  # fmt: skip
    return kept | {name: wanted for name, wanted in free.items() if name in kept}


@cache
def _validator() -> Callable[[Any], Any]:
    import fastjsonschema

    check: Callable[[Any], Any] = fastjsonschema.compile(_relaxed(schema()), use_default=False)
    return check  # what it raises is a ValueError


def schema() -> dict[str, Any]:
    """Return the published JSON Schema of a report."""
    text = (files("detector") / "report.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
