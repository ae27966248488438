"""Sealed files give back what was written, in any range, and nothing else."""

import os
import random
from pathlib import Path

import pytest

from api.errors import DamagedError, NotFoundError
from api.sealed import PIECE, Reader, Writer, copy_plain, read_sealed, write_sealed

KEY = bytes(range(32))
SIZES = (0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17)


def _written(path: Path, content: bytes, piece: int = 50_000) -> Path:
    writer = Writer(path, KEY, "original")
    for start in range(0, len(content), piece):
        writer.write(content[start : start + piece])
    writer.close()
    assert writer.size == len(content)
    return path


@pytest.mark.parametrize("size", SIZES)
def test_every_range_reads_as_written(tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    path = _written(tmp_path / "f", content, 37_123)
    reader = Reader(path, KEY, "original")
    assert reader.size == size
    assert b"".join(reader) == content
    chance = random.Random(1)
    for _ in range(50):
        start, length = chance.randrange(size + 10), chance.randrange(size + 10)
        assert reader.read(start, length) == content[start : start + length]
    copy_plain(path, KEY, "original", tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == content
    assert (tmp_path / "plain").stat().st_mode & 0o077 == 0


def test_nothing_of_the_content_stands_in_the_file(tmp_path: Path) -> None:
    path = _written(tmp_path / "f", "张三 13800138000".encode() * 20_000)
    assert "张三".encode() not in path.read_bytes()
    assert b"13800138000" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("size", [1, PIECE, 2 * PIECE + 5])
def test_what_was_changed_does_not_open(tmp_path: Path, size: int) -> None:
    whole = _written(tmp_path / "f", os.urandom(size)).read_bytes()
    sealed = PIECE + 16
    wrong = {
        "cut by one byte": whole[:-1],
        "cut by a piece": whole[: 22 + max(0, (len(whole) - 23) // sealed) * sealed],
        "longer": whole + b"\0",
        "one bit": whole[:40] + bytes([whole[40 % len(whole)] ^ 1]) + whole[41:],
        "no head": whole[5:],
        "nothing": b"",
    }
    if size > 2 * PIECE:
        first, second = whole[22 : 22 + sealed], whole[22 + sealed : 22 + 2 * sealed]
        wrong["swapped"] = whole[:22] + second + first + whole[22 + 2 * sealed :]
        wrong["left out"] = whole[:22] + whole[22 + sealed :]
    for what, content in wrong.items():
        path = tmp_path / "g"
        path.write_bytes(content)
        with pytest.raises(DamagedError):
            print(what, len(read_sealed(path, KEY, "original")))


def test_another_key_or_role_does_not_open(tmp_path: Path) -> None:
    path = _written(tmp_path / "f", b"content")
    for key, role in ((bytes(32), "original"), (KEY, "report")):
        with pytest.raises(DamagedError):
            Reader(path, key, role)


def test_equal_contents_are_sealed_differently(tmp_path: Path) -> None:
    write_sealed(tmp_path / "a", KEY, "meta", b"same")
    write_sealed(tmp_path / "b", KEY, "meta", b"same")
    assert (tmp_path / "a").read_bytes()[6:] != (tmp_path / "b").read_bytes()[6:]


def test_a_file_that_goes_while_it_is_read_is_not_there(tmp_path: Path) -> None:
    path = _written(tmp_path / "f", b"x" * (4 * PIECE))
    reader = Reader(path, KEY, "original")
    path.unlink()
    with pytest.raises(NotFoundError):
        reader.read(0, 10)


def test_a_failed_write_leaves_the_file_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sealed(tmp_path / "a", KEY, "decisions", b"before")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("api.sealed.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_sealed(tmp_path / "a", KEY, "decisions", b"after")
    assert read_sealed(tmp_path / "a", KEY, "decisions") == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
