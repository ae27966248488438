"""Reports as text: times to find, quotes unchanged, files that other programs open."""

import csv
import dataclasses
import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from detector.render_text import (
    HELP_LINE,
    clock,
    render_csv,
    render_srt,
    render_terminal,
    render_txt,
    render_vtt,
    summary_line,
)
from detector.report import DISCLAIMER

Make = Callable[..., Any]


def flagged(report: Any, **changes: Any) -> Any:
    """Return a report whose first flag is changed."""
    first = dataclasses.replace(report.flags[0], **changes)
    return dataclasses.replace(report, flags=(first, *report.flags[1:]))


@pytest.mark.parametrize(
    ("seconds", "decimals", "expected"),
    [
        (0, 1, "0:00:00.0"),
        (3.04, 1, "0:00:03.0"),
        (3.06, 1, "0:00:03.1"),
        (59.96, 1, "0:01:00.0"),
        (61, 0, "0:01:01"),
        (3_599.99, 0, "1:00:00"),
        (3_725.4, 1, "1:02:05.4"),
        (90_000.5, 1, "25:00:00.5"),
    ],
)
def test_clock(seconds: float, decimals: int, expected: str) -> None:
    assert clock(seconds, decimals) == expected


def test_terminal_says_what_where_and_how_sure(make_report: Make) -> None:
    report = make_report()
    text = render_terminal(report)
    for part in (
        report.recording.file,
        report.recording.sha256,
        "1:02:05.4",
        "F1  1:00:00.0–1:00:05.5",
        "疑似威胁恐吓 (threat) · 上门恐吓 (intimidating visit)",
        "说话人 A(催收方)",
        "分数 0.91  标记",
        "分数 0.41  待复核",
        "“=你给【我等着】,今晚带人【砸你家玻】璃”",
        "砸你家玻=za li jia bo",
        "分数低于标记线",
        "威胁恐吓 (threat) 标记 1,待复核 0",
        "侮辱谩骂 (insult) 标记 0,待复核 1",
        "向第三方泄露 (third-party disclosure) 标记 0,待复核 0",
        "damaged parts",
        "略去 1 处",
        DISCLAIMER,
    ):
        assert part in text
    assert "\x1b" not in text
    assert "疑似" in text and "构成犯罪" not in text


def test_colour_replaces_brackets(make_report: Make) -> None:
    text = render_terminal(make_report(), colour=True)
    assert "【" not in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "“=你给我等着,今晚带人砸你家玻璃”" in plain


@pytest.mark.parametrize(
    ("listener", "expected"),
    [
        (("debtor", 1.0, "user"), "借款人(或担保人等可告知的人)(您指定)"),
        (("third_party", 1.0, "case"), "第三方(案情文件)"),
        (("third_party", 0.93, "inferred"), "第三方(由内容推断,把握 93%)"),
    ],
)
def test_listener(make_report: Make, listener: tuple[str, float, str], expected: str) -> None:
    stated = dict(zip(("role", "confidence", "source"), listener, strict=True))
    assert f"接听人:{expected}" in render_terminal(make_report(listener=stated))


def test_nothing_found_is_no_acquittal(make_report: Make) -> None:
    text = render_terminal(make_report(flags=()))
    assert "没有发现" in text
    assert "可能漏听" in text
    assert DISCLAIMER in text


def test_help_line_only_where_self_harm_is_urged(make_report: Make) -> None:
    report = make_report()
    assert HELP_LINE not in render_terminal(report)
    urged = render_terminal(flagged(report, subtype="self_harm"))
    assert HELP_LINE in urged
    assert urged.index(HELP_LINE) < urged.index("F1")


def test_quote_is_never_changed_by_marks(make_report: Make) -> None:
    report = make_report()
    quote = report.flags[0].quote
    spans = report.flags[0].why
    for why in (spans[::-1], (*spans, spans[0]), ()):
        text = render_terminal(flagged(report, why=why)).replace("【", "").replace("】", "")
        assert text.count(f"“{quote}”\n") == 2  # of both flags


def test_txt_holds_the_whole_transcript(make_report: Make) -> None:
    report = make_report()
    text = render_txt(report)
    assert text.startswith(render_terminal(report))
    for item in report.utterances:
        assert item.text in text
    assert "[0:00:03.4–0:00:05.9] B(借款人):<我>是 & 请讲\n" in text
    assert "⚑F1 疑似威胁恐吓〔标记〕 ⚑F2 疑似侮辱谩骂〔待复核〕\n" in text


@pytest.mark.parametrize("render", [render_srt, render_vtt])
def test_subtitles_can_be_read_again(
    make_report: Make, render: Callable[[Any], str], tmp_path: Any
) -> None:
    from detector.messages import read_calls

    report = make_report()
    path = tmp_path / f"x.{render.__name__[-3:]}"
    path.write_text(render(report), "utf-8")
    (call,) = read_calls(str(path))
    assert [turn.role for turn in call.turns] == ["collector", "debtor", "collector"]
    for turn, item in zip(call.turns, report.utterances, strict=True):
        assert (turn.start_s, turn.end_s) == pytest.approx((item.start_s, item.end_s))
    assert call.turns[2].text.startswith(report.utterances[2].text)


def test_srt_form(make_report: Make) -> None:
    assert render_srt(make_report()).startswith(
        "1\n00:00:00,500 --> 00:00:03,000\n催收方:喂,请问是李先生吗\n\n2\n"
    )


def test_vtt_form(make_report: Make) -> None:
    text = render_vtt(make_report())
    assert text.startswith("WEBVTT\n\n1\n00:00:00.500 --> 00:00:03.000\n")
    assert "借款人:&lt;我&gt;是 &amp; 请讲" in text
    assert text.count("-->") == 3


def test_empty_report_renders_everywhere(make_report: Make) -> None:
    report = make_report(flags=(), utterances=(), speakers=(), observations=(), dropped=())
    assert render_srt(report) == ""
    assert render_vtt(report).strip() == "WEBVTT"
    assert "没有发现" in render_txt(report)
    assert len(list(csv.reader(io.StringIO(render_csv(report))))) == 1


def test_csv_is_a_table(make_report: Make) -> None:
    report = make_report()
    header, *rows = csv.reader(io.StringIO(render_csv(report), newline=""))
    assert len(rows) == len(report.flags)
    assert {len(row) for row in rows} == {len(header)}
    first = dict(zip(header, rows[0], strict=True))
    assert (first["编号"], first["category"], first["subtype"]) == (
        "F1", "threat", "home_visit_intimidation",
    )  # fmt: skip
    assert (first["开始"], float(first["开始秒"]), float(first["分数"])) == (
        "1:00:00.0", 3600.0, 0.914,
    )  # fmt: skip
    assert first["SHA-256"] == report.recording.sha256


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_a_quote_is_never_a_formula(make_report: Make, sign: str) -> None:
    report = flagged(make_report(), quote=f'{sign}HYPERLINK(1),x"y\n', why=())
    _, row, _ = csv.reader(io.StringIO(render_csv(report), newline=""))
    cell = next(cell for cell in row if "HYPERLINK" in cell)
    assert cell == f"'{sign}HYPERLINK(1),x\"y\n"


def test_summary_line(make_report: Make) -> None:
    text = summary_line(make_report())
    assert "通话.m4a" in text
    assert "标记 1" in text
