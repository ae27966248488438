"""What the tests of the service share: SQLite and a real PostgreSQL, services, uploads."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the extra `api`")

from sqlalchemy import create_engine, text

from api.service import Service
from api.settings import Settings


class Postgres:
    """A PostgreSQL server of the tests' own, in a temporary folder, not run as root."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="detector-pg-"))
        self._user: list[str] = []
        if os.geteuid() == 0:
            name = "postgres" if _known("postgres") else "nobody"
            shutil.chown(self.folder, name)
            self._user = ["runuser", "-u", name, "--"]
        self.folder.chmod(0o755)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                  "--no-sync")  # fmt: skip
        self.start()

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [*self._user, str(self._programs / program), *words],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._run(
            "pg_ctl", "-D", self.data, "-w", "-t", "30", "-l", f"{self.data}/log", "start", "-o",
            f"-p {self.port} -k {self.folder} -h 127.0.0.1 -c max_connections=200 -c fsync=off",
        )  # fmt: skip

    def stop(self) -> None:
        """Stop it at once, connections and all."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def new(self) -> str:
        """Empty the database; return its address."""
        engine = create_engine("postgresql+pg8000" + self.url.removeprefix("postgresql"))
        with engine.begin() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
        return self.url


def _known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _programs() -> Path | None:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("pg_ctl"):
        places.append(Path(os.path.realpath(found)).parent)
    return next((place for place in places if (place / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server installed (apt-get install postgresql)")
    server = Postgres(programs)
    yield server
    with suppress(subprocess.CalledProcessError):
        server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database, of each kind in turn; empty for SQLite's default."""
    if request.param == "sqlite":
        return ""
    server: Postgres = request.getfixturevalue("postgres")
    return server.new()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a service with a quick task, on each kind of database."""
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        workers=2,
        threads=1,
        min_free_bytes=0,
        task="quick_tasks:load",
    )


@pytest.fixture
def opened() -> Iterator[Callable[..., Service]]:
    """Open services that are stopped at the end of the test."""
    made: list[Service] = []

    def make(settings: Settings, start: bool = True, work: bool = True) -> Service:
        service = Service(settings)
        made.append(service)
        if start:
            service.start(work)
        return service

    yield make
    for service in made:
        with suppress(Exception):
            service.stop()


@pytest.fixture
def service(settings: Settings, opened: Callable[..., Service]) -> Service:
    """A service that works."""
    return opened(settings)
