"""A small document that Word and PDF are both written from, so that they cannot disagree.

A document is a list of paragraphs, tables and page breaks. Text comes in spans: our own words,
which are written in the script of the case, and words as somebody spoke, wrote or stated them
(`said`), which are never converted.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

__all__ = [
    "STYLES",
    "Block",
    "Cell",
    "Content",
    "Document",
    "Line",
    "PageBreak",
    "Paragraph",
    "Row",
    "Span",
    "Style",
    "Table",
    "bold",
    "cell",
    "clean",
    "in_script",
    "line",
    "paragraph",
    "said",
    "small",
    "spell",
    "spoken",
    "table",
    "texts",
]

SMALL = 0.85
"""What is small is this part of the size around it."""
# what stands in Chinese for each half-width sign; written by number, since editors turn them
_FULL = dict(zip(",;:?!()", "\uff0c\uff1b\uff1a\uff1f\uff01\uff08\uff09", strict=True))
_CJK = "\u2018-\u201d\u2026\u3001-\u301b\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff1f"
_SIGN = re.compile(rf"(?<=[{_CJK}_])[,;:?!]|[,;:?!](?=[{_CJK}])")
_BRACKETS = re.compile(rf"\(([^()]*[{_CJK}][^()]*)\)|(?<=[{_CJK}])\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Style:
    """How a paragraph is set: sizes and distances in points, indents in characters."""

    size: float
    align: str = "left"
    heavy: bool = False
    before: float = 0.0
    after: float = 3.0
    first: float = 0.0
    hanging: float = 0.0
    left: float = 0.0
    outline: int | None = None
    keep: bool = False
    """On one page with what follows."""


STYLES = {
    "title": Style(18, "center", heavy=True, before=4, after=10, outline=0, keep=True),
    "subtitle": Style(10.5, "center", after=8),
    "heading": Style(12, heavy=True, before=10, after=5, outline=1, keep=True),
    "body": Style(10.5, after=4),
    "closing": Style(10.5, after=4, keep=True),
    "letter": Style(11.5, first=2, after=4),
    "plain": Style(11.5, after=4),
    "notice": Style(11, "center", heavy=True, after=6),
    "small": Style(9, after=3),
    "note": Style(9, after=3, keep=True),
    "sign": Style(11.5, "right", before=10, after=4, keep=True),
    "date": Style(11.5, "right", before=4, after=6),
    "utterance": Style(10.5, hanging=2, after=3),
    "marked": Style(10.5, hanging=2, after=3, keep=True),
    "under": Style(9, left=2, after=3),
}


@dataclass(frozen=True, slots=True)
class Span:
    """Text of one kind. `verbatim` is never converted."""

    text: str
    verbatim: bool = False
    heavy: bool = False
    small: bool = False


Line = tuple[Span, ...]
Cell = tuple[Line, ...]
"""The paragraphs of a table's cell."""
Content = str | Span | Line | Cell
"""What a cell is made of: text, one line, or several."""
Row = tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    line: Line
    style: str = "body"


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `header` is repeated on each page. `widths` are parts of the page's width."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[float, ...]
    size: float = 9.0


@dataclass(frozen=True, slots=True)
class PageBreak:
    pass


Block = Paragraph | Table | PageBreak


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `footer` stands beside the page number on every page."""

    title: str
    blocks: tuple[Block, ...]
    landscape: bool = False
    footer: str = ""
    script: str = "simplified"


def clean(text: str) -> str:
    """Take out what no document can hold or nobody can see: control and direction signs."""
    text = re.sub(r"\s+", " ", text)
    return "".join(
        "\ufffd" if kind == "Cs" else c
        for c in text
        if (kind := unicodedata.category(c)) not in ("Cc", "Cf")
        and (ord(c) & 0xFFFE) != 0xFFFE
        and not 0xFE00 <= ord(c) <= 0xFE0F
    )


def said(text: str) -> Span:
    """Words as they were spoken, written or stated; a name, a number, a file's name."""
    return Span(clean(text), verbatim=True)


def bold(part: str | Span) -> Span:
    return replace(_span(part), heavy=True)


def small(part: str | Span) -> Span:
    return replace(_span(part), small=True)


def _span(part: str | Span) -> Span:
    return part if isinstance(part, Span) else Span(clean(part))


def line(*parts: str | Span) -> Line:
    return tuple(_span(part) for part in parts if part not in ("", None))


def paragraph(style: str, *parts: str | Span) -> Paragraph:
    if style not in STYLES:
        raise KeyError(style)
    return Paragraph(line(*parts), style)


def cell(content: Content) -> Cell:
    """Make a cell of text, of one line, or of several lines."""
    if isinstance(content, (str, Span)):
        return (line(content),)
    if content and isinstance(content[0], Span):
        return (tuple(part for part in content if isinstance(part, Span)),)
    return tuple(part for part in content if isinstance(part, tuple))


def table(
    header: tuple[str, ...],
    rows: Sequence[Row],
    widths: tuple[float, ...],
    size: float = 9.0,
) -> Table:
    """Make a table; every row must have as many cells as the header has (ValueError)."""
    if any(len(row) != len(widths) for row in (*rows, *((header,) if header else ()))):
        raise ValueError("rows of different lengths")
    return Table(
        tuple(cell(bold(text)) for text in header),
        tuple(tuple(cell(content) for content in row) for row in rows),
        widths,
        size,
    )


@cache
def _traditional() -> Any:
    import opencc

    return opencc.OpenCC("s2tw")  # the usual forms: 為, 核對, not 爲, 覈對; no other words


def spell(text: str, script: str) -> str:
    """Write our own words as a document wants them: Chinese punctuation, the case's script."""
    text = _BRACKETS.sub(lambda m: f"\uff08{m[1] if m[1] is not None else m[2]}\uff09", text)
    text = _SIGN.sub(lambda m: _FULL[m[0]], text)
    return str(_traditional().convert(text)) if script == "traditional" else text


def spoken(text: str) -> Span:
    """Words of a call, with Chinese punctuation: the signs are the recogniser's or a typist's."""
    return said(spell(text, "simplified"))


def in_script(document: Document) -> Document:
    """Spell everything in a document but what was said."""

    def spelled(spans: Line) -> Line:
        return tuple(
            span if span.verbatim else replace(span, text=spell(span.text, document.script))
            for span in spans
        )

    def block(one: Block) -> Block:
        if isinstance(one, Paragraph):
            return replace(one, line=spelled(one.line))
        if isinstance(one, Table):
            cells = [tuple(tuple(spelled(part) for part in c) for c in row) for row in one.rows]
            head = tuple(tuple(spelled(part) for part in c) for c in one.header)
            return replace(one, header=head, rows=tuple(cells))
        return one

    return replace(
        document,
        title=spell(document.title, document.script),
        footer=spell(document.footer, document.script),
        blocks=tuple(block(one) for one in document.blocks),
    )


def texts(document: Document) -> Iterator[tuple[str, bool]]:
    """Yield every text of a document, and whether it is set in the heavy face."""
    yield document.title + document.footer, False
    for block in document.blocks:
        if isinstance(block, Paragraph):
            heavy = STYLES[block.style].heavy
            for span in block.line:
                yield span.text, heavy or span.heavy
        elif isinstance(block, Table):
            for row in (block.header, *block.rows):
                for content in row:
                    for spans in content:
                        for span in spans:
                            yield span.text, span.heavy
