"""Scored utterances become flags that a person can check."""

from dataclasses import replace
from typing import Any

import pytest

from detector.classify import LABELS, TurnScores, call_classifier
from detector.flags import Context, find_flags
from detector.report import Flag, Utterance

SUBTYPE = {"threat": "veiled", "insult": "profanity", "third_party_disclosure": "reported"}


def said(number: int, start: float, end: float, **more: Any) -> Utterance:
    text = more.pop("text", f"第{'一二三四五六七八九'[number - 1]}句你等着瞧")
    facts = {"speaker": "A", "role": "collector", "overlapped": False} | more
    return Utterance(
        id=f"U{number}", start_s=start, end_s=end, text=text, raw_text=text, words=(),
        scores=dict.fromkeys(LABELS, 0.1), **facts,
    )  # fmt: skip


def scored(
    flagged: str = "", review: str = "", score: float = 0.9, doubtful: bool = False
) -> TurnScores:
    names = {"t": "threat", "i": "insult", "d": "third_party_disclosure"}
    return TurnScores(
        dict.fromkeys(LABELS, score),
        {label: (name,) for label, name in SUBTYPE.items()},
        tuple(names[c] for c in flagged),
        tuple(names[c] for c in review),
        doubtful,
    )


def flags(utterances: list[Utterance], scores: list[TurnScores], third: float = 0) -> list[Flag]:
    return list(find_flags(utterances, scores, call_classifier(), Context(third)))


def test_nothing_said_and_nothing_found() -> None:
    assert flags([], []) == []
    assert flags([said(1, 0, 2), said(2, 3, 4)], [scored(), scored()]) == []


def test_one_flag() -> None:
    (flag,) = flags([said(1, 0, 2), said(2, 3.5, 6.25)], [scored(), scored("t", score=0.83)])
    assert (flag.id, flag.category, flag.subtype) == ("F1", "threat", "veiled")
    assert (flag.start_s, flag.end_s, flag.quote) == (3.5, 6.25, "第二句你等着瞧")
    assert (flag.utterance_ids, flag.speaker, flag.role) == (("U2",), "A", "collector")
    assert (flag.decision, flag.status, flag.origin) == ("flagged", "unreviewed", "machine")
    assert (flag.score, flag.severity, flag.note) == (0.83, 2, None)


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({}, 1),
        ({"start_s": 3.9}, 1),
        ({"start_s": 4.1}, 2),
        ({"speaker": "C"}, 2),
    ],
    ids=["no-pause", "short-pause", "long-pause", "other-voice"],
)
def test_neighbours_of_one_voice_become_one_flag(change: dict[str, Any], count: int) -> None:
    facts = {"start_s": 2.5, **change}
    second = said(2, facts.pop("start_s"), 6, **facts)
    found = flags([said(1, 0, 2), second], [scored("t", score=0.7), scored("t", score=0.9)])
    assert len(found) == count
    if count == 1:
        (flag,) = found
        assert flag.utterance_ids == ("U1", "U2")
        assert flag.quote == "第一句你等着瞧第二句你等着瞧"
        assert (flag.start_s, flag.end_s, flag.score) == (0, 6, 0.9)


def test_an_utterance_in_between_keeps_two_flags_apart() -> None:
    call = [said(1, 0, 2), said(2, 2, 2.5, speaker="B", role="debtor"), said(3, 2.5, 4)]
    assert len(flags(call, [scored("t"), scored(), scored("t")])) == 2


def test_flagged_and_to_review_are_not_joined() -> None:
    found = flags([said(1, 0, 2), said(2, 2.1, 4)], [scored("t"), scored(review="t", score=0.4)])
    assert [flag.decision for flag in found] == ["flagged", "review"]
    assert found[1].note is not None
    assert "分数" in found[1].note


def test_order_is_that_of_time_and_numbers_follow() -> None:
    call = [said(n, 10 * n, 10 * n + 3) for n in (1, 2, 3)]
    found = flags(call, [scored("i"), scored("dt"), scored("t")])
    assert [(flag.id, flag.category, flag.start_s) for flag in found] == [
        ("F1", "insult", 10),
        ("F2", "threat", 20),
        ("F3", "third_party_disclosure", 20),
        ("F4", "threat", 30),
    ]


@pytest.mark.parametrize(
    ("heard", "told"), [("第一句你等着死", True), ("第一句,你等着瞧。", False), ("", False)]
)
def test_another_reading_is_told_where_its_words_differ(heard: str, told: bool) -> None:
    scores = replace(scored("t"), telling={"threat": 1})
    (flag,) = find_flags([said(1, 0, 2)], [scores], call_classifier(), Context(0.0, ((heard,),)))
    assert (flag.note is not None) is told
    assert not told or (flag.note and heard in flag.note)


def test_unknown_speakers_are_to_review() -> None:
    (flag,) = flags([said(1, 0, 2, role="unknown")], [scored("t")])
    assert flag.decision == "review"
    assert flag.note is not None
    assert "身份" in flag.note


def test_disclosure_to_a_doubtful_listener_is_to_review() -> None:
    found = flags([said(1, 0, 2)], [scored("t", review="d", doubtful=True)], third=0.5)
    assert [(flag.category, flag.decision) for flag in found] == [
        ("threat", "flagged"), ("third_party_disclosure", "review"),
    ]  # fmt: skip
    assert found[1].note is not None
    assert "接听人" in found[1].note


def test_telling_parts_stand_where_they_say() -> None:
    texts = ["你再不还28600,我今晚带人砸你家玻璃", "把你腿打断,听见没有", "嗯"]
    call = [said(n, 3 * n, 3 * n + 2, text=text) for n, text in enumerate(texts, 1)]
    (flag,) = flags(call, [scored("t"), scored("t"), scored("t")])
    assert flag.quote == "".join(texts)
    assert flag.why
    for span in flag.why:
        assert 0 <= span.start < span.end <= len(flag.quote)
        assert flag.quote[span.start : span.end] == span.text


def test_gravest_subtypes_rank_highest() -> None:
    def graded(subtype: str) -> int:
        score = TurnScores(
            dict.fromkeys(LABELS, 0.9), dict.fromkeys(LABELS, (subtype,)), ("threat",), ()
        )
        return flags([said(1, 0, 2)], [score])[0].severity

    assert graded("violence") > graded("exposure") > graded("veiled")


def test_a_further_reading_that_tells_more_is_said() -> None:
    utterance = said(1, 0.0, 2.0)
    scores = replace(scored("t"), telling={"threat": 1})
    context = Context(0.0, (("我找人去你家",),))
    (flag,) = find_flags([utterance], [scores], call_classifier(), context)
    assert flag.quote == utterance.text
    assert flag.note and "我找人去你家" in flag.note
    (flag,) = find_flags([utterance], [replace(scores, telling={})], call_classifier(), context)
    assert flag.note is None
