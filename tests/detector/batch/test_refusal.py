"""Asking not to be called any more."""

import pytest

from detector.batch.refusal import find_refusals
from detector.report import Utterance


def refused(text: str, role: str = "debtor") -> bool:
    return bool(find_refusals([Utterance("U1", 0.0, 1.0, "B", role, text, text, False, (), {})]))


@pytest.mark.parametrize(
    "text",
    [
        "请你们不要再给我打电话了",
        "我跟他没关系,别再打过来了",
        "不要再联系我了",
        "以后别给我打电话",
        "你们停止骚扰我",
        "我明确拒绝你们的电话催收和联系",
        "请把我的号码从你们系统里删掉",
        "我说了别再打了",
        "这里是单位,麻烦以后不要再往这里打电话",
    ],
)
def test_a_refusal_is_found(text: str) -> None:
    assert refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "我下周一定还",
        "你别挂电话",
        "你让他别打我孩子",
        "为什么不给我打电话",
        "我不要再借钱了",
        "你说过不再打电话给我的",
        "你再打电话给我说一下金额",
        "别着急,我先给你打电话",
        "您能不能别再打了吗?",
        "我没接到你们的联系",
        "他不联系我",
        "你不要打给我的同学",
        "别再骚扰我家人",
    ],
)
def test_other_words_are_no_refusal(text: str) -> None:
    assert not refused(text)


def test_whoever_answers_at_work_may_refuse_for_all_there() -> None:
    assert refused("请不要再给我们单位打电话了", "third_party")
    assert not refused("请不要再给我们单位打电话了", "debtor")


def test_the_collector_cannot_refuse() -> None:
    assert not refused("别再打了", "collector")
    assert refused("别再打了", "third_party") and refused("别再打了", "unknown")
