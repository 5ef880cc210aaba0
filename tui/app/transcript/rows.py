"""Rows as they are painted, with what a selection copies and a click finds in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.segment import Segment
from textual.strip import Strip

from tui.app.transcript.cropping import cropped
from tui.app.transcript.styles import Pen, Styles
from tui.app.transcript.wrap import width_of, wrap

TEXT_COLUMN = 3
"""Where text begins; in front of it stand the rails."""
RAIL_COLUMN = 1
RIGHT_MARGIN_COLUMNS = 1
NARROWEST_COLUMNS = 8
"""Text is never set narrower than this, however deep it is nested."""


class Span(NamedTuple):
    """A run of text in one style, without line breaks."""

    text: str
    pen: Pen
    link: str = ""
    """Where a click leads; empty for ordinary text."""


@dataclass(frozen=True, slots=True)
class Target:
    """Columns of a row that react to a click. ``kind`` is ``link``, ``code`` or ``thinking``."""

    start: int
    end: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row, as wide as the transcript. What is copied of it are the columns from ``start`` to ``end``."""

    strip: Strip
    start: int = 0
    end: int = 0
    lead: str = ""
    """Copied in front, when the selection takes in the columns before ``start``: a list's marker, as in the source."""
    join: str = "\n"
    """What stands between the row above and this one in copied text: nothing or spaces where it was only wrapped."""
    source: str | None = None
    """Copied in place of the columns when all of them are selected: a table's row, a line with tabs."""
    is_copied: bool = True
    """False for what is only drawn: a rule, a label, a row of ground."""
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The columns that rows are laid out in."""

    columns: int
    """The whole row."""
    prose_end: int
    """One past the last column of prose."""
    wide_end: int
    """One past the last column of code and tables."""

    @classmethod
    def of(cls, columns: int, prose_width_columns: int) -> Page:
        wide_end = max(TEXT_COLUMN + NARROWEST_COLUMNS, columns - RIGHT_MARGIN_COLUMNS)
        return cls(
            columns=columns,
            prose_end=min(wide_end, TEXT_COLUMN + max(NARROWEST_COLUMNS, prose_width_columns)),
            wide_end=wide_end,
        )


@dataclass(frozen=True, slots=True)
class Margin:
    """What stands left of text: blanks, rails, a list's marker on the first row."""

    first: tuple[Segment, ...]
    rest: tuple[Segment, ...]
    columns: int
    lead_first: str = ""
    lead_rest: str = ""

    def continued(self) -> Margin:
        """The same below its first row."""
        if self.first is self.rest and self.lead_first is self.lead_rest:
            return self
        return Margin(self.rest, self.rest, self.columns, self.lead_rest, self.lead_rest)

    def inside(self, first: Segment, rest: Segment, *, lead_first: str, lead_rest: str, page: Page) -> Margin:
        """One level deeper. So deep that no room is left, the columns stay and only what is copied grows."""
        columns = self.columns + width_of(first.text)
        lead_first, lead_rest = self.lead_first + lead_first, self.lead_rest + lead_rest
        if columns > page.prose_end - 2 * NARROWEST_COLUMNS:
            return Margin(self.first, self.rest, self.columns, lead_first, lead_rest)
        return Margin((*self.first, first), (*self.rest, rest), columns, lead_first, lead_rest)


def blank_margin(styles: Styles, columns: int = TEXT_COLUMN) -> Margin:
    blank = (Segment(" " * columns, styles[Pen()]),)
    return Margin(blank, blank, columns)


def rail_margin(styles: Styles, rail: str, role: str) -> Margin:
    pieces = (
        Segment(" " * RAIL_COLUMN, styles[Pen()]),
        Segment(rail, styles[Pen(role)]),
        Segment(" " * (TEXT_COLUMN - RAIL_COLUMN - width_of(rail)), styles[Pen()]),
    )
    return Margin(pieces, pieces, TEXT_COLUMN)


def gap_row(margin: Margin, page: Page, styles: Styles) -> Row:
    """An empty row between blocks; rails go through it."""
    segments = [*margin.rest, Segment(" " * (page.columns - margin.columns), styles[Pen()])]
    return Row(Strip(segments, page.columns))


def painted(segments: list[Segment], used: int, page: Page, styles: Styles) -> Strip:
    """A strip as wide as the page, filled up with the background; in a window narrower than any text it is cut."""
    if used > page.columns:
        return cropped(Strip(segments, used), 0, page.columns)
    if used < page.columns:
        segments.append(Segment(" " * (page.columns - used), styles[Pen()]))
    return Strip(segments, page.columns)


def prose_rows(
    lines: Sequence[Sequence[Span]],
    margin: Margin,
    page: Page,
    styles: Styles,
    *,
    join: str = "\n",
    width: int | None = None,
) -> list[Row]:
    """Lines of spans, wrapped. ``join`` is for the first row; ``width`` in columns, by default as wide as prose is."""
    room = max(NARROWEST_COLUMNS, (page.prose_end - margin.columns) if width is None else width)
    rows: list[Row] = []
    for line_number, spans in enumerate(lines):
        text = "".join(span.text for span in spans)
        previous_end = 0
        place = (0, 0)
        for start, end in wrap(text, room):
            is_first = not rows
            continues_line = start > 0
            segments = list(margin.first if is_first else margin.rest)
            used, targets, place = _add_spans(segments, spans, place, start, end, margin.columns, styles)
            rows.append(
                Row(
                    painted(segments, used, page, styles),
                    margin.columns,
                    used,
                    lead="" if continues_line else margin.lead_first if is_first else margin.lead_rest,
                    join=text[previous_end:start] if continues_line else join if line_number == 0 else "\n",
                    targets=targets,
                )
            )
            previous_end = end
    return rows


def _add_spans(
    segments: list[Segment],
    spans: Sequence[Span],
    place: tuple[int, int],
    start: int,
    end: int,
    used: int,
    styles: Styles,
) -> tuple[int, tuple[Target, ...], tuple[int, int]]:
    """Append what of ``spans`` lies between the offsets, from the span and offset in ``place`` on.

    Gives the column after it, the links in it, and the place where the next row looks on.
    """
    targets: tuple[Target, ...] = ()
    index, offset = place
    while index < len(spans):
        span = spans[index]
        span_end = offset + len(span.text)
        if span_end > start:
            text = span.text[max(0, start - offset) : end - offset]
            if text:
                segments.append(Segment(text, styles[span.pen]))
                column = used + width_of(text)
                if span.link:
                    targets = (*targets, Target(used, column, "link", span.link))
                used = column
        if span_end >= end:
            break
        index, offset = index + 1, span_end
    return used, targets, (index, offset)
