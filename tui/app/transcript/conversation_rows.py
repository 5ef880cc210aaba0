"""All rows of a conversation from the first to the last, of which only those near the view are made."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tui.app.transcript.document import Part
from tui.app.transcript.entry import Entry
from tui.app.transcript.look import Look
from tui.app.transcript.prefix_sums import PrefixSums
from tui.app.transcript.rows import TEXT_COLUMN, Row
from tui.conversations.values import Message, Role

KEPT_ROWS = 4_000
"""Rendered rows that are kept when they are out of view, about 2 kB each."""
OPEN_MESSAGES = 400
"""Messages that stay cut into units."""


class Place(NamedTuple):
    """A row, by what it belongs to."""

    message: int
    part: int
    row: int


class ShownPart(NamedTuple):
    """A part of a message that is near the view."""

    number: int
    """Of its first row that was asked for."""
    message: int
    part: int
    rows: list[Row]
    inside: int
    """Rows of it that are above the first one that was asked for."""


class ConversationRows:
    """Messages and the rows they take. What is far from the view is an estimate of their number."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.heights = PrefixSums()
        self.look: Look | None = None
        """None until it is known how wide the rows are; then no row can be asked for."""
        self.rows_after: list[Row] = []
        """What stands below the last message."""
        self._rendered: OrderedDict[Part, None] = OrderedDict()
        self._rendered_rows = 0
        self._opened: OrderedDict[Entry, None] = OrderedDict()

    @property
    def total(self) -> int:
        """How many rows there are, what stands below the messages included."""
        return self.heights.total + len(self.rows_after)

    # Messages

    def show(self, messages: Iterable[Message]) -> None:
        self._opened.clear()
        self._forget_rendered()
        self.entries, self.heights = [], PrefixSums()
        for message in messages:
            self.entries.append(self._entry_of(message))
        self._estimate()

    def change(self, messages: Sequence[Message]) -> tuple[int, int]:
        """As ``show``; what is the same at the beginning and at the end stays as it is: of how many messages each."""
        before = self.entries
        first, last = _common(before, messages)
        was = {entry.message.id: entry for entry in before[first : len(before) - last]}
        for entry in was.values():
            self._opened.pop(entry, None)
        self._forget_rendered()
        self.entries, self.heights = before[:first], PrefixSums()
        for message in messages[first : len(messages) - last]:
            entry = self._entry_of(message)
            if (old := was.get(message.id)) is not None:
                entry.take_choices(old)
            entry.height = 0 if self.look is None else entry.estimate(self.look.page.prose_end - TEXT_COLUMN)
            self.entries.append(entry)
        self.entries += before[len(before) - last :]
        self.heights = PrefixSums([0 if self.look is None else entry.height for entry in self.entries])
        return first, last

    def mark(self, marks: Mapping[str, str]) -> bool:
        """What stands above messages, by their ids; whether anything is otherwise than before."""
        changed = [one for one in self.entries if one.mark != marks.get(one.message.id, "")]
        for entry in changed:
            entry.use_mark(marks.get(entry.message.id, ""))
        return bool(changed)

    def _entry_of(self, message: Message) -> Entry:
        """What comes below all others. A result shows the call as well, which then needs no line above it."""
        if message.role is not Role.tool:
            return Entry(message)
        before = self.entries[-1] if self.entries else None
        position = before.position + 1 if before is not None and before.message.role is Role.tool else 0
        caller, call = len(self.entries) - 1 - position, None
        if caller >= 0 and position < len(self.entries[caller].message.tool_calls):
            entry = self.entries[caller]
            call = entry.message.tool_calls[position]
            entry.note_result()
            if caller < len(self.heights):
                self.take_height(caller)
        has_gap = position == 0 and not (caller >= 0 and self.entries[caller].shows_nothing)
        return Entry(message, call=call, position=position, has_gap=has_gap)

    def add(self, message: Message) -> int:
        """Append a message; the rows it takes."""
        entry = self._entry_of(message)
        self.entries.append(entry)
        self.heights.append(0)
        if self.look is not None:
            self.open(len(self.entries) - 1)
        return entry.height

    def remove(self, index: int) -> None:
        self._opened.pop(self.entries.pop(index), None)
        self._forget_rendered()
        self.heights = PrefixSums([entry.height for entry in self.entries])

    def index_of(self, message_id: str) -> int | None:
        for index in reversed(range(len(self.entries))):
            if self.entries[index].message.id == message_id:
                return index
        return None

    def take_height(self, index: int) -> int:
        """Note the height that a message has after a change; by how many rows it grew."""
        change = self.entries[index].height - self.heights[index]
        self.heights[index] += change
        return change

    # Layout

    def use(self, look: Look) -> None:
        """Render in another width or theme. Messages are cut into units again when they come near the view."""
        self.look = look
        for entry in self._opened:
            if not (entry.is_answering or entry.has_choices):
                entry.close()
        self._opened = OrderedDict((entry, None) for entry in self._opened if entry.is_open)
        self._forget_rendered()
        self._estimate()

    def _estimate(self) -> None:
        look = self.look
        if look is None:
            self.heights = PrefixSums([0] * len(self.entries))
            return
        width = look.page.prose_end - TEXT_COLUMN
        for entry in self.entries:
            if entry.is_open:
                entry.use(look)
            else:
                entry.height = entry.estimate(width)
        self.heights = PrefixSums([entry.height for entry in self.entries])

    def open(self, index: int) -> Entry:
        """A message, cut into units; its height may change by that."""
        entry = self.entries[index]
        if not entry.is_open:
            assert self.look is not None
            entry.open(self.look)
            self.heights[index] = entry.height
        if entry in self._opened:
            self._opened.move_to_end(entry)
        else:
            self._opened[entry] = None
        return entry

    def settle_end(self, window_rows: int) -> None:
        """Make exact what is near the end."""
        self._make_exact_above(len(self.entries), 0, 2 * window_rows)

    def settle_at(self, place: Place, window_rows: int) -> int:
        """Make exact what is near a row; the number that it has then."""
        index, part, row = place
        self._make_exact(index, part)
        self._make_exact_below(index, part, row + 2 * window_rows)
        self._make_exact_above(index, part, window_rows)
        return self.number_of(place)

    def place(self, number: int) -> Place | None:
        """Where row ``number`` is, whatever becomes of the rows above it; None below the last message."""
        index, offset = self.heights.find(number)
        if index >= len(self.entries):
            return None
        guessed = self.heights[index]
        entry = self.open(index)
        if entry.height != guessed:
            offset = offset * entry.height // max(1, guessed)
        return Place(index, *entry.find(offset))

    def number_of(self, place: Place) -> int:
        """The number that the row at ``place`` has."""
        entry = self.entries[place.message]
        row = min(place.row, max(0, entry.part(place.part).height - 1))
        return self.heights.before(place.message) + entry.before(place.part) + row

    def _make_exact(self, index: int, part: int) -> int:
        """Render a part if its height is only estimated; how many rows it takes."""
        held = self.entries[index].part(part)
        if not held.is_exact:
            self.rows_of(index, part)
        return held.height

    def _make_exact_below(self, index: int, part: int, rows: int) -> None:
        while index < len(self.entries):
            entry = self.open(index)
            while part < entry.count:
                if rows <= 0:
                    return
                rows -= self._make_exact(index, part)
                part += 1
            index, part = index + 1, 0

    def _make_exact_above(self, index: int, part: int, rows: int) -> None:
        """As many rows in front of a part."""
        while rows > 0:
            while part > 0 and rows > 0:
                part -= 1
                rows -= self._make_exact(index, part)
            if rows <= 0 or index == 0:
                return
            index -= 1
            part = self.open(index).count

    # Rows

    def between(self, first: int, end: int) -> Iterator[tuple[int, Row]]:
        """The rows from ``first`` up to ``end``, with their numbers."""
        number = first
        for shown in self.parts_between(first, end):
            number = shown.number
            for row in shown.rows[shown.inside : shown.inside + end - number]:
                yield number, row
                number += 1
        number = max(number, first)
        for row in self.rows_after[max(0, number - self.heights.total) :][: max(0, end - number)]:
            yield number, row
            number += 1

    def parts_between(self, first: int, end: int) -> Iterator[ShownPart]:
        """The parts of messages that have rows from ``first`` up to ``end``."""
        number = first
        index, offset = self.heights.find(number)
        while number < end and index < len(self.entries):
            entry = self.open(index)
            part, inside = entry.find(offset)
            while number < end and part < entry.count:
                rows = self.rows_of(index, part)
                yield ShownPart(number, index, part, rows, inside)
                number += max(0, len(rows) - inside)
                part, inside = part + 1, 0
            index, offset = index + 1, 0

    def row(self, number: int) -> Row | None:
        return next((row for _, row in self.between(number, number + 1)), None)

    def rows_of(self, index: int, part: int) -> list[Row]:
        """The rows of a part, rendered when they are not at hand."""
        entry = self.entries[index]
        held = entry.part(part)
        if held.rows is not None and held not in self._rendered:
            return held.rows
        rows = entry.rows(part)
        self.heights[index] = entry.height
        if held not in self._rendered:
            self._rendered_rows += len(rows)
            self._rendered[held] = None
        self._rendered.move_to_end(held)
        return rows

    def forget_far_ones(self, window_rows: int) -> None:
        """Let go of rows and units that were not looked at for longest."""
        while self._rendered_rows > max(KEPT_ROWS, 6 * window_rows):
            part, _ = self._rendered.popitem(last=False)
            self._rendered_rows -= part.height
            part.rows = None
        while len(self._opened) > OPEN_MESSAGES:
            entry, _ = self._opened.popitem(last=False)
            if not entry.is_answering:
                entry.close()

    def _forget_rendered(self) -> None:
        for part in self._rendered:
            part.rows = None
        self._rendered.clear()
        self._rendered_rows = 0


def _common(before: Sequence[Entry], messages: Sequence[Message]) -> tuple[int, int]:
    """How many messages are the same at the beginning, and at the end. An answer stays together with its results."""
    most = min(len(before), len(messages))
    first = next((at for at in range(most) if not _is_same(before[at], messages[at])), most)
    while first and any(
        one.role is Role.tool for one in (*messages[first : first + 1], *(e.message for e in before[first : first + 1]))
    ):
        first -= 1
    rest = most - first
    last = next((at for at in range(rest) if not _is_same(before[-1 - at], messages[-1 - at])), rest)
    while last and messages[len(messages) - last].role is Role.tool:
        last -= 1
    return first, last


def _is_same(entry: Entry, message: Message) -> bool:
    if entry.is_answering or entry.message.id != message.id:
        return False
    return entry.message is message or entry.message == message
