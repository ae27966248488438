"""What is deleted is gone: the key, every file, what a worker had opened, and the row."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from quick_tasks import SAID
from uploads import OWNER, alive, eventually, send, wait_for

from api.errors import NotFoundError
from api.service import Service
from api.settings import Settings
from api.tables import idempotency, recordings
from api.vault import Vault

NAME = "张三欠款录音-13800138000.wav"
MARKS = [b"needle-in-the-recording", b"13800138000", "张三".encode(), SAID[1].encode(),
         "改过的话".encode(), "李复核".encode()]  # fmt: skip


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _holding(folder: Path, recording: str) -> list[Path]:
    """Return files that are named after a recording or hold any of its words in clear."""
    found = []
    for path in _files(folder):
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # deleted since it was listed
            continue
        if recording in str(path) or any(mark in content for mark in MARKS):
            found.append(path)
    return found


def _worked_on(service: Service) -> str:
    content = b"call " + MARKS[0] * 20_000
    sent = send(service, content, name=NAME, key="k", options={"facts": {"note": "张三"}})
    wait_for(service, sent.id, "done")
    service.reviewing.correct(OWNER, sent.id, "U2", by="李复核", text="改过的话")
    return sent.id


def test_nothing_in_clear_is_ever_kept(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    recording = _worked_on(service)
    data = service.settings.data_dir
    assert [p for p in _holding(data, "no id") if ".db" not in p.name] == []
    dump = "".join(_dump(service)) + "".join(p.name for p in _files(data)) + caplog.text
    for mark in MARKS:
        assert mark.decode() not in dump
    assert recording in caplog.text


def _dump(service: Service) -> list[str]:
    """Return all that stands in the database."""
    rows = []
    with service.database.reading() as connection:
        for name in sa.inspect(connection).get_table_names():
            rows += [str(row) for row in connection.execute(sa.text(f"SELECT * FROM {name}"))]
    return rows


def test_after_a_deletion_no_byte_is_left(service: Service) -> None:
    kept = send(service, b"another")
    recording = _worked_on(service)
    wait_for(service, kept.id)
    service.store.delete(OWNER, recording)
    assert _holding(service.settings.data_dir, recording) == []
    assert not any(recording in row for row in _dump(service))
    with pytest.raises(NotFoundError):
        service.store.get(OWNER, recording)
    with pytest.raises(NotFoundError):
        service.store.delete(OWNER, recording)
    assert service.store.get(OWNER, kept.id).state == "done"
    assert service.store.reader(OWNER, kept.id, "original").size == 7


def test_a_job_that_runs_is_stopped_and_its_files_go(service: Service) -> None:
    sent = send(service, b"hang " + MARKS[0], name=NAME)
    wait_for(service, sent.id, "running")
    tmp = service.vault.places.tmp
    eventually(lambda: _holding(tmp, sent.id))
    (pid,) = {pid for pid in service.dispatcher.pids() if _opens(pid, sent.id)} or {0}
    service.store.delete(OWNER, sent.id)
    assert not pid or not alive(pid)
    assert _holding(service.settings.data_dir, sent.id) == []
    assert wait_for(service, send(service, b"next").id).state == "done"
    assert _holding(service.settings.data_dir, sent.id) == []


def _opens(pid: int, recording: str) -> bool:
    links = Path(f"/proc/{pid}/fd").glob("*")
    return any(recording in str(link.resolve()) for link in links)


def test_a_job_of_another_server_is_stopped_too(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    works, asks = opened(settings), opened(settings, work=False)
    sent = send(asks, b"hang " + MARKS[0], name=NAME)
    wait_for(asks, sent.id, "running")
    eventually(lambda: _holding(works.vault.places.tmp, sent.id))
    asks.store.delete(OWNER, sent.id)
    assert _holding(settings.data_dir, sent.id) == []
    for _ in range(2):  # both workers are free again
        assert wait_for(works, send(asks, b"sleep 0.1").id).state == "done"
    eventually(lambda: not works.dispatcher._held)
    assert _holding(settings.data_dir, sent.id) == []


def test_a_deletion_that_was_cut_short_is_finished(
    settings: Settings, opened: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(settings)
    recording = _worked_on(first)

    def dies(_vault: Vault, _recording: str) -> None:
        raise SystemError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(Vault, "destroy", dies)
        with pytest.raises(SystemError):
            first.store.delete(OWNER, recording)
    with pytest.raises(NotFoundError):
        first.store.get(OWNER, recording)
    first.stop()
    second = opened(settings)
    eventually(lambda: _holding(settings.data_dir, recording) == [])
    eventually(lambda: not any(recording in row for row in _dump(second)))


def test_what_is_past_its_time_is_deleted(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(replace(settings, retention_days=30))
    recording = _worked_on(service)
    fresh = send(service, b"fresh")
    found = service.store.get(OWNER, recording)
    assert found.expires_at is not None
    assert (found.expires_at - found.created_at).days == 30
    with service.database.writing() as connection:
        old = recordings.update().where(recordings.c.id == recording)
        connection.execute(old.values(expires_at=found.created_at.timestamp() - 1))
    service.tidier.tidy()
    assert _holding(settings.data_dir, recording) == []
    assert service.store.get(OWNER, fresh.id)
    with service.database.reading() as connection:
        assert connection.execute(sa.select(idempotency)).all() == []


def test_uploads_that_were_never_accepted_are_forgotten_and_accepted_ones_kept(
    settings: Settings, opened: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = opened(settings, work=False)
    with monkeypatch.context() as patch:
        patch.setattr(Vault, "accepted", lambda _vault, _recording: None)
        kept = send(service, b"accepted")
    with monkeypatch.context() as patch:
        patch.setattr(type(service.store), "insert", lambda *_: (_ for _ in ()).throw(SystemError))
        with pytest.raises(SystemError):
            send(service, b"not accepted")
    vault = service.vault.places.vault
    assert len(list(vault.iterdir())) == 2
    service.tidier.tidy()
    assert len(list(vault.iterdir())) == 2, "it may be on its way"
    monkeypatch.setattr("api.retention._PENDING_S", -1.0)
    service.tidier.tidy()
    assert [folder.name for folder in vault.iterdir()] == [kept.id]
    assert service.store.reader(OWNER, kept.id, "original").size == 8
