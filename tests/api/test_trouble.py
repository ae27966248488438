"""A database that goes away and a disk that is full: work waits, nothing accepted is lost."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from uploads import OWNER, eventually, send, wait_for

from api.errors import AwayError, FullError, ServiceError
from api.service import Service
from api.settings import Settings
from detector.errors import OptionError

if TYPE_CHECKING:
    from conftest import Postgres


@pytest.mark.parametrize("away_s", [6.0, pytest.param(35.0, marks=pytest.mark.slow)])
def test_the_database_goes_away_for_a_while(
    postgres: "Postgres", tmp_path: Path, opened: Callable[..., Service], away_s: float
) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", database_url=postgres.new(), workers=2, threads=1,
        min_free_bytes=0, task="quick_tasks:load",
    )  # fmt: skip
    service = opened(settings)
    running = [send(service, b"sleep 2 %d" % n).id for n in range(2)]
    waiting = send(service, b"after").id
    for recording in running:
        wait_for(service, recording, "running")
    begun = service.store.create(OWNER, "half.wav", "key-half")
    begun.write(b"half of it, ")
    postgres.stop()
    try:
        began = time.monotonic()
        with pytest.raises(AwayError):
            service.store.get(OWNER, waiting)
        with pytest.raises(AwayError):
            service.store.create(OWNER, "new.wav")
        begun.write(b"and the rest")
        with pytest.raises(AwayError):
            begun.commit({})
        eventually(lambda: service.dispatcher.problem == "away")
        time.sleep(max(0.0, away_s - (time.monotonic() - began)))
    finally:
        postgres.start()
    for recording in (*running, waiting):
        assert wait_for(service, recording, timeout_s=60.0).state == "done"
    again = send(service, b"half of it, and the rest", name="half.wav", key="key-half")
    assert wait_for(service, again.id).state == "done"
    assert len(service.store.list(OWNER).items) == 4
    assert service.dispatcher.problem is None


def test_a_commit_whose_answer_is_lost_is_accepted_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the database has committed, before it says so."""
    writing = service.database.writing

    class Lost:
        def __init__(self) -> None:
            self._real = writing()

        def __enter__(self) -> object:
            return self._real.__enter__()

        def __exit__(self, *given: object) -> None:
            self._real.__exit__(*given)  # type: ignore[arg-type]
            raise AwayError

    draft = service.store.create(OWNER, "a.wav", "key")
    draft.write(b"once")
    real = service.store.insert
    with monkeypatch.context() as patch:

        def insert(*given: object) -> object:
            patch.setattr(service.database, "writing", Lost)
            return real(*given)  # type: ignore[arg-type]

        patch.setattr(service.store, "insert", insert)
        with pytest.raises(AwayError):
            draft.commit({})
    again = send(service, b"once", name="a.wav", key="key")
    assert wait_for(service, again.id).state == "done"
    assert [item.id for item in service.store.list(OWNER).items] == [again.id]
    assert service.store.reader(OWNER, again.id, "original").read(0, 9) == b"once"


def test_a_publication_whose_answer_is_lost_stays_published(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = service.dispatcher._leases
    publish, calls = leases.publish, []

    def lost(claim: object) -> bool:
        calls.append(publish(claim))  # type: ignore[arg-type]
        if len(calls) == 1:
            raise AwayError
        return calls[-1]

    monkeypatch.setattr(leases, "publish", lost)
    sent = send(service, b"call")
    eventually(lambda: len(calls) == 2)
    assert calls == [True, True]
    eventually(lambda: not service.dispatcher._held)
    assert service.store.report(OWNER, sent.id).flags


def test_a_server_does_not_start_without_its_database(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", database_url="postgresql://nobody@127.0.0.1:1/none"
    )
    with pytest.raises(AwayError):
        Service(settings)
    for wrong in ("sqlite:////proc/none/x.db", "mysql://x/y", "nonsense"):
        with pytest.raises(OptionError):
            Service(replace(settings, database_url=wrong))


# ---------------------------------------------------------------- a full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_uploads_to_a_full_disk_are_refused_and_leave_nothing(
    small_disk: Path, settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(replace(settings, data_dir=small_disk / "data"), work=False)
    kept = send(service, b"a" * 500_000)
    refused = 0
    for n in range(12):
        try:
            send(service, bytes([n]) * 1_000_000)
        except FullError:
            refused += 1
    assert refused >= 6
    assert list(service.vault.places.incoming.iterdir()) == []
    accepted = {item.id for item in service.store.list(OWNER).items}
    assert {folder.name for folder in service.vault.places.vault.iterdir()} == accepted
    for recording in accepted:
        reader = service.store.reader(OWNER, recording)
        assert len(reader.read(0, reader.size)) == reader.size
    assert kept.id in accepted
    for recording in accepted - {kept.id}:
        service.store.delete(OWNER, recording)
    assert send(service, b"b" * 1_000_000).bytes == 1_000_000


def test_work_on_a_full_disk_waits_until_there_is_room(
    small_disk: Path, settings: Settings, opened: Callable[..., Service],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("api.jobs._PAUSE_S", 0.5)
    service = opened(replace(settings, data_dir=small_disk / "data"), work=False)
    sent = send(service, b"sleep 0.1 " + b"a" * 1_500_000)
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:
        try:
            for _ in range(64):
                file.write(b"x" * 100_000)
                file.flush()
        except OSError:
            pass
    threading.Thread(target=service.dispatcher.start).start()
    eventually(lambda: service.dispatcher.problem in ("full", "away"))
    time.sleep(1.5)
    with pytest.raises(ServiceError):
        service.store.report(OWNER, sent.id)
    ballast.unlink()
    assert wait_for(service, sent.id).state == "done"
    reader = service.store.reader(OWNER, sent.id)
    assert reader.read(0, 9) == b"sleep 0.1"


@pytest.mark.parametrize(("what", "problem"), [("full", "full"), ("nomodel", "unusable")])
def test_what_is_the_operators_to_mend_fails_no_recording(
    what: str, problem: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.jobs._PAUSE_S", 0.3)
    marker = tmp_path / "full"
    marker.touch()
    beside = send(service, b"sleep 2")
    sent = send(service, f"{what} {marker}".encode())
    eventually(lambda: service.dispatcher.problem == problem)
    assert service.store.get(OWNER, sent.id).state in ("queued", "running")
    marker.unlink()
    assert wait_for(service, sent.id).state == "done"
    assert wait_for(service, beside.id).state == "done"


def test_no_worker_starts_and_work_waits(
    settings: Settings, opened: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.jobs._PAUSE_S", 0.3)
    service = opened(replace(settings, task="no_such_module:load"))
    sent = send(service, b"waits")
    eventually(lambda: service.dispatcher.problem == "unusable")
    assert service.store.get(OWNER, sent.id).state in ("queued", "running")
    object.__setattr__(service.settings, "task", "quick_tasks:load")
    object.__setattr__(service.dispatcher._settings, "task", "quick_tasks:load")
    assert wait_for(service, sent.id).state == "done"
