"""Setting text in lines for the PDF, as Chinese is set.

A line may end after any Chinese character, but never before a closing sign nor after an opening
one; Latin words, numbers, time codes and blanks stay whole where they fit on a line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus.flowables import Flowable

__all__ = ["Lines", "Piece", "break_lines"]

_CLOSING = "\uff0c\u3002\u3001\uff1b\uff1a\uff1f\uff01\uff09】〕》」』”’…—·,;:?!)"
_OPENING = "\uff08【〔《「『“‘("
_UNIT = re.compile(r" +|[!-~\u00a0-\u00ff–]+|.", re.S)


@dataclass(frozen=True, slots=True)
class Piece:
    """Text in one face and size (points), and how wide that is."""

    text: str
    face: str
    size: float

    @property
    def width(self) -> float:
        return float(stringWidth(self.text, self.face, self.size))


SetLine = tuple[Piece, ...]


def _units(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Yield what must not be broken: a character or word with the signs that cling to it."""
    chunk: list[Piece] = []
    opened = False
    for piece in pieces:
        for match in _UNIT.finditer(piece.text):
            unit = Piece(match.group(), piece.face, piece.size)
            closes = unit.text[0] in _CLOSING
            if chunk and not opened and not closes:
                yield chunk
                chunk = []
            chunk.append(unit)
            opened = unit.text[-1] in _OPENING
    if chunk:
        yield chunk


def _joined(pieces: Sequence[Piece]) -> SetLine:
    out: list[Piece] = []
    for piece in pieces:
        if out and (out[-1].face, out[-1].size) == (piece.face, piece.size):
            out[-1] = Piece(out[-1].text + piece.text, piece.face, piece.size)
        else:
            out.append(piece)
    if out and out[-1].text.endswith(" "):
        out[-1] = Piece(out[-1].text.rstrip(), out[-1].face, out[-1].size)
    return tuple(piece for piece in out if piece.text)


def break_lines(pieces: Sequence[Piece], first: float, rest: float) -> list[SetLine]:
    """Break text into lines of these widths (points), the first and all others."""
    lines: list[SetLine] = []
    held: list[Piece] = []
    used, room = 0.0, first

    def close() -> None:
        nonlocal held, used, room
        lines.append(_joined(held))
        held, used, room = [], 0.0, rest

    for unit in _units(pieces):
        width = sum(piece.width for piece in unit)
        at_end = used + width > room and unit[0].text.isspace()
        chunk = unit[1:] if at_end else unit  # no line begins with the space between two words
        width = sum(piece.width for piece in chunk)
        if used + width <= room:
            held += chunk
            used += width
            continue
        if held and width <= rest:
            close()
            held, used = list(chunk), width
            continue
        for piece in chunk:  # longer than a line: break it anywhere
            for character in piece.text:
                single = Piece(character, piece.face, piece.size)
                if held and used + single.width > room:
                    close()
                held.append(single)
                used += single.width
    if held or not lines:
        close()
    return lines


class Lines(Flowable):  # type: ignore[misc]  # the library is not typed
    """A paragraph. `left` indents every line, `first` the first one on top of that (points)."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        leading: float,
        *,
        align: str = "left",
        left: float = 0.0,
        first: float = 0.0,
        space: tuple[float, float] = (0.0, 0.0),
        keep: bool = False,
    ) -> None:
        super().__init__()
        self.pieces, self.leading, self.align = pieces, leading, align
        self.left, self.first = left, first
        self.spaceBefore, self.spaceAfter = space
        self.keepWithNext = int(keep)
        self._set: list[SetLine] | None = None
        self._width = 0.0

    def _broken(self, width: float) -> list[SetLine]:
        if self._set is None or (abs(self._width - width) > 0.01 and self.pieces):
            room = width - self.left
            self._set = break_lines(self.pieces, room - self.first, room)
            self._width = width
        return self._set

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Return the size that the text takes in a frame of this width."""
        self.width, self.height = width, len(self._broken(width)) * self.leading
        return self.width, self.height

    def split(self, width: float, height: float) -> "list[Lines]":
        """Return the part that fits and the rest, or nothing where not one line fits."""
        lines = self._broken(width)
        fit = int((height + 0.01) // self.leading)
        if fit <= 0:
            return []
        if fit >= len(lines):
            return [self]
        before, after = self.spaceBefore, self.spaceAfter
        return [
            self._part(lines[:fit], self.first, (before, 0.0)),
            self._part(lines[fit:], 0.0, (0.0, after)),
        ]

    def _part(self, lines: list[SetLine], first: float, space: tuple[float, float]) -> "Lines":
        part = Lines((), self.leading, align=self.align, left=self.left, first=first, space=space)
        part._set, part._width = lines, self._width
        return part

    def draw(self) -> None:
        """Draw the lines, the canvas' origin being the lower left corner."""
        canvas: Any = self.canv
        y = self.height - self.leading * 0.75
        for number, pieces in enumerate(self._set or ()):
            x = self.left + (self.first if number == 0 else 0.0)
            free = self.width - x - sum(piece.width for piece in pieces)
            x += {"left": 0.0, "center": free / 2, "right": free}[self.align]
            text = canvas.beginText(x, y)
            for piece in pieces:
                text.setFont(piece.face, piece.size)
                text.textOut(piece.text)
            canvas.drawText(text)
            y -= self.leading
