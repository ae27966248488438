"""A document as PDF: A4, faces embedded, pages numbered 第 x 页 共 y 页."""

import io
from collections.abc import Iterator
from typing import Any

from detector.evidence.documents.fonts import LACKING, Fonts, split
from detector.evidence.documents.model import (
    SMALL,
    STYLES,
    Document,
    Line,
    PageBreak,
    Paragraph,
    Span,
    Style,
    Table,
    spell,
)

__all__ = ["to_pdf"]

_MARGIN = 51.0
_FOOT = 8.0
_PAD = 2.5
_TALLEST = 0.6
"""A row of a table takes no more than this part of a page, else it is divided."""


class _Writer:
    """Writes one document; `lacking` tells whether a character had to be replaced."""

    def __init__(self, document: Document, fonts: Fonts) -> None:
        self.document = document
        self.fonts = fonts
        self.lacking = False

    def paragraph(self, spans: Line, style: Style) -> Any:
        from detector.evidence.documents.setting import Lines, Piece

        pieces = []
        for span in spans:
            size = style.size * SMALL if span.small else style.size
            for face, piece, lacking in split(self.fonts, span.text, style.heavy or span.heavy):
                self.lacking |= lacking
                pieces.append(Piece(piece, face, size))
        return Lines(
            pieces,
            style.size * (1.5 if style.size > 9 else 1.4),
            align=style.align,
            left=(style.left + style.hanging) * style.size,
            first=(style.first - style.hanging) * style.size,
            space=(style.before, style.after),
            keep=style.keep,
        )

    def table(self, table: Table, width: float, height: float) -> Any:
        from reportlab.lib import colors
        from reportlab.platypus import LongTable

        style = Style(table.size, after=0)
        widths = [width * part / sum(table.widths) for part in table.widths]
        head = (table.header,) if table.header else ()
        data = [
            piece
            for row in (*head, *table.rows)
            for piece in _pieces(
                [[self.paragraph(spans, style) for spans in content] for content in row],
                [one - 2 * _PAD for one in widths],
                height * _TALLEST,
            )
        ]
        looks: list[tuple[Any, ...]] = [
            ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), _PAD),
            ("RIGHTPADDING", (0, 0), (-1, -1), _PAD),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
        if head:
            looks.append(("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e8e8e8")))
        return LongTable(data, widths, repeatRows=len(head), style=looks, spaceAfter=6)

    def flow(self, width: float, height: float) -> list[Any]:
        from reportlab.platypus import PageBreak as Break

        out: list[Any] = []
        for block in self.document.blocks:
            if isinstance(block, PageBreak):
                out.append(Break())
            elif isinstance(block, Table):
                out.append(self.table(block, width, height))
            elif isinstance(block, Paragraph):
                out.append(self.paragraph(block.line, STYLES[block.style]))
        if self.lacking:
            note = Span(spell(LACKING, self.document.script))
            out.append(self.paragraph((note,), STYLES["small"]))
        return out


def _pieces(row: list[list[Any]], widths: list[float], tallest: float) -> Iterator[list[list[Any]]]:
    """Yield a row, or where it is too tall for a page the rows into which it is divided."""
    while True:
        fits: list[list[Any]] = []
        rest: list[list[Any]] = []
        for content, width in zip(row, widths, strict=True):
            mine: list[Any] = []
            later = list(content)
            room = tallest
            while later:
                parts = later[0].split(width, room)
                if not parts:
                    break
                mine.append(parts[0])
                room -= parts[0].wrap(width, room)[1]
                later[:1] = parts[1:]
                if len(parts) > 1:
                    break
            fits.append(mine)
            rest.append(later)
        yield fits
        if not any(rest):
            return
        row = rest


def _numbered(fonts: Fonts, document: Document) -> Any:
    """Return a canvas that knows how many pages there are when it numbers them."""
    from reportlab.pdfgen.canvas import Canvas

    class Numbered(Canvas):  # type: ignore[misc]  # the library is not typed
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802
            self._kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, state in enumerate(self._kept, 1):
                self.__dict__.update(state)
                text = spell(f"第 {number} 页 共 {len(self._kept)} 页", document.script)
                self.setFont(fonts.body, _FOOT)
                width = self._pagesize[0]
                self.drawCentredString(width / 2, _MARGIN * 0.55, text)
                if document.footer:
                    x = _MARGIN + 6  # as the frame
                    for face, piece, _ in split(fonts, document.footer, False):
                        self.setFont(face, _FOOT)
                        self.drawString(x, _MARGIN * 0.55, piece)
                        x += self.stringWidth(piece, face, _FOOT)
                super().showPage()
            super().save()

    return Numbered


def to_pdf(document: Document, fonts: Fonts) -> bytes:
    """Return a spelled document as PDF, the same for the same document, byte for byte."""
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import SimpleDocTemplate

    size = landscape(A4) if document.landscape else A4
    out = io.BytesIO()
    writer = _Writer(document, fonts)
    template = SimpleDocTemplate(
        out,
        pagesize=size,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=document.title,
        author="",
        lang="zh-Hant" if document.script == "traditional" else "zh-Hans",
        invariant=1,
    )
    # the frame pads its content by 6 points on each side
    flow = writer.flow(size[0] - 2 * _MARGIN - 12, size[1] - 2 * _MARGIN - 12)
    template.build(flow, canvasmaker=_numbered(fonts, document))
    return out.getvalue()
