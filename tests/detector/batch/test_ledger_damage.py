"""A ledger damaged anywhere is set aside and made anew; it never stops a run."""

import sqlite3
from pathlib import Path

import pytest

from detector.batch.ledger import MARK, Ledger, Result


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    (tmp_path / MARK).mkdir()
    ledger = Ledger(tmp_path, "key")
    for n in range(40):
        ledger.note(Result(f"{n:064}", "done", report=f"r{n}", entry={"flags": [n] * 20}))
    ledger.close()
    return ledger.path.read_bytes()


def used(out: Path) -> int:
    """Use a ledger as a run does; return how many results it remembered."""
    ledger = Ledger(out, "key")
    try:
        ledger.known()
        count = len(ledger.results())
        list(ledger.sounds())
        ledger.note(Result("ab" * 32, "done"))
        return count
    finally:
        ledger.close()


@pytest.mark.parametrize("value", [b"\0" * 8, b"\xff" * 8, b"{" * 8])
def test_bytes_damaged_anywhere(tmp_path: Path, whole: bytes, value: bytes) -> None:
    path = tmp_path / MARK / "ledger.sqlite"
    anew = 0
    for at in range(0, len(whole), 293):
        path.write_bytes(whole[:at] + value + whole[at + len(value) :])
        anew += used(tmp_path) == 0
        for aside in path.parent.glob("ledger.damaged-*"):
            aside.unlink()
    assert anew > 0


def test_what_is_whole_is_kept(tmp_path: Path, whole: bytes) -> None:
    assert used(tmp_path) == 40
    assert used(tmp_path) == 41


@pytest.mark.parametrize("entry", ['{"a": 1}\0b', "5", "[" * 100_000, "{", b"{}"])
def test_entries_that_no_run_has_written(tmp_path: Path, whole: bytes, entry: str | bytes) -> None:
    base = sqlite3.connect(tmp_path / MARK / "ledger.sqlite")
    base.execute("UPDATE results SET entry=? WHERE report='r7'", (entry,))
    base.commit()
    base.close()
    assert used(tmp_path) == 0
