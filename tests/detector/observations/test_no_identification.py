import pytest

from detector.observations.no_identification import NoIdentification
from detector.text import normalise

POSITIVE = [
    "别管我是谁,你就说还不还。",
    "你管我哪家公司的,欠钱就得还。",
    "少问我叫什么,先把钱打过来。",
    "我是谁不重要,重要的是你欠钱。",
    "哪个公司你不用知道。",
    "我凭什么告诉你我叫什么?",
    "我没有义务跟你说我是哪家的。",
    "工号告诉你也没用。",
    "我就不告诉你我是谁,怎么了?",
    "我叫什么跟你没关系。",
    "不用打听我是干什么的。",
    "你別管我是誰,快點還錢。",
    "哪个平台的,你别问。你先说什么时候还。",
    "别馆我是水",  # misheard 别管我是谁
]
NEAR_MISS = [
    "我是松果金融的,工号一零七,受银行委托。",
    "为了核实身份,请先确认您是本人,我再说明来意。",
    "出于隐私,我不方便跟您说是什么事。",
    "您别管他说什么,先处理您自己的事。",
    "请问您是谁?是机主本人吗?",
    "我的工号是五二零三,您可以查。",
    "不知道我是谁没关系,我再说一遍,我是东湖银行的。",
    "是不是有人不肯告诉您他是谁?",
    "您问我叫什么,我姓池,池塘的池。",
    "您不用管他是哪家公司,直接报警就可以。",
    "您查我的工号就能知道我是哪家公司的。",
    "您家住哪里不重要,我只想确认号码。",
    "今天先不管这个,您身体要紧。",
    "管我们的是金融监管局,您可以投诉。",
    "您说对方说“别管我是谁”,这是不合规的。",
    "凭什么收这个费用,我给您解释一下。",
]


@pytest.mark.parametrize("text", POSITIVE)
def test_found(text: str) -> None:
    scored = normalise(text)
    hits = NoIdentification().find(scored)
    assert hits, scored
    assert all(0 <= hit.start < hit.end <= len(scored) and hit.note for hit in hits)


@pytest.mark.parametrize("text", NEAR_MISS)
def test_not_found(text: str) -> None:
    scored = normalise(text)
    assert [scored[h.start : h.end] for h in NoIdentification().find(scored)] == []
