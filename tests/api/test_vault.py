"""Keys: the operator's and each recording's; what a passphrase locks, and what is destroyed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from uploads import OWNER, eventually, send, wait_for

from api.errors import BadOptionError, LockedError, NotFoundError
from api.operator_key import OperatorKey
from api.service import Service
from api.settings import Settings
from detector.errors import InputError, OptionError

PHRASE = "correct horse battery"


def test_without_a_passphrase_the_key_is_a_private_file(tmp_path: Path) -> None:
    first = OperatorKey(tmp_path)
    assert (tmp_path / "key.json").stat().st_mode & 0o077 == 0
    assert OperatorKey(tmp_path).derived("x") == first.derived("x") != first.derived("y")


def test_a_passphrase_locks_and_opens(tmp_path: Path) -> None:
    key = OperatorKey(tmp_path, PHRASE).derived("x")
    locked = OperatorKey(tmp_path)
    assert locked.locked
    assert locked.derived("x") is None
    with pytest.raises(BadOptionError):
        locked.unlock("wrong horse")
    with pytest.raises(BadOptionError):
        OperatorKey(tmp_path, "wrong horse")
    locked.unlock(PHRASE)
    assert locked.derived("x") == key


def test_a_passphrase_may_be_set_later_and_the_plain_key_goes(tmp_path: Path) -> None:
    key = OperatorKey(tmp_path).derived("x")
    plain = json.loads((tmp_path / "key.json").read_text())["key"]
    assert OperatorKey(tmp_path, PHRASE).derived("x") == key
    assert all(plain not in path.read_text() for path in tmp_path.iterdir())
    assert OperatorKey(tmp_path).locked


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format":1,"kind":"file","key":"AA"}'])
def test_a_damaged_key_file_is_said_to_be_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "key.json").write_text(content)
    with pytest.raises(InputError, match=r"key\.json"):
        OperatorKey(tmp_path)


def test_while_locked_uploads_are_refused_and_jobs_wait(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    first = opened(replace(settings, passphrase=PHRASE), work=False)
    sent = send(first, b"waits", name="机密.wav")
    first.stop()
    locked = opened(settings)
    assert locked.vault.locked
    with pytest.raises(LockedError):
        locked.store.create(OWNER, "a.wav")
    found = locked.store.get(OWNER, sent.id)
    assert (found.state, found.name) == ("locked", None)
    with pytest.raises(LockedError):
        locked.store.reader(OWNER, sent.id, "original")
    eventually(lambda: locked.dispatcher.problem == "locked")
    locked.vault.unlock(PHRASE)
    assert wait_for(locked, sent.id).state == "done"
    assert locked.store.get(OWNER, sent.id).name == "机密.wav"


def test_what_is_locked_can_still_be_deleted(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    first = opened(replace(settings, passphrase=PHRASE), work=False)
    sent = send(first, b"goes")
    first.stop()
    locked = opened(settings)
    locked.store.delete(OWNER, sent.id)
    assert list(locked.vault.places.vault.iterdir()) == []


def test_a_destroyed_key_opens_nothing(settings: Settings, opened: Callable[..., Service]) -> None:
    service = opened(settings, work=False)
    sent = send(service, b"content")
    saved = (service.vault.folder(sent.id) / "original").read_bytes()
    service.store.delete(OWNER, sent.id)
    other = send(service, b"other")
    (service.vault.folder(other.id) / "original").write_bytes(saved)
    with pytest.raises(Exception, match="damaged"):
        service.vault.reader(other.id, "original")
    with pytest.raises(NotFoundError):
        service.vault.key(sent.id)


def test_a_damaged_recording_fails_and_the_next_one_does_not(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(settings, work=False)
    bad, good = send(service, b"x" * 300_000), send(service, b"y" * 300_000)
    path = service.vault.folder(bad.id) / "original"
    path.write_bytes(path.read_bytes()[:200_000])
    service.dispatcher.start()
    assert wait_for(service, good.id).state == "done"
    failed = wait_for(service, bad.id)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error.title == "Files are missing"
    assert send(service, b"x" * 300_000).id != bad.id


def test_folder_and_database_of_two_installations_are_told_apart(
    settings: Settings, opened: Callable[..., Service], tmp_path: Path
) -> None:
    service = opened(settings, work=False)
    send(service, b"there")
    service.stop()
    elsewhere = replace(settings, data_dir=tmp_path / "empty", database_url=settings.url)
    with pytest.raises(OptionError, match="do not belong together"):
        opened(elsewhere)
    assert opened(settings, work=False).store.list(OWNER).items


def test_a_data_folder_that_cannot_be_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OptionError, match="--data-dir"):
        Service(replace(settings, data_dir=tmp_path / "file" / "data"))
