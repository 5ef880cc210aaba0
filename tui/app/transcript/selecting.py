"""Copied text: from selected columns of rows back to what was written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import split_graphemes
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.app.transcript.cropping import cropped, with_piece
from tui.app.transcript.rows import Row


def copied_text(rows: Iterable[tuple[Row, int, int | None]]) -> str:
    """The text of rows with the selected columns of each; None as the end takes the rest of the row."""
    parts: list[str] = []
    for row, start, end in rows:
        if not row.is_copied:
            continue
        text = _copied(row, start, end)
        if parts:
            parts.append(row.join)
        parts.append(text)
    return "".join(parts)


def _copied(row: Row, start: int, end: int | None) -> str:
    last = row.end if end is None else min(end, row.end)
    is_from_start = start <= row.start
    if is_from_start and last >= row.end and row.source is not None:
        return row.source
    text = columns_of(row.strip.text, max(start, row.start), last)
    return row.lead + text if is_from_start and start < max(1, row.start) else text


def columns_of(text: str, start: int, end: int) -> str:
    """The characters whose first cell lies in these columns."""
    if text.isascii():
        return text[start:end]
    spans, _ = split_graphemes(text)
    column = 0
    parts = []
    for first, last, width in spans:
        if start <= column < end:
            parts.append(text[first:last])
        column += width
    return "".join(parts)


def at_character(text: str, column: int) -> int:
    """The nearest column at or in front of ``column`` where a character begins."""
    if text.isascii():
        return column
    spans, total = split_graphemes(text)
    position = 0
    for _, _, width in spans:
        if position + width > column:
            return position
        position += width
    return min(column, total)


def word_at(text: str, column: int) -> tuple[int, int]:
    """The columns of the word that ``column`` is in; of one cell where there is none."""
    spans, _ = split_graphemes(text)
    start = end = position = 0
    is_inside = False
    for first, last, width in spans:
        character = text[first:last]
        if character.isalnum() or character in "_-'":
            if not is_inside:
                start = position
            is_inside = True
        else:
            if is_inside and start <= column < position:
                return start, position
            is_inside = False
        position += width
        end = position
    return (start, end) if is_inside and start <= column < end else (column, column + 1)


def highlighted(strip: Strip, start: int, end: int, style: Style) -> Strip:
    """``strip`` with ``style`` over the columns from ``start`` to ``end``."""
    if not strip.text.isascii():
        start, end = at_character(strip.text, start), at_character(strip.text, end)
    if end <= start:
        return strip
    middle = cropped(strip, start, end)
    over = Strip([Segment(text, (old or Style.null()) + style) for text, old, _ in middle], middle.cell_length)
    return with_piece(strip, start, over)


def with_marks(strip: Strip, marks: Sequence[tuple[int, int, Style]]) -> Strip:
    """``strip`` with styles over columns from start to end, in order and none over another."""
    if not strip.text.isascii():
        for start, end, style in marks:
            strip = highlighted(strip, start, end, style)
        return strip
    segments: list[Segment] = []
    beyond = (strip.cell_length, strip.cell_length, Style.null())
    column = number = 0
    for text, old, _ in strip:
        place = 0
        while place < len(text):
            while number < len(marks) and marks[number][1] <= column + place:
                number += 1
            start, end, style = marks[number] if number < len(marks) else beyond
            is_marked = start <= column + place
            stop = min(len(text), (end if is_marked else start) - column)
            over = (old or Style.null()) + style if is_marked else old
            segments.append(Segment(text[place:stop], over))
            place = stop
        column += len(text)
    return Strip(segments, strip.cell_length)


def hit_strip(strip: Strip, row: int) -> Strip:
    """``strip`` with the column of each piece as Textual's selection looks it up, counted in cells."""
    if strip.text.isascii():
        return strip.apply_offsets(0, row)
    segments = []
    column = 0
    for text, style, _ in strip:
        spans, _ = split_graphemes(text)
        for first, last, width in spans:
            place = Style.from_meta({"offset": (column, row)})
            segments.append(Segment(text[first:last], (style or Style.null()) + place))
            column += width
    return Strip(segments, strip.cell_length)
