"""The rows of the list of conversations. Each is made once; what stands in it is put together when it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import highlight
from tui.app.widgets.parts import Parts, cut
from tui.app.widgets.rows import Row
from tui.cleaning import clean, clean_line
from tui.conversations.values import Summary
from tui.metrics.wording import day_text
from tui.storage.hits import IndexState, SearchHit

TITLE_CELLS = 120
MODEL_CELLS = 24
PASSAGE_CELLS = 240
BEFORE_PASSAGE_CELLS = 24
LEAST_MODEL_CELLS = 8
WITHOUT_MODEL_CELLS = 46
"""What the other columns and a title take: the model has the rest of the list, if that is enough for one."""
WITH_COUNT_CELLS = 30
"""A list as wide as this has room for the number of messages."""

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
    return Entry(summary, title, f"{title} {model}".casefold(), day_text(at, now), model, when)


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


class Drawing:
    """What all rows have in common, and how they look with it; the screen changes it and draws them again."""

    def __init__(self, *, glyphs: Glyphs, current: str, cells: Callable[[], int]) -> None:
        """``current`` is the conversation that is open; ``cells`` is how wide the list is."""
        self.glyphs = glyphs
        self.current = current
        self.typed = ""
        self.marks = Marks()
        self._cells = cells

    def left(self, entry: Entry) -> Parts:
        if entry.id in self.marks.answering:
            mark = (f" {self.glyphs.busy} ", "success")
        elif entry.id in self.marks.unread:
            mark = (f" {self.glyphs.unread} ", "accent")
        else:
            mark = ("   ", "muted")
        role = "foreground!" if entry.id == self.current else "foreground"
        return (mark, *highlight(entry.title, self.typed, role))

    def right(self, entry: Entry) -> Parts:
        """In a narrow list first the model goes, then how many messages there are."""
        phase = self.marks.answering.get(entry.id, "")
        cells = self._cells()
        when = (f"  {phase:>9} ", "success") if phase else (f"  {entry.when:>9} ", "muted")
        count = (f"{entry.summary.message_count:>6,}", "foreground")
        model_cells = min(MODEL_CELLS, cells - WITHOUT_MODEL_CELLS)
        if model_cells >= LEAST_MODEL_CELLS:
            return (*cut(((f"  {entry.model}", "muted"),), 2 + model_cells, self.glyphs.ellipsis), count, when)
        return (count, when) if cells >= WITH_COUNT_CELLS else ()


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
