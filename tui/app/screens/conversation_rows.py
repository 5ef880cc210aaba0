"""The rows of the list of conversations. Each is made once; what stands in it is put together when it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import highlight
from tui.app.widgets.parts import Parts, cells_of, cut
from tui.app.widgets.rows import Row
from tui.cleaning import cell_width, clean, clean_line
from tui.conversations.values import Summary
from tui.metrics.wording import day_text
from tui.storage.hits import IndexState, SearchHit

TITLE_CELLS = 120
MODEL_CELLS = 24
PASSAGE_CELLS = 240
BEFORE_PASSAGE_CELLS = 24
LEAST_MODEL_CELLS = 8
LONG_TITLE_CELLS = 36
"""A title as long as this is to be read in full as far as that is possible; a longer one may be cut."""
LEAST_TITLE_CELLS = 16
_MARGIN_CELLS = 7
"""The mark of the list, that of the conversation, and what is left free behind the title and the last column."""
PHASE_CELLS = 9
"""``answering``."""
PINNED = "Pinned"
"""Over those that stand first, whatever their day."""
_GAP = "  "

_IN_MESSAGE = "/"
"""Between the ids of a conversation and of a message, in the key of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfView:
    """What the list shows."""

    summaries: tuple[Summary, ...]
    faults: tuple[str, ...] = ()
    """Documents that could not be read and were not named before, each with its reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Ids of conversations in which something happens."""

    answering: Mapping[str, str] = field(default_factory=dict)
    """With what goes on in each, in one word."""
    unread: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    """Open in another chinwag, as far as this one looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search in the texts brought."""

    hits: tuple[SearchHit, ...] = ()
    state: IndexState = field(default_factory=IndexState)
    """How much was looked through."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A summary as it is filtered and drawn."""

    summary: Summary
    title: str
    about: str
    """Title and model, folded, for the filter."""
    day: str
    model: str
    when: str

    @property
    def id(self) -> str:
        return self.summary.id

    def fits(self, words: Sequence[str]) -> bool:
        return all(word in self.about for word in words)


def entry_of(summary: Summary, now: datetime) -> Entry:
    """``now`` is in the person's own zone."""
    title = clean_line(summary.title, TITLE_CELLS) or "untitled"
    model = clean_line(summary.model, MODEL_CELLS)
    at = summary.updated_at.astimezone()
    when = f"{at:%H:%M}" if at.date() == now.date() else f"{at:%d %b}" if at.year == now.year else f"{at:%b %Y}"
    day = PINNED if summary.is_pinned else day_text(at, now)
    return Entry(summary, title, f"{title} {model}".casefold(), day, model, when)


def entries_of(summaries: Iterable[Summary], now: datetime, known: Mapping[str, Entry]) -> tuple[Entry, ...]:
    """One for each; ``known`` ones, made on the same day, are taken as they are. Blocks for some milliseconds a thousand."""
    return tuple(
        before if (before := known.get(one.id)) is not None and before.summary == one else entry_of(one, now)
        for one in summaries
    )


def with_title(entry: Entry, title: str, now: datetime) -> Entry:
    """The same under another name, in the same place."""
    renamed = entry_of(replace(entry.summary, title=title), now)
    return replace(renamed, day=entry.day, when=entry.when)


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide each column is, in cells; 0 for one that is not shown. The title has the rest of the row."""

    model: int = 0
    count: int = 0
    when: int = 0

    @property
    def cells(self) -> int:
        return sum(len(_GAP) + one for one in (self.model, self.count, self.when) if one)


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest of each column among all entries, in cells."""

    title: int = 0
    model: int = 0
    count: int = 0
    when: int = 0


def longest_of(entries: Iterable[Entry]) -> Longest:
    title = model = count = when = 0
    for entry in entries:
        title = max(title, cell_width(entry.title))
        model = max(model, cell_width(entry.model))
        count = max(count, len(f"{entry.summary.message_count:,}"))
        when = max(when, len(entry.when))
    # One that is being answered says so over its last two columns.
    return Longest(title, model, count, max(when, PHASE_CELLS - count - len(_GAP)))


def columns_for(longest: Longest, cells: int) -> Columns:
    """The columns of a list that is ``cells`` wide: as many as leave the titles whole.

    The heading says the day already, so the time goes before the model does; then the number of messages.
    """
    room = cells - _MARGIN_CELLS
    title = min(longest.title, LONG_TITLE_CELLS)
    for when in (longest.when, 0):
        others = Columns(count=longest.count, when=when)
        model = min(longest.model, room - title - others.cells - len(_GAP))
        if model == longest.model or model >= LEAST_MODEL_CELLS:
            return replace(others, model=model)
    for others in (Columns(count=longest.count, when=longest.when), Columns(count=longest.count)):
        if room - others.cells >= min(title, LEAST_TITLE_CELLS):
            return others
    return Columns()


class Drawing:
    """What all rows have in common, and how they look with it; the screen changes it and draws them again."""

    def __init__(self, *, glyphs: Glyphs, current: str, cells: Callable[[], int]) -> None:
        """``current`` is the conversation that is open; ``cells`` is how wide the list is."""
        self.glyphs = glyphs
        self.current = current
        self.typed = ""
        self.marks = Marks()
        self.longest = Longest()
        self._cells = cells

    def left(self, entry: Entry) -> Parts:
        if entry.id in self.marks.answering:
            mark = (f" {self.glyphs.busy} ", "success")
        elif entry.id in self.marks.unread:
            mark = (f" {self.glyphs.unread} ", "accent")
        elif entry.summary.is_pinned:
            mark = (f" {self.glyphs.rail} ", "accent")
        else:
            mark = ("   ", "muted")
        role = "foreground!" if entry.id == self.current else "foreground"
        return (mark, *highlight(entry.title, self.typed, role))

    def right(self, entry: Entry) -> Parts:
        """What goes on in a conversation stands where else its last columns do."""
        columns = columns_for(self.longest, self._cells())
        model: Parts = ()
        if columns.model:
            shown = cut(((entry.model, "muted"),), columns.model, self.glyphs.ellipsis)
            model = ((_GAP, "muted"), *shown, (" " * (columns.model - cells_of(shown)), "muted"))
        count = f"{_GAP}{entry.summary.message_count:>{columns.count},}" if columns.count else ""
        when = f"{_GAP}{entry.when:>{columns.when}}" if columns.when else ""
        if not count:
            return ()
        phase = self.marks.answering.get(entry.id, "")
        if phase and len(phase) <= len(when) - len(_GAP):
            return (*model, (count, "foreground"), (f"{_GAP}{phase:>{columns.when}} ", "success"))
        if phase and len(phase) <= len(count + when) - len(_GAP):
            return (*model, (f"{phase:>{len(count + when)}} ", "success"))
        return (*model, (count, "foreground"), (f"{when} ", "muted"))


class EntryRow(Row):
    """A row that asks how it looks only when it is drawn, so that ten thousand of them cost what is seen of them."""

    __slots__ = ("_drawing", "entry")

    _drawing: Drawing
    entry: Entry

    def __init__(self, entry: Entry, drawing: Drawing, *, key: str = "") -> None:
        # What is frozen is set around its own ``__setattr__``, and without what ``left`` and ``right`` work out.
        object.__setattr__(self, "key", key or entry.id)
        object.__setattr__(self, "entry", entry)
        object.__setattr__(self, "_drawing", drawing)

    @property
    def left(self) -> Parts:
        return self._drawing.left(self.entry)

    @property
    def right(self) -> Parts:
        return self._drawing.right(self.entry)


def heading(text: str) -> Row:
    return Row(key="", left=((text, "muted"),))


def blank() -> Row:
    return Row(key="", left=())


def key_of(hit: SearchHit) -> str:
    return f"{hit.summary.id}{_IN_MESSAGE}{hit.message_id}"


def conversation_of(key: str) -> str:
    """The conversation that a row's key is about."""
    return key.partition(_IN_MESSAGE)[0]


def passage_parts(hit: SearchHit, glyphs: Glyphs) -> Parts:
    """The words that were found, with some before and after them."""
    before = clean(hit.before)
    if len(before) > BEFORE_PASSAGE_CELLS:
        before = glyphs.ellipsis + before[-BEFORE_PASSAGE_CELLS:].partition(" ")[2]
    gap = " " if before.endswith(" ") else ""
    begins = " " if hit.after[:1].isspace() else ""
    return (
        (f"     {clean_line(before, PASSAGE_CELLS)}{gap}", "muted"),
        (clean_line(hit.match, PASSAGE_CELLS), "accent!"),
        (f"{begins}{clean_line(hit.after, PASSAGE_CELLS)}", "muted"),
    )
