"""The custody log: only ever longer, each line chained to the one before."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import InputError, OutputError
from detector.evidence import custody
from detector.evidence.custody import Event, append, append_all, check_chain, read_log


def test_a_line_says_when_who_what_and_with_which_program(tmp_path: Path) -> None:
    first = append(
        tmp_path, "import", "王律师", {"original/通话.m4a": "ab" * 32}, {"bytes": 3},
        {"whisper:base": "cd" * 32}, {"script": "simplified"},
    )  # fmt: skip
    second = append(tmp_path, "export", "王律师")
    assert first["at"].endswith("+08:00") and first["at_utc"].endswith("Z")
    assert first["tool"]["name"] == "harassment-detector"
    assert (first["n"], first["prev"], second["n"]) == (1, custody.START, 2)
    assert second["prev"] == first["hash"] != second["hash"]
    assert read_log(tmp_path) == [first, second]


def test_lines_are_only_added(tmp_path: Path) -> None:
    append(tmp_path, "import", "甲")
    before = (tmp_path / custody.LOG).read_bytes()
    append_all(tmp_path, [Event("review", "乙"), Event("correction", "丙")])
    after = (tmp_path / custody.LOG).read_bytes()
    assert after.startswith(before) and after.count(b"\n") == 3


def test_nothing_is_chained_onto_a_broken_log(tmp_path: Path) -> None:
    append(tmp_path, "import", "甲")
    append(tmp_path, "export", "甲")
    path = tmp_path / custody.LOG
    broken = path.read_bytes().replace("甲".encode(), "乙".encode(), 1)
    path.write_bytes(broken)
    with pytest.raises(InputError, match="第 1 行内容被改动"):
        append(tmp_path, "export", "甲")
    assert path.read_bytes() == broken


@pytest.mark.parametrize(
    "junk", [b"", b"\n", b"[]\n", b"{}\n", b"\xff\xfe\n", b'{"n": "1"}\n', b"[" * 100_000 + b"\n"]
)
def test_a_log_that_is_none_is_a_fault_not_a_crash(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / custody.LOG).write_bytes(junk)
    assert check_chain(tmp_path)[1]


@settings(max_examples=30, deadline=None)
@given(actor=st.text(), name=st.text(), value=st.floats(allow_nan=False) | st.text())
def test_any_name_and_value_can_be_logged(
    tmp_path_factory: pytest.TempPathFactory, actor: str, name: str, value: float | str
) -> None:
    folder = tmp_path_factory.mktemp("log")
    append(folder, "import", actor, {name: "0"}, {"value": value})
    append(folder, "export", "甲\ud800")
    assert len(read_log(folder)) == 2


def test_each_change_of_one_byte_is_noticed(tmp_path: Path) -> None:
    append(tmp_path, "import", "甲", {"a": "1"})
    append(tmp_path, "export", "甲")
    path = tmp_path / custody.LOG
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 2]) + whole[at + 1 :])
        assert check_chain(tmp_path)[1], at


def test_a_full_disk_leaves_no_half_of_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path, "import", "甲")
    before = (tmp_path / custody.LOG).read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="disk full"):
        append(tmp_path, "export", "甲")
    assert (tmp_path / custody.LOG).read_bytes() == before


def test_the_documented_form_can_be_checked_without_this_program(tmp_path: Path) -> None:
    append(tmp_path, "import", "甲", {"a": "1"})
    append(tmp_path, "export", "甲")
    last = "0" * 64
    for line in (tmp_path / custody.LOG).read_text("utf-8").splitlines():
        entry = json.loads(line)
        digest = entry.pop("hash")
        bare = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
        assert hashlib.sha256(bare.encode()).hexdigest() == digest
        assert entry["prev"] == last
        last = digest
