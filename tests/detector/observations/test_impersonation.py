import pytest

from detector.observations.impersonation import Impersonation
from detector.text import normalise

POSITIVE = [
    "你好,我是市公安局经济犯罪侦查支队的,姓雷。",
    "这里是青石区人民法院执行局,你那笔贷款的材料在我桌上。",
    "我们是检察院的,你的案子现在归我们管。",
    "我这边是央行征信中心,你的记录有问题。",
    "本人是派出所民警,请你配合。",
    "喂,刑侦大队的,你是不是叫邓小虎?",
    "我的警号是零二八八一七。",
    "叫我罗警官就可以,钱今天必须到位。",
    "我们受银监会委派来处理你这笔账。",
    "我们公司跟公安是联网的,你跑不掉。",
    "我們這裡是地檢署,請您配合調查。",
    "【东湖仲裁委】你有一份裁决待领取。",
    "我们这里是专案组,说话注意点。",
    "我姓郝,郝警官,你欠的钱打算怎么办?",
    "我是精侦之队的,你那个贷款出问题了",  # misheard 经侦支队
    "喂 我是公安菊 你欠的钱再不还就来找你",  # misheard 公安局
]
NEAR_MISS = [
    "您好,我是云杉银行委托的合作机构,工号三一二。",
    "如果协商不成,我们会依法向人民法院起诉。",
    "您可以报警,也可以打监管部门的电话投诉。",
    "请不要相信冒充公安局、检察院的来电。",
    "公安机关不会在电话里让您转账,那是骗子。",
    "有人自称是法院执行局的,让您转钱,千万别信。",
    "我不是法院的,我是银行客服。",
    "我们不是公安,也没有权力抓人。",
    "刚才给您打电话说我是公安局的那个人,您把号码记下来,那是诈骗电话。",
    "我是律师,受银行委托给您发函。",
    "我是说法院判了以后才会执行。",
    "这是法院寄给您的通知,您查收一下。",
    "您说对方说我是检察院的,您别怕,先挂掉。",
    "法院那边,大概下个月开庭。",
    "请问您收到法院的传票了吗?",
    "这边是走法院的流程,时间会比较长。",
    "我这边是先跟您协商,不一定要去法院。",
    "他要是说“我是公安局的”,您就让他报警号到一一零核实。",
    "征信中心的记录由银行按月报送,我们改不了。",
    "我家就在派出所旁边,您过来我们当面谈也行。",
    "您这个情况我们会和法院的承办法官说明。",
]


@pytest.mark.parametrize("text", POSITIVE)
def test_found(text: str) -> None:
    scored = normalise(text)
    hits = Impersonation().find(scored)
    assert hits, scored
    assert all(0 <= hit.start < hit.end <= len(scored) and hit.note for hit in hits)


@pytest.mark.parametrize("text", NEAR_MISS)
def test_not_found(text: str) -> None:
    scored = normalise(text)
    assert [scored[h.start : h.end] for h in Impersonation().find(scored)] == []
