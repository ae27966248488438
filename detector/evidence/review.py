"""Walking through the flags of a report, or through every utterance, in the terminal.

Each answer is kept at once; leaving at any moment loses nothing.
"""

import unicodedata
from collections.abc import Sequence

from detector.errors import OptionError
from detector.evidence.decisions import (
    Decision,
    Reviewed,
    ReviewedFlag,
    ReviewedUtterance,
)
from detector.evidence.material import Material
from detector.evidence.session import Session, plain
from detector.labels import CATEGORY_NAMES, ROLE_NAMES, SUBTYPE_NAMES
from detector.render_text import DECISIONS, HELP_LINE, clock
from detector.report import Flag

__all__ = ["STATES", "flag_names", "list_lines", "marked", "proofread", "state_of", "walk"]

STATES = {"unreviewed": "未复核", "confirmed": "已确认", "rejected": "已否定"}
CONTEXT = 2
_PROMPT = "[y 确认 / n 不是 / t 改文字 / s 改说话人 / p 再听 / u 退回未复核 / b 上一条 / 空=跳过 / q 结束] "  # noqa: E501
_HINT = "  (y、n 后可接一句理由,如 n 是借款人在骂)"
_LINE_PROMPT = (
    "[空=下一句 / t 改文字 / s 改说话人 / p 听 / a 加标记 / b 上一句 / U12 跳到 / q 结束] "
)
_WORDS = {
    "是": "y", "对": "y", "确认": "y", "yes": "y", "不是": "n", "不对": "n", "否": "n", "no": "n",
    "结束": "q", "退出": "q", "quit": "q", "exit": "q", "跳过": "",
}  # fmt: skip
_RED, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[1m", "\x1b[0m"


def flag_names(flag: Flag) -> str:
    """Return category and sub-type as they are shown: always only suspected."""
    chinese, english = CATEGORY_NAMES[flag.category]
    sub = SUBTYPE_NAMES.get(flag.subtype, (flag.subtype, flag.subtype))
    return f"疑似{chinese} ({english}) · {sub[0]} ({sub[1]})"


def marked(flag: Flag, before: str = "【", after: str = "】") -> str:
    """Return the quote as heard, with its telling parts between two signs."""
    return _mark(flag.quote, [(s.start, s.end) for s in flag.why], before, after)


def _mark(text: str, spans: list[tuple[int, int]], before: str, after: str) -> str:
    out, at = "", 0
    for first, last in sorted(spans):
        start, end = max(first, at), min(last, len(text))
        if start < end:
            out += plain(text[at:start]) + before + plain(text[start:end]) + after
            at = end
    return out + plain(text[at:])


def _split(answer: str) -> tuple[str, str]:
    """Return the letter of an answer and what stands after it."""
    answer = answer.strip()
    first, _, rest = answer.partition(" ")
    word = unicodedata.normalize("NFKC", first).lower()
    return _WORDS.get(word, word), rest.strip()


def walk(session: Session, materials: Sequence[Material], everything: bool = False) -> None:
    """Show flag after flag and keep what is decided on each.

    Without `everything`, only flags that nobody has decided on.

    Raises:
        EOFError, KeyboardInterrupt: the person left; all decisions were kept.
        OutputError: a decision cannot be written.
    """
    flags = [
        (material, flag.flag.id)
        for material in materials
        for flag in material.reviewed().flags
        if everything or flag.flag.status == "unreviewed"
    ]
    at = 0
    if not flags:
        session.show("没有要复核的标记;--all 可重看已复核的,--transcript 可校对文字稿。")
    if any(_find(m.reviewed(), f).flag.subtype == "self_harm" for m, f in flags):
        session.show(HELP_LINE)
    while at < len(flags):
        material, flag_id = flags[at]
        step = _one_flag(session, material, flag_id, f"第 {at + 1} 条,共 {len(flags)} 条")
        if step is None:
            return
        at = max(0, at + step)


def _find(reviewed: Reviewed, flag_id: str) -> ReviewedFlag:
    return next(flag for flag in reviewed.flags if flag.flag.id == flag_id)


def _one_flag(session: Session, material: Material, flag_id: str, place: str) -> int | None:
    """Show one flag until it is left; return how far to go, None to end."""
    shown = played = False
    while True:
        reviewed = material.reviewed()
        item = _find(reviewed, flag_id)
        if not shown:
            session.show("\n".join(_flag_lines(session, material, reviewed, item, place)))
            if session.files == {} and place.startswith("第 1 "):
                session.show(_HINT)
        if not played:
            session.listen(material, item.flag.start_s, item.flag.end_s, flag_id)
        shown = played = True
        letter, rest = _split(session.ask(_PROMPT, ""))
        try:
            if letter == "":
                return 1
            if letter == "q":
                return None
            if letter == "b":
                return -1
            if letter in ("y", "n"):
                action, done = ("confirm", "已确认") if letter == "y" else ("reject", "已否定")
                session.decide(material, action, flag_id, note=rest)
                session.show(f"  {material.name(flag_id)} {done}。")
                return 1
            if letter == "u":
                if item.flag.status == "unreviewed":
                    session.show("  这一条本来就未复核。")
                else:
                    session.decide(material, "reopen", flag_id, note=rest)
                    session.show(f"  {material.name(flag_id)} 已退回未复核。")
            elif letter == "p":
                session.listen(material, item.flag.start_s, item.flag.end_s, flag_id)
            elif letter in ("t", "s"):
                mine = _pick(session, _said(reviewed, item))
                change = session.change_text if letter == "t" else session.change_speaker
                shown = mine is None or not change(material, mine, rest)
            else:
                session.show("  请输入方括号里的一个字母 (one of the letters)。")
        except OptionError as error:
            session.show(f"  {error}")


def _said(reviewed: Reviewed, item: ReviewedFlag) -> list[ReviewedUtterance]:
    return [u for u in reviewed.utterances if u.utterance.id in item.flag.utterance_ids]


def _pick(session: Session, mine: Sequence[ReviewedUtterance]) -> ReviewedUtterance | None:
    """Ask which of a flag's utterances is meant, where it has several."""
    if len(mine) < 2:
        return mine[0] if mine else None
    names = [u.utterance.id for u in mine]
    answer = session.ask(f"  哪一句?{'、'.join(names)}(空=不改):", "")
    wanted = unicodedata.normalize("NFKC", answer).strip().upper()
    if not wanted:
        return None
    if wanted not in names:
        raise OptionError(f"应为 {'、'.join(names)} 之一 (one of these)。")
    return mine[names.index(wanted)]


def _flag_lines(
    session: Session, material: Material, reviewed: Reviewed, item: ReviewedFlag, place: str
) -> list[str]:
    flag = item.flag
    bold, plain_ = (_BOLD, _PLAIN) if session.colour else ("", "")
    signs = (_RED, _PLAIN) if session.colour else ("【", "】")
    origin = "人工添加" if flag.origin == "human" else DECISIONS[flag.decision]
    score = "" if flag.origin == "human" else f"  分数 {flag.score:.2f}"
    lines = [
        "",
        f"{bold}── {material.name(flag.id)}  {place}  {flag_names(flag)}{plain_}",
        f"   {clock(flag.start_s)}–{clock(flag.end_s)}  说话人 {flag.speaker}"
        f"({ROLE_NAMES[flag.role][0]}){score}  {origin}  {state_line(item)}",
    ]
    mine = {u.utterance.id for u in _said(reviewed, item)}
    places = [n for n, u in enumerate(reviewed.utterances) if u.utterance.id in mine]
    if not places:
        return [*lines, f"   “{marked(flag, *signs)}”"]
    offset = 0
    whole = flag.quote == "".join(
        u.utterance.text for u in reviewed.utterances if u.utterance.id in mine
    )
    for n in range(max(0, places[0] - CONTEXT), places[-1] + CONTEXT + 1):
        if n >= len(reviewed.utterances):
            break
        u = reviewed.utterances[n]
        if u.utterance.id not in mine:
            lines.append(session.line(u))
            continue
        spans = [(s.start - offset, s.end - offset) for s in flag.why] if whole else []
        offset += len(u.utterance.text)
        text = plain(u.text) if u.corrected else _mark(u.text, spans, *signs)
        lines.append(session.line(u, f"“{text}”", "▶ "))
    readings = [f"{plain(s.text)}={plain(s.reading)}" for s in flag.why if s.reading]
    if readings:
        lines.append(f"   读音相近:{';'.join(readings)}")
    if flag.note:
        lines.append(f"   提示:{plain(flag.note)}")
    return lines


def state_line(item: ReviewedFlag) -> str:
    """Return a flag's state, and who decided it when."""
    made = item.decision
    if made is None:
        return STATES["unreviewed"]
    note = f":{plain(made.note)}" if made.note else ""
    return f"{STATES[item.flag.status]}({plain(made.by)},{plain(made.at)}{note})"


def list_lines(material: Material) -> list[str]:
    """Return all flags of a report with their states, one or two lines each."""
    reviewed = material.reviewed()
    facts = material.report.recording
    lines = [f"录音 {material.number}:{plain(facts.file)}  时长 {clock(facts.duration_s)}"]
    for item in reviewed.flags:
        flag = item.flag
        lines += [
            f"{material.name(flag.id):<5} {clock(flag.start_s)}–{clock(flag.end_s)}  "
            f"{flag_names(flag)}  {flag.speaker}({ROLE_NAMES[flag.role][0]})  {state_line(item)}",
            f"      “{plain(item.quote)}”" + ("(文字经人工改正)" if item.corrected else ""),
        ]
    return lines if reviewed.flags else [*lines, "没有标记。"]


def state_of(material: Material, made: Decision) -> str:
    """Return a decision that was just made, as one line."""
    name, value = material.name(made.target), made.value
    if made.action == "correct":
        return f"{name} 的文字已改为:{plain(value['text'])}"
    if made.action == "speaker":
        return f"{name} 的说话人已改为 {value['speaker']}。"
    if made.action == "role":
        return f"{name} 的身份已改为 {ROLE_NAMES[value['role']][0]}。"
    item = _find(material.reviewed(), made.target)
    state = "人工添加,视为已确认" if made.action == "add" else STATES[item.flag.status]
    return f"{name} {state}:{flag_names(item.flag)} “{plain(item.quote)}”"


def proofread(session: Session, materials: Sequence[Material]) -> None:
    """Show utterance after utterance and keep what is corrected.

    Raises:
        EOFError, KeyboardInterrupt: the person left; all corrections were kept.
        OutputError: a correction cannot be written.
    """
    lines = [(m, n) for m in materials for n in range(len(m.report.utterances))]
    names = [m.name(m.report.utterances[n].id) for m, n in lines]
    at = 0
    while at < len(lines):
        material, n = lines[at]
        item = material.reviewed().utterances[n]
        session.show("\n" + session.line(item, mark=f"{at + 1}/{len(lines)}"))
        letter, rest = _split(session.ask(_LINE_PROMPT, ""))
        try:
            if letter == "":
                at += 1
            elif letter == "q":
                return
            elif letter == "b":
                at = max(0, at - 1)
            elif letter == "t":
                at += session.change_text(material, item, rest)
            elif letter == "s":
                session.change_speaker(material, item, rest)
            elif letter == "a":
                session.add_flag(material, item)
            elif letter == "p":
                session.listen(material, item.utterance.start_s, item.utterance.end_s)
            elif letter.upper() in names:
                at = names.index(letter.upper())
            else:
                session.show("  请输入方括号里的一个字母,或一句的编号 (a letter or a number)。")
        except OptionError as error:
            session.show(f"  {error}")
