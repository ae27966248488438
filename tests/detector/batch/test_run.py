"""A run over a folder: what fails costs itself, what is done is not done again."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.errors import InputError, OptionError, OutputError
from detector.report import read_report
from detector.scan import ScanOptions

HERE = Path(__file__).parent
Batch = Callable[..., Any]
Scans = Callable[[], list[str]]


def failures(ran: Any) -> dict[str, str]:
    return {failure["file"]: failure["kind"] for failure in ran.summary["failures"]}


def test_every_file_ends_in_a_report_or_with_its_reason(
    batch: Batch, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    fake.recording(recordings / "a" / "好.amr")
    fake.recording(recordings / "crash.amr", do="crash")
    fake.recording(recordings / "bad.amr", do="bad")
    fake.recording(recordings / "grow.amr", do="grow")
    (recordings / "empty.wav").touch()
    (recordings / "note.txt").write_text("no recording")
    ran = batch()
    assert failures(ran) == {
        "bad.amr": "bad_input", "crash.amr": "crashed", "empty.wav": "unreadable",
        "grow.amr": "changed",
    }  # fmt: skip
    (call,) = ran.summary["calls"]
    report = read_report(tmp_path / "out" / call["report"])
    assert (call["file"], report.recording.file) == ("a/好.amr", "好.amr")
    assert ran.summary["skipped"]["other_files"] == 1
    assert json.loads((tmp_path / "out" / "summary.json").read_text("utf-8")) == ran.summary
    assert (tmp_path / "out" / "summary.html").exists()
    assert (tmp_path / "out" / "summary.xlsx").exists()


def test_a_second_run_repeats_only_what_may_end_otherwise(
    batch: Batch, fake: Any, recordings: Path, scans: Scans
) -> None:
    fake.recording(recordings / "a.amr")
    fake.recording(recordings / "crash.amr", do="crash")
    fake.recording(recordings / "bad.amr", do="bad")
    first = batch()
    scans()
    fake.recording(recordings / "new.amr", n=1)
    again = batch()
    assert scans() == ["crash.amr", "crash.amr", "new.amr"]
    assert (again.scanned, again.kept) == (2, 2)
    (recordings / "new.amr").unlink()
    assert batch().summary == first.summary


def test_a_finished_folder_starts_no_worker(
    batch: Batch, fake: Any, recordings: Path, scans: Scans
) -> None:
    fake.recording(recordings / "a.amr")
    first = batch()
    scans()

    def none(*_: Any) -> Any:
        raise AssertionError("a worker was asked for")

    assert batch(make_engine=none).summary == first.summary


@pytest.mark.parametrize("lost", ["ledger", "damaged", "other version"])
def test_reports_count_even_where_the_ledger_is_lost(
    batch: Batch, fake: Any, recordings: Path, tmp_path: Path, scans: Scans, lost: str
) -> None:
    fake.recording(recordings / "a.amr")
    first = batch()
    ledger = tmp_path / "out" / ".detector" / "ledger.sqlite"
    if lost == "ledger":
        ledger.unlink()
    elif lost == "damaged":
        ledger.write_bytes(b"no database at all" * 100)
    else:
        base = sqlite3.connect(ledger)
        base.execute("PRAGMA user_version=99")
        base.close()
    scans()
    assert batch().summary == first.summary
    assert scans() == []


@pytest.mark.parametrize(
    ("change", "scanned"),
    [("touch", []), ("content", ["a.amr"]), ("rename", []), ("no report", ["a.amr"]),
     ("cut off", ["a.amr"]), ("settings", ["a.amr", "b.amr"]), ("threads", []), ("copy", [])],
)  # fmt: skip
def test_a_file_is_done_when_content_settings_and_model_match(
    batch: Batch, fake: Any, recordings: Path, tmp_path: Path, scans: Scans,
    change: str, scanned: list[str],
) -> None:  # fmt: skip
    file = fake.recording(recordings / "a.amr", n=1)
    fake.recording(recordings / "b.amr", n=2)
    batch()
    scans()
    options, report = ScanOptions(), tmp_path / "out" / "reports" / "a.amr.json"
    if change == "touch":
        os.utime(file, (1_700_000_000, 1_700_000_000))
    elif change == "content":
        fake.recording(file, n=3)
    elif change == "rename":
        file.rename(recordings / "c.amr")
    elif change == "no report":
        report.unlink()
    elif change == "cut off":
        report.write_bytes(report.read_bytes()[:500])
    elif change == "settings":
        options = ScanOptions(thresholds={"threat": 0.9})
    elif change == "threads":
        options = ScanOptions(threads=1, device="cpu")
    elif change == "copy":
        shutil.copytree(tmp_path / "out", tmp_path / "moved")  # times change, content does not
        shutil.rmtree(tmp_path / "out")
        shutil.copytree(tmp_path / "moved", tmp_path / "out", copy_function=shutil.copy)
    ran = batch(options)
    assert scans() == scanned
    for call in ran.summary["calls"]:
        found = read_report(tmp_path / "out" / call["report"])
        assert found.recording.file == call["file"]
        assert found.recording.sha256 == call["sha256"]


def test_copies_are_scanned_once_and_listed(
    batch: Batch, fake: Any, recordings: Path, scans: Scans
) -> None:
    for name in ("b.amr", "a.amr", "c/a.amr"):
        fake.recording(recordings / name, n=1)
    ran = batch()
    assert len(scans()) == 1
    (call,) = ran.summary["calls"]
    assert (call["file"], call["also"]) == ("a.amr", ["b.amr", "c/a.amr"])
    assert ran.summary["totals"]["recordings"] == 3
    assert ran.summary["totals"]["duplicates"] == 2
    assert ran.summary["duplicates"][0]["files"] == ["a.amr", "b.amr", "c/a.amr"]


def test_a_later_start_in_a_call_log_is_written_into_finished_reports(
    batch: Batch, fake: Any, recordings: Path, tmp_path: Path, scans: Scans
) -> None:
    fake.recording(recordings / "通话录音@13900001111_20260305224107.amr", duration_s=61.0)
    (call,) = batch().summary["calls"]
    assert call["started_at"]["source"] == "file_name"
    report = tmp_path / "out" / call["report"]
    assert not read_report(report).warnings
    log = tmp_path / "log.csv"
    log.write_text(
        "对方号码,通话开始时间,通话时长,呼叫类型\n13900001111,2026-03-05 22:41:00,61,被叫\n",
        "utf-8",
    )
    scans()
    (call,) = batch(call_log=(log,)).summary["calls"]
    assert scans() == []
    assert call["started_at"] == {
        "value": "2026-03-05T22:41:00+08:00", "source": "call_log", "reliability": "high",
    }  # fmt: skip
    assert read_report(report).recording.started_at.source == "call_log"
    assert (call["caller"], call["direction"]) == ("13900001111", "in")
    log.write_text("对方号码,通话开始时间,通话时长\n13800000000,2026-01-01 01:00:00,5\n", "utf-8")
    (call,) = batch(call_log=(log,)).summary["calls"]
    assert call["started_at"]["source"] == "file_name"
    assert any("通话记录里没有找到" in warning for warning in read_report(report).warnings)
    assert batch().summary["calls"] and not read_report(report).warnings


def test_decisions_are_kept_where_a_report_is_replaced(
    batch: Batch, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    fake.recording(recordings / "a.amr", flags=[["threat", "veiled", 2]])
    batch()
    reports = tmp_path / "out" / "reports"
    decisions = reports / "a.amr.decisions.jsonl"
    decisions.write_text("{}\n")
    batch()
    batch(ScanOptions(listener="debtor"))
    assert decisions.exists(), "other settings, but the same words and flags"
    report = reports / "a.amr.json"
    report.write_text(report.read_text("utf-8").replace("你好", "您好"), "utf-8")
    before = report.read_bytes()
    batch()
    assert not decisions.exists()
    (aside,) = reports.glob("a.amr.*.decisions.jsonl")
    old = aside.with_name(aside.name.replace(".decisions.jsonl", ".json"))
    assert old.read_bytes() == before


def test_names_that_no_disk_holds_get_reports_that_every_disk_holds(
    batch: Batch, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    names = ["换\n行.amr", "笑😀.amr", "\u202e右左.amr", "问?号.amr", "长" * 80 + ".amr", "-o.amr"]
    for number, name in enumerate(names):
        fake.recording(recordings / name, n=number)
    ran = batch()
    calls = {call["file"]: call["report"] for call in ran.summary["calls"]}
    assert calls.keys() == set(names)
    assert calls["笑😀.amr"] == "reports/笑😀.amr.json"
    for report in calls.values():
        name = report.rpartition("/")[2]
        assert (tmp_path / "out" / report).exists()
        assert len(name.encode()) < 250 and not set(name) & set('\n?\u202e:"<>|*')


def test_a_second_run_on_one_output_folder_is_refused(
    batch: Batch, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    fake.recording(recordings / "a.amr")
    code = (
        "import sys, time; from pathlib import Path\n"
        "from detector.batch.ledger import locked\n"
        f"with locked(Path({str(tmp_path / 'out')!r})):\n    print(flush=True); time.sleep(60)"
    )
    root = str(HERE.parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(OptionError, match="另一次运行"):
            batch()
        holder.kill()
    assert batch().scanned == 1


def test_a_full_disk_ends_the_run_and_keeps_what_is_done(
    batch: Batch, fake: Any, recordings: Path, scans: Scans
) -> None:
    for number in range(4):
        fake.recording(recordings / f"{number}.amr", n=number, pad="x" * (9 - number))
    fake.recording(recordings / "full.amr", do="full")
    with pytest.raises(OutputError, match="No space left"):
        batch(workers=1)
    done = scans()
    fake.recording(recordings / "full.amr", n=9)
    assert batch().summary["totals"]["calls"] == 5
    assert 1 <= len(done) <= 5 and len(done) - 1 + len(scans()) == 5


@pytest.mark.parametrize("where", ["same", "reports"])
def test_an_output_folder_that_would_read_itself_is_refused(
    batch: Batch, recordings: Path, tmp_path: Path, where: str
) -> None:
    from detector.batch.run import Batch as Folder
    from detector.batch.run import run_batch
    from detector.batch.show import Show

    folder = tmp_path / "out" / "reports" if where == "reports" else tmp_path / "out"
    folder.mkdir(parents=True)
    with pytest.raises(OptionError, match="录音文件夹本身"):
        run_batch(Folder(folder, tmp_path / "out", ScanOptions()), Show(True))
    assert not (tmp_path / "out" / ".detector").exists()


def test_an_output_folder_inside_the_folder_is_not_searched(
    fake: Any, recordings: Path, batch: Batch
) -> None:
    from detector.batch.run import Batch as Folder
    from detector.batch.run import run_batch
    from detector.batch.show import Show

    fake.recording(recordings / "a.amr")
    for _ in range(2):
        ran = run_batch(
            Folder(recordings, recordings / "out", ScanOptions(), 1, False, task="fake_scan:load"),
            Show(True),
        )
        assert ran.summary["totals"]["recordings"] == 1
        fake.recording(recordings / "out" / "reports" / "b.amr", n=2)


def test_a_folder_without_recordings_is_said(batch: Batch, recordings: Path) -> None:
    (recordings / "a.txt").write_text("x")
    with pytest.raises(InputError, match="没有找到录音"):
        batch()
