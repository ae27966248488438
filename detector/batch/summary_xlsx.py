"""The summary of a folder as a workbook: calls, all flags, calendar, findings, what failed."""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from detector.batch.calls import Call
from detector.batch.discover import shown
from detector.batch.summary_html import FINDING_NAMES, SEVERITIES, SOURCES
from detector.labels import CATEGORY_NAMES, OBSERVATION_NAMES, SUBTYPE_NAMES
from detector.render_text import clock

__all__ = ["render_workbook"]

_MOST = 32_000  # characters a cell
_MOST_LINES = 8
_LINE_POINTS = 15.0
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RATINGS = {"flagged": "标记", "review": "待复核"}
_STATES = {"confirmed": "已确认", "unreviewed": "未复核"}


def _plain(value: object) -> str:
    return _HIDDEN.sub("\ufffd", "" if value is None else str(value))[:_MOST]


def _started(call: Mapping[str, Any]) -> list[str]:
    started = call["started_at"]
    return [
        (started["value"] or "")[:19].replace("T", " "),
        SOURCES.get(str(started["source"]), ""),
        SOURCES.get(str(started["reliability"]), ""),
    ]


class _Workbook:
    def __init__(self, scratch: Path | None) -> None:
        import xlsxwriter

        self.buffer = io.BytesIO()
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "tmpdir": str(scratch) if scratch else None,
        }
        self.book = xlsxwriter.Workbook(self.buffer, options)
        heading = {"bold": True, "bottom": 1, "valign": "top", "text_wrap": True}
        self.bold = self.book.add_format(heading)
        self.wrap = self.book.add_format({"text_wrap": True, "valign": "top", "align": "left"})
        self.count = self.book.add_format({"valign": "top", "align": "center"})
        self.grades = {
            n: self.book.add_format({"bg_color": colour, "align": "center", "valign": "top"})
            for n, colour in enumerate(("#FFFFFF", "#FFF6CC", "#FFE0B2", "#FFC4A8", "#F4A6A6"))
        }

    def sheet(
        self,
        name: str,
        heads: Sequence[tuple[str, int]],
        rows: Iterable[Sequence[Any]],
        printed: int | None = None,
        counts: bool = True,
    ) -> Any:
        """Add a sheet with a heading that stays, a filter, and widths in characters.

        Args:
            name: of the sheet.
            heads: the columns, each with its width.
            rows: what stands below them.
            printed: so many columns go to paper; all of a wide sheet would be too small to read.
            counts: whether numbers stand in the middle of their columns.
        """
        sheet = self.book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(0.4, 0.4, 0.5, 0.5)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_footer("&L&A&R&P / &N")
        widths = [width for _, width in heads]
        sheet.set_row(0, _height([head for head, _ in heads], widths))
        for column, (head, width) in enumerate(heads):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, head, self.bold)
        last = 0
        for last, row in enumerate(rows, 1):
            texts = [_plain("" if isinstance(v, _Grade) else v) for v in row]
            sheet.set_row(last, _height(texts, widths))
            for column, value in enumerate(row):
                if isinstance(value, _Grade):
                    sheet.write_number(last, column, value.value, self.grades[value.value])
                elif isinstance(value, (int, float)):
                    style = self.count if counts else self.wrap
                    sheet.write_number(last, column, value, style)
                else:
                    sheet.write_string(last, column, texts[column], self.wrap)
        if heads and last:
            sheet.autofilter(0, 0, last, len(heads) - 1)
            sheet.print_area(0, 0, last, (printed or len(heads)) - 1)
        return sheet


def _height(texts: Sequence[str], widths: Sequence[int]) -> float:
    """Return a height in points that shows what is in a row, up to some lines.

    Not every program sees to that itself. A Chinese character is two columns wide.
    """
    lines = 1
    for text, width in zip(texts, widths, strict=True):
        wide = (sum(2 if c > "\u2e7f" else 1 for c in line) for line in text.split("\n"))
        lines = max(lines, sum(1 + max(0, w - 1) // max(1, width - 1) for w in wide))
    return _LINE_POINTS * min(lines, _MOST_LINES)


class _Grade:
    """A severity, shown on its colour."""

    def __init__(self, value: int) -> None:
        self.value = value


def _calls(data: Mapping[str, Any]) -> Iterable[list[Any]]:
    for call in data["calls"]:
        counts = [call["flags"][c][kind] for c in CATEGORY_NAMES for kind in _RATINGS]
        first = call["gravest"][0] if call["gravest"] else None
        kinds = (OBSERVATION_NAMES.get(kind, (kind,))[0] for kind in call["observations"])
        yield [
            call["number"], _Grade(call["severity"]), call["file"], *_started(call),
            call["caller"], SOURCES.get(str(call["direction"]), ""),
            clock(call["duration_s"], 0), *counts, first["quote"] if first else "",
            clock(first["start_s"]) if first else "", "、".join(kinds),
            "有" if call["refusals"] else "", "\n".join(call["also"]),
            "\n".join(call["warnings"]), call["report"], call["sha256"],
        ]  # fmt: skip


def _flags(data: Mapping[str, Any], calls: Iterable[Call]) -> Iterable[list[Any]]:
    numbers = {call["sha256"]: call["number"] for call in data["calls"]}
    ranked = sorted(calls, key=lambda call: numbers[call.units[0].sha256])
    for call in ranked:
        for flag in call.entry["flags"]:
            yield [
                numbers[call.units[0].sha256], shown(call.path), flag["id"],
                _RATINGS[flag["decision"]], _STATES.get(flag["status"], ""),
                _Grade(flag["severity"]),
                CATEGORY_NAMES.get(flag["category"], (flag["category"],))[0],
                SUBTYPE_NAMES.get(flag["subtype"], (flag["subtype"],))[0],
                clock(flag["start_s"]), clock(flag["end_s"]), flag["quote"], flag["speaker"],
                flag["score"],
            ]  # fmt: skip


def _findings(data: Mapping[str, Any]) -> Iterable[list[Any]]:
    for found in data["findings"]:
        rules = "\n".join(
            f"{rule['name']}({rule['in_force']}{',供参照' if rule['reference_only'] else ''})"
            for rule in found["rules"]
        )
        sources = "\n".join(f"{rule['source']}({rule['confidence']})" for rule in found["rules"])
        yield [
            FINDING_NAMES.get(found["kind"], found["kind"]), found["text"], found["at_least"],
            rules, sources, "\n".join(found["notes"]),
            "\n".join(
                f"{call['start'][:19].replace('T', ' ')} "
                f"{call['file'] or '通话记录第 ' + str(call['call_log_row']) + ' 行'}"
                for call in found["calls"][:200]
            ),
        ]  # fmt: skip


def _overview(data: Mapping[str, Any]) -> Iterable[list[Any]]:
    totals = data["totals"]
    yield ["说明", data["disclaimer"]]
    if data["help_line"]:
        yield ["求助", "如果您感到难以承受,可拨打全国统一心理援助热线 12356。"]
    yield ["文件夹", data["folder"]]
    for name, key in (
        ("录音", "recordings"), ("通话", "calls"), ("重复的录音", "duplicates"),
        ("小时", "hours"), ("有标记的通话", "calls_with_flags"),
        ("只有待复核的通话", "calls_to_review_only"), ("没有完成", "failed"),
    ):  # fmt: skip
        yield [name, totals[key]]
    yield ["时间范围", f"{(totals['from'] or '')[:10]} 至 {(totals['to'] or '')[:10]}"]
    for category, (chinese, _) in CATEGORY_NAMES.items():
        counts = totals["flags"][category]
        told = "标记 {flagged}(其中人工已确认 {confirmed}),待复核 {review}"
        yield [chinese, told.format(**counts)]
    told = "已确认 {confirmed},已否定 {rejected},未复核 {unreviewed}"
    yield ["人工复核", told.format(**totals["reviewed"])]
    for grade, name in SEVERITIES.items():
        yield [f"严重度 {grade}({name})的通话", totals["calls_by_severity"][str(grade)]]
    yield ["规定", data["rules"].get("note", "")]


def render_workbook(
    data: Mapping[str, Any], calls: Iterable[Call], scratch: Path | None = None
) -> bytes:
    """Return the workbook; big ones are put together in the folder `scratch`."""
    book = _Workbook(scratch)
    book.sheet("总览", [("项目", 30), ("内容", 100)], _overview(data), counts=False)
    categories = [
        (f"{chinese}{rating}", 9)
        for chinese, _ in CATEGORY_NAMES.values()
        for rating in _RATINGS.values()
    ]
    book.sheet(
        "通话",
        [
            ("序号", 6), ("严重度", 7), ("文件", 36), ("开始时间", 19), ("时间来源", 10),
            ("可信度", 10), ("号码", 14), ("方向", 6), ("时长", 9), *categories,
            ("最重的一处", 44), ("位置", 10), ("其他", 20), ("有人要求不再来电", 10),
            ("同一通电话的其他文件", 30), ("提示", 40), ("报告", 40), ("SHA-256", 66),
        ],
        _calls(data),
        printed=9 + len(categories) + 4,
    )  # fmt: skip
    book.sheet(
        "标记",
        [
            ("通话序号", 9), ("文件", 36), ("编号", 7), ("判断", 8), ("人工复核", 9),
            ("严重度", 7), ("类别", 14),
            ("细类", 16), ("开始", 10), ("结束", 10), ("原话(机器转写)", 60), ("说话人", 7),
            ("分数", 7),
        ],
        _flags(data, calls),
    )  # fmt: skip
    hours = [(f"{hour:02}", 4) for hour in range(24)]
    days = data["calendar"]["days"]
    book.sheet(
        "日历",
        [("日期", 12), *hours, ("合计", 6)],
        (
            [
                day,
                *(found[hour]["calls"] if hour in found else "" for hour, _ in hours),
                sum(entry["calls"] for entry in found.values()),
            ]
            for day, found in days.items()
        ),
    )
    book.sheet(
        "次数与时段",
        [("种类", 24), ("内容", 60), ("至少", 6), ("可能涉及", 44), ("来源", 36), ("注意", 20),
         ("逐次", 64)],
        _findings(data),
    )  # fmt: skip
    book.sheet(
        "重复",
        [("文件", 60), ("说明", 60), ("合并", 6)],
        (
            ["\n".join(found["files"]), found["text"], "是" if found["merged"] else "否"]
            for found in data["duplicates"]
        ),
    )
    book.sheet(
        "没有完成",
        [("文件", 50), ("原因", 80), ("再运行时重试", 12)],
        ([f["file"], f["reason"], "是" if f["again"] else "否"] for f in data["failures"]),
    )
    book.book.close()
    return book.buffer.getvalue()
