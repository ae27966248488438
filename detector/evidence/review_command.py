"""The command `detector review`: people decide on what the machine found."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.errors import OptionError

if TYPE_CHECKING:
    from detector.evidence.material import Material
    from detector.evidence.session import Session

__all__ = ["add_review_command"]

_ABOUT = """\
逐条复核机器的标记:显示前后文、播放片段,由人确认或否定;也可改正文字、说话人,补加漏掉的标记。
每个决定立即保存(谁、何时、决定了什么),机器的原报告不变。
(Review flags: confirm, reject, correct, add; every decision is kept at once.)
"""
_EXAMPLES = """\
例子:
  detector review 案件/                       逐条复核(未复核的)
  detector review 报告.json                   没有案件文件夹时,直接复核报告
  detector review 案件/ --transcript          逐句校对整份文字稿
  detector review 案件/ --list                列出所有标记和状态
  detector review 案件/ --confirm F1 F2 --reject F3 --note 是借款人在说 --by 王律师
  detector review 案件/ --correct U5 "改正后的文字" --speaker U6 B --role A debtor
  detector review 案件/ --add U12 --category insult --subtype mockery
  detector review 案件/ --export calls.jsonl  导出为训练数据(models.train --extra)
有几个录音时,编号前加录音号:2-F3、2-U5、2-A。
"""


def add_review_command(commands: Any) -> None:
    """Add `review` to the sub-commands of the command line."""
    from detector.labels import SUBTYPES

    review = commands.add_parser(
        "review",
        help="人工复核标记、校对文字稿",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    review.add_argument("path", type=Path, metavar="案件文件夹|报告.json")
    review.add_argument("--by", metavar="姓名", help="复核人;默认为本机用户名")
    shown = review.add_argument_group("看和听")
    shown.add_argument("--list", action="store_true", help="列出标记,不复核")
    shown.add_argument("--all", action="store_true", help="已复核的也再看一遍")
    shown.add_argument("--transcript", action="store_true", help="逐句校对文字稿")
    shown.add_argument("--no-play", action="store_true", help="不播放声音")
    made = review.add_argument_group("直接写出决定(不进入问答)")
    for action, name in (("confirm", "确认"), ("reject", "否定"), ("reopen", "退回未复核")):
        made.add_argument(
            f"--{action}", nargs="+", action="extend", default=[], metavar="F1", help=f"{name}标记"
        )
    made.add_argument(
        "--correct", nargs=2, action="append", default=[], metavar=("U5", "文字"), help="改正文字"
    )
    made.add_argument(
        "--speaker", nargs=2, action="append", default=[], metavar=("U5", "B"), help="改说话人"
    )
    made.add_argument(
        "--role", nargs=2, action="append", default=[], metavar=("A", "debtor"),
        help="改身份:collector 催收方、debtor 借款人、third_party 第三方、unknown 不明",
    )  # fmt: skip
    made.add_argument("--add", nargs="+", metavar="U12", help="给这些话语加一个标记")
    made.add_argument("--category", choices=tuple(SUBTYPES), help="--add 的类别")
    made.add_argument("--subtype", metavar="子类", help="--add 的子类,如 mockery")
    made.add_argument("--note", default="", metavar="理由", help="记在这些决定上")
    export = review.add_argument_group("导出为训练数据")
    export.add_argument("--export", type=Path, metavar="文件.jsonl")
    export.add_argument(
        "--partial", action="store_true", help="标记没有全部复核的通话也导出(未复核的句子略去)"
    )
    review.add_argument("-v", "--verbose", action="store_true", help="出错时显示技术细节")
    review.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.evidence.material import open_material

    materials = open_material(args.path)
    decided = _decisions(args, materials)
    if args.export is not None and (decided or args.list or args.transcript):
        raise OptionError("--export 请单独使用 (use --export alone)。")
    if decided:
        return _write(args, materials, decided)
    if args.list:
        _print_list(materials)
        return 0
    if args.export is not None:
        from detector.evidence.corpus_export import export_calls

        for line in export_calls(materials, args.export, args.partial):
            print(line)
        return 0
    return _interactive(args, materials)


Wanted = tuple["Material", str, str, dict[str, Any]]
"""Report, action, target and value of a decision still to be made."""


def _decisions(args: argparse.Namespace, materials: Sequence["Material"]) -> list[Wanted]:
    """Return the decisions that the options ask for."""
    from detector.evidence.material import find_target
    from detector.evidence.session import role_of

    wanted: list[Wanted] = []
    for written, text in args.correct:
        wanted.append((*_at(find_target(materials, written), "correct"), {"text": text}))
    for written, name in args.speaker:
        value = {"speaker": name.strip().upper()}
        wanted.append((*_at(find_target(materials, written), "speaker"), value))
    for written, role in args.role:
        value = {"role": role_of(role)}
        wanted.append((*_at(find_target(materials, written), "role"), value))
    for action in ("confirm", "reject", "reopen"):
        for written in getattr(args, action):
            wanted.append((*_at(find_target(materials, written), action), {}))
    if args.add:
        found = [find_target(materials, written) for written in args.add]
        if not args.category:
            raise OptionError("--add 还要给出 --category (which category?)。")
        if len({material.path for material, _ in found}) > 1:
            raise OptionError("一个标记只能在一个录音里 (a flag lies in one recording)。")
        value = {"category": args.category, "utterance_ids": [target for _, target in found]}
        if args.subtype:
            value["subtype"] = args.subtype
        wanted.append((found[0][0], "add", "", value))
    elif args.category or args.subtype:
        raise OptionError("--category 和 --subtype 要同 --add 一起用 (only with --add)。")
    if args.note and not wanted:
        raise OptionError("--note 要同 --confirm、--reject 等一起用 (only with a decision)。")
    return wanted


def _at(found: tuple["Material", str], action: str) -> tuple["Material", str, str]:
    return found[0], action, found[1]


def _write(
    args: argparse.Namespace, materials: Sequence["Material"], decided: Sequence[Wanted]
) -> int:
    """Check all decisions, then keep them: one that cannot be leaves none of them made."""
    from detector.evidence.decisions import make_decision, read_decisions
    from detector.evidence.review import state_of

    session = _session(args, args.by or _name())
    known = {material.path: list(read_decisions(material.path)) for material in materials}
    for material, action, target, value in decided:
        known[material.path].append(
            make_decision(
                material.report, action, target, value, by=session.by, note=args.note,
                known=known[material.path],
            )
        )  # fmt: skip
    for material, action, target, value in decided:
        made = session.decide(material, action, target, value, args.note)
        print(state_of(material, made))
    print("\n".join(session.summary(materials)))
    return 0


def _print_list(materials: Sequence["Material"]) -> None:
    from detector.evidence.review import list_lines

    for material in materials:
        print("\n".join(list_lines(material)))


def _name() -> str:
    from detector.evidence.session import default_name

    return default_name()


def _session(args: argparse.Namespace, by: str) -> "Session":
    from detector.evidence.player import play
    from detector.evidence.session import Session

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.name != "nt"
    mute = args.no_play
    return Session(
        by, _ask, lambda text: print(text, flush=True), lambda p: not mute and play(p), colour
    )


def _ask(prompt: str, begin: str) -> str:
    """Ask on the terminal; where it can, with the text to begin with already typed in."""
    try:
        import readline
    except ImportError:  # Windows: the line is typed anew
        return input(prompt)
    readline.set_startup_hook(lambda: readline.insert_text(begin))
    try:
        return input(prompt)
    finally:
        readline.set_startup_hook(None)


def _interactive(args: argparse.Namespace, materials: Sequence["Material"]) -> int:
    from detector.evidence.review import proofread, walk

    session = _session(args, args.by or "")
    code = 0
    try:
        if not session.by:
            usual = _name()
            session.by = _ask(f"复核人姓名(空={usual or '不行'}):", "").strip() or usual
            if not session.by:
                raise OptionError("请给出复核人姓名 (--by NAME)。")
        if args.transcript:
            proofread(session, materials)
        else:
            walk(session, materials, args.all)
    except EOFError:
        print()
    except KeyboardInterrupt:
        print("\n已中止。")
        code = 130
    print("\n".join(session.summary(materials)))
    return code
