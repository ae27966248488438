"""Whatever is killed, at whatever moment: what was accepted is published, exactly once."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from uploads import OWNER, alive, eventually, kill, send, wait_for

from api.database import Database
from api.service import Service
from api.settings import Settings
from api.tables import recordings

HERE = Path(__file__).parent
CHANCE = random.Random(7)


class Servers:
    """Server processes that can be killed, and their workers with them."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._file = folder / "settings.json"
        held = asdict(settings) | {"data_dir": str(settings.data_dir)}
        self._file.write_text(json.dumps(held), "utf-8")
        self.running: list[subprocess.Popen[bytes]] = []
        self._log = (folder / "servers.log").open("ab")

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start one and wait until it runs."""
        places = [str(HERE), str(HERE.parent.parent)]
        process = subprocess.Popen(
            [sys.executable, str(HERE / "server_process.py"), str(self._file), *words],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        )
        self.running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n", self._log.name
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill one and wait until it is dead."""
        process.kill()
        process.wait()
        self.running.remove(process)

    def close(self) -> None:
        for process in list(self.running):
            self.kill(process)
        self._log.close()


@pytest.fixture
def servers(settings: Settings, tmp_path: Path) -> Iterator[Servers]:
    made = Servers(settings, tmp_path)
    yield made
    made.close()


def children(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def note_publications(database: Database) -> None:
    """Let the database itself note every time that a recording becomes done."""
    with database.writing() as connection:
        connection.execute(sa.text("CREATE TABLE published (id varchar(32), result varchar(32))"))
        if database.sqlite:
            connection.execute(
                sa.text(
                    "CREATE TRIGGER publishing AFTER UPDATE ON recordings WHEN new.state = 'done' "
                    "BEGIN INSERT INTO published VALUES (new.id, new.result); END"
                )
            )
            return
        connection.execute(
            sa.text(
                "CREATE FUNCTION publishing() RETURNS trigger AS $$ BEGIN INSERT INTO published "
                "VALUES (new.id, new.result); RETURN new; END $$ LANGUAGE plpgsql"
            )
        )
        connection.execute(
            sa.text(
                "CREATE TRIGGER publishing AFTER UPDATE ON recordings FOR EACH ROW "
                "WHEN (new.state = 'done') EXECUTE FUNCTION publishing()"
            )
        )


def check_published_once(service: Service, ids: set[str]) -> None:
    """Check that each recording has one result, that it was published once, and is whole."""
    with service.database.reading() as connection:
        published = connection.execute(sa.text("SELECT id, result FROM published")).all()
        rows = {row.id: row for row in connection.execute(sa.select(recordings))}
    assert sorted(row[0] for row in published) == sorted(ids)
    for recording in ids:
        folder = service.vault.folder(recording)
        wanted = [f"result-{rows[recording].result}"]
        eventually(lambda f=folder, w=wanted: [p.name for p in f.glob("result-*")] == w)
        assert rows[recording].result in [row[1] for row in published]
        assert service.store.report(OWNER, recording).flags
        assert service.store.reader(OWNER, recording, "listen").size
        assert rows[recording].token is None


def check_nothing_is_left(service: Service) -> None:
    """Check that nobody's temporary files stay."""
    for kind in ("tmp", "incoming", "trash"):
        folder = service.settings.data_dir / kind
        eventually(lambda folder=folder: not [p for p in folder.rglob("*") if p.is_file()])


def _all_done(service: Service) -> bool:
    counts = service.store.counts()
    return not counts.get("queued") and not counts.get("running")


def test_servers_and_workers_killed_at_random_moments(
    settings: Settings, servers: Servers, opened: Callable[..., Service], tmp_path: Path
) -> None:
    """Two servers work, one uploads; 24 times one of them, or a worker, is killed."""
    watch = opened(settings, start=False)
    note_publications(watch.database)
    accepted: set[str] = set()
    works = [servers.start(), servers.start()]
    uploads = 0
    for round_ in range(24):
        uploader = servers.start("upload", str(1000 * round_)) if round_ % 3 == 0 else None
        time.sleep(CHANCE.uniform(0.02, 0.6))
        if uploader is not None:
            assert uploader.stdout is not None
            servers.kill(uploader)
            uploads += 1
            for line in uploader.stdout.read().splitlines():
                if len(parts := line.decode().split()) == 2:
                    accepted.add(parts[0])
        elif round_ % 3 == 1:
            index = CHANCE.randrange(2)
            before = children(works[index].pid)
            servers.kill(works[index])
            eventually(lambda before=before: not any(alive(pid) for pid in before))
            works[index] = servers.start()
        else:
            for pid in children(CHANCE.choice(works).pid)[:1]:
                kill(pid)
        accepted.add(send(watch, b"sleep 0.3 of round %d" % round_).id)
    eventually(lambda: _all_done(watch), 120.0)
    there = {item.id for item in _everything(watch)}
    assert accepted <= there, "an accepted upload was lost"
    check_published_once(watch, there)
    assert all(item.state == "done" for item in _everything(watch))
    for process in works:
        servers.kill(process)
    watch.tidier.tidy()
    check_nothing_is_left(watch)


@pytest.mark.slow
@pytest.mark.parametrize(
    "step",
    [
        "after api.leases:Leases.claim",
        "before api.vault:Vault.keep_result",
        "after api.vault:Vault.keep_result",
        "before api.leases:Leases.publish",
        "after api.leases:Leases.publish",
        "before api.vault:Vault.drop_results",
        "after api.jobs:Dispatcher._finish",
    ],
)
def test_a_server_killed_at_a_step_of_its_work(
    step: str, settings: Settings, servers: Servers, opened: Callable[..., Service]
) -> None:
    watch = opened(settings, start=False)
    note_publications(watch.database)
    sent = send(watch, b"sleep 0.1")
    assert servers.start("die", *step.split()).wait(30) == -9
    servers.start()
    assert wait_for(watch, sent.id, "done").name == "call.wav"
    check_published_once(watch, {sent.id})
    watch.tidier.tidy()
    check_nothing_is_left(watch)


@pytest.mark.slow
@pytest.mark.parametrize(
    "step",
    [
        "after api.vault:Vault.new_key",
        "before api.vault:Vault.accept",
        "after api.vault:Vault.accept",
        "before api.recordings:Store.insert",
        "before api.vault:Vault.accepted",
        "after api.recordings:Store.insert",
    ],
)
def test_a_server_killed_at_a_step_of_an_upload(
    step: str, settings: Settings, servers: Servers, opened: Callable[..., Service],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    watch = opened(settings, start=False)
    note_publications(watch.database)
    assert servers.start("upload", "5", "die", *step.split()).wait(30) == -9
    stored = {item.id for item in _everything(watch)}
    assert len(stored) == (step in ("before api.vault:Vault.accepted",
                                    "after api.recordings:Store.insert"))  # fmt: skip
    monkeypatch.setattr("api.retention._PENDING_S", -1.0)
    watch.tidier.tidy()
    check_nothing_is_left(watch)
    assert {folder.name for folder in watch.vault.places.vault.iterdir()} == stored
    again = send(watch, b"sleep 0.05 5" + b"." * 300_000, name="5.wav", key="key-5")
    assert not stored or {again.id} == stored
    servers.start()
    wait_for(watch, again.id, "done")
    check_published_once(watch, {again.id})


def _everything(service: Service) -> list:  # type: ignore[type-arg]
    items, cursor = [], None
    while True:
        page = service.store.list(OWNER, 200, cursor)
        items += page.items
        if (cursor := page.next) is None:
            return items


def test_a_server_that_was_only_slow_publishes_nothing_twice(
    settings: Settings, opened: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease ends while it works; another server takes the job; both finish."""
    slow = opened(settings, work=False)
    note_publications(slow.database)
    sent = send(slow, b"sleep 1.5")
    monkeypatch.setattr(slow.dispatcher._leases, "beat", lambda *_: True)
    slow.dispatcher.start()
    wait_for(slow, sent.id, "running")
    with slow.database.writing() as connection:
        connection.execute(recordings.update().values(lease_until=0.0))
    other = opened(settings)
    wait_for(other, sent.id, "done")
    eventually(lambda: not slow.dispatcher._held and not other.dispatcher._held)
    check_published_once(other, {sent.id})


def test_a_stopped_server_gives_its_work_back_at_once(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    first = opened(settings)
    sent = send(first, b"sleep 1")
    wait_for(first, sent.id, "running")
    first.stop()
    second = opened(settings)
    assert wait_for(second, sent.id, timeout_s=10.0).state == "done"
    check_nothing_is_left(second)


def test_a_recording_that_ends_its_server_every_time_is_given_up(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(settings, work=False)
    sent = send(service, b"poison")
    with service.database.writing() as connection:
        connection.execute(recordings.update().values(attempts=25))
    service.dispatcher.start()
    assert wait_for(service, sent.id).state == "failed"


def test_waiting_and_running_work_is_shared_between_servers(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    both = [opened(replace(settings, workers=1)), opened(replace(settings, workers=1))]
    sent = [send(both[0], b"sleep 0.4 %d" % n).id for n in range(6)]
    eventually(lambda: all(service.dispatcher._held for service in both))
    for recording in sent:
        assert wait_for(both[1], recording).state == "done"
