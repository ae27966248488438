"""`detector batch FOLDER -o OUT/`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from detector.errors import OptionError

if TYPE_CHECKING:
    from detector.batch.run import MakeEngine, Ran, Share
    from detector.scan import ScanOptions

__all__ = ["add_batch_command"]

_EXAMPLES = """\
例子:
  detector batch 录音文件夹 -o 结果/
  detector batch 录音文件夹 -o 结果/ --call-log 通话详单.xlsx
再运行同一命令会从中断的地方继续;已完成的录音不会重复分析。
"""
_JURISDICTIONS = ("cn", "us", "none")


def add_batch_command(
    commands: Any,
    add_scan_options: Callable[[argparse.ArgumentParser], None],
    options: Callable[[argparse.Namespace], "ScanOptions"],
) -> None:
    """Register the command; the two functions give it the options of `detector scan`."""
    batch = commands.add_parser(
        "batch",
        help="分析整个文件夹的录音,可中断后继续",
        description="找出文件夹(含子文件夹)里的全部录音,逐个分析,写出报告和汇总。",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    batch.add_argument("folder", type=Path, metavar="文件夹", help="录音所在的文件夹")
    batch.add_argument(
        "-o", "--output", type=Path, required=True, metavar="文件夹", help="结果文件夹"
    )
    batch.add_argument(
        "--workers", type=int, metavar="N", help="同时分析几个录音,默认按核心数和内存决定"
    )
    batch.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="local 本机,ray 集群"
    )
    batch.add_argument("--ray-address", metavar="地址", help="Ray 集群的地址")
    batch.add_argument(
        "--call-log", type=Path, action="append", default=[], metavar="文件",
        help="通话记录(运营商或手机导出的 csv、xlsx),用来确定每个录音的时间和号码;可重复",
    )  # fmt: skip
    batch.add_argument(
        "--jurisdiction", choices=_JURISDICTIONS, default="cn",
        help="按哪里的规定核对次数和时段:cn 中国大陆(默认)、us 美国、none 只列次数",
    )  # fmt: skip
    batch.add_argument(
        "--time-zone", default="Asia/Shanghai", metavar="时区",
        help="文件名和通话记录里的时间属于哪个时区,默认 Asia/Shanghai",
    )  # fmt: skip
    batch.add_argument("--no-html", action="store_true", help="不写每个录音的网页报告")
    batch.add_argument(
        "--join-messages", action="store_true",
        help="同一文件夹里的微信、QQ 语音(SILK)按顺序连成一段对话来分析",
    )  # fmt: skip
    add_scan_options(batch)

    def run(args: argparse.Namespace) -> int:
        return _batch(args, options(args))

    batch.set_defaults(run=run, json=False, started_at=None)


def _engine(name: str, address: str | None) -> "tuple[MakeEngine, Share]":
    from detector.batch.run import local_engine
    from detector.jobs import share

    if name == "local":
        if address:
            raise OptionError("--ray-address 只能和 --engine ray 一起用 (needs --engine ray)。")
        return local_engine, share
    try:
        from detector.batch.ray_engine import ray_engine, ray_share
    except ImportError:
        raise OptionError(
            "--engine ray 需要另装:pip install 'harassment-detector[ray]' (Ray is not installed)。"
        ) from None
    return ray_engine(address), ray_share


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OptionError(
            f"不认识的时区 {name},请写成 Asia/Shanghai 的样子 (unknown time zone)。"
        ) from None


def _batch(args: argparse.Namespace, scan: "ScanOptions") -> int:
    from detector.batch import run
    from detector.batch.show import Show

    if args.workers is not None and not 1 <= args.workers <= 1024:
        raise OptionError("--workers 应为 1 到 1024 (between 1 and 1024)。")
    show = Show(args.quiet)
    if scan.case.started_at:
        show.say(
            "案情文件里的 started_at 只适用于一个录音,已忽略 (ignored for a folder);"
            "每个录音的时间取自通话记录、文件名或文件本身。"
        )
    make_engine, share = _engine(args.engine, args.ray_address)
    ran = run.run_batch(
        run.Batch(
            folder=args.folder,
            out=args.output,
            scan=scan,
            workers=args.workers,
            html=not args.no_html,
            call_log=tuple(args.call_log),
            join_messages=args.join_messages,
            jurisdiction=args.jurisdiction,
            tz=_zone(args.time_zone),
            make_engine=make_engine,
            share=share,
            task=run.TASK,
        ),
        show,
    )
    _say(ran, args)
    return 1 if ran.summary["failures"] else 0


def _say(ran: "Ran", args: argparse.Namespace) -> None:
    totals, failures = ran.summary["totals"], ran.summary["failures"]
    for failure in failures[:20]:
        print(f"没有完成:{_plain(failure['file'])}  {failure['reason']}", file=sys.stderr)
    if len(failures) > 20:
        print(f"…… 共 {len(failures)} 个,见汇总 (see the summary)", file=sys.stderr)
    if ran.summary["help_line"]:
        from detector.render_text import HELP_LINE

        print(HELP_LINE)
    parts = [
        f"{totals['recordings']} 个录音,{totals['calls']} 通电话",
        f"本次分析 {ran.scanned} 个,沿用 {ran.kept} 个",
        f"有疑似内容的 {totals['calls_with_flags']} 通",
    ]
    if ran.peak_bytes:
        parts.append(f"每个进程内存最多 {ran.peak_bytes / 1e6:.0f} MB")
    if failures:
        parts.append(f"没有完成 {len(failures)} 个")
    print(f"{';'.join(parts)}  → {args.output / 'summary.html'}", flush=True)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
