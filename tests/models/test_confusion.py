"""What is learnt from recognised turns."""

import random

from hypothesis import given
from hypothesis import strategies as st

from models import calls as corpus
from models.confusion import Confusion, align, learnt, recognised, sounds, split, wrong_share


def test_syllables_are_paired_by_sound() -> None:
    pairs = align(["ni", "qian", "de", "qian"], ["ni", "tian", "qian"])
    assert pairs == [("ni", "ni"), ("qian", "tian"), ("de", None), ("qian", "qian")]
    assert align([], ["a"]) == [(None, "a")]
    assert align(["a"], []) == [("a", None)]


@given(st.lists(st.sampled_from(["ni", "li", "qian", "an"]), max_size=8),
       st.lists(st.sampled_from(["ni", "li", "qian", "an"]), max_size=8))  # fmt: skip
def test_pairs_hold_all_that_was_said_and_heard(said: list[str], heard: list[str]) -> None:
    pairs = align(said, heard)
    assert [a for a, _ in pairs if a is not None] == said
    assert [b for _, b in pairs if b is not None] == heard


def test_homophones_are_no_wrong_syllables() -> None:
    assert wrong_share("欠钱不还", "歉前不孩") == 0
    assert wrong_share("欠钱不还", "今天天气") > 0.5
    assert split("an") == ("", "an")


def test_what_was_seen_heard_instead_is_heard_instead() -> None:
    confusion = Confusion()
    for _ in range(60):
        confusion.learn("把欠还上", "把甜还上")
    rng = random.Random(1)
    drawn = [confusion.other("qian", ["tian", "xian", "qian"], rng) for _ in range(50)]
    assert drawn.count("tian") > 40
    # a syllable never seen wrong falls back on how its initial is confused
    assert "tiao" in {confusion.other("qiao", ["tiao", "qiao"], rng) for _ in range(50)}


def test_turns_that_were_not_heard_teach_nothing() -> None:
    confusion = Confusion()
    confusion.learn("把钱还上", "谢谢观看")
    assert confusion.said == 0


def test_every_recognised_call_of_the_corpus_fits_its_source() -> None:
    calls = {call["call_id"]: call for call in corpus.load()}
    records = corpus.heard()
    assert records
    for record in records:
        call = calls[record["call_id"]]
        assert record["said"] == [turn["text"] for turn in call["turns"]]
        assert len(record["heard"]) == len(call["turns"])
        assert any(record["heard"])
    clear = [ok for versions in recognised().values() for v in versions for _, ok in v]
    assert 0.5 < sum(clear) / len(clear) < 1
    assert learnt() is not None
    assert sounds("你好,abc") == ["li", "hao"]
