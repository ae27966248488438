"""The table of rules that the flags of a case may touch."""

from collections.abc import Iterator, Sequence

from detector.evidence.documents import words
from detector.evidence.documents.model import Block, Line, Row, Span, paragraph, small, table
from detector.evidence.model import Case, FlagItem
from detector.legal_basis import (
    CONFIDENCE,
    NOTE,
    Rule,
    basis_note,
    basis_version,
    date_decides,
    rules,
)

__all__ = ["basis_names", "basis_table"]

_SHOWN = 12


def basis_names(case: Case, flag: FlagItem) -> str:
    """Name in one text what a flag may touch, each rule with its version."""
    found = words.basis_of(case, flag)
    if not found:
        return ""
    lender = words.lender_type(case, flag.item)
    names = [
        rule.name
        + (f"({rule.period})" if date_decides(rule) else "")
        + ("(仅供参照)" if rule.reference_only(lender) else "")
        for rule in found
    ]
    return "可能涉及:" + ";".join(names)


def _numbers(flags: Sequence[FlagItem]) -> str:
    shown = "、".join(flag.number for flag in flags[:_SHOWN])
    return shown + (f" 等 {len(flags)} 处" if len(flags) > _SHOWN else "")


def _row(case: Case, rule: Rule, flags: Sequence[FlagItem]) -> Row:
    limits = [text for text in (rule.condition,) if text]
    if any(rule.reference_only(words.lender_type(case, flag.item)) for flag in flags):
        limits.append("贷款机构类型不明,仅供参照")
    text: tuple[Line, ...] = ((Span(rule.paraphrase),),)
    if limits:
        text += ((small(f"适用前提:{';'.join(limits)}"),),)
    name: tuple[Line, ...] = (
        (Span("可能涉及" + rule.name),),
        (small(f"施行期间:{rule.period}"),),
    )
    source = small(f"{rule.source};{CONFIDENCE[rule.confidence]}")
    return name, text, source, Span(_numbers(flags))


def basis_table(case: Case, flags: Sequence[FlagItem]) -> Iterator[Block]:
    """Yield the table, and on what it was chosen; nothing where there are no flags."""
    touched: dict[str, tuple[Rule, list[FlagItem]]] = {}
    for flag in flags:
        for rule in words.basis_of(case, flag):
            touched.setdefault(rule.id, (rule, []))[1].append(flag)
    if not touched:
        return
    order = {rule.id: n for n, rule in enumerate(rules())}
    chosen = sorted(touched.values(), key=lambda pair: order[pair[0].id])
    types = dict.fromkeys(words.lender_type(case, flag.item) for flag in flags)
    lenders = "、".join(words.lender_name(code) for code in types)
    yield paragraph("small", NOTE + basis_note())
    yield paragraph(
        "small",
        f"数据版本 {basis_version()};贷款机构类型:{lenders}。" + _listener_note(case, flags),
    )
    if any(words.call_day(flag.item) is None for flag in flags):
        yield paragraph(
            "small",
            "有的通话日期不明,新旧规定一并列出:治安管理处罚法自 2026-01-01 起施行新条文,"
            "由通话日期决定适用哪一版本。",
        )
    yield table(
        ("规定", "内容(转述)", "来源", "标记编号"),
        [_row(case, rule, mine) for rule, mine in chosen],
        (34, 38, 16, 12),
        8,
    )


def _listener_note(case: Case, flags: Sequence[FlagItem]) -> str:
    guessed = any(
        not words.answered_by(case, flag.item)
        and flag.item.reviewed.report.listener.get("source") == "inferred"
        for flag in flags
    )
    return "接听人身份为机器推断,更正后所列规定可能不同。" if guessed else ""
