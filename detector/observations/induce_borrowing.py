"""Urging to borrow elsewhere, to cash out a card or to pledge and sell for this debt.

Talking a payment over with the family, selling on one's own account and advice against new
debts are left alone.
"""

from typing import ClassVar

from detector.observations.recogniser import Cue, Recogniser, cue, matcher, sentence

__all__ = ["InduceBorrowing"]

_NOTE = "似在要求借新债还旧债;可核对通话前后是否有其他还款安排,并向出借机构投诉渠道询问"
_NAMES = {
    "elsewhere": "(别的|其他|其它|另外的?|另一个|别个|另找|再找)(一?[个家])?",
    "lender": "平台|网贷|小贷|软件|公司|银行|口子|app|花呗|借呗|白条|微粒贷|信用卡",
    "get": "借|贷|撸|下款|周转|套",
    "out": "一?[个笔点些下]|出来|[来到]|先|了|上|几[千百万]|[一二两三四五六七八九十][千百万]",
    "pay": "还|补|填|平|堵|结清|交上|顶",
    "one": "(一?[个家]|几[个家])?",
}
_ASKED = matcher("(有没有|如果|若|是否|是不是|也|曾|之前|当时|以前|还有|听说|知道)[^,]{0,8}$")
_OWN = matcher("<我>[^,]{0,3}$|<我>[^,]{0,10}(就得|就要|都快|只能)$")
_LET_BE = matcher(
    "~4(过吗|过没|没有|吗|对吧|,?的?话|再还|,?也?可以商量|,?不着急|会更|越|滚|更|是违|不可取|不行|不合规)"
)


class InduceBorrowing(Recogniser):
    """诱导借新还旧。"""

    KIND: ClassVar[str] = "induce_borrowing"
    CUES: ClassVar[tuple[Cue, ...]] = (
        cue(
            _NOTE,
            "<elsewhere><lender>~5<get><out>",
            "(去|到|上|找|从|用|拿|开通?|下个|下载个?)<lender>~3[上里那]?~2<get><out>≈8<pay>",
            "再去?[借贷](一?(笔|个(?!月|星期|礼拜|周))|点)≈6[来先把]?~4<pay>",
            "(随便|赶紧|快去)再?[借贷](一?[个笔点]|点)~3<pay>",
            "借网贷也|网贷也(行|得|可以)|(以贷养贷|以贷还贷|拆东墙补西墙)(<你>|也行|总会|先)",
            names=_NAMES,
            sounds=(
                "去别的平台借",
                "其他平台先借",
                "找别的平台借",
                "借网贷也行",
                "换个平台借",
            ),
        ),
        cue(
            _NOTE,
            "(先|就|赶紧|马上|现在|出)去借[,。!啊呀嘛呗啰吧点]|去借(啊|呀|嘛|呗|啰|吧|点来)",
            "[没冇]钱?~3去借|借也[得要给]~4[借凑弄]|借多少算多少",
            "<你>就?(不会|不能|不晓得)(出去)?去?[借贷](一?[点笔个]|钱|网贷)?([吗啊么嘛呀?!,。]|$)",
            "<我>(这边|们)?~3[给帮替]<你>~4(推荐|介绍|推|找|联系|办)<one>~6"
            "(下款|口子|放款|网贷|垫资|过桥|高利|贷款中介|小贷)",
            "(推荐|介绍)<你>?<one>~4(下款[快的]|口子)",
            names=_NAMES,
            sounds=("推荐你个口子", "给你介绍个口子"),
        ),
        cue(
            "似在要求套现;信用卡、花呗等套现违反发卡约定,请核对原话",
            "(花呗|白条|借呗|额度|京东|卡)~8(套现|套(一?[点下]|出来|[一二两三四五六七八九]?[千万])|刷出来)"
            "(?!~4[是算属违])",
            "套现(<你>(会|都)?不[会懂]|<你>会不会|出来|一下|还|去|总会|也行)",
            "(去|先|[帮给教]<你>)~3套现",
            sounds=("信用卡套现", "花呗套出来", "套现你不会"),
        ),
        cue(
            "似在要求抵押、变卖或以身体换钱来还款;请核对原话",
            "[卖捐割](个|只|一个|点)?(肾|血|卵|器官|肝|腰子)|去(裸贷|拍裸照|借裸贷|代孕)|裸条",
            "把~5(房子?|车子?|房本|车本|宅基地|地|店|铺子?)~3(抵押|押|卖|当)(了|掉|出去)",
            sounds=("去卖个肾", "把房子抵押了", "把房子卖了"),
        ),
    )

    def counts(self, text: str, start: int, end: int) -> bool:
        """Also not a question about other debts, and not what the speaker says of himself."""
        before, after = sentence(text, start, end)
        other = _ASKED.search(before) or _OWN.search(before) or _LET_BE.match(after)
        return super().counts(text, start, end) and not other
