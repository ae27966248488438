"""The service without its HTTP side: everything opened, put together, started and stopped."""

import secrets

import sqlalchemy as sa

from api.database import Database
from api.desk import Desk
from api.jobs import Dispatcher
from api.keys import KeyStore
from api.operator_key import OperatorKey
from api.places import Places
from api.recordings import Store
from api.retention import Tidier
from api.reviewing import Reviewing
from api.settings import Settings
from api.tables import installation
from api.vault import Vault
from detector.errors import OptionError, OutputError

__all__ = ["Service"]


class Service:
    """Opens data folder, database and vault; `start` begins work, `stop` ends it for good.

    Raises:
        OptionError: the folder or the database cannot be used, or they do not belong together.
        BadOptionError: the passphrase is wrong.
        AwayError: the database cannot be reached.
    """

    def __init__(self, settings: Settings) -> None:
        settings.check()
        self.settings = settings
        places = Places(settings.data_dir)
        self.database = Database(settings.url)
        try:
            self.database.prepare()
            _bind(self.database, places)
            self.vault = Vault(places, OperatorKey(settings.data_dir, settings.passphrase))
        except BaseException:
            places.close()
            self.database.close()
            raise
        self.store = Store(settings, self.database, self.vault)
        self.keys = KeyStore(self.database)
        self.dispatcher = Dispatcher(settings, self.store)
        self.tidier = Tidier(self.store)
        self.desk = Desk(self.store)
        self.reviewing = Reviewing(self.store, self.desk)

    def start(self, work: bool = True) -> None:
        """Begin to tidy and, unless `work` is False, to scan; returns at once."""
        self.tidier.start()
        if work:
            self.dispatcher.start()

    def stop(self) -> None:
        """End; what was being scanned goes back into the queue."""
        self.dispatcher.stop()
        self.tidier.stop()
        self.desk.close()
        self.store.changes.close()
        self.vault.places.close()
        self.database.close()


def _bind(database: Database, places: Places) -> None:
    """Make sure that data folder and database are those of one installation.

    A database on another folder would call all its recordings lost; two servers with folders of
    their own on one database would each lose the other's. Both are mistakes in the settings.
    """
    path = places.data / "installation"
    try:
        with database.writing() as connection:
            database.alone(connection)
            here = path.read_text("ascii").strip() if path.exists() else None
            there = connection.execute(sa.select(installation.c.id)).scalars().first()
            if there is not None and here != there:
                raise OptionError(
                    f"数据文件夹 {places.data} 与这个数据库不是一起的,请检查 --data-dir 和 "
                    "--database-url;几个服务进程要用同一个数据文件夹 "
                    "(data folder and database do not belong together)。"
                )
            if there is None:
                here = here or secrets.token_hex(16)
                path.write_text(here + "\n", "ascii")
                connection.execute(installation.insert().values(id=here))
    except (OSError, ValueError) as error:
        raise OutputError(f"无法读写 {path}:{error} (cannot use the data folder)。") from None
