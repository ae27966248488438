"""What people decided on the reports is what the next summary says."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from detector.evidence.decisions import decide, read_decisions
from detector.report import read_report

Batch = Callable[..., Any]


@pytest.fixture
def ran(batch: Batch, fake: Any, recordings: Path) -> Any:
    """Two calls with a grave and a lighter flag, one with a lighter one only."""
    for number, flags in enumerate((
        [["threat", "violence", 4], ["insult", "mockery", 1]],
        [["threat", "violence", 4], ["insult", "profanity", 2]],
        [["insult", "profanity", 2]],
    )):  # fmt: skip
        fake.recording(recordings / f"{number}.amr", n=number, flags=flags)
    return batch()


def decided(out: Path, name: str, action: str, flag: str, **value: Any) -> None:
    path = out / "reports" / f"{name}.amr.json"
    decide(path, read_report(path), action, flag, value, by="李复核")


def test_what_was_rejected_counts_no_more_and_what_was_confirmed_is_shown(
    ran: Any, batch: Batch, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert [call["file"] for call in ran.summary["calls"]] == ["1.amr", "0.amr", "2.amr"]
    decided(out, "1", "reject", "F1")
    decided(out, "0", "confirm", "F1")
    again = batch()
    assert (again.scanned, again.kept) == (0, 3)
    summary = again.summary
    assert [call["file"] for call in summary["calls"]] == ["0.amr", "1.amr", "2.amr"]
    assert [call["severity"] for call in summary["calls"]] == [4, 2, 2]
    assert summary["totals"]["flags"]["threat"] == {"flagged": 1, "review": 0, "confirmed": 1}
    assert summary["totals"]["reviewed"] == {"confirmed": 1, "rejected": 1, "unreviewed": 3}
    assert summary["calls"][0]["gravest"][0]["status"] == "confirmed"
    page = (out / "summary.html").read_text("utf-8")
    assert "已确认 1 条,已否定 1 条" in page and len(re.findall("已否定 1 条", page)) == 2
    book = openpyxl.load_workbook(io.BytesIO((out / "summary.xlsx").read_bytes()))
    states = [row[4].value for row in book["标记"].iter_rows(min_row=2)]
    assert sorted(states) == ["已确认", "未复核", "未复核", "未复核"]
    decided(out, "1", "reopen", "F1")
    decided(out, "0", "reopen", "F1")
    reopened = batch().summary
    assert reopened["totals"] == ran.summary["totals"]


def test_a_flag_that_a_person_added_counts(ran: Any, batch: Batch, tmp_path: Path) -> None:
    decided(
        tmp_path / "out", "2", "add", "", category="threat", subtype="exposure",
        utterance_ids=["U1"],
    )  # fmt: skip
    totals = batch().summary["totals"]
    assert totals["flags"]["threat"] == {"flagged": 3, "review": 0, "confirmed": 1}


def test_broken_decisions_cost_no_run_and_are_said(ran: Any, batch: Batch, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "reports" / "0.amr.decisions.jsonl").write_text("no decision\n{}\n", "utf-8")
    summary = batch().summary
    assert summary["totals"]["flags"] == ran.summary["totals"]["flags"]
    (call,) = [call for call in summary["calls"] if call["file"] == "0.amr"]
    assert any("人工复核没有计入" in warning for warning in call["warnings"])


@pytest.mark.parametrize("change", ["start", "name"])
def test_decisions_stay_where_only_start_or_name_changes(
    ran: Any, batch: Batch, recordings: Path, tmp_path: Path, change: str
) -> None:
    out = tmp_path / "out"
    decided(out, "0", "reject", "F1")
    name = "通话录音@02100000001_20250601101500.amr"
    (recordings / "0.amr").rename(recordings / name)
    if change == "start":
        (recordings / "0.amr").write_bytes((recordings / name).read_bytes())  # and a copy
        name = "0.amr"
    assert batch().summary["totals"]["reviewed"]["rejected"] == 1
    assert len(read_decisions(out / "reports" / f"{name}.json")) == 1
    report = read_report(out / "reports" / f"{name}.json")
    assert report.recording.started_at.value == "2025-06-01T10:15:00+08:00"
