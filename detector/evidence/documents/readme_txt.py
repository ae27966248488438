"""说明.txt: what each file is, how to check it without this program, and what it cannot prove."""

from collections.abc import Sequence

from detector.evidence.documents import words
from detector.evidence.documents.model import spell
from detector.evidence.model import Case
from detector.render_text import HELP_LINE

__all__ = ["readme"]

_FILES = (
    ("original/", "原始录音的逐字节副本(只读)。原始手机、录音笔和其中的录音请继续妥善保存。"),
    ("clips/", "标记前后的录音片段,仅供检索;名为“试听副本-非证据”的只为便于播放,不是证据。"),
    ("录音整理稿.docx / .pdf", "全部录音的文字整理稿,须逐句听录音核对后签名。"),
    ("证据目录.docx / .pdf", "证据目录;只列人工已确认的标记,未复核的在附件。"),
    ("投诉材料/", "投诉信、举报内容、致贷款机构函、请求提供录音函的草稿,空白处请补填{packs}。"),
    ("报告.html", "可以点击收听的报告,不需要联网。几个录音时每个录音一份。"),
    ("flags.xlsx", "全部标记,含已否定的,附复核人和时间。"),
    ("reports/", "机器报告(json)和人工复核记录(decisions.jsonl)。"),
    ("manifest.json", "全部文件的清单、SHA-256、片段的起止时间、软件和模型的版本。"),
    ("manifest.sig、public_key.pem", "清单的 Ed25519 签名和核对签名用的公钥。"),
    ("SHA256SUMS", "各文件的 SHA-256;会续写的保管记录和人工复核记录除外,它们由签名保护。"),
    (
        "manifest.tsq、manifest.tsr",
        "如有:可信时间戳的请求和回复。取得的回复请存为 manifest.tsr 放入本文件夹。",
    ),
    ("已改动的文件/、earlier/", "如有:更新前被人改动过的文书、申请过时间戳的旧清单。"),
    (
        "custody.jsonl、custody.sig",
        "保管记录(导入、复核、改正、导出,每行含上一行的校验值)及其签名。",
    ),
)
_NOT_REDACTED = ("original/", "reports/")
_CHECK = (
    ("Linux(在本文件夹中打开终端):", "sha256sum -c SHA256SUMS"),
    ("macOS\uff1a", "shasum -a 256 -c SHA256SUMS"),
    (
        "Windows(命令提示符,逐个文件;得到的值与 SHA256SUMS 中同名的一行比较):",
        "certutil -hashfile manifest.json SHA256",
    ),
    (
        "核对清单的签名(OpenSSL 3;应显示 Signature Verified Successfully):",
        "openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in manifest.json "
        "-sigfile manifest.sig",
    ),
    (
        "核对保管记录的签名:",
        "openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in custody.jsonl "
        "-sigfile custody.sig",
    ),
    (
        "核对公钥的指纹(与制作人另行告知的指纹比较):",
        "openssl pkey -pubin -in public_key.pem -outform DER | openssl dgst -sha256",
    ),
)
_LIMITS = (
    "校验值和签名只能说明文件自导入本软件之后未被改动,不能说明导入之前的情况;",
    "签名说明清单出自持有该密钥的人,不能证明其真实身份,也不能证明时间;"
    "需要证明时间的,请另办可信时间戳、公证或者司法区块链存证;",
    "软件不能证明通话人的身份、号码的归属、通话的时间和接听人是谁,这些须由其他证据证明;",
    "文字由机器转写,会听错、漏听;标记是疑似,会错标、漏标,都须由人逐条听录音核对;",
    "“可能涉及”的规定为转述,不是官方表述,也不是对行为性质的认定;",
    "录音被剪辑、拼接、降噪的,软件未必能发现。",
)


def readme(case: Case, packs: Sequence[str]) -> str:
    """Return the text, lines ending as Windows wants them.

    Args:
        case: the case.
        packs: names of the packs that were made.
    """
    lines: list[str] = []

    def own(text: str = "") -> None:
        lines.append(spell(text, case.script))

    flags = case.flags("confirmed", "unreviewed")
    if any(flag.reviewed.flag.subtype == "self_harm" for flag in flags):
        own(HELP_LINE)
        own()
    if case.redacted:
        own(
            f"【脱敏副本】{words.REDACTED}。号码、姓名、地址由机器遮盖,会有遗漏;"
            "原始录音和机器报告不在本副本中。"
        )
        own()
    own("案件文件夹说明")
    own(f"制作时间:{words.moment(case.made_at)}")
    own(f"录音 {len(case.items)} 个;人工已确认的标记 {len(case.confirmed)} 处;"
        f"未复核 {len(case.unreviewed)} 处;已否定 {len(case.flags('rejected'))} 处。")  # fmt: skip
    if case.fingerprint:
        print_of = words.grouped(case.fingerprint)
        lines.append(spell("公钥指纹(SHA-256)\uff1a", case.script) + print_of)
    own()
    own("一、各文件是什么")
    names = "、".join(packs)
    inside = f";{names} 为限定大小的附件" if packs else ";尚无已确认的片段,未做附件包"
    for name, text in _FILES:
        if case.redacted and name in _NOT_REDACTED:
            continue
        lines.append("  " + name)
        own("      " + text.replace("{packs}", inside))
    own()
    own("二、不用本软件怎样核对")
    for text, command in _CHECK:
        own("  " + text)
        lines.append("      " + command)
    own("  用本软件核对:")
    lines.append("      detector verify .")
    own()
    own("三、本软件不能证明什么")
    for number, text in enumerate(_LIMITS, 1):
        own(f"  {number}. {text}")
    own()
    own(words.DISCLAIMER)
    return "\r\n".join(lines) + "\r\n"
