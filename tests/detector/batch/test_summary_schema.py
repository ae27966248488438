"""The published schema describes every summary, and nothing that is none."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from detector.batch.summary import SCHEMA_VERSION, schema
from detector.case import CaseFacts
from detector.evidence.decisions import decide
from detector.report import read_report
from detector.scan import ScanOptions

Batch = Callable[..., Any]
VALIDATOR = jsonschema.Draft202012Validator(schema())


def faults(data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(data)]


@pytest.fixture
def summary(fake: Any, recordings: Path, batch: Batch, tmp_path: Path) -> dict[str, Any]:
    """Return a summary with every kind of finding, duplicates, failures and decisions."""
    for n in range(9):
        fake.recording(
            recordings / f"通话录音@0210000000{n % 2}_20250601{10 + n}1500.mp3", n=n,
            say=[["collector", "你给我等着"], ["debtor", "别再打了"]],
            flags=[["threat", "violence", 4], ["insult", "mockery", 1]][: n // 4],
        )  # fmt: skip
    for hour, length in ((21, 7_200.0), (23, 30.0)):
        fake.recording(
            recordings / f"通话录音@02100000001_20250602{hour}5500.mp3", n=hour, duration_s=length,
            flags=[["threat", "self_harm", 4]],
        )  # fmt: skip
    for name in ("x.amr", "y.amr"):
        fake.recording(recordings / name, n="x")
    fake.recording(recordings / "bad.amr", do="bad")
    fake.recording(recordings / "crash.amr", do="crash")
    (recordings / "empty.wav").touch()
    (recordings / "link.wav").symlink_to("nowhere")
    log = tmp_path / "log.csv"
    rows = [f"02100000001,2025-06-01 1{n % 10}:3{n // 10}:00,0,未接" for n in range(30)]
    log.write_text("对方号码,通话开始时间,通话时长,呼叫类型\n" + "\n".join(rows), "utf-8")
    facts = {"lender_type": "bank", "parties": {"lender": "某银行"}}
    options = ScanOptions(case=CaseFacts(facts))
    batch(options, call_log=(log,), jurisdiction="cn")
    for action in ("confirm", "reject"):
        report = next(p for p in sorted((tmp_path / "out" / "reports").glob("*.json"))
                      if read_report(p).flags and action not in p.name)  # fmt: skip
        flag = read_report(report).flags[-1 if action == "reject" else 0].id
        decide(report, read_report(report), action, flag, by="李")
    batch(options, call_log=(log,), jurisdiction="cn")
    data: dict[str, Any] = json.loads((tmp_path / "out" / "summary.json").read_bytes())
    return data


def test_the_schema_itself_is_sound() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_a_full_summary_is_as_the_schema_says(summary: dict[str, Any]) -> None:
    assert faults(summary) == []
    assert summary["schema_version"] == SCHEMA_VERSION
    kinds = {finding["kind"] for finding in summary["findings"]}
    assert kinds >= {"calls_per_day", "out_of_hours", "refused", "several_numbers", "escalation"}
    assert {f["kind"] for f in summary["failures"]} == {"bad_input", "crashed", "unreadable"}
    assert summary["duplicates"] and summary["help_line"] and summary["skipped"]["special"]


def test_what_is_no_summary_is_refused(summary: dict[str, Any]) -> None:
    def spoilt(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        data = copy.deepcopy(summary)
        change(data)
        return data

    for change in (
        lambda data: data.pop("calendar"),
        lambda data: data.update(more=1),
        lambda data: data["calls"][0].pop("sha256"),
        lambda data: data["calls"][0].update(severity=5),
        lambda data: data["calls"][0]["started_at"].update(value="2025-06-01 10:15"),
        lambda data: data["totals"]["flags"].pop("insult"),
        lambda data: data["findings"][0].update(at_least=0),
        lambda data: data["calendar"]["days"].update({"2025-06-01": {"25": {}}}),
    ):
        assert faults(spoilt(change))


def test_an_empty_summary_is_as_the_schema_says(fake: Any, recordings: Path, batch: Batch) -> None:
    fake.recording(recordings / "bad.amr", do="bad")
    assert faults(batch(jurisdiction="none").summary) == []
