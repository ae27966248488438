"""The parts that are shown as the reason are parts of the turn, and carry its score."""

import random
from itertools import pairwise

import pytest

from detector.classify import LABELS, call_classifier
from detector.explain import MAX_SHARE, why
from detector.features import CallTurn
from detector.report import Span

_BITS = [
    "你", "打断", "你的腿", "28600", "13800138000", "https://a.example/x?y=1", "50%", "Ⅷ", "①",
    "㎏", "ABC", "VX", "😀", "  ", "\n", "欠錢", "不還", "弄死", "。", "3.5", "2024", "ﬃ", "㍿",
    "İ", "e\u0301", "。。。", "头髮",
]  # fmt: skip


def spans(text: str, label: str = "threat", third: float = 0.0) -> tuple[Span, ...]:
    return why(call_classifier(), [CallTurn(text, "collector")], 0, label, third, flagged=True)


def _odd_texts() -> list[str]:
    chosen = random.Random(5)
    return ["".join(chosen.choices(_BITS, k=chosen.randint(1, 9))) for _ in range(60)]


@pytest.mark.parametrize("text", _odd_texts())
def test_spans_are_parts_of_the_turn_as_handed_in(text: str) -> None:
    found = spans(text)
    assert [span.start for span in found] == sorted(span.start for span in found)
    for before, after in pairwise(found):
        assert before.end <= after.start
    for span in found:
        assert 0 <= span.start < span.end <= len(text)
        assert span.text == text[span.start : span.end]


@pytest.mark.parametrize(
    ("label", "text", "telling"),
    [
        ("insult", "你全家不得好死,生儿子没屁眼", "死屁眼"),
        ("insult", "我跟你说了多少遍了,操你妈的,下午三点之前", "操你妈"),
        ("threat", "下午三点之前,不然我喊人去你家泼油漆,你看着办", "人去你家泼油漆"),
        ("third_party_disclosure", "阿姨您好,您儿子欠我们两万块,麻烦您了", "欠"),
    ],
)
def test_telling_words_are_among_them(label: str, text: str, telling: str) -> None:
    shown = "".join(span.text for span in spans(text, label, 1.0))
    assert set(telling) & set(shown)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(
    "text", ["再不还钱我就带人去你家打断你的腿,你这个骗子,你单位领导都知道你欠钱了"]
)
def test_without_them_the_score_falls(label: str, text: str) -> None:
    base = call_classifier()
    rest, at = "", 0
    for span in spans(text, label):
        rest, at = rest + text[at : span.start], span.end
    rest += text[at:]
    full, left = (base.classify([CallTurn(t, "collector")])[0].scores[label] for t in (text, rest))
    assert left < full
    assert len(rest) >= (1 - MAX_SHARE) * len(text) - 2


@pytest.mark.parametrize(
    ("label", "text", "third"),
    [
        ("threat", "下午给我回个电话,把今天的先存进来,不然我找人去你家泼油漆", 0.0),
        ("insult", "还款日是上个月二十号,今天能存多少先存多少,你这个不要脸的骗子", 0.0),
        ("third_party_disclosure", "麻烦您叫他接一下电话,今天务必回一个,他欠我们钱呢", 1.0),
    ],
)
def test_in_a_conversation_the_flag_falls_without_them(label: str, text: str, third: float) -> None:
    base, text_before = call_classifier(), "喂,哪位?"
    said = ["您好,请问是王先生吗", text_before, text, "你怎么这么说话", "那您今天几点能处理"]
    roles = ["collector", "debtor" if third < 0.5 else "third_party"] * 2 + ["collector"]
    turns = [CallTurn(t, role) for t, role in zip(said, roles, strict=True)]
    assert label in base.classify(turns, third)[2].flagged
    rest, at = "", 0
    for span in why(base, turns, 2, label, third, flagged=True):
        rest, at = rest + text[at : span.start], span.end
    turns[2] = CallTurn(rest + text[at:], "collector")
    assert label not in base.classify(turns, third)[2].flagged
    assert len(turns[2].text) >= (1 - MAX_SHARE) * len(text) - 1


def test_of_a_long_turn_the_weightiest_words_are_shown() -> None:
    polite = "您好,这边跟您核对一下还款计划,下周三之前存入绑定的银行卡就可以了。"
    text = 3 * polite + "不然我喊人去你家泼油漆,打断你的腿。" + 3 * polite
    shown = spans(text)
    assert 0 < sum(span.end - span.start for span in shown) <= MAX_SHARE * len(text)
    assert set("泼油漆打断腿") & set("".join(span.text for span in shown))


@pytest.mark.parametrize("third", [0.3, 0.5, 0.7])
def test_what_discloses_is_shown_whoever_may_listen(third: float) -> None:
    shown = spans("阿姨您好,您儿子欠我们两万块,麻烦您了", "third_party_disclosure", third)
    assert "欠" in "".join(span.text for span in shown)


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_nothing_to_show(text: str) -> None:
    assert spans(text) == ()


def test_every_turn_with_words_shows_something() -> None:
    assert spans("滚")
    assert spans("好的,再见,祝您生活愉快")


def test_heard_by_its_sound() -> None:
    texts = ["曹尼玛的", "操尼玛", "曹泥马的", "你麻痹的", "去泥玛的沙币", "带人去你加把你退打断"]
    readings = [span.reading for text in texts for span in spans(text, "insult")]
    assert any(readings)
    assert all(reading is None or reading.isascii() for reading in readings)
