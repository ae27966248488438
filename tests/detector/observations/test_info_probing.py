import pytest

from detector.observations.info_probing import InfoProbing
from detector.text import normalise

POSITIVE = [
    "你老婆叫什么名字?在哪上班?",
    "你现在跟谁一起住?",
    "你儿子在哪个学校读书啊?",
    "把你同事的电话给我,我来跟他说。",
    "你对象手机号发我。",
    "我查到你快递地址了,你躲不掉。",
    "我们早就调到你的社保了。",
    "你的新号码我们有的是办法。",
    "你通讯录我们都有,要不要念给你听?",
    "我们有的是渠道找你。",
    "你前天用医保卡在哪家医院看的病?",
    "他现在住在哪里,跟谁住?",
    "她平时在哪家公司上班?",
    "你老公現在在哪裡上班?",
    "你老坡叫什么",  # misheard 老婆
    "报几个你朋友的电话过来。",
    "我清楚你儿子在哪所小学。",
]
NEAR_MISS = [
    "请您核对一下预留的地址有没有变化。",
    "请更新一个能联系到您本人的号码。",
    "您是否愿意补充一个紧急联系人?可以不填。",
    "我们不会查您的通讯录。",
    "我们没有调过您的社保信息。",
    "您的身份证后四位方便核对一下吗?",
    "麻烦您请他有空回个电话。",
    "他的号码您不用给我,转告就好。",
    "您目前工作稳定吗?想了解一下还款能力。",
    "您的医保卡和出院小结可以作为困难证明。",
    "您可以跟您爱人商量一下。",
    "您的公积金能不能提取,建议问一下单位。",
    "他几点方便接电话?",
    "您孩子的学费不会受影响。",
    "如果有人打听您家人的电话,请不要告诉他。",
    "请问您现在在哪个网点办理?",
    "您住的地方快递能送到吗?函件给您寄过去。",
    "对方说他查到您的快递地址了,这种您要报警。",
    "我们有投诉渠道,您可以反映。",
    "我们不知道您家人在哪里,也不会去打听。",
    "我知道您女儿在住院,您先忙。",
    "您要是方便,把您的收货地址报一下,函寄给您。",
]


@pytest.mark.parametrize("text", POSITIVE)
def test_found(text: str) -> None:
    scored = normalise(text)
    hits = InfoProbing().find(scored)
    assert hits, scored
    assert all(0 <= hit.start < hit.end <= len(scored) and hit.note for hit in hits)


@pytest.mark.parametrize("text", NEAR_MISS)
def test_not_found(text: str) -> None:
    scored = normalise(text)
    assert [scored[h.start : h.end] for h in InfoProbing().find(scored)] == []
