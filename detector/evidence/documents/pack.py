"""Packs of a limited size: the gravest confirmed clips that fit, with an excerpt of the words."""

import datetime as dt
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from detector.evidence.documents import words
from detector.evidence.documents.complaints import gravest_first
from detector.evidence.documents.fonts import Fonts
from detector.evidence.documents.model import (
    Block,
    Document,
    Row,
    in_script,
    paragraph,
    said,
    small,
    table,
)
from detector.evidence.documents.pdf import to_pdf
from detector.evidence.model import Case, FlagItem

__all__ = ["COMPLAINTS", "LIMITS", "excerpt", "make_packs"]

COMPLAINTS = "投诉材料"
EXCERPT = "片段摘录.pdf"
LIMITS: Mapping[str, int] = {"附件包-2MB": 2_000_000, "附件包-10MB": 10_000_000}
"""Names of the packs and the most bytes that each may have."""


def excerpt(case: Case, inside: Sequence[FlagItem], confirmed: Sequence[FlagItem]) -> Document:
    """Return what is said in the clips of a pack, and which confirmed flags are left out."""
    rows: list[Row] = [
        (*words.passage(flag), small(said(flag.clip.listening)) if flag.clip else "—")
        for flag in inside
    ]
    blocks: list[Block] = [
        *words.top(case),
        paragraph("title", "录音片段摘录"),
        paragraph(
            "small",
            "片段为试听副本,仅供检索,非证据;完整原始录音另行提交。以下均经人工听录音确认为疑似内容。"
            + words.DISCLAIMER,
        ),
    ]
    for item in case.items:
        blocks.append(
            paragraph(
                "small",
                f"录音 {item.number}\uff1a",
                said(item.reviewed.report.recording.file),
                f";通话时间:{words.started_line(item)};SHA-256\uff1a",
                said(words.grouped(item.reviewed.report.recording.sha256)),
            )
        )
    blocks.append(
        table(
            ("编号", "原始录音时间码", "说话人", "原话", "疑似内容", "片段"),
            rows,
            (8, 16, 13, 36, 13, 14),
            8.5,
        )
    )
    left = [flag.number for flag in confirmed if flag not in inside]
    if left:
        numbers = "、".join(left)
        blocks.append(paragraph("small", f"因大小限制未放入片段的标记:{numbers};可另行提供。"))
    return Document("录音片段摘录", tuple(blocks), footer="录音片段摘录", script=case.script)


def _zipped(files: Mapping[str, bytes], made_at: str) -> bytes:
    moment = dt.datetime.fromisoformat(made_at).timetuple()[:6]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as pack:
        for name, data in files.items():
            pack.writestr(zipfile.ZipInfo(name, moment), data)
    return out.getvalue()


def make_packs(case: Case, clips: Path, fonts: Fonts) -> dict[str, bytes]:
    """Return name and content of each pack; none where nothing is confirmed.

    A clip that is too large for what is left gives way to the next one. Where not even the
    words fit, no pack of that size is made.
    """
    confirmed = case.confirmed
    found: list[tuple[FlagItem, bytes]] = []
    for flag in gravest_first(confirmed):
        try:
            if flag.clip:
                found.append((flag, (clips / flag.clip.listening).read_bytes()))
        except OSError:  # the excerpt names it among those left out
            continue
    made: dict[str, bytes] = {}
    words_only = to_pdf(in_script(excerpt(case, [f for f, _ in found], confirmed)), fonts)
    for name, limit in LIMITS.items():
        room = limit - len(words_only) - 4096
        chosen: list[tuple[FlagItem, bytes]] = []
        for flag, data in found:
            cost = len(data) + 2 * len(flag.clip.listening.encode() if flag.clip else b"") + 128
            if cost <= room:
                chosen.append((flag, data))
                room -= cost
        while chosen:
            inside = [flag for flag, _ in chosen]
            files = {EXCERPT: to_pdf(in_script(excerpt(case, inside, confirmed)), fonts)}
            files |= {flag.clip.listening: data for flag, data in chosen if flag.clip}
            pack = _zipped(files, case.made_at)
            if len(pack) <= limit:
                made[f"{name}.zip"] = pack
                break
            chosen.pop()
    return made
