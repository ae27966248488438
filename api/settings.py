"""What an operator may choose, from the command line, else `DETECTOR_*` variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from detector.errors import OptionError

__all__ = ["Settings"]

_HOME = "harassment-detector"


def _home() -> Path:
    return Path(platformdirs.user_data_dir(_HOME, False)) / "service"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the service is started with.

    Sizes are bytes, times seconds. `workers` and `threads` 0 mean: as the machine has them.
    `uploads_per_minute` is per owner; `min_free_bytes` is what uploads leave on the disk.
    """

    data_dir: Path = field(default_factory=_home)
    database_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8666
    workers: int = 0
    threads: int = 0
    engine: str = "local"
    ray_address: str | None = None
    whisper_model: str | None = None
    max_bytes: int = 2 << 30
    max_seconds: float = 36_000.0
    queue_limit: int = 1000
    uploads_per_minute: int = 600
    retention_days: int | None = None
    passphrase: str | None = field(default=None, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    language: str = "zh"
    min_free_bytes: int = 256 << 20
    task: str = "api.tasks:load"
    """What workers load; tests put a quick one here."""

    @property
    def url(self) -> str:
        """The database's address; an SQLite file in the data folder unless another is named."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir / 'detector.db'}"
        for plain in ("postgresql://", "postgres://"):
            if self.database_url.startswith(plain):
                return "postgresql+pg8000://" + self.database_url.removeprefix(plain)
        return self.database_url

    def check(self) -> None:
        """Raise OptionError for what cannot be."""
        if self.engine not in ("local", "ray"):
            raise OptionError("--engine 应为 local 或 ray (local or ray)。")
        if not self.url.startswith(("sqlite:///", "postgresql+pg8000://")):
            raise OptionError(
                "--database-url 应以 sqlite:/// 或 postgresql:// 开头 (SQLite or PostgreSQL)。"
            )
        for name, least in (
            ("workers", 0), ("threads", 0), ("max_bytes", 1), ("max_seconds", 1),
            ("queue_limit", 1), ("uploads_per_minute", 1), ("port", 0),
        ):  # fmt: skip
            if getattr(self, name) < least:
                option = "--" + name.replace("_", "-")
                raise OptionError(f"{option} 应不小于 {least} (at least {least})。")
        if self.retention_days is not None and self.retention_days < 1:
            raise OptionError("--retention-days 应不小于 1 (at least 1)。")
        if self.passphrase is not None and len(self.passphrase) < 8:
            raise OptionError("口令至少 8 个字符 (a passphrase has at least 8 characters)。")

    @classmethod
    def read(
        cls, given: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
    ) -> "Settings":
        """Return settings: what is `given` (None is not), else the environment, else the default.

        `DETECTOR_PASSPHRASE_FILE` names a file that holds the passphrase. Secrets are taken out
        of the environment of this process once they are read.

        Raises:
            OptionError: a value cannot be used.
        """
        own = environment is None
        environment = dict(os.environ) if environment is None else environment
        values: dict[str, Any] = {}
        for one in fields(cls):
            if given and given.get(one.name) is not None:
                values[one.name] = given[one.name]
            elif text := environment.get("DETECTOR_" + one.name.upper()):
                values[one.name] = _value(one.name, text)
        secret = environment.get("DETECTOR_PASSPHRASE_FILE")
        if "passphrase" not in values and secret:
            try:
                values["passphrase"] = Path(secret).read_text("utf-8").strip("\r\n")
            except (OSError, ValueError) as error:
                raise OptionError(f"无法读取口令文件:{error} (cannot read passphrase)。") from None
        if "data_dir" in values:
            values["data_dir"] = Path(values["data_dir"]).absolute()
        if own:  # workers inherit what stands there, and are to have no secrets
            for name in ("PASSPHRASE", "DATABASE_URL"):
                os.environ.pop("DETECTOR_" + name, None)
        made = cls(**values)
        made.check()
        return made


_WHOLE = (
    "port", "workers", "threads", "max_bytes", "queue_limit", "uploads_per_minute",
    "retention_days", "min_free_bytes",
)  # fmt: skip


def _value(name: str, text: str) -> Any:
    try:
        if name in _WHOLE:
            return int(text)
        if name == "max_seconds":
            return float(text)
    except ValueError:
        raise OptionError(
            f"环境变量 DETECTOR_{name.upper()} 应为数字,现为 {text!r} (not a number)。"
        ) from None
    if name == "allowed_hosts":
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text
