"""Statements that are often untrue: credit records, invented cases, crimes, short deadlines.

Whether they are untrue cannot be heard; each note names what would show it. Lawful steps told
as such (a suit, a report to the credit register, a discount until a date) are left alone.
"""

from typing import ClassVar

from detector.observations.recogniser import Cue, Recogniser, cue, matcher, sentence

__all__ = ["Deception"]

_NAMES = {
    "record": "征信|不良记录|逾期记录|黑名单",
    "wipe": "(删|消|清|洗|抹|撤|刷|修复|漂)(掉|除|干净|了|白|光|没|零)?",
    "fraud": "贷款诈骗|合同诈骗|恶意诈骗|恶意骗贷|金融诈骗|诈骗罪|骗贷罪|信用卡诈骗",
    "counts": "叫|算|属于|是|构成",
    "child": "孩子|小孩|儿子|女儿|娃|子女|后代|下一代|三代",
    "career": "高考|考公|公务员|当兵|参军|政审|上学|读书|上大学|升学|编制|征信",
    "deposit": "保证金|诚意金|押金|退赃款",
    "part": "一半|三成|两成|[一二两三四五六七八九十]千",
}
_DENIED = matcher(
    "~4(是假的|不可能|没有这回事|做不到|删不了|不会|不是真的|都是|吗|,?这?是?谣言|的说法|这种话)"
)
_SUPPOSED = matcher("(如果|若|要是|可能|造假|伪造)[^。!?]{0,8}$")


class Deception(Recogniser):
    """可能的误导陈述。"""

    KIND: ClassVar[str] = "deception"
    CUES: ClassVar[tuple[Cue, ...]] = (
        cue(
            "称可以删改征信;如实报送的记录还清后仍保留五年,可查本人信用报告并要求对方书面说明",
            "[给帮替为](<你>|<他>)?把?~6<wipe>~4<record>|<record>~6[给帮替]<你>?~3<wipe>",
            "([给帮替]<你>把|把<你>的?)<record>~3<wipe>",
            "(还清?|结清|付)了?~2(就|马上|立刻|当天|立马)~3<wipe>~2征信",
            names=_NAMES,
            sounds=("给你删征信", "帮你删征信", "给你消征信", "帮你洗征信"),
        ),
        cue(
            "称有案件但不给案号;有无立案可向所称的法院或公安机关查询",
            "案号~5(不能|不便|不方便|没必要|没有?权限|无权|保密)",
            "案号(迟些|迟啲|回头|晚点|以后再)~4(给|话|告诉|说)",
            sounds=("案号不能告诉", "案号没有权限"),
        ),
        cue(
            "把欠款说成犯罪或称已办刑事手续;是否属实可向所称机关查询,逾期本身一般是民事纠纷",
            "(这|<你>|已|已经|就是)(个|个人)?就?(<counts>|涉嫌)了?~4<fraud>",
            "(涉嫌|构成)(恶意)?(诈骗|骗贷|透支罪|<fraud>)",
            "(<你>|<他>)们?这(个|种|样|一单)?(行为|情况|情形)?就?<counts>~8(诈骗|骗贷|诈贷)",
            "(不还|逾期|拖欠|失联|断供)~8(算|叫|属于|按|就是|构成)~3(诈骗|骗贷|犯罪)",
            "(转|升级|升格|变)[为成做到]?刑事?(?=[,。!?案自立诉的了]|$)",
            "(批捕|逮捕|通缉|刑拘|拘传|传唤|追逃)(手续|文书|书|令|证|流程|程序)~10"
            "(盖|打印|签|递|下来|启动|生成|发出|办)",
            "(拘留证|逮捕证|拘传票|拘票|批捕|通缉令|追逃)(材料|手续|令)?~4"
            "(已经|都|签了|开了|下来|填好|办好|在走)",
            "(?<!被)(移交|推送|移送|转交|报请|交给?)[了给]?[县市区]?(公安|经侦|检察)~6"
            "(立案|批捕|追逃|联合办案|待捕|抓)",
            "(网上|自动|全国)追逃",
            names=_NAMES,
            sounds=("构成贷款诈骗", "涉嫌贷款诈骗", "涉嫌恶意诈骗", "拘留证已经"),
        ),
        cue(
            "称会影响子女升学、参军等;可要求对方说出依据,并向学校或主管部门核实",
            "<child>~10(不能|没法|别想|考不了|当不了|上不了|过不了|不得)~4<career>",
            "(影响|连累|耽误|牵连|牵涉)~3<child>~6<career>",
            "政审≈12(过不了|别想|涉案|打叉|不合格)",
            names=_NAMES,
            sounds=("孩子政审过不了", "影响孩子高考", "孩子不能当兵"),
        ),
        cue(
            "以很短时限要求付款;协商渠道是否真的关闭可问出借机构客服",
            "(最后|只剩|就剩|仅剩|还剩)[^,。!?;]{0,2}(分钟|个?小时|个?钟头|半小时)≈14"
            "(协商|机会|没得谈|谈不了|不受理|报上去|上报|移交|推送|来不及)",
            "(过了|过期|超过)(今天|今晚|这个点|~2点)?~4就?(不能|没法|别想|没得|不给|谁也不)再?"
            "(协商|谈|商量)",
            sounds=("就不能协商了", "就没得协商了"),
        ),
        cue(
            "以保证金或部分还款换取停催、免还;是否真实以出借机构的书面方案为准",
            "[交缴付转打]~6<deposit>≈10(停催|停止催|撤案|销案|停案|不再?(上门|抓)|[才就](能|给|可以))",
            "(撤案|销案|停催)~10(代?[交缴付]|转)~6<deposit>",
            "[还转付]~5<part>~3,?[剩余其]下?的?~4(全免|不用还|一笔勾销|全部?给<你>免)",
            names=_NAMES,
            sounds=("交保证金停催", "剩下的一笔勾销"),
        ),
    )

    def counts(self, text: str, start: int, end: int) -> bool:
        """Also not where the speaker supposes it or says that it is not so."""
        before, after = sentence(text, start, end)
        doubted = _DENIED.match(after) or _SUPPOSED.search(before)
        return super().counts(text, start, end) and not doubted
