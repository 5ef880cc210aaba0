"""Finding text in a conversation: in its source, in slices, so that no key waits however long it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tui.app.transcript.prefix_sums import PrefixSums
from tui.app.transcript.rows import Row
from tui.app.transcript.selecting import columns_of
from tui.app.transcript.wrap import width_of

SLICE_CHARACTERS = 200_000
"""Looked through at once: a millisecond or two."""


@dataclass(frozen=True, slots=True)
class FindState:
    """How far a search is, for ``3 of 17``."""

    count: int = 0
    """Hits found so far, in the whole conversation."""
    current: int = 0
    """Which of them is in view, from 1; 0 while none is."""
    is_complete: bool = True
    """False while more of the conversation is looked through; both numbers may still grow."""


class Hit(NamedTuple):
    """One place where the text was found."""

    message: int
    ordinal: int
    """The how-manieth in its message it is, from 0."""


class Searched(Protocol):
    """A message, as far as finding goes."""

    def searched(self) -> str: ...


def has_capital(text: str) -> bool:
    """Whether ``text`` is found only as it is written."""
    return any(character.isupper() for character in text)


class Needle:
    """What is looked for: in small and capital letters alike, unless it has a capital itself."""

    def __init__(self, text: str) -> None:
        self._is_exact = has_capital(text)
        self._folded = self.folded(text)

    def __len__(self) -> int:
        return len(self._folded)

    def folded(self, text: str) -> str:
        """``text`` as it is compared, character for character."""
        if self._is_exact:
            return text
        lowered = text.lower()
        if lowered.isascii():
            return lowered
        if len(lowered) != len(text):
            # Some capitals are two small characters; as they are, every other one keeps its place.
            lowered = "".join(small if len(small := one.lower()) == 1 else one for one in text)
        return lowered.replace("ς", "σ")

    def places(self, text: str) -> Iterator[int]:
        """Where it stands in ``text``, first to last, none of them overlapping."""
        folded = self.folded(text)
        place = folded.find(self._folded)
        while place >= 0:
            yield place
            place = folded.find(self._folded, place + len(self))

    def shown_in(self, rows: Sequence[Row]) -> list[list[ShownHit]]:
        """The hits on the screen, each as the columns it takes; one that was wrapped takes some of several rows."""
        hits: list[list[ShownHit]] = []
        for line in _lines_of(rows):
            text = "".join(piece.join + piece.text for piece in line)
            first = 0
            for place in self.places(text):
                end = place + len(self)
                while line[first].start + len(line[first].text) <= place:
                    first += 1
                last = first
                while last < len(line) and line[last].start < end:
                    last += 1
                hit = [piece.columns(place, end) for piece in line[first:last]]
                hits.append([columns for columns in hit if columns.end > columns.start])
        return hits


class ShownHit(NamedTuple):
    """What a hit takes of one row."""

    row: int
    start: int
    end: int
    """One past its last column."""


class _Piece(NamedTuple):
    """What one row shows of a line."""

    row: int
    column: int
    join: str
    """What stands in front of it where the line was wrapped."""
    start: int
    """Where its text begins in the line."""
    text: str

    def columns(self, first: int, last: int) -> ShownHit:
        """Of the characters ``first`` to ``last`` of the line, those that are in this row; none: as wide as nothing."""
        before = self.text[: max(0, first - self.start)]
        text = self.text[len(before) : max(len(before), last - self.start)]
        column = self.column + width_of(before)
        return ShownHit(self.row, column, column + width_of(text))


def counterpart(ordinal: int, source_hits: int, shown_hits: int) -> int | None:
    """Which of the hits on the screen is hit ``ordinal`` of the source; None when none is.

    They are as many unless marks hide some, such as the address of a link: then it is about the same place.
    """
    if not shown_hits:
        return None
    return ordinal if shown_hits == source_hits else min(shown_hits - 1, ordinal * shown_hits // max(1, source_hits))


def _lines_of(rows: Sequence[Row]) -> Iterator[list[_Piece]]:
    """The rows' text, with those that one line was wrapped into together."""
    line: list[_Piece] = []
    length = 0
    for number, row in enumerate(rows):
        if line and "\n" in row.join:
            yield line
            line, length = [], 0
        if row.end <= row.start:
            continue
        join = row.join if line else ""
        text = columns_of(row.strip.text, row.start, row.end)
        line.append(_Piece(number, row.start, join, length + len(join), text))
        length += len(join) + len(text)
    if line:
        yield line


class Finder:
    """Looks through messages from one place on, down to the end and then up to the start."""

    def __init__(self, text: str, messages: Sequence[Searched], *, first: int = 0, offset: int = 0) -> None:
        """The current hit becomes the first at or behind ``offset`` of message ``first``, else the last before it."""
        self.needle = Needle(text)
        self.current: Hit | None = None
        self._messages = messages
        self._counts = PrefixSums([0] * len(messages))
        self._first = first
        self._offset = offset
        self._hits_above = 0
        """Hits in message ``first`` in front of ``offset``."""
        self._waiting = deque((*range(first, len(messages)), *range(first - 1, -1, -1)))
        self._text: str | None = None
        """Of the message that is being looked through."""
        self._place = 0
        self._found = 0

    @property
    def state(self) -> FindState:
        number = self._counts.before(self.current.message) + self.current.ordinal + 1 if self.current else 0
        return FindState(self._counts.total, number, is_complete=not self._waiting)

    def search(self, characters: int = SLICE_CHARACTERS) -> None:
        """Look through so many more characters."""
        left = characters
        while self._waiting and left > 0:
            index = self._waiting[0]
            if self._text is None:
                self._text = self._messages[index].searched()
                self._place = self._found = 0
                if index == self._first:
                    self._hits_above = 0
            end = self._place + left + len(self.needle) - 1
            # Messages without text cost something, too.
            left -= min(left, len(self._text) - self._place + 100)
            self._look(index, self._text[self._place : end], is_rest=end >= len(self._text))

    def _look(self, index: int, text: str, *, is_rest: bool) -> None:
        end = 0
        for place in self.needle.places(text):
            self._found += 1
            end = place + len(self.needle)
            if index == self._first and self._place + place < self._offset:
                self._hits_above += 1
        if not is_rest:
            self._place += max(end, len(text) - len(self.needle) + 1)
            return
        self._text = None
        self._waiting.popleft()
        self._counts[index] = self._found
        self._choose(index)

    def _choose(self, index: int) -> None:
        """The first hit from the beginning place down; when there is none, the last one above it."""
        if self.current is not None:
            if self.current.message == index:
                self._keep_current()
            return
        below = self._found - (self._hits_above if index == self._first else 0)
        if index >= self._first and below > 0:
            self.current = Hit(index, self._found - below)
        elif index < self._first and self._found:
            self.current = Hit(index, self._found - 1)
        is_below_done = not self._waiting or self._waiting[0] < self._first
        if self.current is None and is_below_done and self._first < len(self._counts) and self._counts[self._first]:
            self.current = Hit(self._first, self._counts[self._first] - 1)

    def _keep_current(self) -> None:
        assert self.current is not None
        index, ordinal = self.current
        if ordinal >= self._counts[index]:
            self.current = None
            self.step(0)

    def step(self, hits: int) -> None:
        """Make the hit so many further the current one; behind the last comes the first."""
        count = self._counts.total
        if not count:
            self.current = None
            return
        number = self.state.current - 1 if self.current else 0
        self.current = Hit(*self._counts.find((number + hits) % count))

    def changed(self, index: int) -> None:
        """The text of a message is another one, or a message was added behind the last one."""
        if index == len(self._counts):
            self._counts.append(0)
        if self._waiting and self._waiting[0] == index:
            self._text = None
        elif index not in self._waiting:
            if self._text is not None:
                # What was begun is looked through again, since there is one place to remember only.
                self._text = None
            self._waiting.appendleft(index)

    def offset_of(self, hit: Hit) -> int | None:
        """Where a hit stands in the message's ``searched()``; None when the message no longer has so many."""
        text = self._messages[hit.message].searched()
        for ordinal, place in enumerate(self.needle.places(text)):
            if ordinal == hit.ordinal:
                return place
        return None
