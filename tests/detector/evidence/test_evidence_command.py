"""`detector evidence` from end to end, and what it says."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_cases import noise, report_of, with_report

from detector.audio import open_recording
from detector.evidence.clips import cut_clip
from detector.evidence.manifest import read_manifest
from detector.evidence.verify import verify_case

Run = Callable[..., Any]
ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "samples" / "abusive_debtor.m4a"


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """A quarter of a minute of a sample, cut as stored: an insult and a threat."""
    return tmp_path / cut_clip(open_recording(SAMPLE), 19.0, 34.5, tmp_path / "通话", 0.5).file


def test_a_recording_becomes_a_case_that_verifies(
    tmp_path: Path, detector: Run, call: Path
) -> None:
    case = tmp_path / "new" / "案件"
    (tmp_path / "facts.toml").write_text(
        'lender_type = "消费金融"\nanswered_by = "本人"\n', "utf-8"
    )
    done = detector(
        "evidence", call, "-o", case, "--zip", "--by", "王律师", "--case",
        tmp_path / "facts.toml", "--timestamp-request",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert re.search("签名公钥指纹:([0-9a-f]{8} ){7}[0-9a-f]{8}", done.out)
    assert "不能证明录音在导入之前" in done.out and "未复核" in done.out
    assert (case / "original" / call.name).read_bytes() == call.read_bytes()
    assert (case / "manifest.tsq").exists()
    manifest = read_manifest(case)
    assert manifest["facts"]["lender_type"] == "consumer_finance"
    assert manifest["recordings"][0]["name"] == call.name
    report = json.loads((case / "reports" / "1.json").read_bytes())
    assert report["flags"] and report["recording"]["file"] == call.name
    assert len(manifest["clips"]) == len(report["flags"])

    with zipfile.ZipFile(tmp_path / "new" / "案件.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "unpacked")
    assert verify_case(tmp_path / "unpacked" / "案件").intact
    assert detector("verify", case).code == 0

    assert detector("review", case, "--confirm", "F1", "--by", "李复核").code == 0
    done = detector("evidence", case, "--zip", "--quiet", "--by", "王律师")
    assert done.code == 0 and "人工已确认 1" in done.out and done.err == ""
    assert detector("verify", case).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{report}"], "-o"),
        (["{folder}"], "不是案件文件夹"),
        (["{case}", "-o", "{new}"], "不用 -o"),
        (["{case}", "--recording", "{wav}"], "不用 --recording"),
        (["{case}", "{report}", "-o", "{new}"], "已有的案件文件夹"),
        (["{folder}/none.m4a", "-o", "{new}"], "找不到文件"),
        (["{folder}/none.json", "-o", "{new}"], "找不到报告"),
        (["{report}", "{wav}", "--recording", "{wav}", "-o", "{new}"], "--recording 只能"),
        (
            ["{report}", "--recordings-in", "{folder}/none", "-o", "{new}", "--mask", "x"],
            "--redact",
        ),
        (["{case}", "--case", "{folder}/none.toml"], "找不到案情文件"),
        (["{empty}", "-o", "{new}"], "空文件"),
        (["{toml}", "-o", "{new}"], "不是本程序的 JSON 报告"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    case: Path, tmp_path: Path, detector: Run, words: list[str], said: str
) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    places = {
        "report": with_report(inputs, 2.0, [(0.5, 1.0)]), "wav": inputs / "通话.wav",
        "case": case, "folder": inputs, "new": tmp_path / "new", "empty": inputs / "empty.m4a",
        "toml": inputs / "brace.txt",
    }  # fmt: skip
    places["empty"].write_bytes(b"")
    places["toml"].write_bytes(b'{"a": 1}')
    done = detector("evidence", *(word.format(**places) for word in words), "--quiet")
    assert done.code == 2 and len(done.error_lines) == 1, done
    assert said in done.err and not (tmp_path / "new").exists()


def test_one_of_several_that_cannot_be_used_leaves_no_case(tmp_path: Path, detector: Run) -> None:
    report = with_report(tmp_path, 2.0, [(0.5, 1.0)])
    (tmp_path / "bad.m4a").write_bytes(b"no recording")
    done = detector("evidence", report, tmp_path / "bad.m4a", "-o", tmp_path / "案件")
    assert done.code == 2 and "bad.m4a" in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.m4a", "通话.json", "通话.wav"]


def test_an_archive_of_something_else_is_not_replaced(
    tmp_path: Path, detector: Run, case: Path
) -> None:
    (tmp_path / "案件.zip").write_bytes(b"holiday pictures")
    done = detector("evidence", case, "--zip", "--quiet")
    assert done.code == 2 and "不会覆盖" in done.err
    assert (tmp_path / "案件.zip").read_bytes() == b"holiday pictures"


def test_one_start_is_not_taken_for_several_recordings(tmp_path: Path, detector: Run) -> None:
    reports = [with_report(tmp_path, 2.0, [(0.5, 1.0)], name) for name in ("a.wav", "b.wav")]
    (tmp_path / "facts.toml").write_text("started_at = 2026-03-05T22:41:07\n", "utf-8")
    done = detector("evidence", *reports, "-o", tmp_path / "x", "--case", tmp_path / "facts.toml")
    assert done.code == 2 and "started_at" in done.err and not (tmp_path / "x").exists()


def test_help_is_quick_and_names_the_commands(command: Run) -> None:
    resource = pytest.importorskip("resource")
    took = []
    for _ in range(3):
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = command("--help")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(used.ru_utime + used.ru_stime - begun.ru_utime - begun.ru_stime)
    assert all(name in done.out for name in ("evidence", "verify", "case", "review"))
    assert min(took) < 0.3


@pytest.mark.slow
def test_six_hours_with_400_flags(tmp_path: Path) -> None:
    hours = 6 * 3600.0
    recording = noise(tmp_path / "长.wav", hours, 8_000)
    places = [(n * 54.0, n * 54.0 + 2.0) for n in range(399)] + [(hours - 2.0, hours)]
    path = tmp_path / "长.json"
    path.write_text(report_of(recording, hours, places).to_json(), "utf-8")
    code = (
        "import sys; from detector.cli import main; from detector.worker_child import memory\n"
        "code = main(sys.argv[1:]); print(memory()[1]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "evidence", path, "-o", tmp_path / "案件", "--quiet"],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=1500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 700e6  # the recording alone has 345 MB
    assert len(read_manifest(tmp_path / "案件")["clips"]) == 400
    assert verify_case(tmp_path / "案件").intact
