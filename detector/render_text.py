"""The report as text: for the terminal, and as txt, srt, vtt and csv files."""

import csv
import io
from collections.abc import Sequence

from detector.labels import CATEGORY_NAMES, OBSERVATION_NAMES, ROLE_NAMES, SUBTYPE_NAMES
from detector.printable import printable
from detector.report import CATEGORIES, Flag, Report, Utterance

__all__ = ["clock", "render_csv", "render_srt", "render_terminal", "render_txt", "render_vtt"]

HELP_LINE = "如果您感到难以承受,可拨打全国统一心理援助热线 12356。您并不孤单。"
DECISIONS = {"flagged": "标记", "review": "待复核"}
_BOLD, _RED, _DIM, _PLAIN = "\x1b[1m", "\x1b[1;31m", "\x1b[2m", "\x1b[0m"


def clock(seconds: float, decimals: int = 1) -> str:
    """Write seconds as h:mm:ss.s."""
    ticks = round(seconds * 10**decimals)
    whole, rest = divmod(ticks, 10**decimals)
    text = f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{text}.{rest:0{decimals}d}" if decimals else text


def _marked(flag: Flag, before: str, after: str) -> str:
    """Return the quote with its telling parts between two signs."""
    out, at = "", 0
    for span in sorted(flag.why, key=lambda span: span.start):
        if span.start < at:
            continue
        out += flag.quote[at : span.start] + before + flag.quote[span.start : span.end] + after
        at = span.end
    return out + flag.quote[at:]


def _heading(report: Report) -> str:
    recording = report.recording
    name, length = printable(recording.file), clock(recording.duration_s)
    return f"录音:{name}  时长 {length}  SHA-256 {recording.sha256}"


def _names(flag: Flag) -> str:
    chinese, english = CATEGORY_NAMES[flag.category]
    sub_chinese, sub_english = SUBTYPE_NAMES.get(flag.subtype, (flag.subtype, flag.subtype))
    return f"疑似{chinese} ({english}) · {sub_chinese} ({sub_english})"


def _speaker(flag: Flag) -> str:
    return f"说话人 {flag.speaker}({ROLE_NAMES[flag.role][0]})"


def _counts(report: Report) -> str:
    parts = []
    for category in CATEGORIES:
        mine = [flag for flag in report.flags if flag.category == category]
        sure = sum(flag.decision == "flagged" for flag in mine)
        chinese, english = CATEGORY_NAMES[category]
        parts.append(f"{chinese} ({english}) 标记 {sure},待复核 {len(mine) - sure}")
    return ";".join(parts)


def _urges_self_harm(report: Report) -> bool:
    return any(flag.subtype == "self_harm" for flag in report.flags)


def render_terminal(report: Report, colour: bool = False) -> str:
    """Return what `detector scan` prints for one recording."""
    bold, red, dim, plain = (_BOLD, _RED, _DIM, _PLAIN) if colour else ("", "", "", "")
    mark = (red, plain) if colour else ("【", "】")
    lines = [f"{bold}{_heading(report)}{plain}"]
    if _urges_self_harm(report):
        lines += ["", f"{bold}{HELP_LINE}{plain}"]
    listener = report.listener
    lines.append(
        "接听人:"
        + {"debtor": "借款人(或担保人等可告知的人)", "third_party": "第三方"}[listener["role"]]
        + {"user": "(您指定)", "case": "(案情文件)"}.get(
            listener["source"], f"(由内容推断,把握 {listener['confidence']:.0%})"
        )
    )
    lines.append("")
    if not report.flags:
        lines.append("没有发现疑似威胁、侮辱或向第三方泄露的内容。机器可能漏听,请自行核对。")
    for flag in report.flags:
        lines += [
            f"{bold}{flag.id}  {clock(flag.start_s)}–{clock(flag.end_s)}  {_names(flag)}{plain}",
            f"    {_speaker(flag)}  分数 {flag.score:.2f}  {DECISIONS[flag.decision]}",
            f"    “{_marked(flag, *mark)}”",
        ]
        readings = [f"{s.text}={s.reading}" for s in flag.why if s.reading]
        if readings:
            lines.append(f"    {dim}读音相近:{';'.join(readings)}{plain}")
        if flag.note:
            lines.append(f"    {dim}{flag.note}{plain}")
    lines.append("")
    for item in report.observations:
        name = OBSERVATION_NAMES.get(item.kind, (item.kind,))[0]
        lines.append(f"另请留意 {clock(item.start_s)}  {name}:“{item.quote}”")
        lines.append(f"    {dim}{item.note}{plain}")
    lines.append(f"合计:{_counts(report)}")
    for warning in report.warnings:
        lines.append(f"注意:{warning}")
    if report.dropped:
        lines.append(f"略去 {len(report.dropped)} 处疑似识别器自行产生的文字,见完整报告。")
    if report.flags:
        first = report.flags[0]
        lines.append(
            f"如何核对:用任意播放器打开原始录音,拖到上面的时间(如 {clock(first.start_s)}),"
            "前后多听 10 秒;或用 -o 报告.html 生成可点击收听的网页。"
        )
    lines.append(report.disclaimer)
    return "\n".join(lines) + "\n"


def _flags_of(report: Report, utterance: Utterance) -> list[Flag]:
    return [flag for flag in report.flags if utterance.id in flag.utterance_ids]


def _tag(flags: Sequence[Flag]) -> str:
    return "".join(
        f" ⚑{flag.id} 疑似{CATEGORY_NAMES[flag.category][0]}〔{DECISIONS[flag.decision]}〕"
        for flag in flags
    )


def render_txt(report: Report) -> str:
    """Return the summary followed by the transcript, as plain text."""
    lines = [render_terminal(report), "-" * 60, ""]
    for item in report.utterances:
        lines.append(
            f"[{clock(item.start_s)}–{clock(item.end_s)}] {item.speaker}"
            f"({ROLE_NAMES[item.role][0]}):{item.text}{_tag(_flags_of(report, item))}"
        )
    return "\n".join(lines) + "\n"


def _subtitle_time(seconds: float, comma: str) -> str:
    ticks = round(seconds * 1000)
    whole, rest = divmod(ticks, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{comma}{rest:03d}"


def _cues(report: Report, comma: str) -> list[str]:
    cues = []
    for number, item in enumerate(report.utterances, 1):
        text = f"{ROLE_NAMES[item.role][0]}:{item.text}{_tag(_flags_of(report, item))}"
        start, end = _subtitle_time(item.start_s, comma), _subtitle_time(item.end_s, comma)
        cues.append(f"{number}\n{start} --> {end}\n{text}\n")
    return cues


def render_srt(report: Report) -> str:
    """Return the transcript as SubRip subtitles, flags noted."""
    return "\n".join(_cues(report, ","))


def render_vtt(report: Report) -> str:
    """Return the transcript as WebVTT subtitles, flags noted."""
    escaped = (
        cue.replace("&", "&amp;").replace("<", "&lt;").replace("--> ", "\0").replace(">", "&gt;")
        for cue in _cues(report, ".")
    )
    return "WEBVTT\n\n" + "\n".join(
        cue.replace("--&gt; ", "--> ").replace("\0", "--> ") for cue in escaped
    )


def _cell(text: str) -> str:
    """Keep a spreadsheet from taking a quote for a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def render_csv(report: Report) -> str:
    """Return the flags as a table that Excel opens (the file gets a byte order mark)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        ["编号", "开始", "结束", "开始秒", "结束秒", "类别", "category", "子类", "subtype",
         "说话人", "角色", "分数", "判定", "复核状态", "原话", "说明", "文件", "SHA-256"]
    )  # fmt: skip
    for flag in report.flags:
        writer.writerow(
            [
                flag.id,
                clock(flag.start_s),
                clock(flag.end_s),
                flag.start_s,
                flag.end_s,
                "疑似" + CATEGORY_NAMES[flag.category][0],
                flag.category,
                SUBTYPE_NAMES.get(flag.subtype, (flag.subtype, ""))[0],
                flag.subtype,
                flag.speaker,
                ROLE_NAMES[flag.role][0],
                f"{flag.score:.3f}",
                DECISIONS[flag.decision],
                flag.status,
                _cell(flag.quote),
                flag.note or "",
                _cell(report.recording.file),
                report.recording.sha256,
            ]
        )
    return out.getvalue()


def summary_line(report: Report) -> str:
    """Return one line for a report that was written to a file."""
    return f"{_heading(report)}\n  合计:{_counts(report)}"
