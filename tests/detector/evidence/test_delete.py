"""`detector case delete`: all that the program made, nothing else, and a receipt of hashes."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.errors import InputError, OutputError
from detector.evidence.archive import write_archive
from detector.evidence.delete import delete_case
from detector.evidence.files import hash_file
from detector.evidence.lock import beside

Run = Callable[..., Any]


def test_nothing_of_the_case_stays(case: Path, tmp_path: Path) -> None:
    write_archive(case, "王律师")
    leftover = beside(case, "00ff00ff") / "案件" / "clips"
    leftover.mkdir(parents=True)
    (leftover / "half.wav").write_bytes(b"x")
    delete_case(case, "王律师")
    assert list(tmp_path.iterdir()) == []


def test_no_partial_transcript_of_its_recordings_stays(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTOR_CACHE", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "partial"
    kept.mkdir(parents=True)
    digest = hash_file(case / "original" / "通话.wav")[0]
    (kept / f"{digest[:32]}-0123456789abcdef.jsonl").write_bytes(b"{}\n")
    (kept / f"{'0' * 32}-0123456789abcdef.jsonl").write_bytes(b"{}\n")
    delete_case(case, "王律师")
    assert [path.name[:32] for path in kept.iterdir()] == ["0" * 32]


def test_the_receipt_holds_hashes_and_no_names(case: Path) -> None:
    original = hash_file(case / "original" / "通话.wav")[0]
    manifest = hash_file(case / "manifest.json")[0]
    count = sum(1 for p in case.rglob("*") if p.is_file())
    receipt = delete_case(case, "王律师")
    text = receipt.text()
    assert original in text and manifest in text and f"已删除 {count} 个文件" in text
    assert "通话" not in text and "案件/" not in text and "单位" not in text
    assert receipt.log_head is not None and receipt.log_head in text


def test_what_the_program_did_not_make_stays(case: Path) -> None:
    (case / "通话详单.pdf").write_bytes(b"from the carrier")
    receipt = delete_case(case, "王律师")
    assert receipt.kept == ("通话详单.pdf",)
    assert [p.name for p in case.rglob("*")] == ["通话详单.pdf"]


def test_another_archive_of_that_name_stays(case: Path) -> None:
    other = case.with_name("案件.zip")
    other.write_bytes(b"not ours")
    delete_case(case, "王律师")
    assert other.read_bytes() == b"not ours"


@pytest.mark.parametrize("name", ["manifest.json", "custody.jsonl"])
def test_a_damaged_case_can_be_deleted(case: Path, name: str) -> None:
    (case / name).write_bytes(b"junk")
    delete_case(case, "王律师")
    assert not case.exists()


def test_a_folder_that_is_no_case_is_left_alone(tmp_path: Path, case: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match="什么也没有删除"):
        delete_case(photos, "王律师")
    assert (photos / "a.jpg").exists()
    if os.name != "nt":
        (tmp_path / "link").symlink_to(case)
        with pytest.raises(InputError, match="链接"):
            delete_case(tmp_path / "link", "王律师")
        assert case.exists()


def test_what_could_not_be_deleted_is_said_and_a_second_run_goes_on(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.unlink

    def stuck(self: Path, missing_ok: bool = False) -> None:
        if self.name == "flags.xlsx":
            raise PermissionError(13, "in use")
        real(self, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stuck)
        with pytest.raises(OutputError, match=r"flags\.xlsx"):
            delete_case(case, "王律师")
    assert (case / "flags.xlsx").exists() and (case / "manifest.json").exists()
    delete_case(case, "王律师")
    assert not case.exists()


def test_the_command_asks_first(case: Path, detector: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ("", "no\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        done = detector("case", "delete", case)
        assert done.code == 1 and "没有删除" in done.err and case.exists()
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    done = detector("case", "delete", case, "--by", "王律师")
    assert done.code == 0 and "删除回执" in done.out and not case.exists()
    assert "请自行处理" in done.err
