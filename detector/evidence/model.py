"""A case as its documents see it: recordings, reviewed reports, clips, facts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.evidence.decisions import Reviewed, ReviewedFlag

__all__ = ["Case", "CaseItem", "Clip", "FlagItem"]


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of a recording around a flag; times in seconds of the original recording."""

    file: str
    """Name inside `clips/`."""
    sha256: str
    bytes: int
    start_s: float
    end_s: float
    method: str
    """`packets` (cut as stored, nothing encoded again) or `samples` (decoded, as WAV)."""
    listening: str
    """Name of its listening copy inside `clips/`."""
    listening_sha256: str


@dataclass(frozen=True, slots=True)
class CaseItem:
    """One recording of a case, numbered from 1."""

    number: int
    original: Path
    """The verified copy in `original/`."""
    reviewed: Reviewed
    clips: dict[str, Clip] = field(default_factory=dict)
    """By flag id; rejected flags have none."""


@dataclass(frozen=True, slots=True)
class FlagItem:
    """A flag with its name in the case, as 1-F3: recording 1, flag F3.

    The name is that of the review and of the clip, and never changes.
    """

    number: str
    item: CaseItem
    reviewed: ReviewedFlag
    clip: Clip | None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the documents are made from."""

    folder: Path
    items: tuple[CaseItem, ...]
    made_at: str
    """ISO 8601, Asia/Shanghai."""
    facts: dict[str, Any]
    """Of `detector.case.CaseFacts`: lender_type, answered_by, recorded_by, caller_number,
    called_number, note, parties; empty where nothing was stated."""
    script: str = "simplified"
    """simplified or traditional: of the documents."""
    fingerprint: str = ""
    """Of the public key that signs the manifest."""
    redacted: bool = False

    def flags(self, *statuses: str) -> tuple[FlagItem, ...]:
        """Return the flags in any of these states (all where none is named), in order."""
        found = []
        for item in self.items:
            for flag in item.reviewed.flags:
                if not statuses or flag.flag.status in statuses:
                    clip = item.clips.get(flag.flag.id)
                    found.append(FlagItem(f"{item.number}-{flag.flag.id}", item, flag, clip))
        return tuple(found)

    @property
    def confirmed(self) -> tuple[FlagItem, ...]:
        return self.flags("confirmed")

    @property
    def unreviewed(self) -> tuple[FlagItem, ...]:
        return self.flags("unreviewed")
