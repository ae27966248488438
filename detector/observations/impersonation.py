"""Claims to be police, court, procuratorate or regulator.

Real courts and stations do phone people, so nothing is called false: the note asks to check.
Lawyers are left out, a lender may well be represented by one.
"""

from typing import ClassVar

from detector.observations.recogniser import Cue, Recogniser, by_ear, cue, matcher, sentence

__all__ = ["Impersonation"]

_NOTE = (
    "自称公安、法院或监管等机关的人,身份待核实;"
    "可挂断后拨打该机关公开的电话(如 110、12368),核对有无此人、此案"
)
_NOTE_JOINT = "自称与公安、法院等机关合作或受其委派,待核实;可向该机关询问,并请对方出示书面委托"
_NAMES = {
    "self": "(<我>们?(这里|这边|这儿|这头)?|这里|这边|这儿|本人|本中心)就?[是系]|<我>这[里边儿]",
    # a name in front of the body (a town, a district), not a verb that leads to it
    "town": (
        "((?![在走按说向跟给去找等由看要想怕请让从到帮不受有的是打把叫被归问靠凭怎那哪就才转移送递推报]|"
        "经过|起诉|通过|材料|系统|先)[^,。!?;]){0,8}"
    ),
    "body": "<strong>|<court>",
    "strong": (
        "公安[局厅]?|刑警|刑侦|网警|网安|经侦|检察[院署官]|地检署?|执行[局庭]|银保?监[会局]|金监局|金融监管|"
        "人民银行|央行|征信中心|司法局|专案组|办案(组|中心|单位)|案件联合专班|反贪局|纪委"
    ),
    "court": (
        "法院|法庭|仲裁[庭委院]|仲裁(受理)?中心|派出所(?!~6社区)|警察|(?<!社区)民警|警官|法官|书记员"
    ),
    "opening": (
        "<strong>|(人民|[区县市])法院|法院(?=执行|送达|调解室|专线)|仲裁(庭|委|院|受理中心)"
    ),
    "office": "([^,。!?;有的是会]{0,6}[科组庭处室队局线]的?|的)(?=[,。!?】]|$)|(?=】)",
}
# what the body does or what belongs to it: then it is spoken of, not spoken for
_SPOKEN_OF = (
    "(?!~3(委托|专递|邮递|快递|判|裁定|寄|发来|通知|规定|审[理查]|认定|立案|受理的|传票|文书|程[序式]|流程|"
    "决定|意思|事[,情]?|钱|合作|认可|指定|备案|监管的|批准|许可|家属|朋友|门口|旁边|附近|对面|隔壁))"
)
_ASKED = matcher("(?!请问)~4(吗|么\\?)")


class Impersonation(Recogniser):
    """自称公检法等机关。"""

    KIND: ClassVar[str] = "impersonation"
    CUES: ClassVar[tuple[Cue, ...]] = (
        cue(
            _NOTE,
            "<self><town><body>" + _SPOKEN_OF,
            "(^|(?<=[,。!?【]))(喂|<你>好|开门)?<town>(<opening>)<office>",
            "(^|(?<=[,。!?]))(联合)?(办案组|专案组)(?=[,。!?]|$)",
            names=_NAMES,
            sounds=(
                "我是经侦支队",
                "我是公安局",
                "这里是公安局",
                "这里是人民法院",
                "我这里是检察院",
                "联合办案组",
            ),
        ),
        cue(
            _NOTE,
            "<我>的?警号|警号(是|尾[号数])",
            "(叫|称呼)<我>?[^,。我你]{0,2}警官|<我>姓.,?.{0,2}警官",
            "[是系]<town>(办案(人员|民警)|专案组)|国家机关办案",
            "(辱骂|妨碍|妨害|抗拒)(办案人员|公务)",
            "<我>(现在|今天)?(代表|依法对<你>)(公安|国家|法院|检察|刑事拘)",
            names=_NAMES,
        ),
        cue(
            _NOTE_JOINT,
            "受<town><body>(系统)?~3(委托|委派|指派|授权)|<body>(委派|指派|授权|委托)<我>",
            "<我>们?(公司|中心|这边|平台)?[跟和与同](当地)?的?<body>(那边)?[是都]?"
            "(有合作|联合|联动|联网)",
            "[跟和与同]<body>(联合|联动)(办公|办案|执法|的)|<body>(专线|专案)的",
            names=_NAMES,
        ),
    )

    def counts(self, text: str, start: int, end: int) -> bool:
        """Also not where the claim is asked about, nor those who warn of fraud by their office."""
        after = sentence(text, start, end)[1]
        warns = any(start <= at <= end + 8 for at, _ in by_ear(text, "反诈"))
        return super().counts(text, start, end) and not (warns or _ASKED.match(after))
