"""API keys are shown once, kept as hashes, and good until they are revoked."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.keys import KeyStore
from api.service import Service
from api.settings import Settings
from api.tables import keys
from detector.cli import main
from detector.errors import OptionError


@pytest.fixture
def store(settings: Settings, opened: Callable[..., Service]) -> KeyStore:
    return opened(settings, start=False).keys


def test_a_key_opens_for_its_owner_until_it_is_revoked(store: KeyStore) -> None:
    assert not store.any()
    made, text = store.create("张律师")
    assert store.any()
    assert store.owner_of(text) == "张律师"
    store.revoke(made.id)
    assert store.owner_of(text) is None
    assert not store.any()
    with pytest.raises(OptionError):
        store.revoke(made.id)
    assert [(key.id, key.revoked_at is None) for key in store.list()] == [(made.id, False)]


def test_owners_are_apart_unless_they_are_named_alike(store: KeyStore) -> None:
    owners = {store.owner_of(store.create()[1]) for _ in range(3)}
    assert len(owners) == 3
    same = {store.owner_of(store.create("firm")[1]) for _ in range(2)}
    assert same == {"firm"}


def test_no_secret_is_in_the_database(store: KeyStore) -> None:
    made, text = store.create("firm")
    with store._database.reading() as connection:
        row = connection.execute(sa.select(keys)).one()
    assert text.rpartition("_")[2] not in str(row)
    assert len(row.hash) == 64
    assert row.id == made.id


@pytest.mark.parametrize(
    "wrong", ["", "hd_", "hd_000000000000_" + "a" * 43, "Bearer x", "hd_é", "\0", "x" * 10_000]
)
def test_what_is_no_key_opens_nothing(store: KeyStore, wrong: str) -> None:
    _, text = store.create("firm")
    assert store.owner_of(wrong) is None
    assert store.owner_of(text[:-1]) is None
    assert store.owner_of(text[:-1] + ("A" if text[-1] != "A" else "B")) is None


@pytest.mark.parametrize("owner", ["a b", "x" * 65, "../x", "a\n"])
def test_odd_owners_are_refused(store: KeyStore, owner: str) -> None:
    with pytest.raises(OptionError):
        store.create(owner)


def test_the_command_makes_lists_and_revokes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--data-dir", str(tmp_path / "data")]
    assert main(["keys", "create", "--owner", "firm", *where]) == 0
    shown = capsys.readouterr().out
    text = next(line for line in shown.splitlines() if line.startswith("hd_"))
    assert main(["keys", "list", *where]) == 0
    listed = capsys.readouterr().out
    assert "firm" in listed
    assert text not in listed
    assert main(["keys", "revoke", text.split("_")[1], *where]) == 0
    assert main(["keys", "list", *where]) == 0
    assert "已作废" in capsys.readouterr().out
    assert main(["keys", "revoke", "nothing", *where]) == 2
