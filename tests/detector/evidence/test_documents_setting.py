"""How text gets into Word and PDF: lines, pages, fonts, rare characters, tables, cells."""

import base64
import io
import re
import zlib
from pathlib import Path
from types import SimpleNamespace

import case_for_documents as made
import docx
import openpyxl
import pypdfium2
import pytest
from fontTools.ttLib import TTFont
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.caveats import caveats
from detector.evidence.documents.docx import to_docx
from detector.evidence.documents.fonts import make_fonts
from detector.evidence.documents.model import (
    Document,
    Line,
    Row,
    cell,
    clean,
    in_script,
    line,
    paragraph,
    said,
    spell,
    table,
    texts,
)
from detector.evidence.documents.pdf import to_pdf
from detector.evidence.documents.setting import Piece, break_lines
from detector.evidence.documents.sheet import sheet
from detector.evidence.documents.transcript import transcript, unclear
from detector.report import ReportWord

AT = made.MADE_AT


def pdf_of(document: Document) -> bytes:
    document = in_script(document)
    return to_pdf(document, make_fonts(texts(document)))


def pages(data: bytes) -> list[str]:
    with pypdfium2.PdfDocument(data) as document:
        return [page.get_textpage().get_text_range() for page in document]


def embedded(data: bytes) -> list[TTFont]:
    """Return the TrueType fonts inside a PDF."""
    found = []
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", data, re.S):
        raw = match.group(1).strip()
        if raw.endswith(b"~>"):
            raw = base64.a85decode(raw[:-2])
        try:
            raw = zlib.decompress(raw)
        except zlib.error:
            continue
        if raw[:4] == b"\0\1\0\0":
            found.append(TTFont(io.BytesIO(raw)))
    return found


def test_every_document_has_its_own_glyphs_whatever_was_made_before() -> None:
    for text in ("天地玄黄宇宙洪荒", "錄證據擬證明寒來暑往", "日月盈昃辰宿列张"):
        fonts = embedded(pdf_of(Document(text, (paragraph("body", said(text)),))))
        drawn = sum(
            font["glyf"][name].numberOfContours > 0
            for font in fonts
            for name in font.getGlyphOrder()
            if name != ".notdef"
        )
        assert drawn >= len(set(text))


def test_characters_that_no_face_has_are_named_not_boxed() -> None:
    data = pdf_of(Document("字", (paragraph("body", said("他说\U00020bb7野家\U0001f600完")),)))
    text = "".join("".join(pages(data)).split())
    assert "他说〔U+20BB7〕野家〔U+1F600〕完" in text and "以统一码编号代替" in text
    plain = "".join(pages(pdf_of(Document("字", (paragraph("body", said("吉野家")),)))))
    assert "〔U+" not in plain


def test_signs_that_would_break_or_turn_a_document_are_taken_out() -> None:
    hostile = "你\x00好\x0b\u202e\u200b<b>&amp;\ud800\uffff\n完\ufe0f"
    assert clean(hostile) == "你好 <b>&amp;\ufffd 完"
    document = Document("题", (paragraph("body", said(hostile)),))
    words = docx.Document(io.BytesIO(to_docx(in_script(document), AT)))
    assert words.paragraphs[0].text == "你好 <b>&amp;\ufffd 完"
    assert pages(pdf_of(document))


@given(st.text(max_size=200), st.sampled_from([20.0, 55.0, 400.0]))
@example(text="00 )000", width=20.0)
@settings(max_examples=150, deadline=None)
def test_no_character_is_lost_and_no_line_is_too_long(text: str, width: float) -> None:
    text = "".join(c for c in clean(text) if ord(c) < 256)
    lines = break_lines([Piece(text, "Helvetica", 9.0)], width, width)
    kept = "".join(piece.text for one in lines for piece in one)
    assert kept.replace(" ", "") == text.replace(" ", "")
    for one in lines:
        assert sum(piece.width for piece in one) <= width + 0.01 or len(one[0].text) == 1


def test_no_line_begins_with_a_closing_sign_or_ends_with_an_opening_one() -> None:
    text = "甲\uff08乙\uff09说\uff0c“丙丁”\uff1b戊《己》庚。" * 30
    fonts = make_fonts([(text, False)])
    for width in range(40, 140, 7):
        for one in break_lines([Piece(text, fonts.body, 10.0)], width, width):
            joined = "".join(piece.text for piece in one)
            assert joined[0] not in "\uff0c\uff1b\uff09”》。" and joined[-1] not in "\uff08“《"


def test_time_codes_and_blanks_stay_whole() -> None:
    fonts = make_fonts([("原件存放\uff1a____[00:01:02.3–00:01:05.0]完", False)])
    got = break_lines(
        [Piece("原件存放\uff1a____[00:01:02.3–00:01:05.0]完", fonts.body, 10)], 150, 150
    )
    texts_of = ["".join(piece.text for piece in one) for one in got]
    assert any("[00:01:02.3–00:01:05.0]" in one for one in texts_of)


def test_long_table_repeats_its_header_on_each_page() -> None:
    rows: list[Row] = [(f"第{n}行", said("你等着,看我怎么办。")) for n in range(400)]
    document = Document("表", (table(("编号", "原话"), rows, (20, 80)),))
    found = pages(pdf_of(document))
    assert len(found) > 5 and all("编号" in page and "原话" in page for page in found)
    assert "第399行" in found[-1].replace(" ", "")
    word = docx.Document(io.BytesIO(to_docx(in_script(document), AT)))
    assert "w:tblHeader" in word.tables[0].rows[0]._tr.xml


def test_row_longer_than_a_page_is_whole() -> None:
    quote = "".join(f"{n}号话" for n in range(2500))
    rows: list[Row] = [("1-1", said(quote), "尾"), ("1-2", "短", "尾")]
    document = Document(
        "表", (table(("编号", "原话", "备注"), rows, (10, 40, 10)),), landscape=True
    )
    text = "".join("".join("".join(pages(pdf_of(document))).split()))
    assert all(f"{n}号话" in text for n in (0, 1, 999, 2499)) and "1-2" in text


def test_signature_is_not_alone_on_a_page() -> None:
    for count in range(20, 34):
        said_lines = tuple(("A", "collector", "一句话") for _ in range(count))
        document = transcript(made.case(made.item(made.report(said_lines, ()))))
        last = pages(pdf_of(document))[-1]
        if "签名" in last:
            assert "不构成法律意见" in last


def test_rows_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different"):
        table(("一", "二"), [("只有一格",)], (1, 1))
    assert cell("字") == (line("字"),)


def test_our_words_get_chinese_punctuation_and_quotes_do_not() -> None:
    assert spell("共 2 处,见附表(草稿);22:00 至 08:00", "simplified") == (
        "共 2 处\uff0c见附表\uff08草稿\uff09\uff1b22:00 至 08:00"
    )
    document = Document("题", (paragraph("body", "说:", said("好,吧(真的)")),))
    (block,) = in_script(document).blocks
    spans: Line = block.line  # type: ignore[union-attr]
    assert [span.text for span in spans] == ["说\uff1a", "好,吧(真的)"]


def test_what_the_recogniser_was_unsure_of_is_marked_unless_somebody_corrected_it() -> None:
    plain = made.report()
    sure = plain.utterances[0]
    words = tuple(ReportWord(c, 5.0, 5.2, p) for c, p in (("你", 0.9), ("等", 0.1), ("着", 0.6)))
    doubtful = made.dataclasses.replace(sure, words=words)
    one_odd_word = (*sure.words * 9, words[1])
    assert unclear(doubtful)
    assert not unclear(made.dataclasses.replace(sure, words=one_odd_word))
    assert not unclear(made.dataclasses.replace(sure, words=()))
    plain = made.dataclasses.replace(plain, utterances=(doubtful, *plain.utterances[1:]))

    def text(*steps: object) -> str:
        shown = transcript(made.case(made.item(plain, *steps)))
        return "".join(text for text, _ in texts(shown))

    assert text().count("[机器听不清") == 1
    assert "[机器听不清" not in text(("correct", "U1", {"text": "你等着吧。"}))


def test_speech_that_was_not_recognised_is_marked_in_its_place() -> None:
    heard = SimpleNamespace(
        damaged=0, duration_s=60.0, unheard=[(12.5, 14.0), (50.0, 52.0)], languages={}, sounds=[],
        clear=True, swapped_s=None, channels=(),
    )  # fmt: skip
    recording = SimpleNamespace(duration_s=60.0, channels=1)
    plain = made.report()
    warnings = caveats(recording, "mono", heard, plain.utterances, plain.speakers)  # type: ignore[arg-type]
    shown = transcript(made.case(made.item(made.dataclasses.replace(plain, warnings=warnings))))
    text = "".join(text for text, _ in texts(shown))
    at = text.index("[听不清 00:00:12.5 起]")
    assert text.index("几天") < at < text.index("骗钱的废物")
    assert "[听不清 00:00:50.0 起]" in text


def test_sheet_has_every_flag_and_no_formula(tmp_path: Path) -> None:
    said_rows = (("A", "collector", "=1+1"), ("A", "collector", "+86 你等着"),
                 ("A", "collector", "@同事"), ("A", "collector", "-" * 40_000))  # fmt: skip
    marks = tuple((f"F{n}", "insult", "profanity", (f"U{n}",)) for n in range(1, 5))
    case = made.case(made.item(made.report(said_rows, marks), ("confirm", "F1"), ("reject", "F2")))
    path = tmp_path / "flags.xlsx"
    path.write_bytes(sheet(case))
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    head = [c.value for c in page[2]]
    rows = [
        dict(zip(head, row, strict=True)) for row in page.iter_rows(min_row=3, values_only=True)
    ]
    assert [row["编号"] for row in rows] == ["1-F1", "1-F2", "1-F3", "1-F4"]
    assert [row["复核状态"] for row in rows] == ["人工已确认", "已否定", "未复核", "未复核"]
    assert [row["机器原文"][:3] for row in rows] == ["=1+", "+86", "@同事", "---"]
    quotes = [page.cell(n, head.index("机器原文") + 1) for n in range(3, 7)]
    assert all(one.data_type == "s" and one.quotePrefix for one in quotes)
    assert rows[3]["机器原文"].endswith("…") and len(rows[3]["机器原文"]) == 32_767
    assert rows[0]["复核人"] == "钱二" and rows[0]["片段文件"].endswith(".m4a")
    assert rows[0]["可能涉及的规定"].startswith("可能涉及\uff1a") and not rows[1]["可能涉及的规定"]
    assert rows[0]["通话时刻"] == "2026-03-05 22:41:12"
    assert page.freeze_panes == "B3" and page.auto_filter.ref.startswith("A2:")
    assert book.worksheets[1]["C2"].value == made.SHA
