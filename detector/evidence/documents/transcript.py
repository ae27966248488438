"""录音整理稿: what is heard in each recording, with time codes, both sides, and the flags."""

import re
from collections.abc import Iterator, Sequence
from statistics import fmean

from detector.evidence.decisions import ReviewedUtterance
from detector.evidence.documents import words
from detector.evidence.documents.model import (
    Block,
    Content,
    Document,
    PageBreak,
    Row,
    Span,
    bold,
    paragraph,
    said,
    small,
    spoken,
    table,
)
from detector.evidence.documents.words import BLANK, hms, span_of
from detector.evidence.model import Case, CaseItem, FlagItem
from detector.labels import OBSERVATION_NAMES
from detector.legal_basis import basis_for
from detector.report import Report, Utterance

__all__ = ["facts_of", "software", "transcript", "unclear"]

UNCLEAR = 0.7
"""Utterances whose words have a lower mean probability are to be heard again: of those of the
samples that is every eleventh, with two characters in five wrong, against one in seven elsewhere.
"""
_UNHEARD = "speech that was not recognised"
_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def unclear(utterance: Utterance) -> bool:
    """Tell whether the recogniser was too uncertain of an utterance for it to be relied on."""
    likely = [word.probability for word in utterance.words]
    return bool(likely) and fmean(likely) < UNCLEAR


def _unheard(report: Report) -> list[float]:
    """Return where the report says that speech was not recognised, in seconds."""
    return sorted(
        int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        for warning in report.warnings
        if _UNHEARD in warning
        for hours, minutes, seconds in _CLOCK.findall(warning)
    )


def software(report: Report) -> str:
    """Name the program, its version, and the models by hash."""
    settings = report.settings
    version = (settings.get("versions") or {}).get("harassment-detector", "")
    parts = [f"harassment-detector {version}".strip()]
    if settings.get("whisper_model"):
        sha = str(settings.get("whisper_sha256", ""))[:16]
        parts.append(f"识别模型 {settings['whisper_model']}(SHA-256 {sha}…)")
    models = settings.get("models") or {}
    main = models.get("words.npz") or next(iter(models.values()), "")
    if main:
        parts.append(f"分类模型(SHA-256 {str(main)[:16]}…)")
    return ";".join(parts)


def facts_of(case: Case, item: CaseItem) -> Block:
    """Return the table of facts that stands at the head of a recording."""
    recording = item.reviewed.report.recording
    reviewers = "、".join(item.reviewed.reviewers)
    rows: list[tuple[str, Content]] = [
        ("录音文件", said(recording.file)),
        (
            "时长、大小",
            f"时长 {hms(recording.duration_s, 3)};大小 {recording.bytes:,} 字节",
        ),
        (
            "编码",
            said(
                f"{recording.container} / {recording.codec}, {recording.sample_rate_hz} Hz, "
                f"{recording.channels} ch"
            ),
        ),
        ("SHA-256", said(words.grouped(recording.sha256))),
        ("通话时间", words.started_line(item)),
        ("主叫号码", words.or_blank(words.fact(case, item, "caller_number"))),
        ("被叫号码", words.or_blank(words.fact(case, item, "called_number"))),
        ("录音人", words.or_blank(words.fact(case, item, "recorded_by"))),
        ("接听人身份", words.answered_line(case, item)),
        ("原始载体", f"{BLANK}(设备、型号、持有人)"),
        ("整理时间", words.moment(case.made_at)),
        ("制作人、复核人", (Span(f"制作人:{BLANK};复核人:"), _name(reviewers))),
        ("软件", software(item.reviewed.report)),
    ]
    return table((), [(bold(name), value) for name, value in rows], (18, 82))


def _name(text: str) -> Span:
    return said(text) if text else Span(BLANK)


def _flag_line(flag: FlagItem) -> tuple[str | Span, ...]:
    state = words.STATES[flag.reviewed.flag.status]
    added = ";人工补充" if flag.reviewed.flag.origin == "human" else ""
    return (bold(f"【标记 {flag.number}】{words.conduct(flag)}〔{state}{added}〕"),)


def _below(reviewed: ReviewedUtterance, flags: Sequence[FlagItem]) -> Iterator[Block]:
    """Yield what stands under an utterance: the machine's text or what is unclear, and flags."""
    if reviewed.corrected:
        by = ("\uff08改正人\uff1a", said(reviewed.corrected_by or ""), "\uff09")
        yield paragraph("under", "机器原文\uff1a“", spoken(reviewed.utterance.text), "”", *by)
    elif unclear(reviewed.utterance):
        yield paragraph("under", "[机器听不清,须重听]")
    for flag in flags:
        yield paragraph("under", *_flag_line(flag))


def _spoken(case: Case, item: CaseItem) -> Iterator[Block]:
    names = words.letters(item)
    flags = [f for f in case.flags("confirmed", "unreviewed") if f.item is item]
    silent = _unheard(item.reviewed.report)
    for reviewed in item.reviewed.utterances:
        heard = reviewed.utterance
        while silent and silent[0] < heard.start_s:
            yield paragraph("under", f"[听不清 {hms(silent.pop(0))} 起]")
        who = words.speaker_name(names, heard.speaker, heard.role)
        mine = [flag for flag in flags if heard.id in flag.reviewed.flag.utterance_ids]
        below = list(_below(reviewed, mine))
        yield paragraph(
            "marked" if below else "utterance",
            small(said(f"[{span_of(heard.start_s, heard.end_s)}] ")),
            bold(f"{who}\uff1a"),
            small("(与他人重叠)") if heard.overlapped else "",
            spoken(reviewed.text),
        )
        yield from below
    for at in silent:
        yield paragraph("under", f"[听不清 {hms(at)} 起]")
    if not item.reviewed.utterances:
        yield paragraph("body", "(没有转写出文字,请直接听原始录音。)")


def _beside(case: Case, item: CaseItem) -> Iterator[Block]:
    """Yield the observations and the warnings of the report."""
    report = item.reviewed.report
    if report.observations:
        yield paragraph("heading", "另请留意(不是标记,供人工核对)")
        rows: list[Row] = []
        for seen in report.observations:
            found = basis_for(
                seen.kind, "", words.call_day(item), words.lender_type(case, item),
                words.listener(case, item),
            )  # fmt: skip
            basis = "可能涉及:" + ";".join(rule.name for rule in found) if found else ""
            below = tuple((small(text),) for text in (seen.note, basis) if text)
            rows.append(
                (
                    words.span_lines(seen.start_s, seen.end_s),
                    OBSERVATION_NAMES.get(seen.kind, (seen.kind,))[0],
                    ((Span("“"), spoken(seen.quote), Span("”")), *below),
                )
            )
        yield table(("时间码", "内容", "原话与说明"), rows, (16, 20, 64))
    notes = [*report.warnings]
    if report.dropped:
        where = "、".join(span_of(d.start_s, d.end_s) for d in report.dropped)
        notes.append(f"略去 {len(report.dropped)} 处疑似识别器自行产生的文字:{where}。")
    if notes:
        yield paragraph("heading", "机器提示")
        for note in notes:
            yield paragraph("small", note)


def transcript(case: Case) -> Document:
    """Return the transcript of every recording of the case, each beginning on a new page."""
    blocks: list[Block] = []
    for item in case.items:
        if blocks:
            blocks.append(PageBreak())
        blocks += words.top(case)
        blocks += [
            paragraph("title", "录音整理稿"),
            paragraph("subtitle", f"证据编号:{item.number}附1"),
            facts_of(case, item),
            paragraph(
                "small",
                "时间码为原始录音中的位置(时:分:秒);原话按所说的字记录,未作润色,标点为机器所加。"
                "注明“机器听不清”的,多有错字,须着重核对。",
            ),
            paragraph("heading", "录音内容"),
            *_spoken(case, item),
            *_beside(case, item),
            paragraph("heading", "说明"),
            paragraph(
                "closing",
                "本稿为机器转写初稿,须由核对人逐句听录音核对后签名。改正后的文字为正文,机器原文"
                "列于其下。软件未对原始录音作剪辑、降噪、变速;内容以原始录音为准。",
            ),
            paragraph("closing", words.DISCLAIMER),
            *words.sign_here("核对人"),
        ]
    return Document("录音整理稿", tuple(blocks), footer="录音整理稿", script=case.script)
