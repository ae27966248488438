import pytest

from detector.observations.illegal_fee_or_private_account import IllegalFeeOrPrivateAccount
from detector.text import normalise

POSITIVE = [
    "你转到我个人微信,我这边给你处理掉。",
    "钱打到我支付宝就行,别走平台。",
    "直接扫我这个码付款。",
    "加我微信,把钱转过来。",
    "微信转给我,今天就能结案。",
    "你先交五百解冻费。",
    "再交三百手续费,这事就过去了。",
    "付我两百块,我就不打你电话了。",
    "上门费八百你要一起付。",
    "别走公司系统,转给我个人就好。",
    "我私下帮你销账,不用跟公司说。",
    "扫这个,公司后台看不到的。",
    "轉到我私人帳戶,我幫你處理。",
    "打到我给你的那个卡号上。",
    "你转道我个人薇信",  # misheard 转到、微信
    "意思意思,给我们个红包,我帮你拖几天。",
]
NEAR_MISS = [
    "请您通过官方App或者对公账户还款。",
    "千万不要转到任何人的个人微信。",
    "我们不收取任何额外费用。",
    "逾期违约金按合同第八条计算。",
    "有人让您先交解冻费的,都是诈骗。",
    "我司从不以私人账户收款,请勿转账。",
    "诉讼费由败诉方承担。",
    "分期手续费这个月打五折。",
    "您可以把还款截图发到我们公司的邮箱。",
    "请您让他方便的时候打给我。",
    "是我个人的一点私事,想找他。",
    "系统里暂时看不到您的到账,可能有延迟。",
    "有没有人向您要过辛苦费?",
    "您打我们公司的客服电话就可以。",
    "钱转到您绑定的还款卡里,系统会自动扣。",
    "请转到我们公司的监管账户。",
    "展期不收服务费。",
    "如果有催收员要您转到他个人支付宝,请录音投诉。",
    "您这笔服务费如果有争议,可以申请核查。",
    "不好意思,我个人没有权限给您减免。",
]


@pytest.mark.parametrize("text", POSITIVE)
def test_found(text: str) -> None:
    scored = normalise(text)
    hits = IllegalFeeOrPrivateAccount().find(scored)
    assert hits, scored
    assert all(0 <= hit.start < hit.end <= len(scored) and hit.note for hit in hits)


@pytest.mark.parametrize("text", NEAR_MISS)
def test_not_found(text: str) -> None:
    scored = normalise(text)
    assert [scored[h.start : h.end] for h in IllegalFeeOrPrivateAccount().find(scored)] == []
