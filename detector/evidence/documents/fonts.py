"""The faces of the PDF: Noto Serif SC and Noto Sans SC, of which just what is needed.

The package brings PostScript outlines (SIL Open Font License 1.1), the PDF library takes
TrueType ones: the characters of a case are redrawn, within 1/1000 of their size.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from detector.evidence.documents.model import spell

__all__ = ["LACKING", "Fonts", "make_fonts", "split"]

TOLERANCE = 1.0
LACKING = "〔U+…〕:字体中没有的字,以统一码编号代替,请见 Word 版。"
_ALWAYS = {
    *"0123456789 -.,:/第页共頁〔〕U+ABCDEF",
    *spell(LACKING, "simplified"),
    *spell(LACKING, "traditional"),
}
_ASCENT, _DESCENT = 880, 120


@dataclass(frozen=True, slots=True)
class Fonts:
    """Names under which the PDF library knows the two faces, and what each can show."""

    body: str
    heavy: str
    body_has: frozenset[int]
    heavy_has: frozenset[int]


def split(fonts: Fonts, text: str, heavy: bool) -> Iterator[tuple[str, str, bool]]:
    """Yield (face, piece, lacking): a character that no face has is written 〔U+20BB7〕."""
    mine, other = (fonts.heavy, fonts.body) if heavy else (fonts.body, fonts.heavy)
    has, others = fonts.body_has, fonts.heavy_has
    if heavy:
        has, others = others, has
    run, face = "", mine
    for character in text:
        code = ord(character)
        use = mine if code in has else other if code in others else ""
        piece = character if use else f"〔U+{code:04X}〕"
        if (use or mine) != face or not use:
            if run:
                yield face, run, False
            run, face = "", use or mine
        if use:
            run += piece
        else:
            yield mine, piece, True
    if run:
        yield face, run, False


@cache
def _source(face: str) -> Any:
    import pylopdf_fonts_zh_cn as package
    from fontTools.ttLib import TTFont

    path = package.serif_path() if face == "body" else package.sans_path()
    font = TTFont(path, lazy=True)
    return font.getBestCmap(), font.getGlyphSet()


@cache
def _outline(face: str, name: str) -> tuple[Any, int]:
    """Return a glyph with TrueType curves, and how wide it is."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    drawing, pen = _source(face)[1][name], TTGlyphPen(None)
    drawing.draw(Cu2QuPen(pen, TOLERANCE, reverse_direction=True))
    return pen.glyph(), round(drawing.width)


def _redrawn(face: str, title: str, codes: list[int]) -> bytes:
    """Return a TrueType font with these characters; the same for the same ones.

    Its own name must be its alone: the PDF library takes fonts of one name for the same font.
    """
    from fontTools.fontBuilder import FontBuilder

    characters = _source(face)[0]
    names = [".notdef", *sorted({characters[code] for code in codes})]
    drawn = {name: _outline(face, name) for name in names}
    builder = FontBuilder(1000, isTTF=True)
    builder.font.recalcTimestamp = False
    builder.updateHead(created=0, modified=0)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({code: characters[code] for code in codes})
    builder.setupGlyf({name: glyph for name, (glyph, _) in drawn.items()})
    builder.setupHorizontalMetrics(  # bearings are known once the glyphs are measured
        {name: (width, getattr(glyph, "xMin", 0)) for name, (glyph, width) in drawn.items()}
    )
    builder.setupHorizontalHeader(ascent=_ASCENT, descent=-_DESCENT)
    builder.setupNameTable({"familyName": title, "styleName": "Regular", "psName": title})
    builder.setupOS2(
        sTypoAscender=_ASCENT,
        sTypoDescender=-_DESCENT,
        usWinAscent=_ASCENT,
        usWinDescent=_DESCENT,
    )
    builder.setupPost()
    out = io.BytesIO()
    builder.save(out)
    return out.getvalue()


def make_fonts(texts: Iterable[tuple[str, bool]]) -> Fonts:
    """Make the faces for these texts, each with whether it is set in the heavy face."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    wanted: dict[str, set[int]] = {"body": set(map(ord, _ALWAYS)), "heavy": set(map(ord, _ALWAYS))}
    for text, heavy in texts:
        wanted["heavy" if heavy else "body"].update(map(ord, text))
    made: dict[str, tuple[str, frozenset[int]]] = {}
    for face, other in (("body", "heavy"), ("heavy", "body")):
        has = _source(face)[0]
        lacking = wanted[other] - _source(other)[0].keys()  # this face stands in for the other
        codes = sorted((wanted[face] | lacking) & has.keys())
        family = "NotoSerifSC" if face == "body" else "NotoSansSC"
        name = f"{family}-{hashlib.sha256(repr(codes).encode()).hexdigest()[:12]}"
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, io.BytesIO(_redrawn(face, name, codes))))
        made[face] = name, frozenset(pdfmetrics.getFont(name).face.charToGlyph)
    return Fonts(made["body"][0], made["heavy"][0], made["body"][1], made["heavy"][1])
