"""Cases made by hand, from which the tests of the documents are fed."""

import dataclasses
from pathlib import Path
from typing import Any

from detector.evidence.decisions import Decision, make_decision, review
from detector.evidence.model import Case, CaseItem, Clip
from detector.labels import severity
from detector.report import (
    Flag,
    Observation,
    RecordingFacts,
    Report,
    ReportWord,
    Speaker,
    StartedAt,
    Utterance,
)

SHA = "0123456789abcdef" * 4
MADE_AT = "2026-03-06T09:30:00+08:00"
FACTS = {
    "lender_type": "bank",
    "answered_by": "debtor",
    "caller_number": "010-12340000",
    "parties": {"debtor": "赵一", "lender": "测试银行"},
}
SAID = (
    ("A", "collector", "你今天不把钱打过来,我让你们全村的人都晓得这件事。"),
    ("B", "debtor", "我下个月十号发工资,能不能再宽限几天?"),
    ("A", "collector", "你就是个骗钱的废物,脸都不要了。"),
    ("A", "collector", "=SUM(1,2) 你自己算算"),
    ("B", "debtor", "请你说话客气一点。"),
)
MARKS = (
    ("F1", "threat", "exposure", ("U1",)),
    ("F2", "insult", "name_calling", ("U3",)),
    ("F3", "threat", "veiled", ("U4",)),
)


def utterance(n: int, speaker: str, role: str, text: str, **changed: Any) -> Utterance:
    start = 5.0 * n
    made = Utterance(
        f"U{n}", start, start + 4.2, speaker, role, text, text, False,
        (ReportWord(text[:1], start, start + 0.4, 0.9),), {},
    )  # fmt: skip
    return dataclasses.replace(made, **changed)


def flag(n: str, category: str, subtype: str, ids: tuple[str, ...], of: Report) -> Flag:
    mine = [u for u in of.utterances if u.id in ids]
    return Flag(
        n, category, subtype, mine[0].start_s, mine[-1].end_s, "".join(u.text for u in mine), ids,
        mine[0].speaker, mine[0].role, 0.87, "flagged", "unreviewed", "machine",
        severity(category, subtype), (),
    )  # fmt: skip


def report(said: Any = SAID, marks: Any = MARKS, **changed: Any) -> Report:
    made = Report(
        recording=RecordingFacts(
            "通话_0305.m4a", SHA, 1_234_567, 61.25, "mov", "aac", 44100, 1, "mono",
            StartedAt("2026-03-05T22:41:07+08:00", "call_log", "high"),
        ),
        settings={
            "whisper_model": "base", "whisper_sha256": "d01c" * 16,
            "models": {"words.npz": "8151" * 16}, "versions": {"harassment-detector": "0.1.0"},
        },
        listener={"role": "debtor", "confidence": 0.8, "source": "inferred"},
        speakers=(
            Speaker("A", "collector", 0.94, "inferred", None, 30.0),
            Speaker("B", "debtor", 0.9, "inferred", None, 9.0),
        ),
        utterances=tuple(utterance(n, *one) for n, one in enumerate(said, 1)),
        flags=(),
        observations=(
            Observation("O1", "no_identification", 5.0, 9.2, "别管我是谁", ("U1",), "请听录音核对"),
        ),
    )  # fmt: skip
    flags = tuple(flag(*mark, made) for mark in marks)
    return dataclasses.replace(made, flags=flags, **changed)


def decided(made: Report, *steps: Any) -> tuple[Decision, ...]:
    """Return decisions: (action, target) or (action, target, value)."""
    done: list[Decision] = []
    for action, target, *value in steps:
        decision = make_decision(made, action, target, *value, by="钱二", known=done)
        done.append(dataclasses.replace(decision, at="2026-03-06T09:00:00+08:00"))
    return tuple(done)


def clip_of(number: int, name: str, start_s: float = 0.0, end_s: float = 17.2) -> Clip:
    stem = f"{number}-{name}_0h00m00.0s-0h00m17.2s_01234567"
    copy = f"{stem}.试听副本-非证据.mp3"
    return Clip(f"{stem}.m4a", SHA, 9_000, start_s, end_s, "packets", copy, SHA)


def item(made: Report, *steps: Any, number: int = 1, clips: bool = True) -> CaseItem:
    reviewed = review(made, decided(made, *steps))
    cut = {
        f.flag.id: clip_of(number, f.flag.id)
        for f in reviewed.flags
        if clips and f.flag.status != "rejected"
    }
    return CaseItem(number, Path("original") / made.recording.file, reviewed, cut)


def case(*items: CaseItem, facts: Any = FACTS, **changed: Any) -> Case:
    if not items:
        items = (
            item(
                report(),
                ("confirm", "F1"),
                ("correct", "U3", {"text": "你就是个骗钱的窝囊废,脸都不要了。"}),
                ("confirm", "F2"),
            ),
        )
    made = Case(Path("CASE"), items, MADE_AT, dict(facts), fingerprint="ab" * 32)
    return dataclasses.replace(made, **changed)


def many(count: int, quote: str = "你等着,我天天到你家门口坐着,看你怎么办。") -> Report:
    """Return a six-hour call with so many flags."""
    said = [("A" if n % 2 == 0 else "B", "collector" if n % 2 == 0 else "debtor",
             quote if n % 2 == 0 else "嗯,我知道了。") for n in range(2 * count)]  # fmt: skip
    marks = tuple(
        (f"F{n}", "threat" if n % 3 else "insult", "harassment" if n % 3 else "name_calling",
         (f"U{2 * n - 1}",))
        for n in range(1, count + 1)
    )  # fmt: skip
    return report(said, marks)


def with_clips(made: Case, folder: Path, size: int = 20_000) -> Case:
    """Write listening copies of this size for every clip of a case."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    for one in made.items:
        for clip in one.clips.values():
            (folder / "clips" / clip.listening).write_bytes(b"\xff\xfb" + bytes(size - 2))
    return made
