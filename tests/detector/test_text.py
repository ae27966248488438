"""What is shown keeps its script; what is scored has one form."""

import pytest

from detector.text import aligned, is_traditional, normalise, spoken_number, to_script


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        ("0", "零"),
        ("000", "零零零"),
        ("5", "五"),
        ("10", "十"),
        ("12", "十二"),
        ("20", "二十"),
        ("105", "一百零五"),
        ("110", "一百一十"),
        ("200", "二百"),
        ("1000", "一千"),
        ("1005", "一千零五"),
        ("2300", "两千三百"),
        ("2026", "二零二六"),
        ("1998", "一九九八"),
        ("3200", "三千二百"),
        ("10000", "一万"),
        ("28600", "两万八千六百"),
        ("10050", "一万零五十"),
        ("20003", "两万零三"),
        ("120000", "十二万"),
        ("1000500", "一百万零五百"),
        ("0431", "零四三一"),
        ("13800138000", "一三八零零一三八零零零"),
        ("3.5", "三点五"),
        ("0.05", "零点零五"),
        ("36.80", "三十六点八零"),
    ],
)
def test_spoken_number(number: str, spoken: str) -> None:
    assert spoken_number(number) == spoken


@pytest.mark.parametrize(
    ("text", "scored"),
    [
        ("欠錢不還", "欠钱不还"),
        ("你 等着  看", "你,等着,看"),
        ("  你好\n再见 ", "你好,再见"),
        ("欠28600元", "欠两万八千六百元"),
        ("利息24%", "利息二十四百分之"),
        ("点 https://a.example/x?y=1 还款", "点,网址,还款"),
        ("看www.example.cn", "看网址"),
        ("VX加我", "vx加我"),
        ("", ""),
        ("   ", ""),
        ("😀", "😀"),
    ],
)
def test_normalise(text: str, scored: str) -> None:
    assert normalise(text) == scored


def test_full_width_and_half_width_score_alike() -> None:
    assert normalise("加VX:ABC123") == normalise("加VX:ABC123")


@pytest.mark.parametrize("text", ["打" * 10_000, "1" * 10_000, "a " * 9_000, "①" * 5_000])
def test_a_scored_turn_is_never_longer_than_two_thousand(text: str) -> None:
    assert 0 < len(normalise(text)) <= 2_000


@pytest.mark.parametrize(
    "text", ["你欠28600,明天还3.5万", "請你還錢", "看 www.example.cn 吧", "ABC", "①Ⅷ㎏"]
)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("text", "sign", "part"),
    [
        ("欠28600元", "两", "28600"),
        ("欠28600元", "百", "28600"),
        ("看 https://a.example/x?y=1 还", "网", "https://a.example/x?y=1"),
        ("只要50%哦", "百", "%"),
        ("只要50%哦", "哦", "哦"),
        ("  欠錢", "钱", "錢"),
        ("加VX", "v", "V"),
        ("你  看", ",", "  "),
        ("㎏的", "的", "的"),
    ],
)
def test_what_is_scored_leads_back_to_what_was_written(text: str, sign: str, part: str) -> None:
    scored, places = aligned(text)
    start, end = places[scored.index(sign)]
    assert text[start:end] == part
    assert len(places) == len(scored)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("simplified", "请问张小姐在吗,头发"),
        ("traditional", "請問張小姐在嗎,頭髮"),
        ("as-heard", "请問張小姐在吗,頭髮"),
    ],
)
def test_to_script(script: str, expected: str) -> None:
    assert to_script("请問張小姐在吗,頭髮", script) == expected


@pytest.mark.parametrize("script", ["simplified", "traditional", "as-heard"])
@pytest.mark.parametrize("text", ["", "ok, no problem", "😀……?!", "12345"])
def test_to_script_leaves_the_rest_alone(text: str, script: str) -> None:
    assert to_script(text, script) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("你們這樣催收是違法的", True),
        ("你们这样催收是违法的", False),
        ("好的好的", False),
        ("", False),
        ("hello", False),
    ],
)
def test_is_traditional(text: str, expected: bool) -> None:
    assert is_traditional(text) is expected
