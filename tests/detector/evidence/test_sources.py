"""Finding the recordings of reports."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_cases import make, noise, quiet, report_of, with_report

from detector.errors import DetectorError, InputError
from detector.evidence import build, files
from detector.evidence.custody import read_log
from detector.evidence.decisions import append_decision, make_decision
from detector.evidence.export import Options
from detector.evidence.manifest import read_manifest
from detector.evidence.sources import find_sources
from detector.evidence.verify import verify_case
from detector.report import read_report

Run = Callable[..., Any]


# ---- recordings of reports


def test_a_recording_that_is_gone_or_another_is_said(tmp_path: Path) -> None:
    report = with_report(tmp_path, 2.0, [(0.5, 1.0)])
    recording = tmp_path / "通话.wav"
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "sub").mkdir(parents=True)
    recording.rename(elsewhere / "sub" / "renamed.wav")
    with pytest.raises(InputError, match="--recordings-in"):
        find_sources([report])
    assert find_sources([report], folder=elsewhere)[0].recording.name == "renamed.wav"
    found = find_sources([report], recording=elsewhere / "sub" / "renamed.wav")
    assert found[0].recording.name == "renamed.wav"
    noise(recording, 2.5)
    with pytest.raises(InputError, match="SHA-256 不符"):
        find_sources([report])
    with pytest.raises(InputError, match="SHA-256 不符"):
        find_sources([report], recording=recording)
    (elsewhere / "sub" / "renamed.wav").unlink()
    with pytest.raises(InputError, match="找不到"):
        find_sources([report], folder=elsewhere)


def test_a_report_cannot_lead_to_a_file_elsewhere(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    recording = noise(tmp_path / "secret.wav", 2.0)
    report = report_of(recording, 2.0, [(0.5, 1.0)]).to_json()
    path = inner / "r.json"
    path.write_text(report.replace('"secret.wav"', '"../secret.wav"'), "utf-8")
    with pytest.raises(InputError, match="找不到"):
        find_sources([path])


def test_a_flag_beyond_the_end_of_its_recording_stops_the_export(tmp_path: Path) -> None:
    report = with_report(tmp_path, 3.0, [(0.5, 1.0), (100.0, 101.0)])
    with pytest.raises(DetectorError, match=r"beyond|不符"):
        make([report], tmp_path / "案件")
    assert not (tmp_path / "案件").exists()


def test_a_recording_that_changes_while_it_is_copied_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = with_report(tmp_path, 2.0, [(0.5, 1.0)])
    sources = find_sources([report])
    real = files.hash_file

    def growing(path: Path, limit: int | None = None) -> tuple[str, int]:
        found = real(path, limit)
        if path == tmp_path / "通话.wav":
            with path.open("ab") as file:
                file.write(b"more")
        return found

    monkeypatch.setattr(files, "hash_file", growing)
    with pytest.raises(InputError, match="内容有变"):
        build.build_case(sources, tmp_path / "案件", Options("王律师"), lambda *_: None, quiet)  # type: ignore[arg-type,return-value]
    assert not (tmp_path / "案件").exists()


def test_decisions_beside_a_report_come_along(tmp_path: Path) -> None:
    path = with_report(tmp_path, 4.0, [(0.5, 1.0), (2.0, 3.0)])
    report = read_report(path)
    append_decision(path, make_decision(report, "reject", "F2", by="李复核"))
    make([path], tmp_path / "案件")
    there = tmp_path / "案件" / "reports" / "1.decisions.jsonl"
    assert there.read_bytes() == (tmp_path / "通话.decisions.jsonl").read_bytes()
    assert [clip["flag"] for clip in read_manifest(tmp_path / "案件")["clips"]] == ["F1"]
    assert "李复核" in {entry["actor"] for entry in read_log(tmp_path / "案件")}


def test_a_name_in_another_unicode_form_is_listed_as_it_lies_there(tmp_path: Path) -> None:
    make([with_report(tmp_path, 2.0, [(0.5, 1.0)], "cafe\u0301.wav")], tmp_path / "案件")
    assert verify_case(tmp_path / "案件").intact
    roles = {e["path"]: e["role"] for e in read_manifest(tmp_path / "案件")["files"]}
    assert roles["original/caf\u00e9.wav"] == "original"
