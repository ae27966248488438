"""The summary of a folder as one page that works offline, in the look of the reports.

Nothing is fetched and nothing is scripted. Everything that stems from recordings or their names
is escaped, and characters that hide or turn text round are written out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

from detector.html_parts import asset, badge, csp_hash, esc, page_start
from detector.labels import CATEGORY_NAMES, OBSERVATION_NAMES, SUBTYPE_NAMES
from detector.render_text import clock

__all__ = ["FINDING_NAMES", "SEVERITIES", "SOURCES", "render_summary"]

MOST_CALLS = 1_000
_MOST_DAYS = 1_100
_MOST_LISTED = 50
_MOST_SHOWN = 7
FINDING_NAMES = {
    "calls_per_day": "一天内来电次数 (calls a day)",
    "attempts_per_day": "一天内未接通次数 (attempts a day)",
    "calls_in_days": "连续几日来电次数 (calls in a period)",
    "out_of_hours": "夜间来电 (out of hours)",
    "out_of_hours_edge": "夜间来电:边界情形 (edge of hours)",
    "refused": "拒绝后仍联系 (contact after refusal)",
    "several_numbers": "一家用多个号码 (several numbers)",
    "escalation": "逐渐加重 (escalation)",
}
SOURCES = {
    "call_log": "通话记录", "user": "使用者指定", "container": "文件内的创建时间",
    "file_name": "文件名", "high": "可信度高", "medium": "可信度中", "low": "可信度低",
    "stated": "使用者陈述", "in": "来电", "out": "去电",
}  # fmt: skip
SEVERITIES = {4: "最重", 3: "重", 2: "中", 1: "轻", 0: "无标记"}
_KINDS = {
    "bad_input": "不是可用的录音", "unreadable": "无法读取", "crashed": "程序意外终止",
    "timed_out": "用时过长", "failed": "程序出错", "changed": "文件在变化",
}  # fmt: skip


def _section(name: str, title: str, body: str) -> str:
    return (
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{title}</h2>{body}'
        "</section>"
    )


def _file(path: str) -> str:
    return f"<bdi>{esc(path)}</bdi>"


def _link(call: Mapping[str, Any], html: bool) -> str:
    if not html:
        return _file(call["file"])
    href = "./" + quote(re.sub(r"\.json$", ".html", call["report"]))
    return f'<a href="{href}">{_file(call["file"])}</a>'


def _when(call: Mapping[str, Any]) -> str:
    started = call["started_at"]
    if not started["value"]:
        return "时间不详 (no time)"
    told = [SOURCES.get(str(started[key]), "") for key in ("source", "reliability")]
    shown = esc(started["value"][:19].replace("T", " "))
    return f'<span class="num">{shown}</span> <small>{" · ".join(filter(None, told))}</small>'


class _Summary:
    def __init__(self, data: Mapping[str, Any], html: bool) -> None:
        self.data, self.html = data, html

    def support(self) -> str:
        if not self.data["help_line"]:
            return ""
        return (
            '<aside class="support"><p>如果您感到难以承受,可拨打全国统一心理援助热线 '
            '<a href="tel:12356">12356</a> (各地每天至少 18 小时)。'
            "遇到紧急危险,请拨打 110 或 120。</p></aside>"
        )

    def disclaimer(self) -> str:
        return f'<p class="disclaimer">{esc(self.data["disclaimer"])}</p>'

    def totals(self) -> str:
        totals = self.data["totals"]
        tiles = [
            (totals["recordings"], "录音 (recordings)"),
            (totals["calls"], "通电话 (calls)"),
            (f"{totals['hours']:.1f}", "小时 (hours)"),
            (totals["calls_with_flags"], "通有标记 (with flags)"),
            (totals["calls_to_review_only"], "通只有待复核 (to review)"),
            (len(self.data["findings"]), "项次数与时段 (findings)"),
            (totals["failed"], "个没有完成 (failed)"),
        ]
        items = "".join(f"<li><b>{value}</b><span>{name}</span></li>" for value, name in tiles)
        rows = "".join(
            f'<tr><th scope="row">{badge(category)} {chinese} <span class="gloss">({english})'
            f'</span></th><td class="num">{totals["flags"][category]["flagged"]}</td>'
            f'<td class="num">{totals["flags"][category]["review"]}</td>'
            f'<td class="num">{totals["flags"][category]["confirmed"]}</td></tr>'
            for category, (chinese, english) in CATEGORY_NAMES.items()
        )
        span = ""
        if totals["from"]:
            span = f'<p class="note">{totals["from"][:10]} 至 {totals["to"][:10]}</p>'
        table = (
            '<table id="counts"><tr><th scope="col">疑似内容</th><th scope="col">标记</th>'
            f'<th scope="col">待复核</th><th scope="col">人工已确认</th></tr>{rows}</table>'
        )
        said = (
            "人工复核:已确认 {confirmed} 条,已否定 {rejected} 条(不再计入),未复核 {unreviewed} 条。"
        )
        table += f'<p class="note">{said.format(**totals["reviewed"])}</p>'
        return _section("totals", "总览 (overview)", f'{span}<ul class="tiles">{items}</ul>{table}')

    def call(self, call: Mapping[str, Any]) -> str:
        tags = "".join(
            f'<span class="tag">{badge(category, kind)}{count}</span>'
            for category, counts in call["flags"].items()
            for kind in ("flagged", "review")
            if (count := counts[kind])
        )
        facts = [_when(call), f'<span class="num">{clock(call["duration_s"], 0)}</span>']
        if call["caller"]:
            facts.append(f"号码 {esc(call['caller'])}")
        if call["direction"]:
            facts.append(SOURCES.get(call["direction"], ""))
        facts += [OBSERVATION_NAMES.get(kind, (kind,))[0] for kind in call["observations"]]
        states = {"confirmed": "人工已确认", "rejected": "已否定"}
        facts += [f"{name} {n} 条" for key, name in states.items() if (n := call["reviewed"][key])]
        quotes = ""
        for flag in call["gravest"][:2]:
            names = SUBTYPE_NAMES.get(flag["subtype"], (flag["subtype"],))
            state = "" if flag["decision"] == "flagged" else ",待复核"
            state = ",人工已确认" if flag["status"] == "confirmed" else state
            quotes += (
                f"<blockquote>{esc(flag['quote'])} <small>{clock(flag['start_s'])} {names[0]}"
                f"{state}</small></blockquote>"
            )
        also = ""
        if call["also"]:
            also = f'<p class="note">同一通电话的其他文件:{"、".join(map(_file, call["also"]))}</p>'
        return (
            f'<li class="call s{call["severity"]}"><h3>{call["number"]}. {_link(call, self.html)} '
            f"<small>严重度 {call['severity']}({SEVERITIES[call['severity']]})</small></h3>"
            f'<p class="meta">{" · ".join(facts)} {tags}</p>{quotes}{also}</li>'
        )

    def calls(self) -> str:
        calls = [
            call for call in self.data["calls"] if call["severity"] or call["severity_to_review"]
        ]
        rest = len(self.data["calls"]) - len(calls)
        notes = "按机器判断的严重度排列,只供安排先听哪些;机器可能听错、漏听。"
        if rest:
            notes += f"另有 {rest} 通没有标记,见 summary.xlsx。"
        if len(calls) > MOST_CALLS:
            notes += f"这里只列前 {MOST_CALLS} 通,全部见 summary.xlsx。"
        items = "".join(self.call(call) for call in calls[:MOST_CALLS])
        return _section(
            "calls", "先听哪些 (ranked)", f'<p class="note">{notes}</p><ol>{items}</ol>'
        )

    def calendar(self) -> str:
        days = self.data["calendar"]["days"]
        if not days:
            return _section("calendar", "日历 (calendar)", "<p>没有录音的时间可知。</p>")
        hours = [f"{hour:02}" for hour in range(24)]
        head = "".join(f'<th scope="col">{hour}</th>' for hour in hours)
        rows = []
        for day, found in list(days.items())[:_MOST_DAYS]:
            cells = "".join(_cell(hour, found.get(hour)) for hour in hours)
            total = sum(entry["calls"] for entry in found.values())
            rows.append(f'<tr><th scope="row">{day}</th>{cells}<td class="sum">{total}</td></tr>')
        notes = "格中是该小时开始的录音通数,颜色是其中最重的一通;灰底是 22:00 至 08:00。"
        if self.data["calendar"]["without_time"]:
            notes += f"另有 {self.data['calendar']['without_time']} 通时间不详,未列入。"
        if len(days) > _MOST_DAYS:
            notes += f"这里只列前 {_MOST_DAYS} 天。"
        table = (
            f'<div class="wide"><table class="calendar"><tr><th scope="col">日期</th>{head}'
            f'<th scope="col">合计</th></tr>{"".join(rows)}</table></div>'
        )
        legend = '<p class="key">' + "".join(
            f'<span><span class="chip c{n}">{n}</span> {name}</span>'
            for n, name in reversed(SEVERITIES.items())
        )
        return _section(
            "calendar", "日历 (calendar)", f'<p class="note">{notes}</p>{table}{legend}</p>'
        )

    def findings(self) -> str:
        rules = self.data["rules"]
        notes = (
            "次数都是“至少”:没有录音的来电数不到。"
            f"{'' if rules['call_log'] else '没有给通话记录,未接来电不计。'}{esc(rules['note'])}"
        )
        alike = groupby(
            self.data["findings"],
            lambda f: (f["kind"], f["party"], [rule["id"] for rule in f["rules"]], f["notes"]),
        )
        items = "".join(self.finding(list(group)) for _, group in alike)
        body = f'<p class="note">{notes}</p>'
        body += f"<ol>{items}</ol>" if items else "<p>没有发现。</p>"
        return _section("findings", "次数与时段 (across recordings)", body)

    def finding(self, group: Sequence[Mapping[str, Any]]) -> str:
        """Return one card for findings of one kind, of one caller, under one rule."""
        rules = "".join(
            f"<p>可能涉及:{esc(rule['name'])}({rule['in_force']}"
            f"{',供参照' if rule['reference_only'] else ''}):{esc(rule['paraphrase'])} "
            f"<small>{esc(rule['condition'])};来源:{esc(rule['source'])}({rule['confidence']})"
            "</small></p>"
            for rule in group[0]["rules"]
        )
        notes = "".join(f'<p class="note">{esc(note)}</p>' for note in group[0]["notes"])
        shown = [_counted(found) for found in group]
        each = "".join(shown[:_MOST_SHOWN])
        if rest := shown[_MOST_SHOWN:]:
            listed = "".join(rest)
            each += (
                f'<details class="rest"><summary>另有 {len(rest)} 项</summary>{listed}</details>'
            )
        name = FINDING_NAMES.get(group[0]["kind"], group[0]["kind"])
        return f'<li class="finding"><h3>{name}</h3>{each}{rules}{notes}</li>'

    def duplicates(self) -> str:
        items = [
            f"{'、'.join(map(_file, found['files']))} <small>{esc(found['text'])}</small>"
            for found in self.data["duplicates"]
        ]
        return _listed("duplicates", "重复的录音 (duplicates)", items)

    def failures(self) -> str:
        items = [
            f"{_file(f['file'])} — {_KINDS.get(f['kind'], f['kind'])}:{esc(f['reason'])}"
            f"{'' if f['again'] else ' <small>再运行也不会重试,除非文件或设置改变</small>'}"
            for f in self.data["failures"]
        ]
        return _listed("failures", "没有完成的 (failures)", items)

    def skipped(self) -> str:
        skipped, settings = self.data["skipped"], self.data["settings"]
        items = [f"不是录音的文件 {skipped['other_files']} 个"]
        items += [f"{_file(path)} 是管道、设备或失效的链接" for path in skipped["special"][:20]]
        items += [f"{_file(path)} 是本程序的结果文件夹,未查看" for path in skipped["own_folders"]]
        used = "".join(
            f"<div><dt>{esc(key)}</dt><dd>{esc(value)}</dd></div>"
            for key, value in settings.items()
        )
        listed = "".join(f"<li>{item}</li>" for item in items)
        return (
            f"<details><summary>没有查看的文件,设置</summary><ul>{listed}</ul>"
            f'<dl class="facts">{used}</dl></details>'
        )


def _cell(hour: str, entry: Mapping[str, int] | None) -> str:
    night = "" if 8 <= int(hour) < 22 else "night"
    if entry is None:
        return f'<td class="{night}"></td>' if night else "<td></td>"
    return f'<td class="c{entry["severity"]}">{entry["calls"]}</td>'


def _counted(found: Mapping[str, Any]) -> str:
    """Return a finding's sentence, its calls folded away."""
    text, calls = esc(found["text"]), found["calls"]
    if not calls:
        return f"<p>{text}</p>"
    items = "".join(
        f'<li><span class="num">{esc(call["start"][:19].replace("T", " "))}</span> '
        f"{_event(call)}</li>"
        for call in calls[:_MOST_LISTED]
    )
    if (more := len(calls) - _MOST_LISTED) > 0:
        items += f"<li>…… 另有 {more} 次,见 summary.json</li>"
    return f"<details><summary>{text}</summary><ul>{items}</ul></details>"


def _event(call: Mapping[str, Any]) -> str:
    told = [SOURCES.get(str(call[key]), "") for key in ("source", "reliability")]
    where = _file(call["file"]) if call["file"] else f"通话记录第 {call['call_log_row']} 行,无录音"
    return f"{where} <small>{' · '.join(filter(None, told))}</small>"


def _listed(name: str, title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    most = 10 * _MOST_LISTED
    shown: Iterable[str] = items[:most]
    body = "".join(f"<li>{item}</li>" for item in shown)
    if len(items) > most:
        body += f"<li>…… 共 {len(items)} 项,见 summary.json</li>"
    return _section(name, title, f"<ul>{body}</ul>")


def render_summary(data: Mapping[str, Any], html: bool = True) -> str:
    """Return the page of a summary; `html` says whether each recording has a page of its own."""
    style = asset("report_page.css") + "\n" + asset("summary_page.css", "detector.batch")
    policy = f"default-src 'none'; style-src {csp_hash(style)}; base-uri 'none'; form-action 'none'"
    page = _Summary(data, html)
    start = page_start(f"通话录音汇总 · {data['folder']}", style, policy)
    return f"""{start}<header><h1>通话录音汇总 <small>{esc(data["folder"])}</small></h1></header>
<main>
{page.support()}{page.disclaimer()}{page.totals()}{page.findings()}{page.calendar()}
{page.calls()}{page.duplicates()}{page.failures()}{page.skipped()}
</main>
<footer>{page.disclaimer()}</footer>
</body>
</html>
"""
