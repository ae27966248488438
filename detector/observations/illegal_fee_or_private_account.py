"""Payment to a private person, past the lender's books, or fees for nothing that is owed.

Penalty interest, court and lawyer's costs, service fees in a contract and the lender's own
account are left alone.
"""

from typing import ClassVar

from detector.observations.recogniser import Cue, Recogniser, cue, matcher, sentence

__all__ = ["IllegalFeeOrPrivateAccount"]

_NOTE_FEE = "似要求支付欠款之外的费用;有无约定可查合同,并请对方书面列明收费依据"
_NAMES = {
    "pay": "转|打|付|汇|充|还|交|缴|存",
    "own": "<我>(个人|自己|私人|本人|老婆|老公|朋友)?的?|个人|私人|<我>们?(组长|领导|主管|经理)的?",
    "purse": "微信|支付宝|零钱|(银行)?卡[号上里]?|账户|账号|户头|收款码|红包",
    "sum": "[零一二两三四五六七八九十百千万几半]+来?[块元百千万]?",
    "alone": "<我>(?![们司公])",
    "invented": (
        "解冻|撤案|销案|停催|消案|催收|上门|差旅|出差|外访|茶水|辛苦|跑腿|保密|封口|销账|清账|出警|"
        "出车|车马|油|好处|移案|结案|消除征信|减免"
    ),
    "extra": "(手续|服务|管理|减免|好处|操作|工本|审核)费|诚意金|解冻金",
    "books": "系统|公司|平台|后台|app|官方|对公",
    "unseen": "看不到|查不到|不知道|不晓得|不留记录",
}
_OFFICIAL = matcher("对公|公户|公司|官方|监管|平台|app|专用|还款卡|扣款|绑定|贵司|公账|企业")
_PAST = matcher("[不别甭莫绕]")
_ASKED = matcher("(有没有|有人|是否|是不是|问|凡是|任何|减免|免收|不收|代理)[^,]{0,10}$")
_WAIVED = matcher("~4(全免|免了|减半|打折|,?合同|,?协议|对折|可以免|不收|都是骗|是骗|吗)")


class IllegalFeeOrPrivateAccount(Recogniser):
    """私人账户或额外收费。"""

    KIND: ClassVar[str] = "illegal_fee_or_private_account"
    CUES: ClassVar[tuple[Cue, ...]] = (
        cue(
            "似要求付到个人账户;收款人是谁、是否入账,可看收款户名并向出借机构官方客服核对",
            "<pay><sum>?[到给进去在入]?<own><purse>",
            "<pay>[到进去]?<我>(这边)?给<你>的?(那个)?<purse>",
            "<pay><sum>?[给到]<我>(个人|私人|自己)(?!的?事)|现金(直接)?[交给]<alone>",
            "(微信|支付宝)~3(直接)?[转发]<sum>?给?<alone>|加<我>个?(微信|v信?|薇信)≈8[转还付收]",
            "<我>的?(个人)?(微信|支付宝)(收款码|二维码|账号)[发给]<你>",
            "[扫用]<我>(这个|的|个|发<你>的)?(收款)?(码|二维码)",
            names=_NAMES,
            sounds=(
                "转到我个人微信",
                "转我个人微信",
                "打到我个人卡",
                "转我私人账户",
                "转我支付宝",
            ),
        ),
        cue(
            "似要求不经官方渠道付款;请向出借机构官方客服核对是否入账",
            "(不|别|甭|莫|绕开|绕过)(用|走|通过|经过)?<books>≈8[转打付给发]~2<我>",
            "<books>里?[是都]?<unseen>≈8<我>~4[销平抹]|[扫转打]≈10<books>里?[是也]?<unseen>",
            "<我>(私下|私底下|偷偷)[给帮替]<你>~4[销平抹结免停压]",
            names=_NAMES,
            sounds=("私下给你销账", "私下帮你销账"),
        ),
        cue(
            _NOTE_FEE,
            "[交缴付给转出拿加收算]~8<invented>费|<invented>的?(作业)?费(<sum>|先|你|要|得)",
            "(再|另外|额外|另|多(?!交的)|先)[交付转给加缴出]~6<extra>",
            "[给付转发]<我>~2<sum>~2,?<我>?~3(不再?(打|催|骚扰|联系|找|上门)|当没|帮<你>[拖压瞒停])",
            "付<sum>~2,?<我>~2不再?(打<你>|骚扰)|(微信|支付宝)上?转,?<我>就",
            "(请<我>|给<我>们?)们?(喝茶|吃饭)?~4(意思意思|红包)",
            names=_NAMES,
            sounds=("交解冻费", "交撤案费", "先交手续费", "再交手续费", "辛苦费转我"),
        ),
    )

    def counts(self, text: str, start: int, end: int) -> bool:
        """Also not where the lender's own account is meant, or where it is asked or refused."""
        before, after = sentence(text, start, end)
        said = text[start:end]
        official = _OFFICIAL.search(said) and not _PAST.search(said)
        other = official or _ASKED.search(before) or _WAIVED.match(after)
        return super().counts(text, start, end) and not other
