"""Making a case: originals untouched, made anew from the decisions on it."""

import hashlib
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_cases import decide, everything, make, quiet, with_report

from detector.case import CaseFacts
from detector.errors import InputError
from detector.evidence import build
from detector.evidence.build import update_case
from detector.evidence.custody import read_log
from detector.evidence.export import Options
from detector.evidence.files import hash_file
from detector.evidence.manifest import read_manifest
from detector.evidence.verify import verify_case

Run = Callable[..., Any]


# ---- what a case holds


def test_the_original_is_kept_byte_for_byte_and_read_only(first_case: Path) -> None:
    source = first_case.parent / "通话.wav"
    copy = first_case / "original" / "通话.wav"
    assert copy.read_bytes() == source.read_bytes()
    assert not copy.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    assert source.stat().st_mode & stat.S_IWUSR


def test_flags_at_the_very_start_and_end_have_whole_clips(first_case: Path) -> None:
    clips = read_manifest(first_case)["clips"]
    assert [clip["flag"] for clip in clips] == ["F1", "F2", "F3"]
    assert clips[0]["start_s"] == 0.0
    assert clips[2]["end_s"] == pytest.approx(12.0, abs=0.05)
    recording = hash_file(first_case / "original" / "通话.wav")[0]
    for clip in clips:
        assert clip["start_s"] <= clip["flag_start_s"] < clip["flag_end_s"]
        assert clip["parent_sha256"] == recording and recording[:8] in clip["file"]
        assert hash_file(first_case / "clips" / clip["file"])[0] == clip["sha256"]
        assert "完整原始录音另行提交" in clip["notice"]


def test_the_manifest_lists_every_file_and_says_what_a_hash_cannot_prove(first_case: Path) -> None:
    manifest = read_manifest(first_case)
    listed = {entry["path"] for entry in manifest["files"]}
    own = {"manifest.json", "manifest.sig", "manifest.tsq", "public_key.pem", "SHA256SUMS",
           "custody.jsonl", "custody.sig"}  # fmt: skip
    assert listed | own == set(everything(first_case))
    assert "不能证明录音在导入之前" in manifest["limits"]
    assert {"录音整理稿.docx", "证据目录.pdf", "报告.html", "说明.txt"} <= listed


def test_the_log_tells_import_analysis_export_and_signing(first_case: Path) -> None:
    entries = read_log(first_case)
    assert [entry["action"] for entry in entries] == ["import", "analysis", "export", "sign"]
    assert entries[0]["files"] == {
        "original/通话.wav": hash_file(first_case / "original" / "通话.wav")[0]
    }
    assert entries[1]["models"]["whisper:base"] == "ab" * 32
    assert entries[2]["options"]["script"] == "simplified"
    assert entries[3]["files"]["manifest.json"] == hash_file(first_case / "manifest.json")[0]
    assert {entry["actor"] for entry in entries} == {"王律师"}


def test_recordings_of_one_name_get_numbers_and_doubles_are_taken_once(tmp_path: Path) -> None:
    said: list[str] = []
    reports = []
    for number, seconds in enumerate((2.0, 3.0, 2.0)):
        (tmp_path / str(number)).mkdir()
        reports.append(with_report(tmp_path / str(number), seconds, [(0.5, 1.5)], "A.wav"))
    make(reports, tmp_path / "案件", said.append)
    names = sorted(p.name for p in (tmp_path / "案件" / "original").iterdir())
    assert names == ["1_A.wav", "2_A.wav"]
    assert any("只收一份" in text for text in said)
    pages = {p.name for p in (tmp_path / "案件").glob("*.html")}
    assert pages == {"报告-1.html", "报告-2.html"}
    assert verify_case(tmp_path / "案件").intact


def test_names_that_other_systems_cannot_hold_are_changed_but_noted(tmp_path: Path) -> None:
    report = with_report(tmp_path, 2.0, [(0.5, 1.0)], '通话"3:4?|.wav')
    make([report], tmp_path / "案件")
    assert [p.name for p in (tmp_path / "案件" / "original").iterdir()] == ["通话_3_4__.wav"]
    assert read_manifest(tmp_path / "案件")["recordings"][0]["name"] == '通话"3:4?|.wav'


# ---- made anew after review


def test_decisions_are_logged_with_their_hashes_and_taken_into_the_documents(case: Path) -> None:
    decide(case, "confirm", "F1")
    decide(case, "reject", "F2")
    decide(case, "correct", "U3", text="我已经跟你们单位的人讲了")
    decide(case, "add", "", category="insult", subtype="mockery", utterance_ids=["U2"])
    found = verify_case(case)
    assert found.intact and any("尚未写入文书" in f.text for f in found.findings)
    before = len(read_log(case))

    update_case(case, Options("王律师"), quiet)
    entries = read_log(case)[before:]
    assert [e["action"] for e in entries] == ["review", "review", "correction", "review", "export",
                                              "sign"]  # fmt: skip
    assert entries[0]["actor"] == "李复核"
    lines = (case / "reports" / "1.decisions.jsonl").read_bytes().splitlines()
    digests = [hashlib.sha256(line).hexdigest() for line in lines]
    assert [e["details"]["decision_sha256"] for e in entries[:4]] == digests
    assert "单位" not in json.dumps(entries, ensure_ascii=False)  # hashes, not what was said
    assert entries[4]["details"] == {"confirmed": 2, "unreviewed": 1, "rejected": 1}
    assert {clip["flag"] for clip in read_manifest(case)["clips"]} == {"F1", "F3", "H1"}
    page = (case / "报告.html").read_text("utf-8")
    assert "李复核" in page and "我已经跟你们单位的人讲了" in page and "机器原文" in page
    assert verify_case(case).intact

    update_case(case, Options("王律师"), quiet)
    again = read_log(case)[before + len(entries) :]
    assert [e["action"] for e in again] == ["export", "sign"]  # decisions are logged once


def test_a_new_export_takes_over_clips_and_facts(tmp_path: Path) -> None:
    report = with_report(tmp_path, 6.0, [(1.0, 2.0)])
    facts = CaseFacts({"lender_type": "bank"}, "2026-03-05T22:41:07+08:00")
    make([report], tmp_path / "案件", facts=facts, script="traditional")
    before = read_manifest(tmp_path / "案件")
    assert before["recordings"][0]["started_at"]["value"] == "2026-03-05T22:41:07+08:00"
    update_case(tmp_path / "案件", Options("王律师"), quiet)
    after = read_manifest(tmp_path / "案件")
    for same in ("facts", "script", "clips", "recordings"):
        assert after[same] == before[same], same


def test_what_people_put_in_or_edited_is_kept(case: Path) -> None:
    (case / "录音整理稿.docx").write_bytes(b"edited in Word")
    (case / "通话详单.pdf").write_bytes(b"from the carrier")
    update_case(case, Options("王律师"), quiet)
    kept = list(case.glob("已改动的文件/*/录音整理稿.docx"))
    assert [p.read_bytes() for p in kept] == [b"edited in Word"]
    assert (case / "录音整理稿.docx").read_bytes() != b"edited in Word"
    roles = {e["path"]: e["role"] for e in read_manifest(case)["files"]}
    assert roles["通话详单.pdf"] == "added"
    assert verify_case(case).intact
    update_case(case, Options("王律师"), quiet)
    assert kept[0].exists() and (case / "通话详单.pdf").exists()


def test_a_damaged_clip_is_cut_again(case: Path) -> None:
    clip = next(case.glob("clips/*.wav"))
    whole = clip.read_bytes()
    clip.write_bytes(b"junk")
    update_case(case, Options("王律师"), quiet)
    assert clip.read_bytes() == whole and verify_case(case).intact


@pytest.mark.parametrize(
    "name", ["original/通话.wav", "reports/1.json", "manifest.json", "custody.jsonl"]
)
def test_no_export_is_built_upon_what_was_changed(case: Path, name: str) -> None:
    path = case / name
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    before = everything(case.parent)
    with pytest.raises(InputError, match="不能在它上面继续") as told:
        update_case(case, Options("王律师"), quiet)
    assert name in str(told.value)
    assert everything(case.parent) == before


def test_an_original_that_changes_while_the_export_runs_stops_it(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tampered(folder: Path) -> Any:
        found = verify_case(folder)
        path = folder / "original" / "通话.wav"
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.seek(100)
            file.write(b"\x55\x55")
        return found

    monkeypatch.setattr(build, "verify_case", tampered)
    with pytest.raises(InputError, match="原始录音已被改动"):
        update_case(case, Options("王律师"), quiet)
