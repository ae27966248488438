"""Results are written whole or not at all, and never over a recording."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector import output
from detector.audio import Decoder, open_recording
from detector.errors import OptionError, OutputError
from detector.output import SUFFIXES, check_target, write_file, write_report

Make = Callable[..., Any]


@pytest.mark.parametrize("name", ["a.json", "a.HTML", "报告.txt", "a.b.srt", "a.vtt", "a.csv"])
def test_good_targets(tmp_path: Path, name: str) -> None:
    check_target(tmp_path / name, [tmp_path / "a.m4a"])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.pdf", "unknown suffix"),
        ("a.m4a", "unknown suffix"),
        ("a", "unknown suffix"),
        ("nowhere/a.json", "no such folder"),
        ("folder.json", "is a folder"),
        ("call.json", "overwrite the recording"),
        ("../{}/call.json", "overwrite the recording"),
        ("link.json", "overwrite the recording"),
    ],
)
def test_bad_targets(tmp_path: Path, name: str, reason: str) -> None:
    recording = tmp_path / "call.json"  # a recording may be called anything
    recording.write_bytes(b"sound")
    (tmp_path / "folder.json").mkdir()
    try:
        (tmp_path / "link.json").symlink_to(recording)
    except OSError:
        pytest.skip("no symbolic links here")
    with pytest.raises(OptionError, match=reason):
        check_target(tmp_path / name.format(tmp_path.name), [recording])
    assert recording.read_bytes() == b"sound"


def test_suffixes_are_named_in_the_refusal(tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        check_target(tmp_path / "a.pdf", [])
    assert all(suffix in str(caught.value) for suffix in SUFFIXES)


def test_write_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_bytes(b"old")
    write_file(target, b"new")
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.txt"
    target.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.os, "fsync", full)
    with pytest.raises(OutputError, match="disk full"):
        write_file(target, b"new")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_file(tmp_path / "gone" / "a.txt", b"x")


@pytest.fixture
def written(tmp_path: Path, wav: Path, make_report: Make) -> Callable[[str], Path]:
    def write(name: str) -> Path:
        write_report(make_report(), tmp_path / name, wav)
        return tmp_path / name

    return write


def test_json(written: Callable[[str], Path], make_report: Make) -> None:
    text = written("报告.json").read_text("utf-8")
    assert text == make_report().to_json()
    assert json.loads(text)["flags"][0]["id"] == "F1"
    assert "疑似" in text  # readable, not escaped


def test_csv_opens_in_excel(written: Callable[[str], Path]) -> None:
    path = written("报告.CSV")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file))[0] == "编号"


@pytest.mark.parametrize(
    ("name", "start"), [("a.txt", "录音:通话.m4a"), ("a.srt", "1\n"), ("a.vtt", "WEBVTT\n")]
)
def test_text_forms(written: Callable[[str], Path], name: str, start: str) -> None:
    assert written(name).read_text("utf-8").startswith(start)


def test_html_holds_a_listening_copy(written: Callable[[str], Path]) -> None:
    page = written("报告.html").read_text("utf-8")
    assert "data:audio/mpeg;base64," in page
    assert "F1" in page


def test_long_listening_copy_lies_beside(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, wav: Path
) -> None:
    monkeypatch.setattr(output, "EMBED_LIMIT", 1_000)
    before = wav.read_bytes()
    page = written("报告.html").read_text("utf-8")
    beside = wav.parent / "报告.试听副本-非证据.mp3"
    assert "data:audio/mpeg" not in page
    decoder = Decoder(open_recording(beside))
    list(decoder)
    assert decoder.duration_s == pytest.approx(2.0, abs=0.1)
    assert wav.read_bytes() == before
