import pytest

from detector.observations.deception import Deception
from detector.text import normalise

POSITIVE = [
    "你今天把钱还了,我马上给你把征信删干净。",
    "交完这笔,我帮您洗掉逾期记录。",
    "案号我不方便告诉你,等着就行。",
    "你这已经构成贷款诈骗了。",
    "拖欠超过三个月就算诈骗,你自己想清楚。",
    "逮捕令下午就签,你等着吧。",
    "下个月就给你转成刑事案件了。",
    "你不还,你儿子以后别想考公务员,政审这一关就卡住。",
    "这个会影响你孩子高考的。",
    "还剩半小时,不还我就报上去了,没有协商的余地。",
    "过了今晚十二点就不能再协商了。",
    "先交两千块保证金,我这边才能停催。",
    "今天还一半,剩下的一笔勾销。",
    "你的資料已經移送公安立案了。",
    "帮你山征信这个事我能办",  # misheard 删征信
]
NEAR_MISS = [
    "结清以后,征信记录按规定保留五年。",
    "我们没有办法帮您删征信,任何人都不行。",
    "有人说能给您洗征信的,那都是骗子。",
    "不要相信花钱能帮您消除逾期记录的广告。",
    "逾期信息会如实报送征信系统。",
    "案号是零三一二,您可以打一二三六八查询。",
    "欠款属于民事纠纷,不算诈骗。",
    "您别担心,这不构成诈骗罪。",
    "您要是接到电话说您涉嫌诈骗,请直接报警。",
    "减免方案需要审批,以书面通知为准。",
    "宽限期到这个月底,过了会产生罚息。",
    "借钱不会影响您孩子上学,这个您放心。",
    "老人家的保证金账户和这笔贷款没有关系。",
    "今天先还一千,剩下的下个月再还可以吗?",
    "您先还一半,剩下的我们帮您申请分期。",
    "判决以后不履行,债权人可以申请强制执行。",
    "我们六点下班,您明天再联系也可以。",
    "您的案子还没有转刑事,也不会转,这是民事合同。",
    "您提供病历,我帮您申请消掉这个月的违约金。",
]


@pytest.mark.parametrize("text", POSITIVE)
def test_found(text: str) -> None:
    scored = normalise(text)
    hits = Deception().find(scored)
    assert hits, scored
    assert all(0 <= hit.start < hit.end <= len(scored) and hit.note for hit in hits)


@pytest.mark.parametrize("text", NEAR_MISS)
def test_not_found(text: str) -> None:
    scored = normalise(text)
    assert [scored[h.start : h.end] for h in Deception().find(scored)] == []
