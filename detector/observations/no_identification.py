"""Refusing to say who is calling, or for whom.

Only a refusal in words counts. Asking for the debtor's identity first, keeping the matter
from a third person and a call that is cut off before a name is given are left alone.
"""

from typing import ClassVar

from detector.observations.recogniser import (
    Cue,
    Recogniser,
    cue,
    matcher,
    quoted,
    reported,
    warned,
)

__all__ = ["NoIdentification"]

_NOTE = "拒绝说明来电人或所代表的机构;可核对整段通话是否报过机构名称和工号,并向出借机构查证"
_NAMES = {
    "me": "<我>们?|老子",
    "dont": "别|甭|莫|不要|不用",
    "neednt": "不用|不需要|没必要|别|甭|用不着|不配|没资格",
    "firm": "公司|平台|机构|单位",
    "who": (
        "[是叫姓]?(谁|哪个(?!号)|哪位|什么人|啥人|干(什么|啥|嘛)的|哪[家个里儿]的?<firm>?的?|"
        "(什么|啥)(<firm>|名字|来头)?)"
    ),
    "mine": "<me>[是叫姓]?(谁|哪个|(什么|啥)(名字|公司)?|哪[家里]的?(公司)?)",
    "of_no_matter": (
        "不重要|不要紧|无所谓|[跟和与关]<你>(没关系|没有关系|无关|什么事|屁事|有(什么|啥|何)(关系|相干))"
    ),
}
_OFFERED = matcher("≈10(记|报|查|提供)~4(工号|订单号)")


class NoIdentification(Recogniser):
    """不表明身份。"""

    KIND: ClassVar[str] = "no_identification"
    CUES: ClassVar[tuple[Cue, ...]] = (
        cue(
            _NOTE,
            "(<dont>|少|用不着|轮不到<你>|不必)来?(管|问|打听|操心)(这么多)?<我>们?<who>",
            "(?<!不)管<me>是?(谁|哪个|哪家|什么公司|哪里的|哪儿的)(?!~6(都会|都得按))",
            "<你>先?<dont>[管问]<我>?(哪|什么|啥)[家个里儿]?(公司|平台|单位|的)",
            "哪家<你>?先?<dont>[管问]",
            names=_NAMES,
            sounds=("别管我是谁", "你管我是谁", "甭管我是谁", "少问我是谁", "不要问我是谁"),
        ),
        cue(
            _NOTE,
            "<mine>,?(<of_no_matter>|<你><neednt>(知道|管|问|打听)?|就?不用<你>(管|知道))",
            "(哪|什么|啥)[家个]?<firm>的?,?(不重要|无所谓|<你><neednt>(知道|管|问))",
            "(^|(?<=[,。!?]))(叫什么|是谁|姓什么|哪家)不(重要|要紧)",
            names=_NAMES,
            sounds=("我是谁不重要", "我叫什么不重要", "哪家公司不重要", "我是谁你别管"),
        ),
        cue(
            _NOTE,
            "凭(什么|啥)要?(告诉|跟|报?给|对)<你>[说讲报]?<我>?[是叫姓的]?"
            "(谁|什么|啥|名字|姓名|工号|哪|公司)",
            "<我>没有?(这个)?(义务|必要)(告诉|跟|向|给|对)<你>(说|讲|报|透露)?<我>?[是叫的]?"
            "(谁|什么|名字|姓名|工号|哪|公司|身份)",
            "<你>(不配|没资格|不需要|没必要|不用)知道<我>[是叫]",
            "<我>就?不(告诉|跟)<你>[说讲]?<我>?(是谁|叫什么|哪家|名字|工号|哪个公司)",
            names=_NAMES,
            sounds=("凭什么告诉你我", "我没必要告诉你我是谁"),
        ),
        cue(
            _NOTE,
            "([工警]号|姓名|名字|公司名)<我>?~3(不会?(跟|给|告诉)<你>|<你>?(没资格|不配|没必要)(知道|问)|"
            "(报|告诉|说|讲)[了给]?<你>?听?也?(没用|没必要|白))",
            "查<我>的?工号也?没用|<我>们?(没有|没|不用|不报|冇)报?工号(?=[,。!?]|$)",
            "公司<你>(不用|不要|别|甭)(管|问|打听)(?!是)",
            names=_NAMES,
            sounds=("查我工号没用", "公司你不用管", "公司您不用管"),
        ),
    )

    def counts(self, text: str, start: int, end: int) -> bool:
        """Negation is part of the cue here; a number given instead of a name is enough."""
        spoken_of = reported(text, start) or quoted(text, start, end) or warned(text, start, end)
        pointed = text[:start].endswith(("这个", "那个"))
        return not (spoken_of or pointed or _OFFERED.match(text, end))
