"""Prying into family, work, whereabouts and contacts, or boasting of data not given.

Checking the debtor's own address or number, asking for a new number of the debtor's own and
inviting an optional contact are left alone.
"""

from typing import ClassVar

from detector.observations.recogniser import Cue, Recogniser, cue, matcher, sentence

__all__ = ["InfoProbing"]

_NOTE_ASK = "似在打听或提及家人、同事等他人的情况;对方从何得知、为何询问,可要求说明"
_NAMES = {
    "kin": (
        "老婆|老公|爱人|媳妇|对象|[男女]朋友|[男女]友|孩子|小孩|娃|儿子|女儿|闺女|爸妈?|妈妈?|父母|爷爷|奶奶|"
        "哥|姐|弟弟?|妹妹?|前夫|前妻|家人|家里人|亲戚|同事|领导|老板|室友|朋友|邻居"
    ),
    "trace": (
        "快递|外卖|收货地址|定位|行踪|轨迹|医保|社保|公积金|通话记录|通话详单|通讯录|开房|微信好友|朋友圈|"
        "学籍|监控|打车|行程|病历|户籍|户口本?|车牌|住址|家庭住址|网购"
    ),
    "number": "电话|号码|手机号?|微信号?",
    "place": "哪[里儿]?|哪[个家所]?(公司|单位|学校|小学|中学|幼儿园|厂|店|医院)",
    "school": "哪[个所]?(学校|小学|中学|幼儿园)",
    "does": "上班|上学|读书|工作|念书|住|干活|打工|读",
    "handed": "[给发]<我>|报给<我>|发过来|报[一上]",
    "got": "查[到过了出]|查得到|调[到了出]|调得到|定位[到了]|拿到|搞到|扒到|弄到",
    "long_since": "早就|都|也|已经|刚|能|可以|就|全|是",
    "them": "<我>们?(这边|公司|系统|手里|手上)?",
}
_OPTIONAL = matcher(
    "不方便也|不愿意?|可以不|自愿|如果方便|愿意的话|不说也|可拒绝|共同借款|共借|担保人"
)


class InfoProbing(Recogniser):
    """刺探个人信息。"""

    KIND: ClassVar[str] = "info_probing"
    CUES: ClassVar[tuple[Cue, ...]] = (
        cue(
            _NOTE_ASK,
            "(<你>|<他>)[那的家]?[个家]?<kin>(现在|平时|都|是)?([叫姓](什么|啥)|在<place><does>|在<school>|住在?哪|"
            "干(什么|啥)的|<number>是?多少)",
            "<你>(现在|平时|到底)?[跟和同](谁|哪个|什么人)(一起)?[住过]",
            "<你>[谈找有交]了?[男女]朋友(没有?|了吗|吗)",
            names=_NAMES,
            sounds=(
                "你老婆叫什么",
                "你老公叫什么",
                "你现在跟谁住",
                "孩子在哪上学",
                "孩子在哪个学校",
            ),
        ),
        cue(
            _NOTE_ASK,
            "[把将]~4<kin>~3的?(<number>|地址)~3(<handed>|报|说一下|交出来)",
            "<kin>的?<number>[全都]?<handed>",
            "([给发]<我>|报)(几个|一个|个|两个|三个)(<你>|<他>)?的?<kin>的?<number>",
            names=_NAMES,
            sounds=("同事电话给我", "老婆电话给我", "爸妈电话给我"),
        ),
        cue(
            "自称掌握您的个人信息;来源是否合法可要求对方说明,并向出借机构查询授权范围",
            "<them><long_since>?<got>了?~6<trace>",
            "<我>们?(都|早就|也)?(知道|清楚|晓得)<你>[的家]?<kin>(现在|平时)?(在|住)<place>",
            "<trace>(地址|信息|记录)?<them><long_since>?(<got>|有一份|存了)",
            "(<你>|<他>)(的|那个?)?(手机)?通讯录<them><long_since>?[有导存拷]",
            "<我>(手里|手上|这儿|这边)就?有<你>的?(整个|全部|一份)?<trace>|<我>们?[都全]?定位得[到了]",
            "<我>们?(有的是|自有|有)~2(渠道|办法|路子)~4[查找弄挖搞知]~2(<你>|<他>|号)",
            "<我>们?有(的是)?渠道(?=[,。!?]|$)|<你>~4[用刷]的?医保卡~4(哪|什么)",
            "<你>的?新(号码?|电话|地址|单位)<them>(有渠道|查得到|早就?有|有的是办法)",
            names=_NAMES,
            sounds=("查到你快递地址", "查到你外卖地址", "调了你的社保", "你通讯录我们有"),
        ),
        cue(
            "似在向他人打听借款人的住处、工作或行踪;接听人是谁、是否只为请其转告,请听前后文",
            "<他>人?(现在|到底|平时|最近|这阵子|还)?(在[^,。!?;]{2,3})?(住在?(哪|什么地方|几[栋楼])|"
            "[跟和]谁(一起)?住|在<place>(<does>|跑)|[开骑]的?什么车|车牌号?是?多少|"
            "一个月(挣|拿|多少)|工资卡?是?(多少|哪个银行|哪天发))",
            names=_NAMES,
            sounds=("他现在住哪里", "他在哪上班"),
        ),
    )

    def counts(self, text: str, start: int, end: int) -> bool:
        """Also not a request that may be declined, nor one about somebody who owes as well."""
        before, after = sentence(text, start, end)
        return super().counts(text, start, end) and not _OPTIONAL.search(before + after)
