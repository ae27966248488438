import pytest

from detector.observations.harassment_refused_contact import HarassmentRefusedContact
from detector.text import normalise

POSITIVE = [
    "拉黑我也没用,我有的是号。",
    "你挂了我就换个号接着打。",
    "不让打我就不打了吗?",
    "我天天给你打,看谁耗得过谁。",
    "打到你还清为止。",
    "我就是要烦到你还钱。",
    "说多少遍你也得接。",
    "一个小时给你打一次,你别想睡觉。",
    "一天打你一百个电话。",
    "三个人轮着打,你受得了就行。",
    "拉黑一个换一个,号多的是。",
    "你關機我就換號碼打。",
    "拉嘿没用 我明天还打",  # misheard 拉黑
    "往死里打你电话,打爆你手机。",
    "你说不打就不打?我接着打。",
]
NEAR_MISS = [
    "好的,今天不再打扰您。",
    "您要求书面沟通,我记下来了。",
    "已经给您登记,以后不会再打这个号码。",
    "我们不会天天打您电话。",
    "我明天上午十点再联系您一次。",
    "没接通的话,系统会再拨一次。",
    "您把那个号码拉黑就好。",
    "您换号了吗?原来的打不通。",
    "如果有人天天给您打骚扰电话,您可以投诉。",
    "您手机里装个防呼死你的软件。",
    "他们天天打您电话,这是不合规的。",
    "车胎打到两个半气就行。",
    "钱打到您卡上需要一个小时。",
    "您不接电话,我们只好给您发短信。",
    "退款一般一个小时到账。",
    "您拉黑了我们的短信号,所以没收到提醒。",
    "还款日换号码的话,请在App里更新。",
    "药一天三次,一次两片,您记得吃。",
    "我继续打印合同,您稍等。",
    "您说前面那个人轮着打您和您家人,我们会核查。",
]


@pytest.mark.parametrize("text", POSITIVE)
def test_found(text: str) -> None:
    scored = normalise(text)
    hits = HarassmentRefusedContact().find(scored)
    assert hits, scored
    assert all(0 <= hit.start < hit.end <= len(scored) and hit.note for hit in hits)


@pytest.mark.parametrize("text", NEAR_MISS)
def test_not_found(text: str) -> None:
    scored = normalise(text)
    assert [scored[h.start : h.end] for h in HarassmentRefusedContact().find(scored)] == []
