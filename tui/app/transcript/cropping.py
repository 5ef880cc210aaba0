"""Parts of strips by column, with every letter whole: Textual's own ``crop`` takes emoji of several code points apart."""

from __future__ import annotations

from rich.cells import split_graphemes
from rich.segment import Segment
from textual.strip import Strip


def cropped(strip: Strip, start: int, end: int) -> Strip:
    """The columns from ``start`` to ``end``; of a wide letter that is half in them a space remains."""
    end = min(end, strip.cell_length)
    if strip.text.isascii():
        return strip.crop(start, end)
    segments = []
    column = 0
    for text, style, _ in strip:
        if column >= end:
            break
        if text.isascii():
            part = text[max(0, start - column) : max(0, end - column)]
            column += len(text)
        else:
            part = _letters(text, start - column, end - column)
            column += split_graphemes(text)[1]
        if part:
            segments.append(Segment(part, style))
    return Strip(segments, max(0, end - start))


def _letters(text: str, start: int, end: int) -> str:
    kept = []
    column = 0
    for first, last, width in split_graphemes(text)[0]:
        if start <= column < end and column + width <= end:
            kept.append(text[first:last])
        else:
            kept.append(" " * (min(end, column + width) - max(start, column)))
        column += width
    return "".join(kept)


def with_piece(strip: Strip, start: int, piece: Strip) -> Strip:
    """``strip`` with ``piece`` over it from column ``start`` on."""
    end = start + piece.cell_length
    return Strip.join([cropped(strip, 0, start), piece, cropped(strip, end, strip.cell_length)])
