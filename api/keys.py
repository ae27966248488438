"""API keys: `hd_<id>_<secret>`, shown once, kept as the SHA-256 of a secret of 256 bits."""

import argparse
import datetime as dt
import hashlib
import hmac
import re
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detector.errors import OptionError

if TYPE_CHECKING:
    from api.database import Database

__all__ = ["ApiKey", "KeyStore", "add"]

_KEY = re.compile(r"hd_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_OWNER = re.compile(r"[\w.@-]{1,64}")
_CACHE_S = 5.0
_CACHED = 1000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed; `revoked_at` None while it is good."""

    id: str
    owner: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyStore:
    """The keys in the database; AwayError where that is away."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._lock = threading.Lock()
        self._cache: dict[str, tuple[float, str | None]] = {}
        self._any: tuple[float, bool] = (0.0, False)

    def owner_of(self, key: str) -> str | None:
        """Return whose key this is, None if it is none or was revoked (known within 5 s)."""
        import sqlalchemy as sa

        from api.tables import keys

        if (parts := _KEY.fullmatch(key)) is None:
            return None
        digest, now = _hash(key), time.monotonic()
        with self._lock:
            held = self._cache.get(digest)
        if held and held[0] > now:
            return held[1]
        with self._database.reading() as connection:
            row = connection.execute(sa.select(keys).where(keys.c.id == parts[1])).one_or_none()
        good = row is not None and row.revoked_at is None
        owner = None
        if row is not None and hmac.compare_digest(row.hash, _hash(parts[2])) and good:
            owner = str(row.owner)
        with self._lock:
            if len(self._cache) >= _CACHED:
                self._cache.clear()
            self._cache[digest] = now + _CACHE_S, owner
        return owner

    def any(self) -> bool:
        """Return whether any key is good (known within 5 s)."""
        import sqlalchemy as sa

        from api.tables import keys

        now = time.monotonic()
        if self._any[0] > now:
            return self._any[1]
        with self._database.reading() as connection:
            wanted = sa.select(keys.c.id).where(keys.c.revoked_at.is_(None)).limit(1)
            found = connection.execute(wanted).one_or_none() is not None
        self._any = now + _CACHE_S, found
        return found

    def create(self, owner: str | None = None) -> tuple[ApiKey, str]:
        """Make a key; returns it and, for the only time, its text.

        Raises:
            OptionError: the owner's name is not one.
        """
        from api.tables import keys

        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        owner = owner or "o" + secrets.token_hex(6)
        if not _OWNER.fullmatch(owner):
            raise OptionError(
                "--owner 只能用文字、数字和 . _ @ -,最多 64 个 (letters, digits and . _ @ -)。"
            )
        with self._database.writing() as connection:
            now = self._database.now(connection)
            row = {"id": key_id, "owner": owner, "hash": _hash(secret), "created_at": now}
            connection.execute(keys.insert().values(row))
        self._forget()
        made = ApiKey(key_id, owner, dt.datetime.fromtimestamp(now, dt.UTC), None)
        return made, f"hd_{key_id}_{secret}"

    def revoke(self, key_id: str) -> None:
        """Make a key useless; OptionError if there is no such good key."""
        from api.tables import keys

        parts = _KEY.fullmatch(key_id)
        with self._database.writing() as connection:
            changed = connection.execute(
                keys.update()
                .where(keys.c.id == (parts[1] if parts else key_id), keys.c.revoked_at.is_(None))
                .values(revoked_at=self._database.now(connection))
            )
        self._forget()
        if not changed.rowcount:
            raise OptionError("没有这个编号的有效密钥;用 detector keys list 查看 (no such key)。")

    def list(self) -> list[ApiKey]:
        """Return all keys, the oldest first."""
        import sqlalchemy as sa

        from api.tables import keys

        def time_of(seconds: float | None) -> Any:
            return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)

        with self._database.reading() as connection:
            rows = connection.execute(sa.select(keys).order_by(keys.c.created_at)).all()
        return [
            ApiKey(row.id, row.owner, time_of(row.created_at), time_of(row.revoked_at))
            for row in rows
        ]

    def _forget(self) -> None:
        with self._lock:
            self._cache.clear()
            self._any = (0.0, False)


def add(commands: Any) -> None:
    """Add `detector keys` to the command line."""
    parser = commands.add_parser(
        "keys", help="管理服务的访问密钥(create、list、revoke)",
        description="管理 detector serve 的访问密钥。(Manages API keys.)",
    )  # fmt: skip
    actions = parser.add_subparsers(dest="keys_command", metavar="操作", required=True)
    create = actions.add_parser("create", help="新建密钥,只显示一次")
    create.add_argument(
        "--owner", metavar="名称", help="密钥属于谁;同一名称的几个密钥看到同样的录音,默认为新的一个"
    )
    listed = actions.add_parser("list", help="列出密钥")
    revoke = actions.add_parser("revoke", help="作废密钥")
    revoke.add_argument("id", metavar="编号", help="密钥的编号")
    for action, run in ((create, _create), (listed, _list), (revoke, _revoke)):
        action.add_argument("--data-dir", metavar="文件夹", help="服务的数据文件夹")
        action.add_argument("--database-url", metavar="地址", help="服务的数据库")
        action.add_argument("-v", "--verbose", action="store_true", help="出错时显示技术细节")
        action.set_defaults(run=run)


def _opened(args: argparse.Namespace) -> KeyStore:
    try:
        from api.database import Database
        from api.settings import Settings
    except ImportError:
        raise OptionError(
            "服务要另装:pip install 'harassment-detector[api]' (the service is not installed)。"
        ) from None
    settings = Settings.read({"data_dir": args.data_dir, "database_url": args.database_url})
    try:
        settings.data_dir.mkdir(parents=True, mode=0o700, exist_ok=True)
    except OSError as error:
        raise OptionError(
            f"数据文件夹 {settings.data_dir} 不能用:{error.strerror} (cannot use the folder)。"
        ) from None
    database = Database(settings.url)
    database.prepare()
    return KeyStore(database)


def _create(args: argparse.Namespace) -> int:
    made, text = _opened(args).create(args.owner)
    print(f"编号:{made.id}  所有者:{made.owner}")
    print(text)
    print("请现在抄下,之后无法再看到 (shown only once)。")
    return 0


def _list(args: argparse.Namespace) -> int:
    found = _opened(args).list()
    for key in found:
        state = f"已作废 {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "有效"
        print(f"{key.id}  {key.owner}  建于 {key.created_at:%Y-%m-%d}  {state}")
    if not found:
        print("没有密钥;detector keys create 新建一个 (no keys)。")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    _opened(args).revoke(args.id)
    print("已作废 (revoked)。")
    return 0
