"""Running the application on a socket that is already ours."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn

from api.app import create_app
from api.peers import is_loopback
from api.service import Service
from api.settings import Settings

__all__ = ["serve"]


class _Server(uvicorn.Server):
    """Says where it can be reached once it can, and no earlier."""

    said = ""
    stopping: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the address."""
        await super().startup(sockets)
        if self.started:
            print(self.said, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send those home who wait for something, then stop."""
        self.stopping()
        await super().shutdown(sockets)


def _wordless(record: logging.LogRecord) -> bool:
    """Keep what an exception says out of the log: it may hold words of a call."""
    if record.exc_info:
        record.exc_info, record.exc_text = None, None
    return True


def _words(settings: Settings, service: Any, port: int) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    lines = [f"打开 http://{'127.0.0.1' if host in ('0.0.0.0', '[::]') else host}:{port}/"]
    lines.append(f"数据(加密)放在 {settings.data_dir};按 Ctrl-C 停止。")
    if service.store.vault.locked:
        lines.append("还没有给出口令,录音要等解锁后才分析:请设 DETECTOR_PASSPHRASE 再启动。")
    if not is_loopback(settings.host):
        lines.append(
            "其他设备可以连接:需要密钥(detector keys create),并请放在 HTTPS 反向代理后面。"
        )
    return "\n".join(lines)


def _logging(verbose: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.addFilter(_wordless)
    for name in ("detector.api", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
    logging.getLogger("detector.api").setLevel(logging.INFO if verbose else logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def serve(settings: Settings, listening: socket.socket, verbose: bool = False) -> int:
    """Serve until interrupted; returns the exit code.

    Raises:
        DetectorError: the data folder or the database cannot be used.
    """
    try:
        service = Service(settings)
        app = create_app(settings, service)
        _logging(verbose)
        server = _Server(
            uvicorn.Config(
                app, lifespan="on", log_config=None, access_log=False, server_header=False,
                proxy_headers=False, timeout_keep_alive=15, timeout_graceful_shutdown=3,
                h11_max_incomplete_event_size=64 << 10,
            )
        )  # fmt: skip
        server.stopping = app.state.followers.close
        server.said = _words(settings, service, listening.getsockname()[1])
        with suppress(KeyboardInterrupt):  # how it is meant to be stopped
            server.run(sockets=[listening])
        return 0 if server.started else 2
    finally:
        listening.close()
