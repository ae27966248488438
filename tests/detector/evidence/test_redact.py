"""A redacted case shows no number of a person anywhere, and says nothing else differently."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from case_for_documents import FACTS, case, decided, item, report, utterance

from detector.evidence.decisions import review
from detector.evidence.model import Case, CaseItem
from detector.evidence.redact import MARK, NOTICE, all_names, redacted, spoken
from detector.report import ReportWord, Span

MOBILE = "13900001234"
SPOKEN = "幺三九零零零零幺二三四"


def timed(n: int, speaker: str, role: str, text: str, **changed: Any) -> Any:
    """Return an utterance with a word a character, each of 0.1 s, from second 5n."""
    words = tuple(
        ReportWord(c, round(5 * n + i / 10, 2), round(5 * n + (i + 1) / 10, 2), 0.9)
        for i, c in enumerate(text)
    )
    return dataclasses.replace(utterance(n, speaker, role, text), words=words, **changed)


def made(*utterances: Any, **changed: Any) -> Any:
    base = report()
    return dataclasses.replace(base, utterances=utterances, flags=(), observations=(), **changed)


def everything(done: Case) -> str:
    """Return all that documents could show of a case, as one text."""
    data = dataclasses.asdict(done)
    return json.dumps(data, ensure_ascii=False, default=str)


def test_notice() -> None:
    assert NOTICE == "人工检查后方可外发"


def test_numbers_go_from_every_text() -> None:
    said = (
        ("A", "collector", f"你打{SPOKEN}找我"),
        ("B", "debtor", f"我的身份证是11010519491231002X,卡号6222023610000000003,电话{MOBILE}"),
    )
    marks = (("F1", "threat", "exposure", ("U1",)), ("F2", "insult", "mockery", ("U2",)))
    base = report(said, marks, warnings=(f"文件名里有{MOBILE}",))
    base = dataclasses.replace(
        base,
        recording=dataclasses.replace(base.recording, file=f"通话_{MOBILE}_20260305.m4a"),
        flags=tuple(dataclasses.replace(f, note=f"打过{MOBILE}") for f in base.flags),
        case={"caller_number": MOBILE},
    )
    one = item(
        base,
        ("confirm", "F1"),
        ("correct", "U2", {"text": f"我电话是{SPOKEN}"}),
        ("add", "", {"category": "threat", "subtype": "exposure", "utterance_ids": ["U2"]}),
    )
    before = case(one, facts={**FACTS, "caller_number": MOBILE, "note": f"问{MOBILE}"})
    done = redacted(before)
    text = everything(done)
    for secret in (MOBILE, SPOKEN, "11010519491231002", "622202361"):
        assert secret in everything(before) or secret == "622202361"
        assert secret not in text
    assert done.redacted
    mine = done.items[0]
    assert mine.original.name == f"通话_{MARK * 11}_20260305.m4a"
    assert mine.reviewed.report.recording.file == mine.original.name
    assert mine.reviewed.utterances[0].utterance.text == f"你打{MARK * 11}找我"
    assert mine.reviewed.utterances[1].text == f"我电话是{MARK * 11}"
    assert mine.clips == one.clips


def test_what_is_no_secret_stays() -> None:
    before = case()
    done = redacted(before)
    parties = {"debtor": MARK * 2, "lender": "测试银行"}
    facts = {**FACTS, "caller_number": f"{MARK * 3}-{MARK * 8}", "parties": parties}
    assert done == dataclasses.replace(before, redacted=True, facts=facts, items=done.items)
    assert done.items[0].reviewed.report == before.items[0].reviewed.report
    assert done.items[0].reviewed.flags == before.items[0].reviewed.flags
    assert redacted(done) == done


def test_the_original_case_is_left_as_it_was() -> None:
    before = case(item(report((("A", "collector", f"打{MOBILE}"),), ())))
    copy = everything(before)
    redacted(before, ["赵一"])
    assert everything(before) == copy


def test_positions_of_spans_stay_true() -> None:
    quote = f"再不还就打{MOBILE}叫人来"
    base = report((("A", "collector", quote),), (("F1", "threat", "exposure", ("U1",)),))
    spans = (Span(0, 4, "再不还就", 0.5), Span(4, 16, quote[4:16], 0.9, "da yao san jiu"))
    base = dataclasses.replace(
        base, flags=tuple(dataclasses.replace(f, why=spans) for f in base.flags)
    )
    flag = redacted(case(item(base))).items[0].reviewed.flags[0].flag
    assert flag.quote == f"再不还就打{MARK * 11}叫人来"
    assert [flag.quote[s.start : s.end] for s in flag.why] == [s.text for s in flag.why]
    assert flag.why[0].text == "再不还就"
    assert flag.why[1].reading is None


def test_words_are_masked_with_their_text() -> None:
    base = made(timed(1, "B", "debtor", f"号码{SPOKEN}好"))
    utterance_ = redacted(case(item(base))).items[0].reviewed.utterances[0].utterance
    assert [word.text for word in utterance_.words] == [*"号码", *MARK * 11, "好"]
    assert [w.start_s for w in utterance_.words] == [w.start_s for w in base.utterances[0].words]


def test_a_number_read_in_pieces_over_several_turns() -> None:
    base = made(
        timed(1, "B", "debtor", "你记一下幺三九,"),
        timed(2, "A", "collector", "嗯"),
        timed(3, "B", "debtor", "零零零零"),
        timed(4, "A", "collector", "好"),
        timed(5, "B", "debtor", "幺二三四"),
    )
    base = dataclasses.replace(
        base,
        utterances=tuple(dataclasses.replace(u, end_s=u.start_s + 3) for u in base.utterances),
    )
    done = redacted(case(item(base)))
    texts = [u.utterance.text for u in done.items[0].reviewed.utterances]
    assert texts == [f"你记一下{MARK * 3},", "嗯", MARK * 4, "好", MARK * 4]
    heard = spoken(item(base), ())
    assert heard == [(5.4, 5.7), (15.0, 15.4), (25.0, 25.4)]


def test_a_quote_of_half_a_number_does_not_tell_it() -> None:
    base = report(
        (("B", "debtor", "我电话幺三九零"), ("B", "debtor", "零零零幺二三四你打吧")),
        (("F1", "threat", "exposure", ("U1",)), ("F2", "threat", "exposure", ("U2",))),
    )
    flags = redacted(case(item(base))).items[0].reviewed.flags
    assert [flag.quote for flag in flags] == [f"我电话{MARK * 4}", f"{MARK * 7}你打吧"]


def test_names_of_the_user_and_of_the_facts() -> None:
    base = report(
        (
            ("A", "collector", "是赵一吗,叫欧阳小丹接电话"),
            ("B", "debtor", "欧阳晓单不在,测试银行的吧"),
        ),
        (("F1", "threat", "exposure", ("U1",)),),
    )
    before = case(item(base))
    done = redacted(before, ["欧阳小丹"])
    texts = [u.utterance.text for u in done.items[0].reviewed.utterances]
    assert texts == [f"是{MARK * 2}吗,叫{MARK * 4}接电话", f"{MARK * 4}不在,测试银行的吧"]
    assert done.facts["parties"] == {"debtor": MARK * 2, "lender": "测试银行"}


@pytest.mark.parametrize("said", ["本人", "配偶", "同事"])
def test_words_for_persons_are_no_names(said: str) -> None:
    assert all_names(case(facts={"recorded_by": said})) == ()


def test_decisions_and_reviewers() -> None:
    base = report()
    steps = decided(base, ("reject", "F1"), ("confirm", "F2"))
    steps = tuple(dataclasses.replace(s, note=f"问过{MOBILE}", by="欧阳小丹") for s in steps)
    one = CaseItem(1, Path("original/x.m4a"), review(base, steps))
    reviewed = redacted(case(one), ["欧阳小丹"]).items[0].reviewed
    assert reviewed.reviewers == (MARK * 4,)
    assert {d.note for d in reviewed.decisions} == {f"问过{MARK * 11}"}
    assert [d.action for d in reviewed.decisions] == ["reject", "confirm"]


def test_when_numbers_are_spoken() -> None:
    base = made(
        timed(1, "A", "collector", "你好"),
        timed(2, "B", "debtor", f"打我{SPOKEN}吧"),
        timed(3, "B", "debtor", "欠两万三千元"),
    )
    assert spoken(item(base), ()) == [(10.2, 11.3)]
    assert spoken(item(base), ("你好",)) == [(5.0, 5.2), (10.2, 11.3)]


def test_when_a_number_is_spoken_that_only_a_person_heard() -> None:
    base = made(timed(2, "B", "debtor", "那你就打我要山酒洞洞吧吧吧这个好不好"))
    one = item(base, ("correct", "U2", {"text": f"那你就打我{SPOKEN}这个好不好"}))
    assert spoken(one, ()) == [(10.5, 11.3)]
    text = redacted(case(one)).items[0].reviewed.utterances[0].text
    assert text == f"那你就打我{MARK * 11}这个好不好"


def test_nothing_to_go_by_silences_the_whole_utterance() -> None:
    base = made(timed(2, "B", "debtor", "打我要山酒洞洞吧吧吧吧"))
    one = item(base, ("correct", "U2", {"text": f"打我{SPOKEN}吧"}))
    assert spoken(one, ()) == [(10.0, 14.2)]


def test_commas_and_script_do_not_blur_the_time() -> None:
    heard = timed(2, "B", "debtor", "你打我幺三九零零零零幺两三四這個")
    base = made(dataclasses.replace(heard, text="你打我,幺三九,零零零零,幺两三四,这个"))
    assert spoken(item(base), ()) == [(10.3, 11.4)]


def test_a_number_in_text_without_word_times_silences_all_of_it() -> None:
    base = made(utterance(2, "B", "debtor", f"打我{SPOKEN}吧", words=()))
    assert spoken(item(base), ()) == [(10.0, 14.2)]
