"""The text of a selection, from its two ends: copied as it was seen, or from the source where nobody looked."""

from __future__ import annotations

from collections.abc import Iterator

from textual.selection import Selection
from textual.strip import Strip

from tui.app.transcript.conversation_rows import ConversationRows, Place
from tui.app.transcript.entry import Entry
from tui.app.transcript.rows import Row
from tui.app.transcript.selecting import copied_text

LARGEST_RENDERED_ROWS = 2_000
"""Of a larger selection what lies far from its ends is copied from the source, and never rendered."""
_EMPTY_ROW = Row(Strip([]))


def selected_text(rows: ConversationRows, selection: Selection) -> str:
    """What is selected, as it was written: no rails, rules or numbers, and lines that were wrapped are whole."""
    first = selection.start.y if selection.start is not None else 0
    last = selection.end.y if selection.end is not None else rows.total - 1
    # The end first: what is opened there moves no row above it.
    end, start = rows.place(last), rows.place(first)
    selected: list[Row] = []
    if start is not None:
        is_long = last - first > LARGEST_RENDERED_ROWS
        selected += _rows_from(rows, start, end or _last_place(rows), is_long=is_long)
    if end is None:
        below = max(0, last + 1 - rows.heights.total) if selection.end is not None else len(rows.rows_after)
        above = max(0, first - rows.heights.total) if start is None else 0
        selected += rows.rows_after[above:below]
    start_column = selection.start.x if selection.start is not None else 0
    end_column = selection.end.x if selection.end is not None else None
    return copied_text(
        (row, start_column if number == 0 else 0, end_column if number == len(selected) - 1 else None)
        for number, row in enumerate(selected)
    )


def _last_place(rows: ConversationRows) -> Place:
    index = len(rows.entries) - 1
    entry = rows.open(index)
    return Place(index, entry.count - 1, max(0, entry.part(entry.count - 1).height - 1))


def _rows_from(rows: ConversationRows, start: Place, end: Place, *, is_long: bool) -> Iterator[Row]:
    for index in range(start.message, end.message + 1):
        if is_long and start.message < index < end.message:
            yield _EMPTY_ROW
            yield _source_row(rows.entries[index].text.strip("\n"))
            continue
        entry = rows.open(index)
        first = start.part if index == start.message else 0
        last = end.part if index == end.message else entry.count - 1
        inner = _inner_parts(entry, first, last) if is_long else range(0)
        part = first
        while part <= last:
            if part in inner:
                yield from _source_of(entry, inner)
                part = inner.stop
                continue
            above = start.row if (index, part) == start[:2] else 0
            below = end.row + 1 if (index, part) == end[:2] else None
            yield from rows.rows_of(index, part)[above:below]
            part += 1


def _inner_parts(entry: Entry, first: int, last: int) -> range:
    """The parts of the text of a message that lie between two parts of the message."""
    text = entry.text_parts
    return range(max(first + 1, text.start), min(last, text.stop - 1))


def _source_of(entry: Entry, parts: range) -> Iterator[Row]:
    unit = entry.part(parts.start).unit
    if unit is None or not unit.is_tight:
        yield _EMPTY_ROW
    yield _source_row(entry.source_between(parts.start, parts.stop).rstrip("\n"))


def _source_row(source: str) -> Row:
    return Row(Strip([]), source=source)
