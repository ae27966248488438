"""Who is the collector, and whether a third party listens."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from detector.classify import call_classifier
from detector.features import CallTurn, PreparedTurn, prepare
from detector.roles import RoleGuess, assign_roles, third_party_probability

DEBTOR_CALL = [
    ("A", "您好,我是某某金融的工作人员,请问是李女士吗"),
    ("B", "我是,什么事"),
    ("A", "您这边有一笔借款逾期八天了,今天能处理吗"),
    ("B", "我这个月工资还没发,能不能缓几天"),
    ("A", "缓不了,再不还我就带人去你家堵门,让你全家不得安宁"),
    ("B", "你别来我家,我报警了"),
]
FATHER_CALL = [
    ("A", "喂,你好,请问是陈伟的父亲吗"),
    ("B", "是啊,你哪位"),
    ("A", "你儿子陈伟在我们这里借了三万块钱,到现在都没还"),
    ("B", "我不知道啊,他没跟我说过"),
    ("A", "那你先替他把钱垫上,不然对他影响很大"),
    ("B", "他借的钱你找他去,找我干什么"),
]


def third(call: Sequence[tuple[str, str]]) -> float:
    base = call_classifier()
    return third_party_probability(
        base.model, base.settings, prepare([CallTurn(text) for _, text in call])
    )


def roles(call: Sequence[tuple[str, str]], **fixed: str) -> dict[str, RoleGuess]:
    base = call_classifier()
    return assign_roles(
        base.model,
        base.settings,
        prepare([CallTurn(text) for _, text in call]),
        [who for who, _ in call],
        fixed,
        third(call),
    )


@pytest.mark.parametrize("names", ["AB", "BA", "XY"])
def test_roles_follow_the_words_not_the_names(names: str) -> None:
    call = [(names["AB".index(who)], text) for who, text in DEBTOR_CALL]
    found = roles(call)
    assert found[names[0]].role == "collector"
    assert found[names[1]].role == "debtor"
    assert min(guess.confidence for guess in found.values()) > 0.75


def test_the_other_one_may_be_a_third_party() -> None:
    assert third(DEBTOR_CALL) < 0.2
    assert third(FATHER_CALL) > 0.8
    found = roles(FATHER_CALL)
    assert (found["A"].role, found["B"].role) == ("collector", "third_party")


def test_a_colleague_who_takes_over_is_a_collector_too() -> None:
    call = [
        *DEBTOR_CALL,
        ("C", "喂,我是组长,你这笔钱到底还不还,不还现在就去你单位"),
        ("B", "你们不要这样,我真的没钱"),
    ]
    found = roles(call)
    assert {name: guess.role for name, guess in found.items()} == {
        "A": "collector", "B": "debtor", "C": "collector",
    }  # fmt: skip


def test_a_lone_voice_has_no_known_role() -> None:
    assert roles(DEBTOR_CALL[::2]) == {"A": RoleGuess("unknown", 0.5, "inferred")}


def test_the_user_decides() -> None:
    found = roles(DEBTOR_CALL, B="collector")
    assert found["B"] == RoleGuess("collector", 1.0, "user")
    assert (found["A"].role, found["A"].source) == ("debtor", "inferred")


def test_nothing_said() -> None:
    base = call_classifier()
    assert assign_roles(base.model, base.settings, [], [], {}, 0.0) == {}
    assert third_party_probability(base.model, base.settings, []) == 0.5


# ---------------------------------------------------------------- evidence and confidence


class Evidence:
    """A model that gives each turn the evidence written in it."""

    column = {"role:collector": 0, "listener:third_party": 1}  # noqa: RUF012

    def call_logits(self, turns: Sequence[PreparedTurn], _listener: str) -> Any:
        return np.array([[float(turn.text.rstrip("话")), 0.0] for turn in turns], np.float32)


def guessed(*said: tuple[str, str], **fixed: str) -> dict[str, str]:
    turns = [PreparedTurn(text, (), (), "U") for _, text in said]
    settings: Any = SimpleNamespace(role_scale=2.0, listener=(1.0, 0.0))
    model: Any = Evidence()
    found = assign_roles(model, settings, turns, [who for who, _ in said], fixed, 0.0)
    return {name: guess.role for name, guess in found.items()}


def test_alike_voices_are_unknown() -> None:
    assert guessed(("A", "0.1话话话话"), ("B", "0.2话话话话")) == {"A": "unknown", "B": "unknown"}


def test_a_gap_settles_it() -> None:
    assert guessed(("A", "-2.0话话话"), ("B", "2.0话话话话")) == {
        "A": "debtor", "B": "collector",
    }  # fmt: skip


def test_long_turns_weigh_more_than_short_ones() -> None:
    said = [("A", "3.0" + "话" * 37), ("A", "-2.0"), ("B", "1.0" + "话" * 20)]
    assert guessed(*said)["A"] == "collector"


def test_somebody_set_to_debtor_leaves_the_rest_open() -> None:
    said = [("A", "2.0话话话话"), ("B", "3.0话话话话"), ("C", "-3.0话话话话")]
    found = guessed(*said, B="debtor")
    assert found == {"A": "collector", "B": "debtor", "C": "debtor"}
