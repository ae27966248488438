"""Words that calling goes on after it was refused, or goes on until one gives in.

One later call that is announced, a call that was asked for and a promise to stop are left
alone. Whether calls did go on can only be seen in the call log.
"""

from typing import ClassVar

from detector.observations.recogniser import Cue, Recogniser, cue, matcher, sentence

__all__ = ["HarassmentRefusedContact"]

_NOTE = "话中表示遭拒绝或拉黑后仍会继续联系;是否真的再来电,请以通话记录的时间和号码核对"
_NAMES = {
    "call": "打|拨|呼|call|骚扰",
    "yours": "(<你>|<他>)们?",
    "many": "[几一二两三四五六七八九]?[十百千][一二三四五六七八九十百]*",
    "hour": "小时|钟头|分钟",
    "daily": "天天|每天|日日",
    "stop": "[,。!?]|$",
    "back": "码?打?(过来|给我|回)",
}
_WHOSE = matcher("(<你>|<他>|老板|客户)们?[就也]?$|(如果|要是|再有人|谁)[^,]{0,8}$")
_WHEN = ("天天", "每天", "日日", "一天", "轮", "往死", "换", "呼")
_POLITE = matcher("~8(可以吗|行吗|好吗|方便吗|软件|闹钟|是违|不合规|的情况)")
_LINE = matcher("信号|听不清|听不见|没电|最多")


class HarassmentRefusedContact(Recogniser):
    """明确拒绝后仍联系。"""

    KIND: ClassVar[str] = "harassment_refused_contact"
    CUES: ClassVar[tuple[Cue, ...]] = (
        cue(
            _NOTE,
            "拉黑(<我>|了)?[也都]?(没用|白搭|不管用|没得用|冇用)|拉黑?一[个张]<我>?就?换一[个张]",
            "拉黑一[个张]<我>还有|拉黑[^。!;]{0,4}<我>[这还]?有?(几十|上百|几百|一堆|好多)[个张]",
            "(?<![别莫甭要])(拉黑|屏蔽|挂(了|断|电话)|不接|关机)~5,?~3<我>?(就|也|照样|还|再|继续|会)?"
            "(可以|能)?换(个|一个|着|张)?(号|卡|手机)(?!<back>)",
            "换(个|一个|着|到别的)?号码?(接着|继续|再|照样|照|还|也|一样)?(给<你>)?[能要得]?<call>"
            "(?!不通|<back>)",
            names=_NAMES,
            sounds=("拉黑没用", "拉黑也没用", "换个号接着打", "换号接着打", "换个号继续打"),
        ),
        cue(
            _NOTE,
            "(不[让许准]|[叫让]<我>别|说别)<我>?<call>(电话)?,?<我>?就?[不别]能?<call>了?[吗啊么嘛?,!]",
            "<你>[说叫]不要?<call>就不<call>(?=[?!吗啊么]|$)|[说讲](多少|几|一百|一万)[次遍]<你>?[也都][得要]接",
            "越不[接还]<我>越要?<call>|(电话|手机)就?(别想|休想|甭想)(消停|清净|安静|停)",
            "(半夜|凌晨)~4(给<你><call>|<call>给?<你>)(?!的|电话的)",
            "<我>就?(接着|继续|照样|照|偏要?|还就|非要?)<call>(?!折|包|印|听|扰|给<你>[讲说])",
            "<我>就?是?要(天天)?[烦闹打吵][到死](<你>|<他>)",
            names=_NAMES,
            sounds=("不让打我就不打", "就是要烦到你", "我接着给你打"),
        ),
        cue(
            "话中表示会反复拨打;实际次数和时间请以通话记录核对",
            "<call>(电话)?到<yours>?≈14"
            "(为止|受不了|崩溃|烦死|关机|停机|辞职|发疯|睡不着|冒烟|求<我>)",
            "<call>到<yours>?(还|接|拿钱|掏钱|认)(钱|清|电话)?(?=<stop>|为止)|呼死<你>|<call>爆<yours>",
            "<daily>~6给?<call>(给?<yours>|到|爆)(?!卡|账)|<daily>都?给<yours><call>|(天天|日日)<call>(?=<stop>)",
            "<hour>(给<你>)?打?一个(电话)?(?=<stop>)|<hour>(给<你>)?[打拨响](给?<你>)?一[次遍通声]",
            "((^|(?<=[,。!?]))一天|一天给<你>)<many>[通遍]",
            "一天(给<yours>[打拨]|(打|拨|call)给?<yours>)<many>[个通遍次回]",
            "(轮[着流住班]来?|往死里|没完没了地?|不停地?)(给<你>)?<call>(<yours>|到|爆|电话|<stop>)",
            names=_NAMES,
            sounds=("打到你还为止", "打到你还钱为止", "天天给你打电话", "往死里打电话"),
        ),
    )

    def counts(self, text: str, start: int, end: int) -> bool:
        """Also not what others do, a polite question, a bad line or a joke."""
        before, after = sentence(text, start, end)
        others = text.startswith(_WHEN, start) and _WHOSE.search(before)
        harmless = _POLITE.match(after) or _LINE.search(before + after)
        joke = any(word in text[end : end + 20] for word in ("开玩笑", "逗你", "逗您"))
        return super().counts(text, start, end) and not (others or harmless or joke)
