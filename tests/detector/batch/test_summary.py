"""What the reader gets of a folder: page, workbook, data."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from detector.case import CaseFacts
from detector.scan import ScanOptions

Batch = Callable[..., Any]


@pytest.fixture
def folder(fake: Any, recordings: Path) -> Path:
    """Eight calls of one day (five of them at 10 o'clock), one at night, one without a time."""
    for n in range(8):
        grave = [["threat", "violence", 4], ["insult", "profanity", 2]][: n % 3]
        fake.recording(
            recordings / f"通话录音@02100000001_202506011{n % 2}{n:02}00.mp3", n=n, flags=grave
        )
    fake.recording(recordings / "通话录音@02100000002_20250602231500.mp3", n=8,
                   say=[["collector", "=1+1<script>alert(1)</script>"], ["debtor", "别再打了"]],
                   flags=[["threat", "self_harm", 4]])  # fmt: skip
    fake.recording(recordings / "换\n行\u202e<b>.amr", n=9, flags=[["insult", "mockery", 1]])
    fake.recording(recordings / "坏.amr", do="bad")
    return recordings


@pytest.fixture
def ran(folder: Path, batch: Batch) -> Any:
    facts = {"lender_type": "bank", "parties": {"lender": "某银行"}}
    return batch(ScanOptions(case=CaseFacts(facts)))


def test_the_gravest_calls_come_first(ran: Any) -> None:
    severities = [call["severity"] for call in ran.summary["calls"]]
    assert severities == sorted(severities, reverse=True) and severities[0] == 4
    assert [call["number"] for call in ran.summary["calls"]] == list(range(1, 11))
    totals = ran.summary["totals"]
    assert totals["flags"]["threat"]["flagged"] == 6 and totals["flags"]["insult"]["flagged"] == 3
    assert totals["calls_by_severity"] == {"4": 6, "3": 0, "2": 0, "1": 1, "0": 3}


def test_the_calendar_counts_by_day_and_hour(ran: Any) -> None:
    calendar = ran.summary["calendar"]
    hours = calendar["days"]["2025-06-01"]
    assert {hour: entry["calls"] for hour, entry in hours.items()} == {"10": 4, "11": 4}
    assert calendar["days"]["2025-06-02"]["23"] == {"calls": 1, "severity": 4}
    assert calendar["without_time"] == 1


def test_findings_say_at_least_and_where_the_number_comes_from(ran: Any) -> None:
    kinds = {finding["kind"]: finding for finding in ran.summary["findings"]}
    assert kinds["calls_per_day"]["at_least"] == 8
    assert kinds["out_of_hours"]["at_least"] == 1
    assert kinds["several_numbers"]["numbers"] == ["02100000001", "02100000002"]
    for finding in ran.summary["findings"]:
        assert "至少" in finding["text"]
        assert all(rule["source"] for rule in finding["rules"])


def test_the_page_shows_help_first_and_runs_nothing(ran: Any, tmp_path: Path) -> None:
    page = (tmp_path / "out" / "summary.html").read_text("utf-8")
    assert page.index("12356") < page.index("<h2")
    assert "<script" not in page and "default-src 'none'" in page
    assert "&lt;script&gt;" in page and "\u202e" not in page
    assert not re.search(r'(src|href)="(?!\./reports/|tel:|#)', page)
    assert "某银行 至少接通 8 次" in page and "坏.amr" in page


def test_help_is_not_shown_where_nobody_urged_self_harm(
    fake: Any, recordings: Path, batch: Batch, tmp_path: Path
) -> None:
    fake.recording(recordings / "a.amr", flags=[["threat", "violence", 4]])
    assert batch().summary["help_line"] is None
    assert "12356" not in (tmp_path / "out" / "summary.html").read_text("utf-8")


def test_links_of_the_page_lead_to_the_reports(ran: Any, batch: Batch, tmp_path: Path) -> None:
    from urllib.parse import unquote

    from detector.batch.summary_html import render_summary

    page = render_summary(ran.summary, html=True)
    links = [unquote(link) for link in re.findall(r'href="\./([^"]+)"', page)]
    assert len(links) == 7
    for link in links:
        assert (tmp_path / "out" / re.sub("html$", "json", link)).exists()


def test_the_workbook_holds_everything_and_no_formulas(ran: Any, tmp_path: Path) -> None:
    data = (tmp_path / "out" / "summary.xlsx").read_bytes()
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["总览", "通话", "标记", "日历", "次数与时段", "重复", "没有完成"]
    assert book["通话"].max_row == 11 and book["标记"].max_row == 1 + 9
    assert book["没有完成"]["A2"].value == "坏.amr"
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    assert any(cell.value == "=1+1<script>alert(1)</script>" for cell in cells)


def test_the_summary_is_the_same_from_one_run_to_the_next(
    ran: Any, folder: Path, batch: Batch, tmp_path: Path
) -> None:
    first = (tmp_path / "out" / "summary.json").read_bytes()
    page = (tmp_path / "out" / "summary.html").read_bytes()
    facts = {"lender_type": "bank", "parties": {"lender": "某银行"}}
    batch(ScanOptions(case=CaseFacts(facts), threads=2), workers=1)
    assert (tmp_path / "out" / "summary.json").read_bytes() == first
    assert (tmp_path / "out" / "summary.html").read_bytes() == page
