import dataclasses
import json

import pytest

from detector.labels import OBSERVATION_NAMES
from detector.observations import RECOGNISERS, find_in_text, find_observations
from detector.observations.recogniser import negated, quoted, reported, warned
from detector.render_text import render_terminal
from detector.report import Observation, Utterance


def said(*lines: tuple[str, str, float, float], speaker: str | None = None) -> list[Utterance]:
    """Return utterances of (role, text, start, end), a speaker a role."""
    return [
        Utterance(f"U{n}", start, end, speaker or role, role, text, text, False, (), {})
        for n, (role, text, start, end) in enumerate(lines, 1)
    ]


def test_every_kind_has_one_recogniser_and_a_name() -> None:
    assert {r.KIND for r in RECOGNISERS} == set(OBSERVATION_NAMES)
    assert len(RECOGNISERS) == len(OBSERVATION_NAMES)


def test_only_the_collector_counts() -> None:
    text = "你那笔贷款逾期了,我是公安局的,别管我是谁。"
    found = find_observations(
        said(("collector", text, 0, 4), ("debtor", text, 5, 9), ("third_party", text, 10, 14))
    )
    assert [(o.id, o.kind, o.utterance_ids) for o in found] == [
        ("O1", "impersonation", ("U1",)),
        ("O2", "no_identification", ("U1",)),
    ]
    assert find_in_text(text, "debtor") == find_in_text(text, "third_party") == []


def test_order_times_and_quote() -> None:
    calls = said(
        ("collector", "你欠的钱,拉黑我也没用。", 1.0, 3.0),
        ("debtor", "你别这样。", 3.5, 5.0),
        ("collector", "转到我个人微信。", 6.0, 8.5),
    )
    first, second = find_observations(calls)
    assert (first.id, first.kind, first.start_s, first.end_s) == (
        "O1", "harassment_refused_contact", 1.0, 3.0,
    )  # fmt: skip
    assert second.quote == "转到我个人微信。"
    assert (second.start_s, second.end_s) == (6.0, 8.5)


def test_a_sentence_cut_by_a_pause_is_read_as_one() -> None:
    cut = said(("collector", "你的贷款,去别的平台", 0, 2), ("collector", "借一笔先还上", 3, 5))
    (found,) = find_observations(cut)
    assert found.utterance_ids == ("U1", "U2")
    assert (found.start_s, found.end_s, found.quote) == (0, 5, "你的贷款,去别的平台借一笔先还上")


@pytest.mark.parametrize("other", ["debtor", "third_party"])
def test_words_of_another_between_part_a_passage(other: str) -> None:
    cut = said(
        ("collector", "你的贷款,去别的平台", 0, 2),
        (other, "嗯", 2.1, 2.4),
        ("collector", "借一笔先还上", 2.5, 5),
    )
    assert find_observations(cut) == ()


def test_a_long_pause_parts_a_passage() -> None:
    cut = said(("collector", "你的贷款,去别的平台", 0, 2), ("collector", "借一笔先还上", 9, 11))
    assert find_observations(cut) == ()


def test_one_observation_a_kind_and_utterance() -> None:
    twice = said(("collector", "拉黑我也没用,我换个号接着打。打到你还清为止。", 0, 5))
    assert [o.kind for o in find_observations(twice)] == ["harassment_refused_contact"]


def test_an_unknown_speaker_is_told_as_such() -> None:
    text = "别管我是谁,还钱。"
    (sure,) = find_observations(said(("collector", text, 0, 3)))
    (unsure,) = find_observations(said(("unknown", text, 0, 3)))
    assert unsure.note.startswith(sure.note)
    assert "说话人身份不确定" in unsure.note
    assert "说话人身份不确定" not in sure.note
    assert find_in_text(text, None) == find_in_text(text, "unknown")


def test_police_who_speak_of_no_debt_are_not_collectors() -> None:
    station = "您好,这里是北湖公安局,您的钱包有人捡到了。"
    assert find_observations(said(("collector", station, 0, 3))) == ()
    claimed = said(("collector", station, 0, 3), ("collector", "另外你那笔贷款怎么回事。", 9, 12))
    assert [o.kind for o in find_observations(claimed)] == ["impersonation"]


def test_places_are_those_of_the_text_as_given() -> None:
    text = "欠28600元,妳別管我是誰"
    ((kind, hit),) = find_in_text(text)
    assert kind == "no_identification"
    assert text[hit.start : hit.end].endswith("別管我是誰")


@pytest.mark.parametrize("text", ["", " ", "。", "????", "…" * 3_000, "喂" * 30_000, "a1%\n" * 900])
def test_odd_text_is_harmless(text: str) -> None:
    assert find_in_text(text) == []
    assert find_observations(said(("collector", text, 0, 1))) == ()


def test_nothing_said() -> None:
    assert find_observations([]) == ()


def test_notes_judge_nobody() -> None:
    for recogniser in RECOGNISERS:
        for known in recogniser.CUES:
            assert not any(word in known.note for word in ("冒充", "违法", "犯罪行为", "诈骗犯"))
            assert any(
                word in known.note for word in ("核", "查", "问", "听", "说明", "为准", "请对方")
            )


def test_the_terminal_prints_name_words_and_note(make_report) -> None:  # type: ignore[no-untyped-def]
    found = find_observations(said(("collector", "你欠着钱,我是公安局的。", 61.0, 64.0)))
    text = render_terminal(dataclasses.replace(make_report(), observations=found))
    assert OBSERVATION_NAMES["impersonation"][0] in text
    assert "你欠着钱,我是公安局的。" in text
    assert "身份待核实" in text
    assert "0:01:01.0" in text


def test_the_report_stays_valid(make_report) -> None:  # type: ignore[no-untyped-def]
    jsonschema = pytest.importorskip("jsonschema")
    from detector.report import schema

    found = find_observations(said(("collector", "别管我是谁。", 0.0, 1.0)))
    assert isinstance(found[0], Observation)
    made = dataclasses.replace(make_report(), observations=found)
    jsonschema.validate(json.loads(made.to_json()), schema())


@pytest.mark.parametrize(
    "text", ["我们不会去", "请您不要", "我没有让您", "千万别", "严禁", "这并不"]
)
def test_denied(text: str) -> None:
    assert negated(text, len(text))


@pytest.mark.parametrize("text", ["你不还,就", "是不是要", "不得不", "要不你", "没钱?你就"])
def test_not_denied(text: str) -> None:
    assert not negated(text, len(text))


def test_told_of_others_quoted_or_warned() -> None:
    assert reported("有人自称是", 5)
    assert reported("您说他是", 4)
    assert not reported("我跟你说,", 5)
    assert quoted("他讲“我是公安”吧", 3, 6)
    assert not quoted("“好”我是公安", 3, 6)
    assert warned("这种都是骗子,我是公安局的", 7, 12)
    assert not warned("我是公安局的", 0, 5)
