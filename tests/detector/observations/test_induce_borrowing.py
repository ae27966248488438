import pytest

from detector.observations.induce_borrowing import InduceBorrowing
from detector.text import normalise

POSITIVE = [
    "你去别的平台借一笔先还上不就行了。",
    "找个其他网贷借点出来,把我们这边填上。",
    "信用卡套现你总会吧?",
    "花呗套出来先还我。",
    "没钱就去借啊,跟我哭有什么用。",
    "借也得给我借来。",
    "先去借,明天再说明天的。",
    "我给你推荐个口子,十分钟下款。",
    "我帮你介绍个放款快的,借完马上还我们。",
    "把房子抵押了,不就有钱了?",
    "你去卖个肾也得还。",
    "再贷一笔出来,先把我们这边还清。",
    "去別的平台借一筆來還。",
    "下个网贷软件借两千,今天先交上。",
    "你去别的凭台借一点",  # misheard 平台
]
NEAR_MISS = [
    "请不要为了还款再去借新债,可以申请分期。",
    "您千万别去别的平台借来还,越滚越多。",
    "您在其他平台还有没有借款?",
    "您可以跟家里人商量一下怎么还。",
    "建议您用工资等合法收入安排还款。",
    "信用卡套现是违规的,您不要这么做。",
    "您当时申请的是信用卡现金分期。",
    "我没有让您去借钱还款。",
    "房子抵押在银行,按合同办就行。",
    "您不用卖房子,先做个延期。",
    "最近有人说给您介绍下款快的口子,那是骗子,别信。",
    "您如果在别的银行借了钱,也请一并告诉我。",
    "是不是有人教您套现还款?",
    "我们不建议您以贷养贷。",
    "您上次说把车卖了,钱到账了吗?",
    "我这个月再砍价就得卖血了,开个玩笑。",
    "您可以去银行办理还款。",
]


@pytest.mark.parametrize("text", POSITIVE)
def test_found(text: str) -> None:
    scored = normalise(text)
    hits = InduceBorrowing().find(scored)
    assert hits, scored
    assert all(0 <= hit.start < hit.end <= len(scored) and hit.note for hit in hits)


@pytest.mark.parametrize("text", NEAR_MISS)
def test_not_found(text: str) -> None:
    scored = normalise(text)
    assert [scored[h.start : h.end] for h in InduceBorrowing().find(scored)] == []
