"""The database: SQLite in a file, or PostgreSQL; made and brought up to date when opened."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from api.errors import AwayError, FullError
from api.tables import HEAD
from detector.errors import OptionError

__all__ = ["Database", "TakenError"]

_LOCK = 7_266_001
"""Of PostgreSQL's advisory locks: one server migrates at a time."""


_POSTGRESQL = {"pool_pre_ping": True, "pool_size": 8, "max_overflow": 16, "pool_timeout": 10}
_CONNECT: dict[str, Any] = {
    "timeout": 25,  # of every answer: longer than a statement may take
    "startup_params": {
        "statement_timeout": "20000",
        "lock_timeout": "10000",
        "idle_in_transaction_session_timeout": "60000",
    },
}


def _secure(address: sa.URL) -> dict[str, Any]:
    """Return what the driver is told of TLS; `sslmode` means what libpq's manual says."""
    mode = str(address.query.get("sslmode", "disable"))
    if mode in ("disable", "allow", "prefer"):
        return {}
    context = ssl.create_default_context()
    if mode != "verify-full":
        context.check_hostname = False
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return {"ssl_context": context}


class TakenError(Exception):
    """A row with this key is there already."""


class Database:
    """Connections to the database, safe for threads.

    Raises, from `reading` and `writing`: AwayError where it cannot be reached, FullError where
    its disk is full, TakenError where a unique key is taken.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {"hide_parameters": True}
        if self.sqlite:
            options |= {"connect_args": {"timeout": 20.0, "check_same_thread": False}}
        try:
            address = sa.make_url(url)
            if not self.sqlite:
                options |= _POSTGRESQL | {"connect_args": _CONNECT | _secure(address)}
                address = address.difference_update_query(["sslmode"])
            self.engine: Engine = sa.create_engine(address, **options)
        except (sa.exc.ArgumentError, ImportError):
            raise OptionError("--database-url 的地址看不懂 (not a database URL)。") from None
        if self.sqlite:
            sa.event.listen(self.engine, "connect", _prepare)
            sa.event.listen(self.engine, "begin", _begin)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection within a transaction that only reads."""
        with _told(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection within a transaction that is committed at the end."""
        with _told(), self.engine.connect() as connection:
            if self.sqlite:
                connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def now(self, connection: Connection) -> float:
        """Return the time in seconds since 1970 by the one clock that all servers share."""
        if self.sqlite:
            return time.time()
        return float(connection.execute(_PG_NOW).scalar_one())

    def alone(self, connection: Connection) -> None:
        """Wait until no other server is within such a transaction, up to the end of this one."""
        if not self.sqlite:  # there every transaction that writes is alone
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))

    def prepare(self) -> None:
        """Make the tables, or bring those of an earlier version up to date.

        Raises:
            OptionError: the database is of a later version, or cannot be opened.
            AwayError: it cannot be reached.
        """
        try:
            with _told():
                if self._revision() != HEAD:
                    self._migrate()
        except AwayError:
            if not self.sqlite:
                raise
            raise OptionError(
                "数据库文件打不开,请检查 --data-dir、--database-url 和权限 "
                "(cannot open the database)。"
            ) from None
        except DBAPIError as error:
            raise OptionError(
                f"数据库打不开({type(error.orig).__name__}),请检查 --database-url 和权限 "
                "(cannot open the database)。"
            ) from None

    def _revision(self) -> str | None:
        with self.engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
            return None if found is None else str(found)

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util.exc import CommandError

        with self.engine.connect() as connection:
            if self.sqlite:
                connection.execution_options(writes=True)
            with connection.begin():
                self.alone(connection)
                config = Config()
                config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
                config.attributes["connection"] = connection
                try:
                    command.upgrade(config, "head")
                except CommandError:
                    raise OptionError(
                        "数据库来自更新的版本,请升级本程序 (the database is of a later version)。"
                    ) from None

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()


_PG_NOW = sa.text("SELECT extract(epoch FROM clock_timestamp())")


def _prepare(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # transactions are begun below, not by the driver
    for pragma in (
        "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON",
        "temp_store=MEMORY",
    ):  # fmt: skip
        raw.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _state(error: object) -> str:
    """Return the SQLSTATE that PostgreSQL gave, nothing where it gave none."""
    told = next(iter(getattr(error, "args", ())), None)
    return str(told.get("C", "")) if isinstance(told, dict) else ""


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a driver raises into what the service says."""
    try:
        yield
    except sa.exc.TimeoutError:  # no connection became free
        raise AwayError() from None
    except sa.exc.IntegrityError:
        raise TakenError from None
    except (ConnectionError, TimeoutError):  # the line broke while the driver wrote or read
        raise AwayError() from None
    except DBAPIError as error:
        text = ""
        with suppress(Exception):
            text = str(error.orig).lower()
        state = _state(error.orig)
        if state.startswith("23"):  # the driver knows no kinds of its own
            raise TakenError from None
        if state == "53100" or "disk is full" in text or "disk i/o error" in text:
            raise FullError() from None
        if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
            raise AwayError() from None
        if error.connection_invalidated or state.startswith(("08", "57")):
            raise AwayError() from None
        raise
