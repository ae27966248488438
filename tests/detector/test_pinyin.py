"""Reading by ear: what phone speech confuses sounds alike here, what it does not stays apart."""

import pytest

from detector.pinyin import fold, syllables


@pytest.mark.parametrize(
    ("syllable", "folded"),
    [
        ("zhang", "zan"),
        ("chi", "ci"),
        ("shen", "sen"),
        ("sheng", "sen"),
        ("nan", "lan"),
        ("lin", "lin"),
        ("ling", "lin"),
        ("huang", "fan"),
        ("hu", "hu"),
        ("hua", "fa"),
        ("fang", "fan"),
        ("a", "a"),
        ("", ""),
    ],
)
def test_fold(syllable: str, folded: str) -> None:
    assert fold(syllable) == folded


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("还钱", "害前"),
        ("报通讯录", "爆通讯录"),
        ("上门", "伤门"),
        ("打断你的腿", "打断李的腿"),
        ("张三", "脏三"),
        ("名声", "民生"),
    ],
)
def test_confusable_words_sound_alike(heard: str, said: str) -> None:
    assert syllables(heard) == syllables(said)


@pytest.mark.parametrize(("one", "other"), [("打", "大门"), ("爸", "妈"), ("还钱", "借钱")])
def test_other_words_do_not(one: str, other: str) -> None:
    assert syllables(one) != syllables(other)


def test_one_syllable_a_character_whatever_it_is() -> None:
    text = "喂,A座😀3楼的李某\n吗?"
    assert len(syllables(text)) == len(text)
    assert [s for s, c in zip(syllables(text), text, strict=True) if s == c] == list(",A😀3\n?")
