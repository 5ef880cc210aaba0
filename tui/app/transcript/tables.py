"""Tables: how wide each column is, and the rows that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment

from tui.app.transcript.rows import Margin, Page, Row, Span, painted
from tui.app.transcript.styles import Pen, Styles
from tui.app.transcript.wrap import width_of, wrap

Cell = Sequence[Sequence[Span]]
"""The lines of one cell."""

GUTTER_COLUMNS = 3
NARROWEST_COLUMN = 6
_LONGEST_KEPT_WORD = 16


@dataclass(frozen=True, slots=True)
class Measure:
    """What one column would like to have, in terminal cells."""

    natural: int = 1
    """The widest line of a cell."""
    word: int = 1
    """The longest word, as far as it is kept whole."""

    def including(self, cell: Cell) -> Measure:
        natural, word = self.natural, self.word
        for spans in cell:
            text = "".join(span.text for span in spans)
            width = width_of(text)
            natural = max(natural, width)
            if word < min(width, _LONGEST_KEPT_WORD):
                word = max(word, *(min(width_of(part), _LONGEST_KEPT_WORD) for part in text.split() or [""]))
        return Measure(natural, word)


def column_widths(measures: Sequence[Measure], room: int) -> tuple[int, ...] | None:
    """A width for each column so that all fit into ``room`` cells; None where there are too many columns for that."""
    available = room - GUTTER_COLUMNS * (len(measures) - 1)
    naturals = [measure.natural for measure in measures]
    if sum(naturals) <= available:
        return tuple(naturals)
    least = [min(measure.natural, max(measure.word, NARROWEST_COLUMN)) for measure in measures]
    if sum(least) > available:
        least = [min(measure.natural, NARROWEST_COLUMN) for measure in measures]
    spare = available - sum(least)
    if spare < 0:
        return None
    wishes = [natural - width for natural, width in zip(naturals, least, strict=True)]
    total = sum(wishes)
    widths = [width + spare * wish // total for width, wish in zip(least, wishes, strict=True)]
    # What the division left over goes to the columns that wish for most.
    left = available - sum(widths)
    for index in sorted(range(len(widths)), key=lambda column: naturals[column] - widths[column], reverse=True)[:left]:
        widths[index] += 1
    return tuple(widths)


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Where the columns of one table stand; None as ``widths`` sets each row as a small list instead."""

    widths: tuple[int, ...] | None
    alignments: tuple[str, ...]
    """``left``, ``right``, ``center`` or nothing for each column."""
    head: Sequence[Cell]
    margin: Margin
    page: Page

    def head_rows(self, styles: Styles, horizontal: str, *, sources: tuple[str, str] | None = None) -> list[Row]:
        """The names of the columns and a line; copied whole they are ``sources``."""
        if self.widths is None:
            return []
        source, rule = sources or (None, None)
        rows = self.body_rows(self.head, styles, source=source)
        segments = list(self.margin.rest)
        used = self.margin.columns
        for column, width in enumerate(self.widths):
            if column:
                segments.append(Segment(" " * GUTTER_COLUMNS, styles[Pen()]))
                used += GUTTER_COLUMNS
            segments.append(Segment(horizontal * width, styles[Pen("border")]))
            used += width
        strip = painted(segments, used, self.page, styles)
        rows.append(Row(strip, self.margin.columns, used, source=rule, is_copied=rule is not None))
        return rows

    def body_rows(self, cells: Sequence[Cell], styles: Styles, *, source: str | None) -> list[Row]:
        """The rows of one row of the table; copied whole, it is ``source``."""
        if self.widths is None:
            return self._as_list(cells, styles, source)
        columns = [
            _wrapped(cells[index] if index < len(cells) else (), width) for index, width in enumerate(self.widths)
        ]
        rows = []
        for line in range(max(map(len, columns), default=0)):
            segments = list(self.margin.rest)
            used = self.margin.columns
            for column, width in enumerate(self.widths):
                spans = columns[column][line] if line < len(columns[column]) else []
                used = self._add_cell(segments, used, column, width, spans, styles)
            rows.append(
                Row(
                    painted(segments, used, self.page, styles),
                    self.margin.columns,
                    used,
                    source=source if line == 0 or source is None else "",
                    join="\n" if line == 0 or source is None else "",
                )
            )
        return rows

    def _add_cell(
        self, segments: list[Segment], used: int, column: int, width: int, spans: Sequence[Span], styles: Styles
    ) -> int:
        if column:
            segments.append(Segment(" " * GUTTER_COLUMNS, styles[Pen()]))
            used += GUTTER_COLUMNS
        filled = sum(width_of(span.text) for span in spans)
        alignment = self.alignments[column] if column < len(self.alignments) else ""
        before = {"right": width - filled, "center": (width - filled) // 2}.get(alignment, 0)
        if before:
            segments.append(Segment(" " * before, styles[Pen()]))
        segments.extend(Segment(span.text, styles[span.pen]) for span in spans)
        if width - filled - before > 0:
            segments.append(Segment(" " * (width - filled - before), styles[Pen()]))
        return used + max(width, filled)

    def _as_list(self, cells: Sequence[Cell], styles: Styles, source: str | None) -> list[Row]:
        """One line for each cell, with its column's name in front: for tables of more columns than fit."""
        rows: list[Row] = []
        room = self.page.wide_end - self.margin.columns
        for index in range(max(len(cells), len(self.head))):
            name = [span for line in (self.head[index] if index < len(self.head) else ()) for span in line]
            lines = [list(line) for line in (cells[index] if index < len(cells) else ())] or [[]]
            lines[0] = [*name, Span(": ", Pen("muted")), *lines[0]]
            for line in _wrapped(lines, room):
                segments = list(self.margin.rest)
                used = self.margin.columns
                for span in line:
                    segments.append(Segment(span.text, styles[span.pen]))
                    used += width_of(span.text)
                is_first = not rows
                rows.append(
                    Row(
                        painted(segments, used, self.page, styles),
                        self.margin.columns,
                        used,
                        source=source if is_first or source is None else "",
                        join="\n" if is_first or source is None else "",
                    )
                )
        rows.append(Row(painted(list(self.margin.rest), self.margin.columns, self.page, styles), is_copied=False))
        return rows


def _wrapped(cell: Cell, width: int) -> list[list[Span]]:
    """The lines of a cell, none wider than ``width``."""
    lines: list[list[Span]] = []
    for spans in cell:
        text = "".join(span.text for span in spans)
        if width_of(text) <= width:
            lines.append(list(spans))
            continue
        for start, end in wrap(text, width):
            lines.append(_part(spans, start, end))
    return lines or [[]]


def _part(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    part = []
    offset = 0
    for span in spans:
        text = span.text[max(0, start - offset) : max(0, end - offset)]
        if text:
            part.append(span._replace(text=text))
        offset += len(span.text)
    return part
