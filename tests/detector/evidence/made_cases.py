"""Recordings with reports written by hand, from which the tests make real case folders."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from detector.evidence.build import build_case
from detector.evidence.decisions import append_decision, make_decision, read_decisions
from detector.evidence.export import Options
from detector.evidence.files import hash_file
from detector.evidence.model import Case
from detector.evidence.sources import find_sources
from detector.report import (
    Flag,
    RecordingFacts,
    Report,
    ReportWord,
    Speaker,
    StartedAt,
    Utterance,
    read_report,
)

SAID = ("你今晚出门当心一点", "你这个人连脸都不要", "我已经跟你单位的人讲了你欠钱")
KINDS = (("threat", "veiled"), ("insult", "name_calling"), ("threat", "exposure"))


def report_of(recording: Path, duration_s: float, places: Sequence[tuple[float, float]]) -> Report:
    """Return a report of a recording with one flagged utterance at each place (seconds)."""
    data = recording.read_bytes()
    utterances, flags = [], []
    for n, (start, end) in enumerate(places, 1):
        text = SAID[n % len(SAID)]
        word = ReportWord(text[0], start, min(start + 0.2, end), 0.9)
        utterances.append(
            Utterance(f"U{n}", start, end, "A", "collector", text, text, False, (word,), {})
        )
        flags.append(
            Flag(
                f"F{n}", *KINDS[n % len(KINDS)], start, end, text, (f"U{n}",), "A", "collector",
                0.9, "flagged", "unreviewed", "machine", 2, (),
            )
        )  # fmt: skip
    return Report(
        RecordingFacts(
            recording.name, hashlib.sha256(data).hexdigest(), len(data), duration_s, "wav",
            "pcm_s16le", 16_000, 1, "mono", StartedAt(None, None, None),
        ),
        {"whisper_model": "base", "whisper_sha256": "ab" * 32, "models": {"words.npz": "cd" * 32}},
        {"role": "debtor", "confidence": 0.9, "source": "inferred"},
        (Speaker("A", "collector", 0.97, "inferred", None, 8.0),),
        tuple(utterances),
        tuple(flags),
    )  # fmt: skip


def noise(path: Path, seconds: float, rate: int = 16_000) -> Path:
    """Write a quiet WAV file of that length, in pieces."""
    import wave

    draw = np.random.default_rng(7)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        left = round(seconds * rate)
        while left:
            size = min(left, rate * 60)
            file.writeframes(draw.integers(-80, 80, size, np.int16).tobytes())
            left -= size
    return path


def with_report(
    folder: Path, seconds: float, places: Sequence[tuple[float, float]], name: str = "通话.wav"
) -> Path:
    """Write a recording and its report beside it; return the report's path."""
    recording = noise(folder / name, seconds)
    path = folder / f"{recording.stem}.json"
    path.write_text(report_of(recording, seconds, places).to_json(), "utf-8")
    return path


def make(
    given: Sequence[Path],
    target: Path,
    say: Callable[[str], None] = lambda _: None,
    **options: object,
) -> Case:
    """Make a case of reports, as the command line does."""

    def no_scan(*_: object) -> Report:
        raise AssertionError("nothing is to be scanned here")

    chosen = Options(**{"actor": "王律师", **options})  # type: ignore[arg-type]
    return build_case(find_sources(given), target, chosen, no_scan, say)


def quiet(_text: str) -> None:
    """Say nothing of what is being done."""


def everything(folder: Path) -> dict[str, str]:
    """Return every file below a folder with its hash, hidden ones too."""
    return {
        p.relative_to(folder).as_posix(): hash_file(p)[0]
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def decide(case: Path, action: str, target: str, **value: object) -> None:
    """Write a decision on the first recording of a case, as the review does."""
    report = case / "reports" / "1.json"
    known = read_decisions(report)
    append_decision(
        report,
        make_decision(read_report(report), action, target, value, by="李复核", known=known),
    )
