"""A report for tests of the page, and the page taken apart."""

import dataclasses
from html.parser import HTMLParser
from typing import Any

from detector.render_html import ListeningCopy
from detector.report import (
    Flag,
    RecordingFacts,
    Report,
    Span,
    Speaker,
    StartedAt,
    Utterance,
)

SHA = "0123456789abcdef" * 4
SOUND = ListeningCopy(b"OggS sound", "audio/ogg; codecs=opus")
SAID = (
    ("S1", "collector", "你今天不还就去你家,让全村人都知道。"),
    ("S2", "debtor", "我没说不还。"),
    ("S1", "collector", "你就是个老赖"),
    ("S1", "collector", "不要脸的东西。"),
    ("S3", "third_party", "我是他同事。"),
)


def utterances() -> tuple[Utterance, ...]:
    return tuple(
        Utterance(f"U{n}", 5.0 * n, 5.0 * n + 4, speaker, role, text, text, False, (), {})
        for n, (speaker, role, text) in enumerate(SAID)
    )


def flag(n: int, category: str, subtype: str, ids: tuple[str, ...], **changed: Any) -> Flag:
    said = [u for u in utterances() if u.id in ids]
    made = Flag(
        id=f"F{n}", category=category, subtype=subtype, start_s=said[0].start_s,
        end_s=said[-1].end_s, quote="".join(u.text for u in said), utterance_ids=ids,
        speaker=said[0].speaker, role=said[0].role, score=0.87, decision="flagged",
        status="unreviewed", origin="machine", severity=2, why=(),
    )  # fmt: skip
    return dataclasses.replace(made, **changed)


def report(**changed: Any) -> Report:
    made = Report(
        recording=RecordingFacts(
            "通话.m4a", SHA, 1234567, 61.25, "mov", "aac", 44100, 1, "mono",
            StartedAt("2026-03-05T22:41:07+08:00", "系统通话记录", "high"),
        ),
        settings={"model": "small", "thresholds": {"threat": 0.5}},
        listener={"role": "debtor", "confidence": 0.8, "source": "inferred"},
        speakers=(
            Speaker("S1", "collector", 0.94, "inferred", None, 30.0),
            Speaker("S2", "debtor", 1.0, "user", "left", 9.0),
        ),
        utterances=utterances(),
        flags=(
            flag(1, "threat", "exposure", ("U0",), severity=3, why=(Span(5, 8, "去你家", 1.0),)),
            flag(2, "insult", "name_calling", ("U2", "U3"), decision="review", note="请听录音"),
        ),
    )  # fmt: skip
    return dataclasses.replace(made, **changed)


class Outline(HTMLParser):
    """Every tag with its attributes, and the text outside of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
