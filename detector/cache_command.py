"""The command `detector cache`: what this program keeps in the user's cache, and its deletion."""

import argparse
import sys
from typing import Any

__all__ = ["add_cache_command"]

_ABOUT = """\
列出或删除本程序暂存在本机的东西:没有做完的长录音的转写文字(scan 中断后从这里接着做,
报告写好即自动删除,30 天没有接着做也会删除),以及自带识别模型的副本。
(Lists or deletes partial transcripts of long recordings, kept until their report is written.)
"""


def add_cache_command(commands: Any) -> None:
    """Add the command to those of `detector`."""
    plain = argparse.RawDescriptionHelpFormatter
    cache = commands.add_parser(
        "cache", help="查看或删除暂存的转写文字", description=_ABOUT, formatter_class=plain
    )
    cache.add_argument(
        "action", nargs="?", choices=("list", "clear"), default="list",
        help="list 列出(默认),clear 删除全部暂存的转写文字",
    )  # fmt: skip
    cache.set_defaults(run=_cache, verbose=False)


def _cache(args: argparse.Namespace) -> int:
    import datetime as dt

    from detector.kept import clear, kept
    from detector.printable import printable
    from detector.render_text import clock
    from detector.whisper_models import cache_folder

    if args.action == "clear":
        gone, left = clear(), len(kept())
        print(f"已删除 {gone} 份暂存的转写文字。")
        if left:
            print(f"还有 {left} 份无法删除,请检查权限 (cannot be deleted)。", file=sys.stderr)
        return 2 if left else 0
    print(f"位置:{cache_folder()}")
    found = kept()
    if not found:
        print("没有暂存的转写文字。")
    for one in found:
        whole = f"/{clock(one.duration_s, 0)}" if one.duration_s else ""
        when = dt.datetime.fromtimestamp(one.changed).strftime("%Y-%m-%d %H:%M")
        print(
            f"{printable(one.name)}  已转写到 {clock(one.until_s, 0)}{whole}  {when}  "
            f"{one.bytes / 1e3:.0f} KB  SHA-256 {one.sha256[:16]}…"
        )
    if found:
        print("再次运行 detector scan(同样的录音和选项)会接着做;detector cache clear 全部删除。")
    return 0
