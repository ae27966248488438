"""The report as one HTML page that works offline, straight from a disk.

Nothing is fetched: style and script are inlined and allowed by their hashes alone, and the only
other thing the page may load is the listening copy. Everything that stems from the recording
(transcript, file name, notes) is escaped, and characters that hide or turn text round are
written out, so that what is seen is what is there.

The script holds the English of the labels, draws the timeline, and plays.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from detector.case import ANSWERED_BY, LENDER_TYPES
from detector.html_parts import asset, badge, csp_hash, esc, page_start
from detector.labels import CATEGORY_NAMES, OBSERVATION_NAMES, ROLE_NAMES, SUBTYPE_NAMES
from detector.report import Flag, Report, Utterance

__all__ = ["ListeningCopy", "render_html"]

LEAD_IN_S = 1.0  # a flag is played from a little before it: recognised times may start late

_CHECKING = (
    "用任意播放器打开原始录音文件(不是试听副本),核对文件名与 SHA-256。",
    "逐条跳到所示时间,连同前后至少 10 秒一起听。",
    "逐字核对文字,并确认是谁在说、谁在听;文字不符的,以原始录音为准。",
    "保留原始文件和原始设备,不要剪辑、转码或改名;试听副本与本页只供查找。",
)
_CASE_CODES = (item for names in (LENDER_TYPES, ANSWERED_BY) for item in reversed(names.items()))
_WORDS = {code: name for name, code in _CASE_CODES} | {
    "flagged": "标记", "review": "待复核", "unreviewed": "人工未核对",
    "confirmed": "人工已确认", "rejected": "人工已否定", "high": "高", "medium": "中", "low": "低",
    "user": "使用者指定", "inferred": "按说话内容推断", "case": "案情文件", "call_log": "通话记录",
    "container": "文件内的创建时间", "file_name": "文件名", "stated": "使用者陈述",
    "right": "右声道", "mono": "单声道", "stereo": "双声道分录", "one-sided": "仅一个声道有声音",
    "no_speech": "可能没有人声", "boilerplate": "模型的字幕套话", "repetition": "识别结果的重复",
    "lender_type": "出借方类型", "answered_by": "接听人", "recorded_by": "录音人", "left": "左声道",
    "caller_number": "主叫号码", "called_number": "被叫号码", "note": "备注",
    "debtor": "借款人", "lender": "出借方", "agency": "催收机构",
}  # fmt: skip
_MIME = re.compile(r"(audio|video)/[a-z0-9.+-]+(; ?codecs=[a-z0-9.,-]+)?", re.I)


@dataclass(frozen=True, slots=True)
class ListeningCopy:
    """A copy made for the browser to play; its time runs from the original's start.

    Either `data` is embedded, or `href` is the plain relative path of a file beside the page,
    without percent-encoding. `data` wins if both are given.
    """

    data: bytes | None
    mime: str
    href: str | None = None

    @property
    def source(self) -> str | None:
        """The address of the sound; ValueError if it would not be beside the page."""
        if not _MIME.fullmatch(self.mime):
            raise ValueError(f"not a type of sound: {self.mime!r}")
        if self.data is not None:
            return f"data:{self.mime};base64,{base64.b64encode(self.data).decode('ascii')}"
        if self.href is None:
            return None
        if {"", ".."} & set(re.split(r"[/\\]", self.href)):
            raise ValueError(f"not a relative path of a file beside the page: {self.href!r}")
        # The leading "./" keeps a name such as "javascript:x" from being read as an address.
        return "./" + quote(self.href, errors="surrogateescape")


def _t(chinese: str, english: str = "") -> str:
    """Return a label that the script can turn into English, which it knows if none is given."""
    mark = f'data-en="{esc(english)}"' if english else "data-t"
    return f"<span {mark}>{esc(chinese)}</span>"


def _word(code: str) -> str:
    return _t(_WORDS[code]) if code in _WORDS else esc(code)


def _name(names: Mapping[str, tuple[str, str]], code: str) -> str:
    return _t(*names[code]) if code in names else esc(code)


def _both(*names: tuple[str, str]) -> str:
    """Give names in Chinese with English behind, in either language of the page."""
    chinese, english = (esc(" · ".join(part)) for part in zip(*names, strict=True))
    return f'{chinese} <span class="gloss" lang="en">({english})</span>'


def _clock(seconds: float) -> str:
    tenths = max(0, round(seconds * 10))
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


def _percent(share: float) -> str:
    """Never "100%" nor "0%": the machine is not certain."""
    return "&gt;99%" if share >= 0.995 else "&lt;1%" if share < 0.005 else f"{share:.0%}"


def _basis(source: str, confidence: float, **_: object) -> str:
    """Return where a role is known from, and how sure that is if the machine inferred it."""
    return f"{_word(source)} {_percent(confidence) if source == 'inferred' else ''}"


def _marked(text: str, places: Iterable[tuple[int, int]]) -> str:
    """Escape a text and mark the places given; those that touch become one mark."""
    out, at = "", 0
    for first, last in sorted(places):
        start, end = max(first, at), min(last, len(text))
        if start < end:
            out += f"{esc(text[at:start])}<mark>{esc(text[start:end])}</mark>"
            at = end
    return (out + esc(text[at:])).replace("</mark><mark>", "")


def _section(name: str, title: str, body: str) -> str:
    head = f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{_t(title)}</h2>'
    return f"{head}{body}</section>"


def _listed(name: str, title: str, items: Iterable[str]) -> str:
    """Return a section with a list, or nothing for an empty one."""
    inner = "".join(items)
    return _section(name, title, f"<ol>{inner}</ol>") if inner else ""


def _table(caption: str, heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_t(cell)}</th>' for cell in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return f"<table><caption>{_t(caption)}</caption><tr>{head}</tr>{body}</table>"


class _Page:
    """One report being written. Without sound, times are text in place of buttons."""

    def __init__(self, report: Report, source: str | None) -> None:
        self.report, self.source = report, source
        self.utterances = sorted(report.utterances, key=lambda u: u.start_s)
        self.flags = sorted(report.flags, key=lambda f: f.start_s)
        self.anchors = {u.id: f"u{n}" for n, u in enumerate(self.utterances, 1)}
        self.flags_of: dict[str, list[int]] = {}
        self.places_of: dict[str, list[tuple[int, int]]] = {}
        texts = {u.id: u.text for u in self.utterances}
        for number, flag in enumerate(self.flags, 1):
            parts = [texts.get(name, "") for name in flag.utterance_ids]
            at, whole = 0, "".join(parts) == flag.quote
            for name, part in zip(flag.utterance_ids, parts, strict=True):
                self.flags_of.setdefault(name, []).append(number)
                if whole:  # only then do positions in the quote say where in the utterance
                    places = [(max(0, span.start - at), span.end - at) for span in flag.why]
                    self.places_of.setdefault(name, []).extend(places)
                at += len(part)

    def time(self, start: float, end: float, lead: float = 0.0) -> str:
        shown = f"{_clock(start)}–{_clock(end)}"
        if not self.source:
            return f'<span class="time">{shown}</span>'
        play = f'<button type="button" class="time" data-play="{max(0.0, start - lead):.2f}">'
        return f'{play}<span class="hidden">{_t("播放")} </span>{shown}</button>'

    def passage(self, start: float, end: float, utterances: Iterable[str]) -> str:
        """Return the time of a flag or observation and a link into the transcript."""
        anchor = next((self.anchors[name] for name in utterances if name in self.anchors), "")
        link = f'<a class="context" href="#{anchor}">{_t("看上下文")}</a>' if anchor else ""
        return f"<p>{self.time(start, end, LEAD_IN_S)} {link}</p>"

    def disclaimer(self) -> str:
        return f'<p class="disclaimer">{_t(self.report.disclaimer)}</p>'

    def support(self) -> str:
        if all(flag.subtype != "self_harm" for flag in self.flags):
            return ""
        # Cities must offer at least 18 hours a day (National Health Commission, December 2024);
        # whoever calls at night must not be promised what may not be there.
        return (
            f'<aside class="support"><p>{_t("如果您感到难以承受,可拨打全国统一心理援助热线")} '
            f'<a href="tel:12356">12356</a> {_t("(各地每天至少 18 小时)。")}'
            f"{_t('遇到紧急危险,请拨打 110 或 120。')}</p></aside>"
        )

    def facts(self) -> str:
        recording, started = self.report.recording, self.report.recording.started_at
        digest = recording.sha256
        groups = (f"<span>{esc(digest[i : i + 8])}</span>" for i in range(0, len(digest), 8))
        begun = f'<span class="time">{esc(started.value) if started.value else _t("不详")}</span>'
        for label, value in (("来源", started.source), ("可信度", started.reliability)):
            begun += f" <small>{_t(label)} {_word(value)}</small>" if value else ""
        sound = f"{recording.container} / {recording.codec}, {recording.sample_rate_hz:,} Hz, "
        layout = f"{recording.channels} {_t('声道')}, {_word(recording.layout)}"
        rows = [
            (_t("文件"), f"<bdi>{esc(recording.file)}</bdi>"),
            (_t("时长"), _clock(recording.duration_s)),
            (_t("通话开始"), begun),
            (_t("格式"), esc(sound) + layout),
            (_t("大小"), f"{recording.bytes:,} {_t('字节')}"),
            ("SHA-256", f'<code class="sha">{"<wbr>".join(groups)}</code>'),
        ]
        if "role" in (heard := self.report.listener):
            rows.append((_t("谁在接听"), f"{_name(ROLE_NAMES, heard['role'])} ({_basis(**heard)})"))
        case = self.report.case | self.report.case.get("parties", {})
        rows += [(_word(k), _word(str(v))) for k, v in case.items() if k != "parties"]
        inner = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in rows)
        return _section("facts", "录音信息", f'<dl class="facts">{inner}</dl>{self.speakers()}')

    def speakers(self) -> str:
        rows = []
        for s in self.report.speakers:
            name = f"{esc(s.id)} <small>{_word(s.channel or '')}</small>"
            role = f'<i class="dot r-{esc(s.role)}"></i>{_name(ROLE_NAMES, s.role)}'
            rows.append((name, role, _basis(s.source, s.confidence), _clock(s.speech_s)))
        return _table("说话人", ("编号", "身份", "依据", "说话时长"), rows) if rows else ""

    def counts(self) -> str:
        rows = []
        for category, names in CATEGORY_NAMES.items():
            mine = [flag.decision == "flagged" for flag in self.flags if flag.category == category]
            first = f"{badge(category)} {_t(*names)}"
            rows.append((first, str(sum(mine)), str(len(mine) - sum(mine))))
        links = f'<a href="#checking">{_t("如何核对")}</a>'
        if number := len(self.report.warnings):
            links += f' · <a href="#warnings">{_t("提示")} ({number})</a>'
        note = f"{_t('实心图形为标记,空心图形为待复核。机器可能听错、漏听或分错说话人。')} {links}"
        table = _table("各类疑似段落数", ("类别", "标记", "待复核"), rows)
        return _section("counts", "疑似内容概览", f'{table}<p class="note">{note}</p>')

    def player(self) -> str:
        length = max(0.1, self.report.recording.duration_s, *(u.end_s for u in self.utterances))
        sound = f"<p>{_t('本报告不含音频,请用原始录音按所示时间核对。')}</p>"
        if self.source:
            broken = _t("试听副本无法播放,请用原始录音按所示时间核对。")
            sound = (
                f'<p id="copy">{_t("试听副本,非证据")}</p><p role="alert" hidden>{broken}</p>'
                f'<audio controls preload="metadata" aria-labelledby="copy" '
                f'src="{escape(self.source)}"></audio>'
            )
        return (
            f'<div class="deck{"" if self.source else " mute"}"><div class="player">{sound}</div>'
            f'<div class="timeline" role="group" aria-label="时间轴 / Timeline" hidden '
            f'data-length="{length:.2f}">'
            f"<p><span>{_clock(0)}</span><span>{_clock(length)}</span></p></div></div>"
        )

    def flag(self, number: int, flag: Flag) -> str:
        category = CATEGORY_NAMES.get(flag.category, (flag.category,) * 2)
        suspected = _t("疑似", "Suspected")
        what = _both(category, SUBTYPE_NAMES.get(flag.subtype, (flag.subtype,) * 2))
        facts = (
            f"{esc(flag.speaker)} {_name(ROLE_NAMES, flag.role)}",
            f"{_t('机器评分')} {_percent(flag.score)}",
            f"<strong>{_word(flag.decision)}</strong>",
            _word(flag.status),
        )
        quoted = _marked(flag.quote, [(span.start, span.end) for span in flag.why])
        sounds = "; ".join(f"{esc(s.text)} → {esc(s.reading)}" for s in flag.why if s.reading)
        sound = f'<p class="sound">{_t("按读音判断")}: {sounds}</p>' if sounds else ""
        note = f'<p class="why">{esc(flag.note)}</p>' if flag.note else ""
        check = _t("□ 属实  □ 不符  □ 听不清  核对人:__________  日期:__________")
        return (
            f'<li id="f{number}" class="flag c-{esc(flag.category)}" '
            f'data-start="{flag.start_s:.2f}">'
            f"<h3>{badge(flag.category, flag.decision)} "
            f"<span>{esc(flag.id)} {suspected} {what}</span></h3>"
            f"{self.passage(flag.start_s, flag.end_s, flag.utterance_ids)}"
            f'<p class="meta">{" · ".join(facts)}</p><blockquote>{quoted}</blockquote>'
            f'{sound}{note}<p class="paper">{check}</p></li>'
        )

    def flag_list(self) -> str:
        none = f"<p>{_t('未识别到疑似内容。机器可能漏听,需要时请听原始录音。')}</p>"
        items = "".join(self.flag(number, flag) for number, flag in enumerate(self.flags, 1))
        return _section("flags", "疑似段落", f"<ol>{items}</ol>" if items else none)

    def observations(self) -> str:
        items = (
            f"<li><h3>{_both(OBSERVATION_NAMES.get(o.kind, (o.kind,) * 2))}</h3>"
            f"{self.passage(o.start_s, o.end_s, o.utterance_ids)}"
            f'<blockquote>{esc(o.quote)}</blockquote><p class="why">{esc(o.note)}</p></li>'
            for o in sorted(self.report.observations, key=lambda o: o.start_s)
        )
        return _listed("observations", "其他值得留意之处", items)

    def line(self, u: Utterance) -> str:
        tags, numbers = "", self.flags_of.get(u.id, [])
        for number in numbers:
            flag = self.flags[number - 1]
            what = f"{esc(flag.id)} {_name(CATEGORY_NAMES, flag.category)}"
            shape = badge(flag.category, flag.decision)
            tags += f'<a class="tag" href="#f{number}">{shape}{what}</a>'
        tags += f"<small>{_t('与他人重叠')}</small>" if u.overlapped else ""
        if u.raw_text != u.text:
            tags += f'<small class="raw">{_t("机器原文")} {esc(u.raw_text)}</small>'
        data = f'data-start="{u.start_s:.2f}" data-end="{u.end_s:.2f}" data-who="{esc(u.speaker)}"'
        return (
            f'<li id="{self.anchors[u.id]}" class="line{" hit" if numbers else ""}" {data}>'
            f'{self.time(u.start_s, u.end_s)}<span class="who"><i class="dot r-{esc(u.role)}">'
            f"</i>{esc(u.speaker)} {_name(ROLE_NAMES, u.role)}</span>"
            f'<span class="said">{_marked(u.text, self.places_of.get(u.id, []))} {tags}</span></li>'
        )

    def rest(self) -> str:
        """Return the transcript and what follows it: the reader's means to check."""
        lines = f'<p class="note">{_t("机器转写初稿,未经人工逐句核对;以原始录音为准。")}</p>'
        lines += f"<ol>{''.join(map(self.line, self.utterances))}</ol>"
        left_out = (
            f"<li>{self.time(d.start_s, d.end_s)} {esc(d.text)} "
            f"<small>{_word(d.reason)}</small></li>"
            for d in self.report.dropped
        )
        warnings = (f"<li>{esc(warning)}</li>" for warning in self.report.warnings)
        used = {"schema_version": self.report.schema_version, "settings": self.report.settings}
        plain = esc(json.dumps(used, ensure_ascii=False, indent=1, default=str))
        return (
            _section("transcript", "文字稿", lines)
            + _listed("dropped", "被略去的内容", left_out)
            + _listed("warnings", "提示", warnings)
            + f"<details><summary>{_t('设置与版本')}</summary><pre>{plain}</pre></details>"
            + _listed("checking", "如何核对", (f"<li>{_t(step)}</li>" for step in _CHECKING))
        )


def render_html(report: Report, audio: ListeningCopy | None) -> str:
    """Return the page; ValueError if the copy is no sound or would not lie beside the page."""
    source = audio.source if audio else None
    style, script = asset("report_page.css"), asset("report_page.js")
    media = "'none'" if source is None else "data:" if source.startswith("data:") else "'self'"
    policy = (
        f"default-src 'none'; style-src {csp_hash(style)}; script-src {csp_hash(script)}; "
        f"media-src {media}; base-uri 'none'; form-action 'none'"
    )
    page = _Page(report, source)
    start = page_start(f"通话录音疑似内容报告 · {report.recording.file}", style, policy)
    return f"""{start}<a class="skip" href="#flags">{_t("跳到疑似段落")}</a>
<header><h1>{_t("通话录音疑似内容报告")}</h1>
<button type="button" id="switch" hidden>English</button></header>
<main>
{page.support()}{page.disclaimer()}{page.facts()}{page.counts()}
{page.player()}{page.flag_list()}{page.observations()}{page.rest()}
</main>
<footer>{page.disclaimer()}</footer>
<script>{script}</script>
</body>
</html>
"""
