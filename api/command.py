"""`detector serve`: the service and its page, on this machine alone unless told otherwise.

Nothing heavy is imported here at module level: every call of `detector` loads this module.
"""

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

__all__ = ["add", "add_serve_options"]

_EXAMPLES = """\
例子:
  detector serve                                  打开网页服务,只有本机能用
  detector serve --port 8100 --retention-days 90  换端口;九十天后自动删除
  detector keys create 张律师                      建一把密钥(让别的设备使用前需要)
  detector serve --host 0.0.0.0                   家里其他设备也能用(需密钥,并请用 HTTPS)
每个选项也可用环境变量给出,如 DETECTOR_PORT=8100、DETECTOR_DATA_DIR=/srv/detector;
口令只从环境变量 DETECTOR_PASSPHRASE 或 --passphrase-file 取,不写在命令行里。
"""


def add(commands: Any) -> None:
    """Add `serve` to the subparsers of `detector`."""
    parser = commands.add_parser(
        "serve",
        help="打开网页和接口(浏览器里上传录音、看结果、复核、下载证据包)",
        description="在本机打开网页和接口。默认只有这台机器上的您自己能访问。",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_serve_options(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="出错时显示技术细节")
    parser.set_defaults(run=_serve)


def add_serve_options(parser: Any) -> None:
    """Add the options; each that is not given is looked up as DETECTOR_* or has its default."""
    option = parser.add_argument
    option("--host", metavar="地址", help="监听的地址,默认 127.0.0.1(只有本机)")
    option("--port", metavar="端口", help="端口,默认 8666;0 表示任选一个空闲端口")
    option("--data-dir", metavar="文件夹", help="加密的录音、报告和数据库放在哪里")
    option("--database-url", metavar="URL", help="数据库,默认数据文件夹里的 SQLite;可用 PostgreSQL")
    option("--workers", metavar="N", help="同时分析几个录音,默认按核心和内存")
    option("--threads", metavar="N", help="每个分析进程的线程数")
    option("--engine", metavar="local|ray", help="在本机分析,或交给 Ray 集群")
    option("--ray-address", metavar="地址", help="Ray 集群的地址")
    option("--max-bytes", metavar="字节", help="单个录音的大小上限,默认 2 GiB")
    option("--max-seconds", metavar="秒", help="单个录音的时长上限,默认 10 小时")
    option("--queue-limit", metavar="N", help="排队的录音最多几个,默认 1000")
    option("--uploads-per-minute", metavar="N", help="每人每分钟最多上传几个,默认 600")
    option("--retention-days", metavar="天", help="多少天后自动删除;默认不自动删除")
    option("--passphrase-file", metavar="文件", help="口令文件;口令保护全部录音的密钥")
    option(
        "--allowed-host", action="append", dest="allowed_hosts", metavar="主机名",
        help="允许的主机名(放在反向代理后面时写外面看到的名字);可重复",
    )  # fmt: skip
    option("--language", metavar="zh|en", help="网页起初的语言,默认 zh")


def _serve(args: argparse.Namespace) -> int:
    from detector.errors import OptionError

    try:
        import uvicorn  # noqa: F401

        import api.settings
    except ModuleNotFoundError as error:
        raise OptionError(
            f"没有安装网页服务所需的 {error.name};请运行 pip install 'harassment-detector[api]' "
            "(the extra [api] is not installed)。"
        ) from None
    settings = api.settings.Settings.read(_given(args))
    listening = _listen(settings.host, settings.port)
    from api.serving import serve

    return serve(settings, listening, args.verbose)


_WHOLE = (
    "port", "workers", "threads", "max_bytes", "queue_limit", "uploads_per_minute",
    "retention_days",
)  # fmt: skip
_OTHER = ("host", "data_dir", "database_url", "engine", "ray_address", "language")


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that stand on the command line.

    Raises:
        OptionError: a number is none, the port cannot be, or the passphrase cannot be read.
    """
    from pathlib import Path

    from detector.errors import OptionError

    given: dict[str, Any] = {name: getattr(args, name) for name in _OTHER}
    for name in (*_WHOLE, "max_seconds"):
        text = getattr(args, name)
        try:
            given[name] = None if text is None else int(text)
        except ValueError:
            option = "--" + name.replace("_", "-")
            raise OptionError(f"{option} 应为整数,现为 {text!r} (not a whole number)。") from None
    if given["port"] is not None and not 0 <= given["port"] <= 65535:
        raise OptionError("--port 应在 0 到 65535 之间 (between 0 and 65535)。")
    if given["language"] not in (None, "zh", "en"):
        raise OptionError("--language 应为 zh 或 en (zh or en)。")
    if args.allowed_hosts:
        given["allowed_hosts"] = tuple(args.allowed_hosts)
    if args.passphrase_file:
        try:
            given["passphrase"] = Path(args.passphrase_file).read_text("utf-8").strip("\r\n")
        except (OSError, ValueError) as error:
            raise OptionError(f"无法读取口令文件:{error} (cannot read passphrase)。") from None
    return given


def _listen(host: str, port: int) -> "socket.socket":
    """Take the port before anything slow is done, so that a taken one is told at once.

    Raises:
        OptionError: the address is not of this machine, or the port is taken or not allowed.
    """
    import errno
    import socket

    from detector.errors import OptionError

    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise OptionError(f"--host {host} 不是可用的地址 (not an address)。") from None
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let two servers share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise OptionError(
                f"端口 {port} 已被占用;detector serve 可能已在运行,否则请用 --port 换一个 "
                "(port taken)。"
            ) from None
        if error.errno == errno.EACCES:
            raise OptionError(
                f"没有权限使用端口 {port},请用 1024 以上的端口 (port not permitted)。"
            ) from None
        raise OptionError(
            f"--host {host} 不是这台机器的地址:{error.strerror} (cannot listen there)。"
        ) from None
    return listening
