"""证据目录: the evidence list in the form of 证据规定 19, with only what a person confirmed."""

from collections.abc import Iterator, Sequence

from detector.evidence.documents import words
from detector.evidence.documents.basis_table import basis_table
from detector.evidence.documents.model import (
    Block,
    Document,
    Line,
    PageBreak,
    Row,
    Span,
    paragraph,
    said,
    small,
    table,
)
from detector.evidence.documents.words import BLANK, hms, span_of
from detector.evidence.model import Case, CaseItem, FlagItem
from detector.labels import CATEGORY_NAMES
from detector.report import CATEGORIES

__all__ = ["evidence_list", "purpose"]

_KEY = 4
"""So many passages stand in the row of a recording; all of them in the table below."""
_MAIN = (
    "编号", "证据名称", "证据种类", "形成时间", "来源", "载体、原件存放", "SHA-256",
    "时长、大小", "关键片段(原始时间码)", "证明目的(草稿)", "页码、份数", "备注",
)  # fmt: skip
_NOTE = (
    "说明:SHA-256 只能说明文件自导入本软件之后未被改动,不能说明导入之前的情况。证明目的为草稿,"
    "由提交人或者律师改定。"
)
_EFFECT = {
    "threat": "可能侵扰私人生活安宁、损害人格尊严",
    "insult": "可能损害人格尊严、侵扰私人生活安宁",
    "third_party_disclosure": "可能侵害隐私和个人信息权益",
}


def purpose(flags: Sequence[FlagItem]) -> str:
    """Draft what a recording is to prove; never a conclusion."""
    parts = []
    for category in CATEGORIES:
        n = sum(flag.reviewed.flag.category == category for flag in flags)
        if n:
            parts.append(f" {n} 处疑似{CATEGORY_NAMES[category][0]}的言语,{_EFFECT[category]}")
    return f"拟证明:该次通话中,催收方有{';有'.join(parts)}。" if parts else BLANK


def _key_passages(flags: Sequence[FlagItem]) -> tuple[Line, ...]:
    if not flags:
        return ((Span("无已确认的标记"),),)
    gravest = sorted(flags, key=lambda f: (-f.reviewed.flag.severity, f.reviewed.flag.start_s))
    shown = sorted(gravest[:_KEY], key=lambda f: f.reviewed.flag.start_s)
    lines: list[Line] = [
        (said(text),)
        for f in shown
        for text in (f.number, span_of(f.reviewed.flag.start_s, f.reviewed.flag.end_s))
    ]
    if len(flags) > _KEY:
        lines.append((Span(f"共 {len(flags)} 处,见附表一"),))
    return tuple(lines)


def _rows(case: Case, item: CaseItem) -> list[Row]:
    recording = item.reviewed.report.recording
    mine = [flag for flag in case.confirmed if flag.item is item]
    who = words.fact(case, item, "recorded_by")
    source: tuple[Line, ...] = ((Span("通话录音,录音人:"), words_span(who)),)
    number = str(item.number)
    return [
        (
            number,
            ((Span("通话录音"),), (small(said(recording.file)),)),
            "电子数据(录音)",
            words.started_line(item),
            source,
            f"原始载体:{BLANK};原件存放:{BLANK};"
            + ("本副本不附录音" if case.redacted else "所附为逐字节副本"),
            said(words.grouped(recording.sha256)),
            ((Span(hms(recording.duration_s, 3)),), (Span(f"{recording.bytes:,} 字节"),)),
            _key_passages(mine),
            purpose(mine),
            f"光盘或 U 盘 {BLANK} 份",
            "以原始录音为准",
        ),
        (
            f"{number}附1",
            "录音整理稿",
            "文字整理稿(证据附件)",
            words.moment(case.made_at),
            f"依据证据 {number} 整理",
            "—",
            "—",
            "—",
            "—",
            f"辅助说明证据 {number} 的内容",
            f"第 {BLANK} 页至第 {BLANK} 页,共 {BLANK} 份",
            "机器转写,人工核对后签名",
        ),
        *(
            [
                (
                    f"{number}附2",
                    f"录音片段 {sum(f.clip is not None for f in mine)} 段",
                    "电子数据(检索用)",
                    "—",
                    f"截取自证据 {number}",
                    "—",
                    "见清单",
                    "—",
                    "见附表一",
                    "便于查找,不单独作为证据",
                    "—",
                    "片段仅供检索,完整原始录音另行提交",
                )
            ]
            if any(f.clip is not None for f in mine)
            else []
        ),
    ]


def words_span(text: str) -> Span:
    return said(text) if text else Span(BLANK)


def _passages(flags: Sequence[FlagItem], reviewed: bool) -> list[Row]:
    rows: list[Row] = []
    for flag in flags:
        made = flag.reviewed.flag
        by, at = words.reviewed_by(flag)
        state: tuple[Line, ...] = ((Span(words.STATES[made.status]),),)
        if reviewed:
            state += ((small(said(by)),), (small(said(at[:10])),))
        if made.origin == "human":
            state += ((small("人工补充"),),)
        file = small(said(flag.clip.file)) if flag.clip else "—"
        rows.append((*words.passage(flag), file, state))
    return rows


_PASSAGE = ("编号", "原始录音时间码", "说话人", "原话", "疑似内容", "片段文件", "复核")
_PASSAGE_WIDTHS = (6, 12, 10, 38, 12, 13, 9)


def _others() -> Iterator[Block]:
    yield paragraph("heading", "建议由提交人补充的其他证据")
    yield table(
        ("编号", "证据名称", "来源", "证明目的", "页码、份数"),
        [
            (BLANK, "运营商通话详单、通话记录截图", BLANK, "拟证明:通话号码、时间、次数", BLANK),
            (BLANK, "短信、微信等往来记录", BLANK, "拟证明:催收方身份与上述号码的关联", BLANK),
            (BLANK, "借款合同、还款记录", BLANK, "拟证明:借贷关系与还款情况", BLANK),
            (BLANK, "被联系的第三人的陈述", BLANK, "拟证明:第三人被告知债务的情况", BLANK),
        ],
        (8, 30, 18, 32, 12),
    )  # fmt: skip


def evidence_list(case: Case) -> Document:
    """Return the evidence list: confirmed flags only, the unreviewed ones in an annex."""
    confirmed, waiting = case.confirmed, case.unreviewed
    main = [row for item in case.items for row in _rows(case, item)]
    blocks: list[Block] = [
        *words.top(case),
        paragraph("title", "证据目录"),
        table(
            (),
            [
                ("案由", BLANK, "受理法院", BLANK),
                ("提交人", words.complainant(case), "提交日期", BLANK),
            ],
            (10, 40, 10, 40),
            10.5,
        ),
        table(_MAIN, main, (4, 8.5, 7, 10, 7, 8.5, 7.5, 8, 12, 13.5, 7, 7), 7.5),
        *_others(),
        paragraph("note", _NOTE + words.DISCLAIMER),
        *words.sign_here("提交人"),
        PageBreak(),
        paragraph("heading", f"附表一 人工已确认的标记({len(confirmed)} 处)"),
    ]
    if confirmed:
        blocks.append(table(_PASSAGE, _passages(confirmed, True), _PASSAGE_WIDTHS, 8.5))
        blocks.append(paragraph("heading", "附表二 可能涉及的规定"))
        blocks += basis_table(case, confirmed)
    else:
        blocks.append(paragraph("body", "没有已确认的标记。请先逐条听录音复核。"))
    if waiting:
        blocks += [
            PageBreak(),
            paragraph("heading", f"附件 未复核的标记({len(waiting)} 处)——未复核,不作为证据提交"),
            paragraph("small", "以下为机器标记,无人听录音核对,不在证据目录之内。"),
            table(_PASSAGE, _passages(waiting, False), _PASSAGE_WIDTHS, 8.5),
        ]
    return Document("证据目录", tuple(blocks), True, "证据目录", case.script)
