"""The commands `detector evidence`, `review`, `verify` and `case delete`."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.errors import DetectorError, OptionError
from detector.evidence.review_command import add_review_command

if TYPE_CHECKING:
    from detector.evidence.export import Options, Say
    from detector.evidence.model import Case

__all__ = ["add_commands"]

_EVIDENCE = """\
把录音(或 detector scan 的 JSON 报告)做成律师不装本程序也能打开的案件文件夹:原始录音、
片段、文字整理稿、证据目录、投诉材料、网页报告,并记录保管过程、签名。
只有人工确认的标记进入证据目录;先用 detector review 案件/ 复核,再运行 detector evidence 案件/ 更新。
(Makes a case folder; run again on the folder after review.)
"""
_EVIDENCE_EXAMPLES = """\
例子:
  detector evidence 录音.m4a -o 案件/ --case 案情.toml --zip
  detector evidence 报告.json -o 案件/ --recordings-in 录音文件夹/
  detector evidence 批量结果/ -o 案件/        收入批量结果里有人工确认标记的录音,统一编号
  detector evidence 案件/                     复核之后更新文书,重新签名
  detector evidence 案件/ --redact --mask 张三 另做一份脱敏副本(人工检查后方可外发)
  detector evidence 案件/ --timestamp-request 写出时间戳申请 manifest.tsq
"""
_VERIFY = """\
重新核对案件文件夹的每一个文件、签名、保管记录和时间戳,说明哪些完好、哪些被动过。
退出码:0 完好,1 有问题,2 不是案件文件夹。 (Checks a case folder.)
"""
_LIMITS = "请注意:哈希和签名只能证明自导入以来没有变动,不能证明录音在导入之前的情况。"


def add_commands(commands: Any) -> None:
    """Add the commands of this package to those of `detector`."""
    plain = argparse.RawDescriptionHelpFormatter
    evidence = commands.add_parser(
        "evidence", help="生成案件文件夹(证据材料)", description=_EVIDENCE,
        epilog=_EVIDENCE_EXAMPLES, formatter_class=plain,
    )  # fmt: skip
    evidence.add_argument(
        "sources", nargs="+", type=Path, metavar="录音|报告.json|批量结果|案件文件夹",
        help="录音会先分析;报告要找得到它的录音;detector batch 的结果文件夹则收入有人工确认标记的"
        "录音;案件文件夹则更新",
    )  # fmt: skip
    evidence.add_argument("-o", "--output", type=Path, metavar="案件文件夹", help="新建在哪里")
    evidence.add_argument("--recording", type=Path, metavar="录音", help="报告所分析的录音")
    evidence.add_argument(
        "--recordings-in", type=Path, metavar="文件夹", help="到这里找报告所分析的录音"
    )
    evidence.add_argument(
        "--all", action="store_true", help="批量结果里有标记而还没有人工确认的录音也收入"
    )
    evidence.add_argument(
        "--case", type=Path, metavar="案情.toml", help="案情文件:机构类型、接听人等"
    )
    evidence.add_argument("--by", metavar="姓名", help="制作人;默认为本机用户名")
    evidence.add_argument(
        "--script", choices=("simplified", "traditional"), help="文书用简体或繁体;默认简体"
    )
    evidence.add_argument("--redact", action="store_true", help="另做一份脱敏副本 案件文件夹-脱敏")
    evidence.add_argument(
        "--mask", action="append", default=[], metavar="姓名|地址", help="脱敏时要遮去的词,可重复"
    )
    evidence.add_argument(
        "--timestamp-request", action="store_true", help="写出 RFC 3161 时间戳申请(只含哈希)"
    )
    evidence.add_argument("--zip", action="store_true", help="另做一个压缩包")
    evidence.add_argument("--quiet", action="store_true", help="不显示进度")
    evidence.add_argument("-v", "--verbose", action="store_true", help="出错时显示技术细节")
    evidence.set_defaults(run=_evidence)

    add_review_command(commands)

    verify = commands.add_parser(
        "verify", help="核对案件文件夹是否完好", description=_VERIFY, formatter_class=plain
    )
    verify.add_argument("case", type=Path, metavar="案件文件夹")
    verify.add_argument(
        "--tsa-ca", type=Path, metavar="证书", help="您信任的时间戳机构的根证书(PEM 或 DER)"
    )
    verify.add_argument("--all", action="store_true", help="完好的文件也逐个列出")
    verify.add_argument("-v", "--verbose", action="store_true", help="出错时显示技术细节")
    verify.set_defaults(run=_verify)

    case = commands.add_parser("case", help="管理案件文件夹(删除)")
    actions = case.add_subparsers(dest="case_command", metavar="操作", required=True)
    delete = actions.add_parser(
        "delete", help="删除本程序为案件生成的一切,打印删除回执",
        description="删除案件文件夹、它的压缩包和脱敏副本,打印只含哈希的回执。(Deletes a case.)",
    )  # fmt: skip
    delete.add_argument("case", type=Path, metavar="案件文件夹")
    delete.add_argument("--yes", action="store_true", help="不再询问")
    delete.add_argument("--by", metavar="姓名", help="操作人;默认为本机用户名")
    delete.add_argument("-v", "--verbose", action="store_true", help="出错时显示技术细节")
    delete.set_defaults(run=_delete)


def _actor(given: str | None) -> str:
    from detector.evidence.session import default_name

    name = " ".join((given or default_name()).split())
    if not name:
        raise OptionError("请给出姓名 (--by NAME)。")
    return name


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _silent(_text: str) -> None:
    return None


# ---------------------------------------------------------------- evidence


def _evidence(args: argparse.Namespace) -> int:
    from detector.case import read_case
    from detector.evidence.archive import check_archive, write_archive
    from detector.evidence.export import Options

    if args.mask and not args.redact:
        raise OptionError("--mask 要同 --redact 一起用 (--mask goes with --redact)。")
    options = Options(
        actor=_actor(args.by),
        script=args.script,
        facts=read_case(args.case) if args.case else None,
        timestamp_request=args.timestamp_request,
        redact=args.redact,
        mask=tuple(args.mask),
        zip=args.zip,
    )
    say: Say = _silent if args.quiet else _say
    target = _target(args)
    if args.zip:
        check_archive(target)
    if args.redact:
        from detector.evidence.delete import redacted_folder
        from detector.evidence.redacted_copy import check_redacted

        check_redacted(target)
        if args.zip:
            check_archive(redacted_folder(target))
    case = _build(args, target, options, say)
    lines = _summary(case)
    if args.redact:
        from detector.evidence.redacted_copy import write_redacted

        copy = write_redacted(case, options, say)
        lines.append(f"脱敏副本:{copy}(人工检查后方可外发)")
    if args.zip:
        say("正在压缩")
        lines.append(f"压缩包:{write_archive(target, options.actor)}")
        if args.redact:
            lines.append(f"脱敏副本的压缩包:{write_archive(copy, options.actor)}")
    print("\n".join(lines), flush=True)
    return 0


def _target(args: argparse.Namespace) -> Path:
    from detector.batch.finished import is_batch
    from detector.evidence.manifest import is_case

    first: Path = args.sources[0]
    if len(args.sources) == 1 and first.is_dir() and not is_batch(first):
        if not is_case(first):
            raise OptionError(f"{first} 不是案件文件夹;请给出录音或报告文件 (not a case folder)。")
        if args.output is not None:
            raise OptionError(
                "更新案件文件夹时不用 -o;要另做一份,请自行复制文件夹 (no -o with a case folder)。"
            )
        if args.recording or args.recordings_in or args.all:
            raise OptionError(
                "更新案件文件夹时不用 --recording:录音已在里面 (the recordings are in it)。"
            )
        return Path(os.path.abspath(first))
    if args.output is None:
        raise OptionError("请用 -o 给出案件文件夹,如 -o 案件/ (say where, with -o)。")
    return Path(os.path.abspath(args.output))


def _build(args: argparse.Namespace, target: Path, options: "Options", say: "Say") -> "Case":
    from detector.evidence.build import build_case, update_case

    if args.output is None:
        return update_case(target, options, say)
    from detector.evidence.sources import find_sources

    sources = find_sources(args.sources, args.recording, args.recordings_in, args.all, say)
    scanned: list[str] = []
    case = build_case(sources, target, options, _scanner(options, args.quiet, say, scanned), say)
    from detector.kept import forget

    for sha256 in scanned:
        forget(sha256)
    return case


def _scanner(options: "Options", quiet: bool, say: "Say", scanned: list[str]) -> Any:
    """Return a function that scans; the model is loaded at its first use and then kept.

    The hashes of what it scanned go to `scanned`.
    """
    from detector.case import CaseFacts
    from detector.report import Report

    held: list[Any] = []

    def scan(path: Path, facts: CaseFacts) -> Report:
        from detector.progress import Progress
        from detector.scan import Scanner, ScanOptions

        if not held:
            chosen = ScanOptions(script=options.script or "simplified", case=facts)
            held.append(Scanner(chosen, say, keep=True))
        progress = Progress(path.name, quiet)
        try:
            report: Report = held[0].scan(path, progress)
        except DetectorError:
            progress("done", 0.0, None)
            raise
        scanned.append(report.recording.sha256)
        return report

    return scan


def _summary(case: "Case") -> list[str]:
    from detector.evidence.signing import grouped

    states = [item.reviewed.flag.status for item in case.flags()]
    confirmed, waiting = states.count("confirmed"), states.count("unreviewed")
    lines = [
        f"案件文件夹:{case.folder}",
        f"标记 {len(states)} 条:人工已确认 {confirmed},未复核 {waiting},"
        f"已否定 {states.count('rejected')}",
    ]
    if waiting:
        lines.append(
            f"未复核的只列入附件;请运行 detector review {case.folder} 逐条听过,"
            f"再运行 detector evidence {case.folder} 更新。"
        )
    lines += [
        f"签名公钥指纹:{grouped(case.fingerprint)}",
        "请把指纹另处记下(写在纸上、发给律师),以后核对时比对。",
        _LIMITS,
        f"核对:detector verify {case.folder}",
    ]
    return lines


# ---------------------------------------------------------------- verify, delete


def _verify(args: argparse.Namespace) -> int:
    from detector.evidence.timestamp import read_roots
    from detector.evidence.verify import last_words, verify_case

    roots = read_roots(args.tsa_ca) if args.tsa_ca else []
    found = verify_case(args.case, roots)
    core = ("manifest.", "custody", "public_key", "SHA256SUMS", "original/", "earlier/")
    quiet = 0
    for finding in found.findings:
        if finding.level == "ok" and not args.all and not finding.file.startswith(core):
            quiet += 1
            continue
        mark = {"ok": "完好", "note": "留意", "bad": "有问题"}[finding.level]
        print(f"[{mark}] {finding.file}:{finding.text}")
    if quiet:
        print(f"[完好] 另有 {quiet} 个文件与清单一致(--all 逐个列出)")
    bad = sum(finding.level == "bad" for finding in found.findings)
    if bad:
        print(f"结论:有 {bad} 处问题,案件文件夹已不完整;请与未改动的备份比对。")
    else:
        print("结论:自导入和签名以来,没有发现任何变动。")
    for line in (*last_words(found), _LIMITS):
        print(line)
    return 1 if bad else 0


def _delete(args: argparse.Namespace) -> int:
    from detector.evidence.delete import delete_case
    from detector.evidence.manifest import is_case

    if not args.yes and args.case.is_dir() and is_case(args.case):
        _say(f"将删除 {args.case} 里本程序生成的一切(含原始录音的副本),不能恢复。")
        _say("输入 yes 确认 (type yes):")
        if sys.stdin.readline().strip().lower() not in ("yes", "y", "是"):
            _say("没有删除 (nothing was deleted)。")
            return 1
    receipt = delete_case(args.case, _actor(args.by))
    print(receipt.text(), end="", flush=True)
    if receipt.kept:
        _say(f"留下 {len(receipt.kept)} 个不是本程序生成的文件:{'、'.join(receipt.kept[:5])}")
    _say(
        "交给本程序的录音原件、您另存的报告和备份不在此列,请自行处理;删除不等于擦除存储介质 "
        "(the recording you handed in, and backups, are yours to delete)。"
    )
    return 0
