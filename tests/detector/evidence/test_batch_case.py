"""One case from the confirmed flags of a whole folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_cases import noise

from detector.batch.run import Batch, run_batch
from detector.batch.show import Show
from detector.evidence.decisions import decide
from detector.evidence.manifest import read_manifest
from detector.evidence.material import open_material
from detector.evidence.verify import verify_case
from detector.report import read_report
from detector.scan import ScanOptions

Run = Callable[..., Any]
NAMES = [f"通话录音@0210000000{n}_2025060{n}101500.wav" for n in (3, 1, 2)]


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results of three recordings; flags of the first and the third are decided on."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    (tmp_path / "in").mkdir()
    for number, name in enumerate(NAMES):
        noise(tmp_path / "in" / name, 3.0 + number / 10)
    run_batch(
        Batch(tmp_path / "in", tmp_path / "out", ScanOptions(), 1, False, task="batch_scan:load"),
        Show(True),
    )
    for name, action, flag in ((NAMES[0], "confirm", "F2"), (NAMES[2], "confirm", "F1"),
                               (NAMES[2], "reject", "F2")):  # fmt: skip
        path = tmp_path / "out" / "reports" / f"{name}.json"
        decide(path, read_report(path), action, flag, by="李复核")
    return tmp_path / "out"


def test_a_case_holds_what_was_confirmed_numbered_by_time(
    out: Path, detector: Run, tmp_path: Path
) -> None:
    done = detector("evidence", out, "-o", tmp_path / "案件", "--by", "王律师")
    assert done.code == 0, done.err
    assert "1 通电话的 2 条标记还没有人工确认" in done.err
    assert "标记 4 条:人工已确认 2,未复核 1,已否定 1" in done.out
    manifest = read_manifest(tmp_path / "案件")
    assert [r["name"] for r in manifest["recordings"]] == [NAMES[2], NAMES[0]]
    clips = [(clip["recording"], clip["flag"]) for clip in manifest["clips"]]
    assert clips == [(1, "F1"), (2, "F1"), (2, "F2")]
    assert verify_case(tmp_path / "案件").intact


def test_all_takes_what_nobody_has_looked_at_too(out: Path, detector: Run, tmp_path: Path) -> None:
    done = detector("evidence", out, "-o", tmp_path / "案件", "--all", "--by", "王律师")
    assert done.code == 0, done.err
    names = [r["name"] for r in read_manifest(tmp_path / "案件")["recordings"]]
    assert names == [NAMES[1], NAMES[2], NAMES[0]]


def test_recordings_that_have_moved_are_found_where_the_user_says(
    out: Path, detector: Run, tmp_path: Path
) -> None:
    (tmp_path / "in").rename(tmp_path / "elsewhere")
    done = detector("evidence", out, "-o", tmp_path / "案件", "--by", "王")
    assert done.code == 2 and "--recordings-in" in done.err
    assert not (tmp_path / "案件").exists()
    done = detector(
        "evidence", out, "-o", tmp_path / "案件", "--recordings-in", tmp_path / "elsewhere",
        "--by", "王",
    )  # fmt: skip
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "-o"),
        (["-o", "{case}", "--nothing"], "没有人工确认"),
        (["-o", "{case}"], "summary.json"),
    ],
)
def test_what_cannot_become_a_case_is_said(
    out: Path, detector: Run, tmp_path: Path, words: list[str], said: str
) -> None:
    if "--nothing" in words:
        words.remove("--nothing")
        for path in (out / "reports").glob("*.decisions.jsonl"):
            path.unlink()
    elif words:
        (out / "summary.json").unlink()
    done = detector("evidence", out, *(w.format(case=tmp_path / "案件") for w in words))
    assert done.code == 2 and said in done.err.splitlines()[-1]
    assert not (tmp_path / "案件").exists()


def test_a_report_of_a_folder_is_reviewed_with_its_sound(out: Path, tmp_path: Path) -> None:
    (material,) = open_material(out / "reports" / f"{NAMES[0]}.json")
    assert material.recording == tmp_path / "in" / NAMES[0]
