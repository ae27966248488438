"""A document as Word: A4, editable, pages numbered 第 x 页 共 y 页."""

import datetime as dt
import io
import zipfile
from typing import Any
from xml.sax.saxutils import escape

from detector.evidence.documents.model import (
    SMALL,
    STYLES,
    Document,
    Line,
    PageBreak,
    Paragraph,
    Style,
    Table,
    spell,
)

__all__ = ["to_docx"]

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_MARGIN_MM = 18.0
_TWIPS_PER_MM = 56.7
_SPLIT_FROM = 600
"""A row with more characters than this may be split over two pages."""
# body and heavy face, and what a machine without it may take instead
_FACES = {
    "simplified": (("宋体", "SimSun"), ("黑体", "SimHei")),
    "traditional": (("新細明體", "PMingLiU"), ("微軟正黑體", "Microsoft JhengHei")),
}
_LATIN = "Times New Roman"


def _run(text: str, size: float, heavy: bool, script: str) -> str:
    face = _FACES[script][heavy][0]
    half_points = round(2 * size)
    return (
        "<w:r><w:rPr>"
        f'<w:rFonts w:ascii="{_LATIN}" w:hAnsi="{_LATIN}" w:cs="{_LATIN}" w:eastAsia="{face}"'
        ' w:hint="eastAsia"/>'
        + ("<w:b/>" if heavy else "")
        + f'<w:sz w:val="{half_points}"/><w:szCs w:val="{half_points}"/></w:rPr>'
        f'<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'
    )


def _paragraph(spans: Line, style: Style, script: str) -> str:
    runs = "".join(
        _run(
            span.text,
            style.size * SMALL if span.small else style.size,
            style.heavy or span.heavy,
            script,
        )
        for span in spans
    )
    left = style.left + style.hanging
    indents = {"left": left, "firstLine": style.first, "hanging": style.hanging}
    indent = "".join(
        f' w:{name}="{round(20 * style.size * n)}"' for name, n in indents.items() if n
    )
    return (
        "<w:p><w:pPr>"
        + ("<w:keepNext/>" if style.keep else "")
        + f'<w:spacing w:before="{round(20 * style.before)}" w:after="{round(20 * style.after)}"/>'
        + (f"<w:ind{indent}/>" if indent else "")
        + f'<w:jc w:val="{style.align}"/>'
        + (f'<w:outlineLvl w:val="{style.outline}"/>' if style.outline is not None else "")
        + f"</w:pPr>{runs}</w:p>"
    )


def _table(table: Table, twips: float, script: str) -> str:
    total = sum(table.widths)
    widths = [round(twips * part / total) for part in table.widths]
    style = Style(table.size, after=0)
    sides = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="000000"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    out = (
        f'<w:tbl {_W}><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        f'<w:tblBorders>{sides}</w:tblBorders><w:tblLayout w:type="fixed"/>'
        '<w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/>'
        "</w:tblCellMar></w:tblPr><w:tblGrid>"
        + "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
        + "</w:tblGrid>"
    )
    for number, row in enumerate((table.header, *table.rows) if table.header else table.rows):
        head = bool(table.header) and number == 0
        length = max(sum(len(span.text) for spans in content for span in spans) for content in row)
        out += "<w:tr><w:trPr>" + ("<w:cantSplit/>" if length < _SPLIT_FROM else "")
        out += ("<w:tblHeader/>" if head else "") + "</w:trPr>"
        for width, content in zip(widths, row, strict=True):
            shade = '<w:shd w:val="clear" w:color="auto" w:fill="E8E8E8"/>' if head else ""
            out += f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shade}</w:tcPr>'
            out += "".join(_paragraph(spans, style, script) for spans in content or ((),))
            out += "</w:tc>"
        out += "</w:tr>"
    return out + "</w:tbl>"


def _field(name: str) -> str:
    return (
        '<w:r><w:rPr><w:sz w:val="16"/></w:rPr><w:fldChar w:fldCharType="begin"/></w:r>'
        f'<w:r><w:rPr><w:sz w:val="16"/></w:rPr><w:instrText xml:space="preserve"> {name} '
        "</w:instrText></w:r>"
        '<w:r><w:rPr><w:sz w:val="16"/></w:rPr><w:fldChar w:fldCharType="separate"/></w:r>'
        '<w:r><w:rPr><w:sz w:val="16"/></w:rPr><w:t>1</w:t></w:r>'
        '<w:r><w:rPr><w:sz w:val="16"/></w:rPr><w:fldChar w:fldCharType="end"/></w:r>'
    )


def _footer(document: Document, twips: float) -> str:
    script = document.script
    words = [spell(part, script) for part in ("第 ", " 页 共 ", " 页")]
    middle, right = round(twips / 2), round(twips)
    tabs = f'<w:tab w:val="center" w:pos="{middle}"/><w:tab w:val="right" w:pos="{right}"/>'
    return (
        f"<w:p {_W}><w:pPr><w:tabs>{tabs}</w:tabs></w:pPr>"
        + _run(document.footer, 8, False, script)
        + "<w:r><w:tab/></w:r>"
        + _run(words[0], 8, False, script)
        + _field("PAGE")
        + _run(words[1], 8, False, script)
        + _field("NUMPAGES")
        + _run(words[2], 8, False, script)
        + "</w:p>"
    )


def _font_table(script: str) -> bytes:
    fonts = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{other}"/><w:charset w:val='
        f'"{"86" if script == "simplified" else "88"}"/><w:family w:val="auto"/></w:font>'
        for name, other in _FACES[script]
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><w:fonts {_W}>{fonts}</w:fonts>'.encode()


def _settle(word: Any, document: Document, made_at: str) -> None:
    """Set fonts, language and what the file says of itself."""
    from docx.oxml.ns import qn

    face = _FACES[document.script][0][0]
    normal = word.styles["Normal"]
    normal.font.name = _LATIN
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), face)
    language = "zh-TW" if document.script == "traditional" else "zh-CN"
    for element in word.styles.element.iter(qn("w:lang")):
        element.set(qn("w:eastAsia"), language)
    for part in word.part.package.iter_parts():
        if str(part.partname) == "/word/fontTable.xml":
            part._blob = _font_table(document.script)
    facts = word.core_properties
    facts.title, facts.author, facts.comments = document.title, "", ""
    facts.last_modified_by, facts.revision = "", 1
    facts.created = facts.modified = dt.datetime.fromisoformat(made_at).astimezone(dt.UTC)


def _pack_again(data: bytes, made_at: str) -> bytes:
    """Give every part of the file the same time, so that the same document is the same file."""
    moment = dt.datetime.fromisoformat(made_at).timetuple()[:6]
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return out.getvalue()


def to_docx(document: Document, made_at: str) -> bytes:
    """Return a spelled document as a Word file, the same for the same document and time."""
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.oxml import parse_xml
    from docx.shared import Mm

    word = docx.Document()
    body = word.element.body
    for child in list(body)[:-1]:
        body.remove(child)
    section = word.sections[0]
    width, height = (297, 210) if document.landscape else (210, 297)
    section.page_width, section.page_height = Mm(width), Mm(height)
    if document.landscape:
        section.orientation = WD_ORIENT.LANDSCAPE
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", Mm(_MARGIN_MM))
    section.footer_distance = Mm(9)
    twips = (width - 2 * _MARGIN_MM) * _TWIPS_PER_MM
    end = body[-1]
    for block in document.blocks:
        if isinstance(block, PageBreak):
            xml = f'<w:p {_W}><w:r><w:br w:type="page"/></w:r></w:p>'
        elif isinstance(block, Table):
            xml = _table(block, twips, document.script)
        elif isinstance(block, Paragraph):
            style = STYLES[block.style]
            xml = _paragraph(block.line, style, document.script).replace("<w:p>", f"<w:p {_W}>", 1)
        end.addprevious(parse_xml(xml))
        if isinstance(block, Table):  # two tables in a row would become one
            end.addprevious(
                parse_xml(f'<w:p {_W}><w:pPr><w:spacing w:after="0" w:line="120" '
                          'w:lineRule="exact"/></w:pPr></w:p>')
            )  # fmt: skip
    footer = section.footer
    footer.is_linked_to_previous = False
    for old in list(footer._element):
        footer._element.remove(old)
    footer._element.append(parse_xml(_footer(document, twips)))
    _settle(word, document, made_at)
    out = io.BytesIO()
    word.save(out)
    return _pack_again(out.getvalue(), made_at)
