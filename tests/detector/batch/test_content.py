"""Recordings are told by their content, and hashed."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from detector.batch.content import UnusableError, looks_like_a_recording, read_content

OTHERS = {
    "utf16.txt": "录音".encode("utf-16"),
    "photo.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 500,
    "photo.heic": b"\0\0\0\x18ftypheic" + b"\0" * 100,
    "picture.webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "book.docx": b"PK\x03\x04" + b"\0" * 100,
    "text.txt": "Gebühr und Go, ID, 4".encode(),
    "zeros.bin": b"\0" * 5_000,
    "ones.bin": b"\xff" * 5_000,
    "program": b"\x7fELF" + b"\0" * 100,
    "page.html": b"<!DOCTYPE html>",
}


def look(path: Path) -> str | None:
    info = path.stat()
    return read_content(os.fsencode(path), info.st_size, info.st_mtime_ns).sha256


@pytest.mark.parametrize("form", ["wav-16", "wav-alaw", "mp3", "m4a", "aac", "amr", "3gp",
                                  "ogg-opus", "flac", "wma", "mkv", "caf", "aiff"])  # fmt: skip
def test_a_recording_is_known_whatever_it_is_called(tmp_path: Path, sounds: Any, form: str) -> None:
    rate = sounds.forms[form].rates[0]
    path = sounds.encode(tmp_path / "x", form, sounds.tone(1.0, rate)[None], rate)
    assert look(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("tencent", [True, False])
def test_a_voice_message_is_known(tmp_path: Path, sounds: Any, tencent: bool) -> None:
    (tmp_path / "x").write_bytes(sounds.silk_voice(1.0, tencent))
    assert look(tmp_path / "x")


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(OTHERS[name])
    assert look(tmp_path / name) is None


def test_what_is_called_a_recording_is_looked_at_though_it_is_none(tmp_path: Path) -> None:
    (tmp_path / "damaged.M4A").write_bytes(b"rubbish")
    assert look(tmp_path / "damaged.M4A")


def test_the_sidecars_of_mac_disks_are_no_recordings(tmp_path: Path) -> None:
    (tmp_path / "._a.m4a").write_bytes(b"\x00\x05\x16\x07" + b"\0" * 100)
    assert look(tmp_path / "._a.m4a") is None


def test_an_empty_recording_is_a_failure_and_an_empty_text_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.amr").touch()
    (tmp_path / "a.txt").touch()
    with pytest.raises(UnusableError, match="0 字节"):
        look(tmp_path / "a.amr")
    assert look(tmp_path / "a.txt") is None


def test_a_file_that_grows_is_not_taken_for_finished(tmp_path: Path) -> None:
    path = tmp_path / "a.amr"
    path.write_bytes(b"#!AMR\n" + b"x" * 100)
    size, time = path.stat().st_size, path.stat().st_mtime_ns
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(UnusableError, match="变化"):
        read_content(os.fsencode(path), size, time)


@pytest.mark.skipif(os.name == "nt", reason="no pipes there")
def test_what_has_become_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.amr")
    assert read_content(os.fsencode(tmp_path / "a.amr"), 10, 10).sha256 is None


def test_a_cut_off_mp3_head_is_known() -> None:
    frame = b"\xff\xfb\x90\x00" + b"\0" * 413
    assert looks_like_a_recording(frame * 3)
    assert looks_like_a_recording(frame)
    assert not looks_like_a_recording(frame + b"something else altogether")
