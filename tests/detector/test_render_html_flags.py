"""The page as text: what it shows of each flag."""

import re

import pytest
from page_parts import SOUND, Outline, flag, report

from detector.render_html import render_html
from detector.report import Span


def test_flags_stand_in_order_of_time_whatever_their_severity() -> None:
    flags = (
        flag(3, "threat", "violence", ("U3",), severity=4),
        flag(1, "insult", "mockery", ("U0",), severity=1),
        flag(2, "threat", "veiled", ("U2",), severity=2),
    )
    page = render_html(report(flags=flags), SOUND)
    assert re.findall(r"<span>(F\d) ", page) == ["F1", "F2", "F3"]


def test_a_flag_shows_what_is_needed_to_check_it() -> None:
    page = render_html(report(), SOUND)
    first, second = re.findall(r'<li id="f\d".*?</li>', page, re.S)
    assert "威胁恐吓 · 曝光" in first
    assert "(threat · exposure)" in first
    assert "87%" in first
    assert "标记" in first
    assert "待复核" in second
    assert "请听录音" in second
    assert 'data-play="9.00"' in second  # one second before 0:00:10.0
    assert 'data-play="0.00"' in first  # not before the start
    assert 'href="#u3"' in second


@pytest.mark.parametrize(
    ("quote", "places", "expected"),
    [
        ("甲<b>乙&丙", [(1, 4)], "甲<mark>&lt;b&gt;</mark>乙&amp;丙"),
        ("一二三四五", [(3, 4), (0, 2)], "<mark>一二</mark>三<mark>四</mark>五"),
        ("一二三四五", [(0, 3), (1, 2), (2, 4)], "<mark>一二三四</mark>五"),
        ("一二三四五", [(-4, 1), (4, 99), (3, 3), (8, 9)], "<mark>一</mark>二三四<mark>五</mark>"),
        ("😀一二", [(1, 2)], "😀<mark>一</mark>二"),
        ("一二", [], "一二"),
    ],
)
def test_telling_spans_are_marked(quote: str, places: list[tuple[int, int]], expected: str) -> None:
    spans = tuple(Span(start, end, "", 1.0) for start, end in places)
    flags = (flag(1, "insult", "curse", ("U0",), quote=quote, why=spans),)
    assert f"<blockquote>{expected}</blockquote>" in render_html(report(flags=flags), None)


def test_spans_are_marked_in_the_utterances_a_flag_joins() -> None:
    spans = (Span(4, 9, "老赖不要脸", 1.0), Span(10, 12, "东西", 1.0))
    flags = (flag(1, "insult", "name_calling", ("U2", "U3"), why=spans),)
    page = render_html(report(flags=flags), None)
    assert '<span class="said">你就是个<mark>老赖</mark> ' in page
    assert '<span class="said"><mark>不要脸</mark>的<mark>东西</mark>。 ' in page


def test_positions_are_not_guessed_where_the_quote_is_not_the_utterances() -> None:
    flags = (flag(1, "insult", "curse", ("U2",), quote="别的话", why=(Span(0, 2, "", 1.0),)),)
    assert "<mark>" not in Outline(render_html(report(flags=flags), None)).text
    assert '<span class="said">你就是个老赖 ' in render_html(report(flags=flags), None)


def test_the_sound_that_told_is_shown() -> None:
    flags = (flag(1, "insult", "curse", ("U2",), why=(Span(4, 6, "老来", 1.0, "lao lai"),)),)
    assert "老来 → lao lai" in render_html(report(flags=flags), None)


@pytest.mark.parametrize(
    ("score", "shown"), [(1.0, ">99%"), (0.994, "99%"), (0.5, "50%"), (0.001, "<1%")]
)
def test_scores_never_claim_certainty(score: float, shown: str) -> None:
    flags = (flag(1, "threat", "veiled", ("U0",), score=score),)
    assert f"机器评分 {shown}" in Outline(render_html(report(flags=flags), None)).text


@pytest.mark.parametrize(
    ("start", "shown"),
    [(0.0, "0:00:00.0"), (59.96, "0:01:00.0"), (3599.96, "1:00:00.0"), (36061.24, "10:01:01.2")],
)
def test_times(start: float, shown: str) -> None:
    flags = (flag(1, "threat", "veiled", ("U0",), start_s=start, end_s=40000.0),)
    assert f"{shown}–11:06:40.0" in render_html(report(flags=flags), None)
