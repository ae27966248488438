"""Which settings a report was made with: two reports with one key say the same of a recording."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from detector.report import SCHEMA_VERSION

if TYPE_CHECKING:
    from detector.scan import ScanOptions

__all__ = ["key_of_options", "key_of_report", "program", "shown_settings"]

_PROGRAM = "harassment-detector"


@dataclass(frozen=True, slots=True)
class _Settings:
    """What the result hangs on. Threads and device are left out: they change nothing in it."""

    schema_version: str
    program: str
    whisper_sha256: str
    beam_size: int
    collector: list[str]
    listener: str
    script: str
    second_look: list[list[float]]
    thresholds: dict[str, float]
    models: dict[str, str]
    case: dict[str, Any]

    def key(self) -> str:
        plain = {name: getattr(self, name) for name in self.__slots__}
        text = json.dumps(plain, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def program() -> str:
    """Return this program's version as reports name it."""
    try:
        return version(_PROGRAM)
    except PackageNotFoundError:
        return "unknown"


def _of_options(options: "ScanOptions", whisper_sha256: str) -> _Settings:
    from detector.artifacts import artifact_hash, folder
    from detector.classify import settings_of
    from detector.scan import ARTIFACTS
    from detector.second_look import SECOND_LOOK
    from detector.words_model import ARTIFACT

    record = json.loads((folder() / "words.json").read_text("utf-8"))
    classifier = settings_of(record["models"][ARTIFACT]).with_thresholds(options.thresholds)
    return _Settings(
        schema_version=SCHEMA_VERSION,
        program=program(),
        whisper_sha256=whisper_sha256,
        beam_size=options.beam_size,
        collector=list(options.collector),
        listener=options.listener,
        script=options.script,
        second_look=SECOND_LOOK if options.second_look else [],
        thresholds=dict(classifier.thresholds),
        models={name: artifact_hash(name) for name in ARTIFACTS},
        case=dict(options.case.facts),
    )


def key_of_options(options: "ScanOptions", whisper_sha256: str) -> str:
    """Return the key of reports that will be made with these options.

    Raises:
        OptionError: a threshold is for no category, or out of range.
    """
    return _of_options(options, whisper_sha256).key()


def key_of_report(report: Mapping[str, Any]) -> str:
    """Return the key of a report (as plain data); KeyError, TypeError where it is none."""
    settings = report["settings"]
    return _Settings(
        schema_version=report["schema_version"],
        program=settings["versions"][_PROGRAM],
        whisper_sha256=settings["whisper_sha256"],
        beam_size=settings["beam_size"],
        collector=list(settings["collector"]),
        listener=settings["listener"],
        script=settings["script"],
        second_look=list(settings.get("second_look", [])),
        thresholds=dict(settings["thresholds"]),
        models=dict(settings["models"]),
        case=dict(report["case"]),
    ).key()


def shown_settings(options: "ScanOptions", model: str, whisper_sha256: str) -> dict[str, Any]:
    """Return the settings as the summary prints them."""
    used = _of_options(options, whisper_sha256)
    plain = {name: getattr(used, name) for name in used.__slots__ if name != "case"}
    return {"whisper_model": model, **plain}
