"""flags.xlsx: every flag of the case in one table, and the recordings in another."""

import datetime as dt
import io
from typing import Any

from detector.evidence.documents import words
from detector.evidence.documents.basis_table import basis_names
from detector.evidence.documents.model import clean, spell
from detector.evidence.documents.transcript import software
from detector.evidence.model import Case, FlagItem
from detector.labels import CATEGORY_NAMES, ROLE_NAMES, SUBTYPE_NAMES
from detector.render_text import DECISIONS, HELP_LINE

__all__ = ["sheet"]

_MOST = 32_767
"""The most characters that a cell can hold."""
_SIGNS = ("=", "+", "-", "@", "\t", "\r")
_ORIGINS = {"machine": "机器", "human": "人工补充"}
_COLUMNS = (
    ("编号", 8), ("复核状态", 11), ("类别", 13), ("category", 20), ("子类", 15), ("subtype", 18),
    ("开始时间码", 12), ("结束时间码", 12), ("开始秒", 9), ("结束秒", 9), ("通话时刻", 20),
    ("说话人", 10), ("角色", 9), ("机器原文", 46), ("改正后原话", 46), ("分数", 7), ("严重度", 7),
    ("机器判定", 9), ("来源", 9), ("复核人", 11), ("复核时间", 25), ("复核备注", 20),
    ("片段文件", 44), ("试听副本", 44), ("可能涉及的规定", 60), ("机器说明", 30),
    ("录音文件", 26), ("录音 SHA-256", 66),
)  # fmt: skip


def _values(case: Case, flag: FlagItem) -> list[tuple[str | float, bool]]:
    """Return the cells of a flag, each with whether its text is to be left as it is."""
    made, recording = flag.reviewed.flag, flag.item.reviewed.report.recording
    by, at = words.reviewed_by(flag)
    machine = made.origin == "machine"
    decision = flag.reviewed.decision
    begun = words.started(flag.item)
    when = begun + dt.timedelta(seconds=made.start_s) if begun else None
    return [
        (flag.number, True),
        (words.STATES[made.status], False),
        ("疑似" + CATEGORY_NAMES.get(made.category, (made.category,))[0], False),
        (made.category, True),
        (SUBTYPE_NAMES.get(made.subtype, (made.subtype,))[0], False),
        (made.subtype, True),
        (words.hms(made.start_s), True),
        (words.hms(made.end_s), True),
        (made.start_s, True),
        (made.end_s, True),
        (f"{when:%Y-%m-%d %H:%M:%S}" if when else "", True),
        (words.letters(flag.item).get(made.speaker, made.speaker), True),
        (ROLE_NAMES.get(made.role, (made.role,))[0], False),
        (made.quote, True),
        (flag.reviewed.quote if flag.reviewed.corrected else "", True),
        (round(made.score, 3) if machine else "", True),
        (float(made.severity), True),
        (DECISIONS.get(made.decision, made.decision) if machine else "", False),
        (_ORIGINS.get(made.origin, made.origin), False),
        (by, True),
        (at, True),
        (decision.note if decision else "", True),
        (flag.clip.file if flag.clip else "", True),
        (flag.clip.listening if flag.clip else "", True),
        (basis_names(case, flag) if made.status != "rejected" else "", False),
        (made.note or "", False),
        (recording.file, True),
        (recording.sha256, True),
    ]


class _Sheet:
    """One sheet of the book, written row by row; text is always text, never a formula."""

    def __init__(self, book: Any, name: str, script: str) -> None:
        self.page = book.add_worksheet(spell(name, script))
        self.script = script
        looks = {"text_wrap": True, "valign": "top", "font_size": 10}
        self.plain = book.add_format(looks)
        self.quoted = book.add_format(looks | {"quote_prefix": True})
        self.head = book.add_format(
            looks | {"bold": True, "bg_color": "#E8E8E8", "border": 1, "valign": "vcenter"}
        )

    def put(self, row: int, column: int, value: str | float, verbatim: bool = False) -> None:
        if not isinstance(value, str):
            self.page.write_number(row, column, value, self.plain)
            return
        text = clean(value) if verbatim else spell(clean(value), self.script)
        if len(text) > _MOST:
            text = text[: _MOST - 1] + "…"
        risky = text.startswith(_SIGNS)
        self.page.write_string(row, column, text, self.quoted if risky else self.plain)

    def header(self, row: int, columns: tuple[tuple[str, int], ...]) -> None:
        for column, (name, width) in enumerate(columns):
            self.page.set_column(column, column, width)
            self.page.write_string(row, column, spell(name, self.script), self.head)


def _notes(case: Case) -> list[str]:
    found = []
    if any(f.reviewed.flag.subtype == "self_harm" for f in case.flags("confirmed", "unreviewed")):
        found.append(HELP_LINE)
    if case.redacted:
        found.append(f"【脱敏副本】{words.REDACTED}")
    found.append(f"机器标记的疑似内容,须由人工逐条听录音核对。{words.DISCLAIMER}")
    return found


def _flags(book: Any, case: Case) -> None:
    page = _Sheet(book, "标记", case.script)
    notes = _notes(case)
    for row, note in enumerate(notes):
        page.page.write_string(row, 0, spell(note, case.script))
    top, flags = len(notes), case.flags()
    page.header(top, _COLUMNS)
    for row, flag in enumerate(flags, top + 1):
        for column, (value, verbatim) in enumerate(_values(case, flag)):
            page.put(row, column, value, verbatim)
    page.page.freeze_panes(top + 1, 1)
    page.page.autofilter(top, 0, top + max(1, len(flags)), len(_COLUMNS) - 1)
    page.page.set_landscape()
    page.page.set_paper(9)
    page.page.repeat_rows(top)


def _recordings(book: Any, case: Case) -> None:
    columns = (
        ("录音", 7), ("文件", 28), ("SHA-256", 66), ("字节", 13), ("时长", 14), ("编码", 20),
        ("通话时间", 44), ("主叫号码", 16), ("被叫号码", 16), ("录音人", 12), ("接听人身份", 24),
        ("软件", 60),
    )  # fmt: skip
    page = _Sheet(book, "录音", case.script)
    page.header(0, columns)
    for row, item in enumerate(case.items, 1):
        recording = item.reviewed.report.recording
        cells: list[tuple[str | float, bool]] = [
            (float(item.number), True),
            (recording.file, True),
            (recording.sha256, True),
            (float(recording.bytes), True),
            (words.hms(recording.duration_s, 3), True),
            (f"{recording.container} / {recording.codec}", True),
            (words.started_line(item), False),
            (words.fact(case, item, "caller_number"), True),
            (words.fact(case, item, "called_number"), True),
            (words.fact(case, item, "recorded_by"), True),
            (words.answered_line(case, item), False),
            (software(item.reviewed.report), True),
        ]
        for column, (value, verbatim) in enumerate(cells):
            page.put(row, column, value, verbatim)
    page.page.freeze_panes(1, 0)


def sheet(case: Case) -> bytes:
    """Return the workbook, the same for the same case, byte for byte."""
    import xlsxwriter

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        made = dt.datetime.fromisoformat(case.made_at).astimezone(dt.UTC).replace(tzinfo=None)
        book.set_properties({"title": "flags", "created": made})
        _flags(book, case)
        _recordings(book, case)
    return out.getvalue()
