"""Numbers that name a person are found however they are read; other numbers are left."""

from collections.abc import Callable

import pytest

from detector.evidence.recognisers import find, id_checksum, luhn

BORN = "19880229"
ID = "440305" + BORN + "041"
ID += id_checksum(ID)
CARD = next(f"622202361000{n:07}" for n in range(100) if luhn(f"622202361000{n:07}"))
_CHINESE = str.maketrans("0123456789X", "零幺二三四五六七八九叉")


def hits(text: str, *names: str) -> list[tuple[str, str]]:
    return [(text[found.start : found.end], found.kind) for found in find(text, names)]


def test_checksum_of_the_standards_example() -> None:
    assert id_checksum("11010519491231002") == "X"
    assert id_checksum("44052418800101001") == "4"


def test_luhn() -> None:
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
    assert not luhn("1411111111111111")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (ID, "id_number"),
        ("11010519491231002X", "id_number"),
        ("11010519491231002x", "id_number"),
        (f"{ID[:6]} {ID[6:14]} {ID[14:]}", "id_number"),
        (f"{ID[:6]}、{ID[6:14]}、{ID[14:]}", "id_number"),
        (ID.translate(_CHINESE), "id_number"),
        ("11010519491231002X".translate(_CHINESE), "id_number"),
        (ID[:17] + str((int(ID[17].replace("X", "0")) + 1) % 10), "id_number"),  # one wrong
        ("110105491231002", "id_number"),
        ("13900001234", "mobile"),
        ("\uff11\uff13\uff19\uff10\uff10\uff10\uff10\uff11\uff12\uff13\uff14", "mobile"),
        ("139 0000 1234", "mobile"),
        ("139-0000-1234", "mobile"),
        ("139.0000.1234", "mobile"),
        ("139,0000,1234", "mobile"),
        ("139\uff0c0000\uff0c1234", "mobile"),
        ("8613900001234", "mobile"),
        ("一三九零零零零一二三四", "mobile"),
        ("幺三九洞洞洞洞幺两三四", "mobile"),
        ("幺三勾零零零零幺二三四", "mobile"),
        ("么三九零零零零么二三四", "mobile"),
        ("腰三九零零零零腰二三四", "mobile"),
        ("幺3九00零0幺二34", "mobile"),
        ("幺三九啊,零零零零,呃,幺二三四", "mobile"),
        ("幺三九四个零一二三四", "mobile"),
        ("一三九零零令零一二三四", "mobile"),
        ("一三就零零零零一二三四", "mobile"),
        ("壹叁玖零零零零壹贰叁肆", "mobile"),
        ("幺三九零零零零幺兩三四", "mobile"),
        ("021-62345678", "landline"),
        ("0755 8234567", "landline"),
        ("零二幺杠六二三四五六七八", "landline"),
        ("400-800-1234", "landline"),
        (CARD, "bank_card"),
        (" ".join(CARD[i : i + 4] for i in range(0, 19, 4)), "bank_card"),
        (CARD.translate(_CHINESE), "bank_card"),
        (CARD[:18] + str((int(CARD[18]) + 1) % 10), "number"),
        ("一三九零零零零一二三", "number"),  # one digit was not heard
        ("一三九零零零零一二三四五", "number"),
        ("六二三四五六七", "number"),
        ("6234567", "number"),
        ("一三九,零零零零,一二三", "number"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "我的是{}你记一下", "是 {}。", "\uff08{}\uff09"])
def test_numbers_are_found_whole(text: str, kind: str, around: str) -> None:
    assert hits(around.format(text)) == [(text, kind)]


@pytest.mark.parametrize(
    "text",
    [
        "", "你好", "两万三千元", "三百二十一块五", "一千二百三十四万五千六百七十八",
        "欠款12345678元", "1,234,567元", "¥1234567", "\uffe51,234,567.00", "1234567.89",
        "共1234567 块钱", "一二三四五六七块钱",
        "2026年3月5日22时41分07秒", "2026-03-05", "2026/03/05", "2026.03.05", "20260305",
        "20260305224107", "二零二六年三月五号", "二零二六零三零五", "22:41:07", "2026-03-05 22:41",
        "工号8826", "工号幺两三四五", "尾号0041", "验证码483920", "拨打95588", "12378", "110",
        "每月还1500,1600,1700", "一一核对", "三三两两", "不三不四", "一是二,二是三,三是四",
        "我有两个三个四个", "十有八九", "一五一十",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "什么一二三", "分十二期", "九点二十到十点半", "百分之二十四点五", "3.14159",
    ],
)  # fmt: skip
def test_other_numbers_are_left(text: str) -> None:
    assert hits(text) == []
    assert hits(f"我说{text}这件事") == []


def test_a_number_beside_other_numbers() -> None:
    assert hits("欠3000,13900001234,尾号0041") == [("13900001234", "mobile")]
    assert hits("139 0000 1234 和 13800005678") == [
        ("139 0000 1234", "mobile"), ("13800005678", "mobile")
    ]  # fmt: skip
    assert hits("2026-03-05 13900001234") == [("13900001234", "mobile")]
    assert hits("怎么13900001234") == [("13900001234", "mobile")]
    assert hits("13900001234X") == [("13900001234", "mobile")]


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("我找欧阳小丹", ["欧阳小丹"], ["欧阳小丹"]),
        ("我找欧阳晓单说话", ["欧阳小丹"], ["欧阳晓单"]),
        ("我找歐陽小丹", ["欧阳小丹"], ["歐陽小丹"]),
        ("歐陽小丹", ["欧阳小丹"], ["歐陽小丹"]),
        ("欧阳 小丹,欧阳小丹", ["欧阳小丹"], ["欧阳 小丹", "欧阳小丹"]),
        ("住在梧桐路8号3栋", ["梧桐路八号"], ["梧桐路8号"]),
        ("住在吴同路八号", ["梧桐路8号"], ["吴同路八号"]),
        ("小丹不在", ["欧阳小丹"], []),
        ("丹丹,单据", ["丹"], ["丹", "丹"]),
        ("call Mary now, maryland", ["Mary"], ["Mary"]),
        ("Mary Ann 来了", ["mary ann"], ["Mary Ann"]),
        ("没有这个人", [""], []),
        ("没有这个人", ["——"], []),
    ],
)
def test_listed_names(text: str, names: list[str], expected: list[str]) -> None:
    assert [part for part, _ in hits(text, *names)] == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: "一" * 20_000,
        lambda: "1," * 10_000,
        lambda: "要一" * 10_000,
        lambda: "一个" * 10_000,
        lambda: "-" * 20_000,
        lambda: "1,234," * 4_000,
    ],
)
def test_long_odd_texts_take_no_time(make: Callable[[], str]) -> None:
    import time

    began = time.process_time()
    find(make())
    assert time.process_time() - began < 5
