"""What the documents say in the same words: names, times, notices, blanks, facts of a call."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from detector.case import ANSWERED_BY, LENDER_TYPES, MAY_BE_TOLD, SHANGHAI
from detector.evidence.documents.model import (
    Line,
    Paragraph,
    Row,
    Span,
    line,
    paragraph,
    said,
    small,
    spoken,
)
from detector.evidence.model import Case, CaseItem, FlagItem
from detector.evidence.signing import grouped
from detector.labels import CATEGORY_NAMES, ROLE_NAMES, SUBTYPE_NAMES
from detector.legal_basis import Rule, basis_for
from detector.render_text import HELP_LINE

__all__ = [
    "BLANK",
    "DISCLAIMER",
    "STATES",
    "answered_by",
    "answered_line",
    "basis_of",
    "call_day",
    "complainant",
    "conduct",
    "fact",
    "grouped",
    "hms",
    "lender_name",
    "lender_type",
    "letters",
    "listener",
    "moment",
    "or_blank",
    "party",
    "passage",
    "quote_lines",
    "reviewed_by",
    "sign_here",
    "span_lines",
    "span_of",
    "started_line",
    "top",
]

BLANK = "____"
DISCLAIMER = "本软件输出不构成法律意见或事实认定。"
REDACTED = "人工检查后方可外发"
STATES = {"confirmed": "人工已确认", "unreviewed": "未复核", "rejected": "已否定"}
_SOURCES = {
    "user": "当事人陈述",
    "case": "当事人陈述",
    "stated": "当事人陈述",
    "call_log": "系统通话记录",
    "container": "录音文件元数据",
    "file_name": "文件名",
    "filename": "文件名",
    "name": "文件名",
}
_RELIABLE = {"high": "高", "medium": "中", "low": "低", "stated": "依陈述"}
_NO_FACT = ("mtime", "file_mtime", "modified")
_OF_THEMSELVES = ("guarantor", "co_borrower", "other")
_ANSWERED = {
    code: name if code in _OF_THEMSELVES else f"借款人的{name}"
    for name, code in ANSWERED_BY.items()
} | {"debtor": "借款人本人"}
_LENDERS = {"bank": "银行(含信用卡)"} | {
    code: name for name, code in LENDER_TYPES.items() if name not in ("银行", "信用卡", "消金")
}
_LETTERS = "甲乙丙丁戊己庚辛壬癸"


def hms(seconds: float, decimals: int = 1) -> str:
    """Write seconds as 00:12:03.4."""
    ticks = round(seconds * 10**decimals)
    whole, rest = divmod(ticks, 10**decimals)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{rest:0{decimals}d}"


def span_of(start_s: float, end_s: float) -> str:
    return f"{hms(start_s)}–{hms(end_s)}"


def span_lines(start_s: float, end_s: float) -> tuple[Line, ...]:
    """Return the same as `span_of` for a narrow column."""
    return (said(hms(start_s)),), (said(f"–{hms(end_s)}"),)


def top(case: Case) -> Iterator[Paragraph]:
    """Yield what stands above everything else in each document."""
    if any(f.reviewed.flag.subtype == "self_harm" for f in case.flags("confirmed", "unreviewed")):
        yield paragraph("notice", HELP_LINE)
    if case.redacted:
        yield paragraph("notice", f"【脱敏副本】{REDACTED}")


def _stated(case: Case, item: CaseItem) -> dict[str, Any]:
    """Return what somebody stated of a call: with its report, else of the whole case.

    What was stated of one call must not be said of another.
    """
    if any(one.reviewed.report.case for one in case.items):
        return item.reviewed.report.case
    return case.facts


def fact(case: Case, item: CaseItem, key: str) -> str:
    """Return what somebody stated of a call, or ""."""
    stated = _stated(case, item).get(key)
    return "" if stated is None else str(stated)


def party(case: Case, key: str) -> Span | str:
    """Return a party's name as stated, or a blank: never one from the transcript.

    Where the calls of a case have several, it is for the user to choose.
    """
    names = {str((_stated(case, i).get("parties") or {}).get(key) or "") for i in case.items}
    name = names.pop() if len(names) == 1 else ""
    return or_blank(name)


def or_blank(text: str) -> Span | str:
    return said(text) if text else BLANK


def answered_by(case: Case, item: CaseItem) -> str:
    """Return who answered, as detector.case codes it, or "" where nobody said so."""
    return fact(case, item, "answered_by")


def listener(case: Case, item: CaseItem) -> str | None:
    """Return debtor or third_party: as stated, else as the report has it."""
    answered = answered_by(case, item)
    if answered:
        return "debtor" if answered in MAY_BE_TOLD else "third_party"
    role = item.reviewed.report.listener.get("role")
    return role if role in ("debtor", "third_party") else None


def answered_line(case: Case, item: CaseItem) -> str:
    """Say who answered; what the machine only infers is called that."""
    answered = answered_by(case, item)
    if answered:
        return _ANSWERED.get(answered, answered)
    heard = item.reviewed.report.listener
    name = {"debtor": "借款人", "third_party": "第三方"}.get(str(heard.get("role")))
    if name is None:
        return BLANK
    if heard.get("source") == "inferred":
        return f"{BLANK}(机器推断为{name},待核对)"
    return f"{name}(依陈述)"


def lender_type(case: Case, item: CaseItem | None = None) -> str:
    """Return the type of a call's lender, or of all calls' where they have one in common."""
    asked = case.items if item is None else (item,)
    codes = {fact(case, one, "lender_type") for one in asked}
    return (codes.pop() if len(codes) == 1 else "") or "unknown"


def lender_name(code: str) -> str:
    return _LENDERS.get(code, "不明")


def started(item: CaseItem) -> dt.datetime | None:
    """Return when a call began, Asia/Shanghai; a file's modification time is no such fact."""
    known = item.reviewed.report.recording.started_at
    if not known.value or known.source in _NO_FACT:
        return None
    try:
        moment = dt.datetime.fromisoformat(known.value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).astimezone(SHANGHAI)


def moment(iso: str) -> str:
    """Write an ISO 8601 time as 2026-03-06 09:30:00 (UTC+08:00)."""
    at = dt.datetime.fromisoformat(iso).astimezone(SHANGHAI)
    return f"{at:%Y-%m-%d %H:%M:%S} (UTC+08:00)"


def call_day(item: CaseItem) -> dt.date | None:
    moment = started(item)
    return moment.date() if moment else None


def started_line(item: CaseItem) -> str:
    """Say when the call began, where that is known from, and how reliable it is."""
    moment = started(item)
    if moment is None:
        return f"{BLANK}(文件中没有可靠的通话时间)"
    known = item.reviewed.report.recording.started_at
    source = _SOURCES.get(known.source or "", known.source or "不明")
    reliable = _RELIABLE.get(known.reliability or "", known.reliability or "不明")
    return f"{moment:%Y-%m-%d %H:%M:%S} (UTC+08:00);时间来源:{source};可信度:{reliable}"


def letters(item: CaseItem) -> dict[str, str]:
    """Return 甲, 乙 … for the speakers of a call, in order of appearance."""
    order = dict.fromkeys(u.utterance.speaker for u in item.reviewed.utterances)
    return {
        speaker: _LETTERS[n] if n < len(_LETTERS) else f"说话人{n + 1}"
        for n, speaker in enumerate(order)
    }


def speaker_name(names: dict[str, str], speaker: str, role: str) -> str:
    return f"{names.get(speaker, speaker)}({ROLE_NAMES.get(role, (role,))[0]})"


def conduct(flag: FlagItem) -> str:
    """Name what is suspected, as 疑似威胁恐吓·曝光."""
    made = flag.reviewed.flag
    category = CATEGORY_NAMES.get(made.category, (made.category,))[0]
    return f"疑似{category}·{SUBTYPE_NAMES.get(made.subtype, (made.subtype,))[0]}"


def quote_lines(flag: FlagItem) -> tuple[Line, ...]:
    """Return the words: as corrected, with the machine's below where they differ."""
    shown = (line("“", spoken(flag.reviewed.quote), "”"),)
    if not flag.reviewed.corrected:
        return shown
    return (*shown, (small("机器原文:“"), small(spoken(flag.reviewed.flag.quote)), small("”")))


def passage(flag: FlagItem) -> Row:
    """Return the cells that tell of a flag: number, time, speaker, words, what is suspected."""
    made = flag.reviewed.flag
    return (
        said(flag.number),
        span_lines(made.start_s, made.end_s),
        speaker_name(letters(flag.item), made.speaker, made.role),
        quote_lines(flag),
        conduct(flag),
    )


def reviewed_by(flag: FlagItem) -> tuple[str, str]:
    """Return who decided on a flag, and when; two empty texts where nobody did."""
    decision = flag.reviewed.decision
    return (decision.by, decision.at) if decision else ("", "")


def basis_of(case: Case, flag: FlagItem) -> tuple[Rule, ...]:
    made = flag.reviewed.flag
    return basis_for(
        made.category,
        made.subtype,
        call_day(flag.item),
        lender_type(case, flag.item),
        listener(case, flag.item),
        illegal_debt=_stated(case, flag.item).get("illegal_debt") is True,
    )


def sign_here(who: str) -> Iterator[Paragraph]:
    """Yield the block in which somebody signs."""
    yield paragraph("sign", f"{who}(签名):____________________")
    yield paragraph("date", "日期:________年____月____日")


def complainant(case: Case) -> Span | str:
    """Return the debtor's name as stated where the debtor answered, else a blank."""
    answered = {answered_by(case, item) for item in case.items}
    return party(case, "debtor") if answered == {"debtor"} else BLANK
