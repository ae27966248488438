"""投诉材料: drafts of letters, with blanks for what nobody stated.

They come as Word only: each has to be completed before anybody signs it.
"""

from collections.abc import Callable, Iterator

from detector.evidence.documents import words
from detector.evidence.documents.basis_table import basis_table
from detector.evidence.documents.model import (
    Block,
    Document,
    Row,
    bold,
    paragraph,
    said,
    table,
)
from detector.evidence.documents.words import BLANK, hms
from detector.evidence.model import Case, FlagItem
from detector.labels import CATEGORY_NAMES
from detector.legal_basis import retention
from detector.report import CATEGORIES

__all__ = ["LETTERS", "gravest_first"]

_MOST = 30
"""A letter quotes so many passages; the evidence list has them all."""
_ID = "(证件号码请在递交时自行填写)"
_NOT_12378 = ("microloan", "platform", "unlicensed", "unknown")


def gravest_first(flags: tuple[FlagItem, ...]) -> list[FlagItem]:
    """Return flags by severity, the gravest first, then by number in the case."""
    return sorted(flags, key=lambda f: -f.reviewed.flag.severity)


def _calls(case: Case) -> Iterator[Block]:
    """Yield the calls as stated."""
    rows: list[Row] = []
    for item in case.items:
        rows.append(
            (
                str(item.number),
                words.started_line(item),
                words.or_blank(words.fact(case, item, "caller_number")),
                words.or_blank(words.fact(case, item, "called_number")),
                words.answered_line(case, item),
                hms(item.reviewed.report.recording.duration_s, 0).partition(".")[0],
            )
        )
    header = ("录音", "通话时间", "主叫号码", "被叫号码", "接听人身份", "时长")
    yield table(header, rows, (8, 34, 18, 18, 12, 10))


def _facts(case: Case) -> Iterator[Block]:
    """Yield what a person confirmed, counted and quoted."""
    confirmed = case.confirmed
    if not confirmed:
        yield paragraph(
            "letter",
            f"(尚无经人工确认的内容。请先用 detector review 逐条听录音复核;主要事实:{BLANK})",
        )
        return
    counts = ";".join(
        f"疑似{CATEGORY_NAMES[category][0]} {n} 处"
        for category in CATEGORIES
        if (n := sum(f.reviewed.flag.category == category for f in confirmed))
    )
    yield paragraph("letter", f"经逐条听录音核对,上述通话中催收方的言语有:{counts}。原话如下:")
    shown = sorted(
        gravest_first(confirmed)[:_MOST],
        key=lambda f: (f.item.number, f.reviewed.flag.start_s),
    )
    rows: list[Row] = [
        (
            said(flag.number),
            words.span_lines(flag.reviewed.flag.start_s, flag.reviewed.flag.end_s),
            words.quote_lines(flag),
            words.conduct(flag),
        )
        for flag in shown
    ]
    yield table(("编号", "录音内时间码", "原话", "疑似内容"), rows, (9, 18, 52, 21))
    if len(confirmed) > _MOST:
        yield paragraph("small", f"只列最严重的 {_MOST} 处,共 {len(confirmed)} 处,见证据目录。")


def _basis(case: Case) -> Iterator[Block]:
    if not case.confirmed:
        yield paragraph("letter", BLANK)
    else:
        yield paragraph(
            "small",
            "提示(递交前删去):下表由软件列出,请逐条核对法律原文,删去不适用的各行和“来源”一列。",
        )
    yield from basis_table(case, case.confirmed)


def _people(case: Case, who: str) -> Iterator[Block]:
    yield table(
        (),
        [
            (bold(f"{who}姓名"), words.complainant(case), bold("联系电话"), BLANK),
            (bold("证件号码"), f"{BLANK}{_ID}", bold("通信地址"), BLANK),
            (bold("被投诉机构"), words.party(case, "lender"), bold("机构地址"), BLANK),
            (bold("受托催收机构"), words.party(case, "agency"), bold("涉及人员"), BLANK),
            (bold("机构类型"), _lender(case), bold("合同或借据编号"), BLANK),
        ],
        (17, 35, 17, 31),
        10.5,
    )


def _lender(case: Case) -> str:
    code = words.lender_type(case)
    return BLANK if code == "unknown" else words.lender_name(code)


def _end(case: Case, who: str) -> Iterator[Block]:
    yield from words.sign_here(who)
    note = f"本函为软件生成的草稿,请核对、补填 {BLANK} 处后使用。"
    yield paragraph("small", note + words.DISCLAIMER)


def _letter(case: Case, title: str, blocks: "list[Block]") -> Document:
    return Document(
        title,
        (*words.top(case), paragraph("title", title), *blocks),
        footer=title,
        script=case.script,
    )


def _attachments() -> Iterator[Block]:
    yield paragraph("heading", "附件")
    for text in (
        "1. 录音片段及摘录(附件包;片段仅供检索,完整原始录音另行提交);",
        "2. 录音整理稿;",
        f"3. 身份证明、借款合同等:{BLANK}。",
    ):
        yield paragraph("plain", text)


def to_12378(case: Case) -> Document:
    """The complaint to the financial regulator, with the fields of 投诉管理办法 13."""
    blocks: list[Block] = []
    if words.lender_type(case) in _NOT_12378:
        blocks.append(
            paragraph(
                "small",
                "提示(递交前删去):12378 受理对银行、消费金融、保险机构的投诉。小额贷款公司、未持牌"
                "机构,请向 12345 或者地方金融管理局反映;贷款机构不明的,请先查明。",
            )
        )
    blocks += [
        *_people(case, "投诉人"),
        paragraph("heading", "一、投诉请求"),
        paragraph("letter", "1. 请求督促被投诉机构停止下述催收言行,核查处理相关人员和受托机构;"),
        paragraph("letter", "2. 请求被投诉机构保存并提供全部通话录音,书面答复处理结果;"),
        paragraph("letter", f"3. {BLANK}"),
        paragraph("heading", "二、主要事实"),
        *_calls(case),
        *_facts(case),
        paragraph("heading", "三、依据"),
        *_basis(case),
        paragraph("heading", "四、说明"),
        paragraph("letter", f"是否已先向被投诉机构投诉:{BLANK};投诉时间和结果:{BLANK}。"),
        paragraph(
            "letter",
            "委托他人代为投诉的,另附经签名的授权委托书和代理人身份证明"
            "(《银行业保险业消费投诉处理管理办法》第14条)。",
        ),
        *_attachments(),
        *_end(case, "投诉人"),
    ]
    return _letter(case, "投诉信(草稿)", blocks)


def to_nifa(case: Case) -> Document:
    """The text for the form of 中国互联网金融协会."""
    blocks: list[Block] = [
        paragraph(
            "small",
            "提示:在中国互联网金融协会举报平台(jubao.nifa.org.cn)实名填写。附件大小和每日次数"
            "以网站当时的说明为准(公开资料称附件不超过 2 MB)。协会受理其会员机构的举报。",
        ),
        *_people(case, "举报人"),
        paragraph("heading", "举报内容"),
        *_calls(case),
        *_facts(case),
        paragraph("heading", "依据"),
        *_basis(case),
        *_attachments(),
        *_end(case, "举报人"),
    ]
    return _letter(case, "举报内容(中国互联网金融协会,草稿)", blocks)


def to_lender(case: Case) -> Document:
    """The complaint to the lender itself."""
    blocks: list[Block] = [
        paragraph("plain", "致:", words.party(case, "lender")),
        paragraph(
            "letter",
            "本人\uff08", words.complainant(case),
            f"\uff0c联系电话 {BLANK}\uff0c合同或借据编号 {BLANK}\uff09"
            "就贵方或者贵方委托的机构\uff08", words.party(case, "agency"),
            "\uff09在下列通话中的催收言行投诉如下。",
        ),
        paragraph("heading", "一、事实"),
        *_calls(case),
        *_facts(case),
        paragraph("heading", "二、请求"),
        paragraph("letter", "1. 立即停止上述言行,不再联系与债务无关的第三人;"),
        paragraph("letter", "2. 核查相关人员和受托机构,书面答复处理结果;"),
        paragraph("letter", "3. 妥善保存本函所列通话及其他催收过程的全部录音和记录;"),
        paragraph("letter", f"4. {BLANK}"),
        paragraph("heading", "三、依据"),
        *_basis(case),
        *_attachments(),
        *_end(case, "投诉人"),
    ]  # fmt: skip
    return _letter(case, "投诉函(致贷款机构,草稿)", blocks)


def for_recording(case: Case) -> Document:
    """The letter that asks the lender to keep and hand over its own recordings."""
    kept = [paragraph("letter", f"· {text}") for text in retention(words.lender_type(case))]
    blocks: list[Block] = [
        paragraph("plain", "致:", words.party(case, "lender")),
        paragraph(
            "letter",
            "本人\uff08", words.complainant(case),
            f"\uff0c联系电话 {BLANK}\uff0c合同或借据编号 {BLANK}\uff09"
            "请求贵方保存并提供下列通话的录音和催收记录:",
        ),
        *_calls(case),
        paragraph("heading", "一、请求"),
        paragraph("letter", "1. 自收到本函起保存上述通话及前后全部催收录音、记录,不得删改;"),
        paragraph("letter", f"2. 于 {BLANK} 日内向本人提供录音的复制件,并说明催收人员所属机构;"),
        paragraph("letter", "3. 不能提供的,书面说明理由,以及录音的保存地点和期限。"),
        paragraph("heading", "二、依据(可能涉及,请律师核对)"),
        paragraph(
            "letter",
            "· 最高人民法院关于民事诉讼证据的若干规定第95条:一方当事人控制证据,无正当理由拒不提交"
            "的,可以认定对方主张的不利于控制人的事实成立;"
        ),
        paragraph("letter", "· 同规定第20条:因客观原因不能自行收集的,可以申请人民法院调查收集;"),
        *kept,
        paragraph(
            "letter",
            "如不提供,本人将在诉讼中依上述规定申请人民法院调取,并请求由贵方承担不利后果。",
        ),
        *_end(case, "请求人"),
    ]  # fmt: skip
    return _letter(case, "请求保存并提供催收录音函(草稿)", blocks)


LETTERS: dict[str, Callable[[Case], Document]] = {
    "投诉信-12378": to_12378,
    "举报内容-中互金协": to_nifa,
    "投诉函-致贷款机构": to_lender,
    "请求提供录音函": for_recording,
}
