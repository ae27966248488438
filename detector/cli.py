"""The command `detector`."""

import argparse
import io
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.batch.command import add_batch_command
from detector.cache_command import add_cache_command
from detector.errors import DetectorError, OptionError
from detector.evidence.command import add_commands as add_evidence_commands
from detector.printable import printable

__all__ = ["main", "scan_options"]

if TYPE_CHECKING:
    from detector.scan import ScanOptions

_ABOUT = """\
从催收电话录音里找出疑似威胁、侮辱、向第三方泄露债务的话,并给出时间点。
录音只在本机处理,不会上传;原始文件只读,不会被改动。结果是机器的怀疑,须由人听录音核对。
(Finds suspected threats, insults and third-party disclosure in recorded collection calls.)
"""
_SCAN_EXAMPLES = """\
例子:
  detector scan 录音.m4a                      在屏幕上看结果
  detector scan 录音.amr -o 报告.html          生成可点击收听的网页
  detector scan *.mp3 -o 结果文件夹/           多个录音,每个一份网页报告
  detector scan 录音.wav --collector left     双声道录音,左声道是催收方
  detector scan 录音.m4a --listener third-party   接电话的是家人或同事
  detector scan 录音.m4a --json > 报告.json
"""
_CLASSIFY_EXAMPLES = """\
例子:
  detector classify 短信.txt                  每行一条,可写成 “催收:……” “我:……”
  detector classify 聊天记录.csv
  detector classify 字幕.srt
  echo 你自己掂量掂量 | detector classify -
  detector classify calls.jsonl --json        每个通话一行 JSON
"""


def _version() -> str:
    try:
        return version("harassment-detector")
    except PackageNotFoundError:
        return "0"


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="类别=数值",
        help="改变某一类的标记线(0 到 1),如 --threshold threat=0.7;类别:threat、insult、"
        "third_party_disclosure",
    )
    parser.add_argument(
        "--listener",
        choices=("auto", "debtor", "third-party"),
        default="auto",
        help="接听的人:debtor 借款人本人(担保人、共同借款人同此),third-party 家人、同事等;"
        "默认由内容推断",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="把结果以 JSON 写到标准输出")


def _add_scan_options(parser: argparse.ArgumentParser) -> None:
    _add_common(parser)
    parser.add_argument(
        "--whisper-model", metavar="名称|文件夹",
        help="识别模型:默认 base(自带),也可给 CTranslate2 文件夹或 faster-whisper 的名称;"
        "也可用环境变量 DETECTOR_WHISPER_MODEL",
    )  # fmt: skip
    parser.add_argument("--beam-size", type=int, default=5, metavar="N", help="搜索宽度,默认 5")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="计算设备"
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="线程数,默认全部核心")
    parser.add_argument(
        "--collector", action="append", default=[], metavar="left|right|A|B",
        help="指定谁是催收方:双声道用 left 或 right,其他用报告里的 A、B ……;可重复",
    )  # fmt: skip
    parser.add_argument(
        "--second-look",
        action="store_true",
        help="重听可疑段落,给出另一种听法:漏报少一些,误报多一些,时间约加倍",
    )
    parser.add_argument(
        "--script", choices=("simplified", "traditional", "as-heard"), default="simplified",
        help="文字用简体、繁体,或保持识别原样",
    )  # fmt: skip
    parser.add_argument(
        "--case", type=Path, metavar="案情.toml", help="案情文件:机构类型、接听人等"
    )
    parser.add_argument("--quiet", action="store_true", help="不显示进度")
    parser.add_argument("-v", "--verbose", action="store_true", help="出错时显示技术细节")


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("detector", description=_ABOUT, formatter_class=plain)
    parser.add_argument("--version", action="version", version=f"detector {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="命令", required=True)

    scan = commands.add_parser(
        "scan", help="分析录音", description="分析一个或多个录音。", epilog=_SCAN_EXAMPLES,
        formatter_class=plain,
    )  # fmt: skip
    scan.add_argument("recordings", nargs="+", type=Path, metavar="录音", help="录音文件,格式不限")
    scan.add_argument(
        "-o", "--output", type=Path, metavar="文件",
        help="写出报告,格式由后缀决定:json html txt srt vtt csv;多个录音时给文件夹",
    )  # fmt: skip
    _add_scan_options(scan)
    _add_json(scan)
    scan.add_argument(
        "--started-at", metavar="时间", help="通话开始时间,如 2026-03-05T22:41:07(默认北京时间)"
    )
    scan.add_argument(
        "--call-log", type=Path, metavar="文件",
        help="运营商或手机导出的通话记录(csv、xlsx),用来确定通话开始时间",
    )  # fmt: skip
    scan.set_defaults(run=_scan)

    classify = commands.add_parser(
        "classify", help="分析文字(短信、聊天记录、字幕、文字稿)",
        description="分析文字:txt、csv、srt、vtt、jsonl,或 - 表示标准输入。",
        epilog=_CLASSIFY_EXAMPLES, formatter_class=plain,
    )  # fmt: skip
    classify.add_argument("files", nargs="+", metavar="文件", help="文字文件,或 -")
    _add_common(classify)
    _add_json(classify)
    classify.add_argument("-v", "--verbose", action="store_true", help="出错时显示技术细节")
    classify.set_defaults(run=_classify)

    models = commands.add_parser("models", help="列出本机的识别模型")
    models.set_defaults(run=_models, verbose=False)

    add_batch_command(commands, _add_scan_options, _options)
    add_evidence_commands(commands)
    add_cache_command(commands)
    for plugin in entry_points(group="detector.commands"):
        plugin.load()(commands)
    return parser


def _thresholds(pairs: Sequence[str]) -> dict[str, float]:
    changed = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        try:
            changed[name.strip()] = float(value)
        except ValueError:
            sign = ""
        if not sign:
            raise OptionError(
                f"--threshold {pair} 应写成 类别=数值,如 threat=0.7 (write CATEGORY=VALUE)。"
            )
    return changed


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _say_error(error: DetectorError, verbose: bool) -> None:
    if verbose:
        traceback.print_exception(error)
    _say(f"错误:{printable(str(error))}")


def _print_json(text: str) -> None:
    """Print JSON that is whole in any encoding: where it is not UTF-8, escaped to ASCII."""
    if (sys.stdout.encoding or "").lower().replace("-", "") != "utf8":
        text = re.sub(r"[^\0-\x7f]", lambda match: json.dumps(match.group())[1:-1], text)
    print(text, end="", flush=True)


def _targets(output: Path | None, recordings: Sequence[Path]) -> list[Path | None]:
    """Return where each recording's report goes."""
    from detector.output import SUFFIXES, check_target

    if output is None:
        return [None] * len(recordings)
    if output.suffix.lower() in SUFFIXES and not os.path.isdir(output):
        if len(recordings) > 1:
            raise OptionError("有多个录音时,-o 请给一个文件夹 (give a folder for several)。")
        targets = [output]
    elif os.path.isdir(output) or not output.suffix or output.suffix[1:].isdigit():  # 2026.11
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(
                f"无法建立文件夹 {output}:{error.strerror};-o 请给文件夹,或带后缀的文件名 "
                "(cannot make the folder)。"
            ) from None
        targets = [output / f"{recording.name}.html" for recording in recordings]
        seen: dict[str, int] = {}  # names that differ in case alone are one on many disks
        for index, target in enumerate(targets):
            name = target.name.casefold()
            number = seen[name] = seen.get(name, 0) + 1
            if number > 1:
                targets[index] = target.with_name(f"{recordings[index].name}.{number}.html")
    else:
        targets = [output]
    for target in targets:
        check_target(target, list(recordings))
    return list(targets)


def scan_options(words: Sequence[str]) -> "ScanOptions":
    """Return the options that the words after `detector scan` mean, recordings left out."""
    return _options(_parser().parse_args(["scan", "recording", *words]))


def _options(args: argparse.Namespace) -> "ScanOptions":
    from detector.case import CaseFacts, read_case
    from detector.scan import ScanOptions
    from detector.started import read_call_log

    log = args.call_log if args.command == "scan" else None  # batch looks calls up by itself
    return ScanOptions(
        whisper_model=args.whisper_model,
        beam_size=args.beam_size,
        device=args.device,
        threads=args.threads,
        collector=tuple(args.collector),
        listener=args.listener,
        started_at=args.started_at,
        thresholds=_thresholds(args.threshold),
        script=args.script,
        second_look=args.second_look,
        case=read_case(args.case) if args.case else CaseFacts(),
        call_log=read_call_log(log) if log else (),
    )


def _scan(args: argparse.Namespace) -> int:
    from detector.kept import forget
    from detector.output import write_report
    from detector.progress import Progress
    from detector.render_text import render_terminal
    from detector.scan import Scanner
    from detector.supervise import begin, skipped

    targets = _targets(args.output, args.recordings)
    scanner = Scanner(_options(args), _say, keep=True)
    failed = 0
    for number, (recording, target) in enumerate(zip(args.recordings, targets, strict=True)):
        if number < skipped():
            continue
        begin(recording.name)
        progress = Progress(recording.name, args.quiet)
        try:
            report = scanner.scan(recording, progress)
            if target is not None:
                write_report(report, target, recording)
        except DetectorError as error:
            progress("done", 0.0, None)
            failed += 1
            _say_error(error, args.verbose)
            continue
        if args.json:
            _print_json(report.to_json())
        elif target is None:
            print(("\n" if number else "") + render_terminal(report, _colour()), end="", flush=True)
        else:
            from detector.render_text import summary_line

            print(f"{summary_line(report)}  → {printable(str(target))}", flush=True)
        forget(report.recording.sha256)
    if failed and len(args.recordings) > 1:
        _say(f"{len(args.recordings)} 个录音中有 {failed} 个没有完成 ({failed} failed)。")
    return 2 if failed else 0


def _classify(args: argparse.Namespace) -> int:
    from detector.classify_text import classify_calls, render_calls
    from detector.messages import read_calls

    thresholds = _thresholds(args.threshold)
    failed = 0
    for name in args.files:
        try:
            calls = read_calls(name, sys.stdin.buffer.read() if name == "-" else None)
            for result in classify_calls(calls, args.listener, thresholds):
                if args.json:
                    _print_json(result.to_json() + "\n")
                else:
                    print(render_calls(result, _colour()), flush=True)
        except DetectorError as error:
            failed += 1
            _say_error(error, args.verbose)
    return 2 if failed else 0


def _models(_args: argparse.Namespace) -> int:
    from detector.whisper_models import present

    for model in present():
        note = "(自带,默认)" if model.name == "base" else ""
        print(
            f"{model.name}{note}\n  {model.folder}\n  {model.bytes / 1e6:.0f} MB  "
            f"SHA-256 {model.sha256}"
        )
    print("其他模型:--whisper-model 后给文件夹,或给名称(本机没有时从 HF_ENDPOINT 下载)。")
    return 0


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.name != "nt"


def _tolerant_streams() -> None:
    """A console that cannot show a character (GBK, ASCII) shows a stand-in, never crashes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="replace" if stream.encoding != "ascii" else "backslashreplace"
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    _tolerant_streams()
    args: Any = _parser().parse_args(argv)
    began = time.time()
    try:
        return int(args.run(args))
    except DetectorError as error:
        _say_error(error, args.verbose)
        return error.exit_code
    except BrokenPipeError:  # the reader has seen enough; nothing is left to write at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        from detector.kept import stopped
        from detector.supervise import is_child

        if not is_child():
            _say(f"\n{stopped(began)}")
        return 130
