"""What lies below a folder is found once, however odd the folder."""

import os
import socket
from pathlib import Path

import pytest

from detector.batch.discover import discover
from detector.errors import InputError

ODD = ["换\n行.amr", "笑😀.m4a", "右\u202e左3pm.gnp", "空 格.wav", "-o.mp3", "a" * 200, ".hidden"]


def paths(found: object) -> list[str]:
    return [file.path for file in found.files]  # type: ignore[attr-defined]


def test_odd_names_are_found_as_they_are(tmp_path: Path) -> None:
    for name in ODD:
        (tmp_path / name).write_bytes(b"x")
    assert paths(discover(tmp_path, tmp_path / "out")) == sorted(ODD, key=os.fsencode)


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_no_text_is_found(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe.amr"
    Path(os.fsdecode(raw)).write_bytes(b"x")
    (file,) = discover(tmp_path, tmp_path / "out").files
    assert os.fsencode(file.path) == b"\xff\xfe.amr"


def test_links_that_lead_round_in_circles_are_followed_once(tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    (inside / "x.amr").write_bytes(b"x")
    (inside / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(inside)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    (tmp_path / "link.amr").symlink_to(inside / "x.amr")
    elsewhere = tmp_path.with_name(tmp_path.name + "-elsewhere")
    elsewhere.mkdir()
    (elsewhere / "y.amr").write_bytes(b"y")
    (tmp_path / "0").symlink_to(elsewhere)
    found = discover(tmp_path, tmp_path / "out")
    assert paths(found) == ["0/y.amr", "a/b/x.amr", "link.amr"]
    assert sorted(found.special) == ["nowhere", "self"]
    assert not found.problems


@pytest.mark.skipif(os.name == "nt", reason="no such files there")
def test_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.amr")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.amr"))
        found = discover(tmp_path, tmp_path / "out")
    assert found.special == ["pipe.amr", "socket.amr"] and not found.files


def test_the_result_folder_and_others_of_this_program_are_left_out(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for folder in (out / "reports", tmp_path / "old" / ".detector", tmp_path / "case" / "clips"):
        folder.mkdir(parents=True)
    (out / "reports" / "a.mp3").write_bytes(b"x")
    (tmp_path / "old" / "b.mp3").write_bytes(b"x")
    for name in ("manifest.json", "custody.jsonl", "clips/c.mp3"):
        (tmp_path / "case" / name).write_bytes(b"x")
    (tmp_path / "d.试听副本-非证据.mp3").write_bytes(b"x")
    (tmp_path / "e.mp3").write_bytes(b"x")
    found = discover(tmp_path, out)
    assert paths(found) == ["e.mp3"]
    assert sorted(found.own) == ["case", "old"]


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.amr").write_bytes(b"x")
    scandir = os.scandir

    def refuse(path: object) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr("os.scandir", refuse)
    found = discover(tmp_path, tmp_path / "out")
    assert paths(found) == ["a.amr"]
    assert [problem.path for problem in found.problems] == ["locked"]
    assert "Permission denied" in found.problems[0].reason


@pytest.mark.parametrize("name", ["gone", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InputError, match="文件夹"):
        discover(tmp_path / name, tmp_path / "out")
