"""The database is made when it is opened, and belongs to one data folder; settings are checked."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from uploads import OWNER, send

import api
from api.database import Database, TakenError
from api.service import Service
from api.settings import Settings
from api.tables import HEAD, metadata, recordings
from detector.errors import OptionError


def test_migrations_make_the_tables_that_the_program_expects(settings: Settings) -> None:
    settings.data_dir.mkdir()
    database = Database(settings.url)
    database.prepare()
    database.prepare()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    script = ScriptDirectory(str(Path(api.__file__).parent / "migrations"))
    assert script.get_current_head() == HEAD


def test_a_database_of_a_later_version_is_not_touched(settings: Settings) -> None:
    settings.data_dir.mkdir()
    database = Database(settings.url)
    database.prepare()
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OptionError, match="later version"):
        database.prepare()


def test_several_servers_may_start_at_once(settings: Settings) -> None:
    code = (
        "import sys; from pathlib import Path; from api.service import Service;"
        "from api.settings import Settings;"
        "s = Service(Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2]));"
        "print(s.vault.derive(b'x').hex()); s.stop()"
    )
    words = [sys.executable, "-c", code, str(settings.data_dir), settings.database_url]
    place = str(Path(api.__file__).parent.parent)
    started = [
        subprocess.Popen(words, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": place})
        for _ in range(4)
    ]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert [process.returncode for process in started] == [0] * 4
    assert len(said) == 1, "one key for all"


def test_a_transaction_that_fails_changes_nothing(settings: Settings) -> None:
    settings.data_dir.mkdir()
    database = Database(settings.url)
    database.prepare()
    row = {"owner": "o", "state": "queued", "created_at": 1.0, "changed_at": 1.0, "bytes": 1,
           "same": "s", "version": 1, "attempts": 0}  # fmt: skip
    with pytest.raises(TakenError), database.writing() as connection:
        connection.execute(recordings.insert().values(id="a", **row))
        connection.execute(recordings.insert().values(id="b", **row))
    with database.reading() as connection:
        assert connection.execute(sa.select(recordings.c.id)).all() == []


def test_nobody_else_may_read_the_data_folder(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(settings, work=False)
    send(service, b"private", owner=OWNER)
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700
    files = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    secret = [p for p in files if p.name in ("original", "key", "meta", "key.json")]
    assert len(secret) == 4
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in secret)


def test_settings_come_from_options_then_the_environment(tmp_path: Path) -> None:
    (tmp_path / "phrase").write_text("correct horse\n")
    environment = {
        "DETECTOR_PORT": "9000",
        "DETECTOR_MAX_BYTES": "5",
        "DETECTOR_DATABASE_URL": "postgres://u@h/d",
        "DETECTOR_ALLOWED_HOSTS": "a.local, b.local",
        "DETECTOR_PASSPHRASE_FILE": str(tmp_path / "phrase"),
        "DETECTOR_DATA_DIR": "data",
    }
    found = Settings.read({"port": 9001, "max_bytes": None}, environment)
    assert (found.port, found.max_bytes) == (9001, 5)
    assert found.url == "postgresql+pg8000://u@h/d"
    assert found.allowed_hosts == ("a.local", "b.local")
    assert found.passphrase == "correct horse"
    assert found.data_dir.is_absolute()
    assert "correct horse" not in repr(found)


def test_secrets_do_not_stay_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_PASSPHRASE", "correct horse")
    assert Settings.read({}).passphrase == "correct horse"
    assert "DETECTOR_PASSPHRASE" not in os.environ


@pytest.mark.parametrize(
    "given",
    [
        {"engine": "cloud"}, {"database_url": "mysql://x"}, {"workers": -1}, {"max_bytes": 0},
        {"queue_limit": 0}, {"retention_days": 0}, {"passphrase": "short"}, {"port": -1},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        Settings.read(given, {})
    if isinstance(next(iter(given.values())), int):
        name = f"DETECTOR_{next(iter(given)).upper()}"
        with pytest.raises(OptionError):
            Settings.read({}, {name: "many"})
