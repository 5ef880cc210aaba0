"""Every conversation: a list by day, what is found in the texts, and a preview."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input

from tui.app.commands.keymap import keymap_of
from tui.app.glyphs import Glyphs
from tui.app.screens.conversation_preview import Preview, preview_of
from tui.app.screens.conversation_rows import (
    Drawing,
    Entry,
    EntryRow,
    Found,
    Marks,
    ShelfView,
    blank,
    conversation_of,
    entries_of,
    heading,
    key_of,
    longest_of,
    passage_parts,
    with_title,
)
from tui.app.screens.latest import Latest
from tui.app.screens.list_screen import ListScreen
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row, RowList
from tui.cleaning import clean_line
from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.storage.hits import SearchHit
from tui.theming.values import Theme

NEW = "new"
MARKS_SECONDS = 1.0
LOOK_SECONDS = 0.05
SEARCH_AFTER_SECONDS = 0.15
PREVIEW_AFTER_SECONDS = 0.1
TOLD_AFTER_SECONDS = 0.5
"""Whatever takes longer says that it is under way."""
PREVIEW_COLUMNS = 100
LEAST_SEARCHED_CHARACTERS = 2
COPIED_CELLS = 240


class TitleField(FilterInput):
    """Lies over the title that is being changed."""

    DEFAULT_CSS = "TitleField, TitleField:focus { display: none; layer: over; width: 20; }"


class ConversationList(ListScreen):
    """Gives back the key of a row, or ``new``: ``conversation_of`` says which conversation, ``hit_of`` where in it.

    Deleting and renaming act at once. What is typed filters the titles, and is looked for in all texts.
    """

    DEFAULT_CSS = """
    ConversationList.-tall > Vertical { width: 112; }
    ConversationList.-tall.-preview > Vertical { width: 200; max-width: 98%; }
    ConversationList.-tall.-tiny > Vertical, ConversationList.-tall.-low > Vertical {
        margin: 0; width: 100%; max-width: 100%;
    }
    ConversationList #shelf { layout: horizontal; height: 1fr; }
    ConversationList #titles { width: 5fr; height: 100%; layers: base over; }
    ConversationList #beside { display: none; width: 4fr; height: 100%; margin-left: 1; border-left: solid $role-border; }
    ConversationList.-preview #beside { display: block; }
    ConversationList Preview { width: 100%; height: 100%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+d", "delete", show=False, priority=True, id="list.delete"),
        Binding("ctrl+underscore,ctrl+shift+minus,ctrl+slash", "undo", show=False, priority=True, id="list.undo"),
        Binding("ctrl+n", "new", show=False, priority=True, id="conversation.new"),
        Binding("alt+n", "rename", show=False, priority=True, id="list.rename"),
        Binding("alt+c", "copy", show=False, priority=True, id="list.copy"),
        Binding("alt+p", "pin", show=False, priority=True, id="list.pin"),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        current: str,
        marks: Callable[[], Marks],
        now: Callable[[], datetime],
        clock: Callable[[], float],
        prose_width_columns: int,
        read: Callable[[], Awaitable[ShelfView]],
        load: Callable[[str], Awaitable[Conversation]],
        search: Callable[[str], Awaitable[Found]],
        rename: Callable[[str, str], Awaitable[str]],
        pin: Callable[[str, bool], Awaitable[None]],
        delete: Callable[[str], Awaitable[None]],
        undo: Callable[[], Awaitable[str | None]],
        copy: Callable[[str], Awaitable[str]],
    ) -> None:
        """``clock`` gives monotonic seconds. ``rename`` gives back the title that it came to, ``copy`` words for it."""
        super().__init__(
            title="Conversations",
            theme=theme,
            glyphs=glyphs,
            placeholder="type to filter by title or model, and to search all texts",
            is_tall=True,
        )
        self._current = current
        self._marks = marks
        self._now = now
        self._clock = clock
        self._prose_width_columns = prose_width_columns
        self._read_shelf = read
        self._load = load
        self._rename = rename
        self._pin = pin
        self._delete = delete
        self._undo = undo
        self._copy = copy
        self._drawing = Drawing(glyphs=glyphs, current=current, cells=lambda: self.list.size.width)
        self._entries: tuple[Entry, ...] | None = None
        self._entries_day: date | None = None
        self._rows: dict[str, EntryRow] = {}
        self._faults: tuple[str, ...] = ()
        self._said: Parts = ()
        self._failure: Failure | None = None
        self._is_busy = False
        self._renaming = ""
        self._found: Found | None = None
        self._found_for = ""
        self._hits: dict[str, SearchHit] = {}
        """By the key of the row, those that are shown."""
        self._search_failure: Failure | None = None
        self._previewed = ""
        """The key of the row whose preview is shown."""
        self._looking: Timer | None = None
        self._search = Latest(
            search, tell=self._tell_found, refused=self._refuse_search, clock=clock, pause_seconds=SEARCH_AFTER_SECONDS
        )
        self._preview = Latest(
            self._prepare_preview,
            tell=self._tell_preview,
            refused=self._refuse_preview,
            clock=clock,
            pause_seconds=PREVIEW_AFTER_SECONDS,
        )

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content(self._heading)
            with Horizontal():
                yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="marker")
                yield FilterInput(placeholder=self._placeholder)
            with Container(id="shelf"):
                with Container(id="titles"):
                    yield RowList(theme=self.theme, glyphs=self.glyphs)
                    yield TitleField()
                with Container(id="beside"):
                    yield Preview(theme=self.theme, glyphs=self.glyphs, prose_width_columns=self._prose_width_columns)
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="note")
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="keys")

    def on_mount(self) -> None:
        self._looking = self.set_interval(LOOK_SECONDS, self._look, pause=True)
        self.set_interval(MARKS_SECONDS, self._look_at_marks)
        super().on_mount()
        self.run_worker(self._read(keep=self._current))

    def on_unmount(self) -> None:
        self._search.close()
        self._preview.close()

    def on_resize(self, event: events.Resize) -> None:
        self._stop_renaming()
        is_wide = event.size.width >= PREVIEW_COLUMNS
        if is_wide != self.has_class("-preview"):
            self.set_class(is_wide, "-preview")
            self._wish_preview()
        self.refresh_note()

    def hit_of(self, key: str) -> SearchHit | None:
        """What was found there; None for a row of the list by day."""
        return self._hits.get(key)

    # The list

    async def _read(self, *, keep: str = "") -> None:
        try:
            view = await self._read_shelf()
            now = self._now().astimezone()
            # What was made on another day says other days and times.
            known = {one.id: one for one in self._entries or () if self._entries_day == now.date()}
            entries = await asyncio.to_thread(entries_of, view.summaries, now, known)
        except Failure as failure:
            self._failure = failure
        else:
            self._failure = None
            self._faults += view.faults
            self._entries_day = now.date()
            self._take_entries(entries)
        self.refresh_rows(keep=keep)

    def _take_entries(self, entries: tuple[Entry, ...]) -> None:
        self._entries = entries
        self._drawing.longest = longest_of(entries)
        self._rows = {one.id: EntryRow(one, self._drawing) for one in entries}

    def _look_at_marks(self) -> None:
        if not self._has_widgets:
            return
        marks = self._marks()
        if marks != self._drawing.marks:
            self._drawing.marks = marks
            self.list.refresh()
            self.refresh_note()
        if conversation_of(self.list.marked) in marks.answering and self._preview.is_done:
            self._wish_preview()
        if self._found is not None and not self._found.state.is_complete and self._search.is_done:
            self._wish_search(self.typed, at_once=True)

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        if self._entries is None:
            return ()
        self._drawing.typed = typed.strip()
        self._drawing.marks = self._marks()
        words = typed.casefold().split()
        rows: list[Row] = []
        count, day = 0, ""
        for entry in self._entries:
            if words and not entry.fits(words):
                continue
            count += 1
            if entry.day != day:
                day = entry.day
                rows += [blank(), heading(day)] if rows else [heading(day)]
            rows.append(self._rows[entry.id])
        total = plural(len(self._entries), "conversation")
        found = self._rows_found(words, is_first=not rows)
        in_texts = f" {self.glyphs.separator} {len(self._hits):,} in the texts" if self._hits else ""
        self.show_counts(f"{count:,} of {total}{in_texts}" if words else total)
        return (*rows, *found)

    def _rows_found(self, words: list[str], *, is_first: bool) -> list[Row]:
        """What only the texts have, below the titles that fit."""
        self._hits = {}
        if not _is_searched(self.typed):
            return []
        rows: list[Row] = []
        for hit in self._found.hits if self._found is not None else ():
            row = self._rows.get(hit.summary.id)
            if row is None or not hit.message_id or row.entry.fits(words):
                continue
            key = key_of(hit)
            self._hits[key] = hit
            rows += [EntryRow(row.entry, self._drawing, key=key), Row(key="", left=passage_parts(hit, self.glyphs))]
        state = self._search_words()
        if not rows and not state:
            return []
        return [*([] if is_first else [blank()]), Row(key="", left=(("in the texts", "muted"), *state)), *rows]

    def _search_words(self) -> Parts:
        """How far the search is; nothing once it has looked through everything."""
        dot = self.glyphs.separator
        if self._search_failure is not None:
            because = self._search_failure.message or self._search_failure.title
            return ((f" {dot} cannot be searched: {clean_line(because, 80)}", "warning"),)
        if self._found is None or self._found_for != self.typed:
            return ((f" {dot} looking …", "muted"),)
        state = self._found.state
        if not state.is_complete:
            return ((f" {dot} reading {state.indexed:,} of {state.total:,}", "muted"),)
        return ()

    @property
    def is_reading(self) -> bool:
        return self._entries is None and self._failure is None

    @property
    def _has_widgets(self) -> bool:
        """What was asked for may come when they are gone."""
        return self.is_attached and bool(self.query(RowList))

    def refresh_rows(self, *, keep: str = "") -> None:
        if self._has_widgets:
            self.list.show(self.rows_for(self.typed), keep=keep)
            self.refresh_note()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if isinstance(event.input, TitleField):
            return
        self._said = ()
        if _is_searched(event.value):
            self._wish_search(event.value)
        else:
            self._found, self._found_for, self._search_failure = None, "", None
            self._search.wish(None)
        self.refresh_rows()

    def on_row_list_marked(self, event: RowList.Marked) -> None:
        super().on_row_list_marked(event)
        self._reveal_passage(event.key)
        self._wish_preview()

    def _reveal_passage(self, key: str) -> None:
        """The row under a hit says why it is there."""
        if key in self._hits:
            below = next(number for number, row in enumerate(self.list.rows) if row.key == key) + 1
            if below >= self.list.scroll_offset.y + self.list.size.height:
                self.list.scroll_to(y=below - self.list.size.height + 1, animate=False)

    # What is done in the background

    def _look(self) -> None:
        if not self._has_widgets:
            return
        self._search.look()
        self._preview.look()
        is_late = self._previewed != self.list.marked and self._preview.wished_seconds > TOLD_AFTER_SECONDS
        if is_late and self.has_class("-preview"):
            self._previewed = self.list.marked
            self._show_nothing("reading …")
        is_waiting = self._search.is_waiting or self._preview.is_waiting
        if self._looking is not None and not is_waiting and (self._preview.is_done or is_late):
            self._looking.pause()

    def _begin_looking(self) -> None:
        if self._looking is not None:
            self._looking.resume()

    def _wish_search(self, typed: str, *, at_once: bool = False) -> None:
        self._search.wish(typed, at_once=at_once)
        self._begin_looking()

    def _tell_found(self, typed: str, found: Found) -> None:
        self._found, self._found_for, self._search_failure = found, typed, None
        self.refresh_rows()

    def _refuse_search(self, typed: str, failure: Failure) -> None:
        self._found, self._found_for, self._search_failure = None, typed, failure
        self.refresh_rows()

    def _wish_preview(self) -> None:
        if not self._has_widgets:
            return
        key = self.list.marked if self.has_class("-preview") else ""
        self._preview.wish(key or None)
        if key:
            self._begin_looking()
        else:
            self._previewed = ""
            self._show_nothing()

    async def _prepare_preview(self, key: str) -> Conversation:
        conversation = await self._load(conversation_of(key))
        hit = self._hits.get(key)
        make = partial(
            preview_of, conversation, message_id=hit.message_id if hit else "", match=hit.match if hit else ""
        )
        return await asyncio.to_thread(make)

    def _tell_preview(self, key: str, conversation: Conversation) -> None:
        if not self._has_widgets:
            return
        self._previewed = key
        preview = self.query_one(Preview)
        preview.find("")
        preview.show(conversation, empty=("nothing was said yet",))
        if (hit := self._hits.get(key)) is not None:
            preview.go_to_message(hit.message_id, find=hit.match)

    def _refuse_preview(self, key: str, failure: Failure) -> None:
        self._previewed = key
        self._show_nothing(failure.title, failure.message, failure.advice)

    def _show_nothing(self, *words: str) -> None:
        if not self._has_widgets:
            return
        now = self._now()
        preview = self.query_one(Preview)
        preview.find("")
        preview.show(
            Conversation(id="", created_at=now, updated_at=now), empty=tuple(clean_line(one) for one in words if one)
        )

    # The lines at the lower end

    def note_for(self, key: str) -> Parts:
        if self._failure is not None:
            because = self._failure.message or self._failure.advice
            return ((clean_line(self._failure.title, 60), "error"), (f"  {clean_line(because, 100)}", "muted"))
        if self._renaming:
            return (("the new title", "foreground"), ("  empty brings back the first one", "muted"))
        if self._said:
            return self._said
        if self._entries is None:
            return (("reading what is on the disk …", "muted"),)
        if self._faults:
            count = len(self._faults)
            more = f" and {count - 1} more" if count > 1 else ""
            return ((f"left alone: {clean_line(self._faults[0], 120)}{more}", "warning"),)
        if not self._entries:
            return (("no conversations yet", "foreground"), ("  what you write first begins one", "muted"))
        row = self._rows.get(conversation_of(key))
        if row is None:
            return (("nothing fits" if not self._search_words() else "no title fits", "muted"),)
        return self._about(row.entry)

    def _about(self, entry: Entry) -> Parts:
        if entry.id in self._drawing.marks.read_only:
            return (("open in another chinwag", "warning"), ("  here it can only be read", "muted"))
        if not self.has_class("-preview"):
            return ((clean_line(entry.summary.opening, 160), "muted"),)
        dot = self.glyphs.separator
        began = entry.summary.created_at.astimezone()
        model = f" {dot} {entry.model}" if entry.model else ""
        return (
            (plural(entry.summary.message_count, "message"), "foreground"),
            (f"{model} {dot} began {began:%d %b %Y, %H:%M}", "muted"),
        )

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        if self._renaming:
            return (("enter", "keep"), ("esc", "leave it as it was"))
        return (
            ("enter", "open"),
            *keymap_of(self.app).hint("conversation.new", "new"),
            ("alt+d", "delete"),
            ("alt+n", "rename"),
            ("alt+p", "unpin" if self._is_pinned else "pin"),
            ("ctrl+_", "undo"),
            ("alt+c", "copy"),
            ("esc", "back"),
        )

    # What the keys do

    def action_move(self, steps: int) -> None:
        self._said, self._faults = (), ()
        self._stop_renaming()
        super().action_move(steps)
        self.refresh_note()

    def action_use(self) -> None:
        if not self._renaming:
            super().action_use()
        elif not self._is_busy:
            self._is_busy = True
            key, title = self._renaming, self.query_one(TitleField).value
            self._stop_renaming()
            self.run_worker(self._rename_to(key, title))

    def action_back(self) -> None:
        if self._renaming:
            self._stop_renaming()
        else:
            super().action_back()

    def action_rename(self) -> None:
        """The title itself becomes a field."""
        row = self._rows.get(conversation_of(self.list.marked))
        if row is None or self._is_busy or self._renaming:
            return
        y = next(number for number, one in enumerate(self.list.rows) if one.key == self.list.marked)
        self._renaming = row.key
        field = self.query_one(TitleField)
        field.value = clean_line(row.entry.summary.title, 1000)
        field.styles.offset = (4, y - self.list.scroll_offset.y)
        field.styles.width = max(8, self.list.size.width - 5)
        field.display = True
        field.focus()
        field.action_select_all()
        self.refresh_note()

    @property
    def _is_pinned(self) -> bool:
        row = self._rows.get(conversation_of(self.list.marked))
        return row is not None and row.entry.summary.is_pinned

    def action_pin(self) -> None:
        if self.list.marked and not self._is_busy and not self._renaming:
            self._is_busy = True
            self.run_worker(self._pin_marked(self.list.marked, is_pinned=not self._is_pinned))

    async def _pin_marked(self, marked: str, *, is_pinned: bool) -> None:
        try:
            await self._pin(conversation_of(marked), is_pinned)
            self._said = (("pinned" if is_pinned else "not pinned any more", "muted"),)
        except Failure as failure:
            self._say_refused(failure)
        await self._read(keep=marked)
        self._is_busy = False

    def _stop_renaming(self) -> None:
        if self._renaming:
            self._renaming = ""
            self.query_one(TitleField).display = False
            self.query_one(FilterInput).focus()
            self.refresh_note()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if not isinstance(event.widget, TitleField):
            self._stop_renaming()

    async def _rename_to(self, key: str, title: str) -> None:
        try:
            kept = await self._rename(key, title)
        except Failure as failure:
            self._say_refused(failure)
        else:
            now = self._now().astimezone()
            self._said = ((f"it is called {clean_line(kept, 60) or 'untitled'} now", "muted"),)
            entries = self._entries or ()
            self._take_entries(tuple(with_title(one, kept, now) if one.id == key else one for one in entries))
        self._is_busy = False
        self.refresh_rows()

    def action_copy(self) -> None:
        if (row := self._rows.get(conversation_of(self.list.marked))) is not None:
            self.run_worker(self._copy_marked(row.key))

    async def _copy_marked(self, key: str) -> None:
        try:
            self._said = ((clean_line(await self._copy(key), COPIED_CELLS), "muted"),)
        except Failure as failure:
            self._say_refused(failure)
        if self._has_widgets:
            self.refresh_note()

    def action_delete(self) -> None:
        if self.list.marked and not self._is_busy and not self._renaming:
            self._is_busy = True
            self.run_worker(self._delete_marked(self.list.marked))

    async def _delete_marked(self, marked: str) -> None:
        key = conversation_of(marked)
        row = self._rows.get(key)
        keys = [one.key for one in self.list.rows if one.key]
        at = keys.index(marked)
        neighbour = next(iter([*keys[at + 1 : at + 2], *keys[max(0, at - 1) : at]]), "")
        try:
            await self._delete(key)
        except Failure as failure:
            self._say_refused(failure)
            neighbour = marked
        else:
            title = row.entry.title if row is not None else ""
            undo = keymap_of(self.app).key("list.undo")
            back = f"  {undo} brings it back" if undo else ""
            self._said = ((f"deleted {clean_line(title, 60)}", "foreground"), (back, "muted"))
            self._take_entries(tuple(one for one in self._entries or () if one.id != key))
        self._is_busy = False
        self.refresh_rows(keep=neighbour)

    def action_undo(self) -> None:
        if not self._is_busy and not self._renaming:
            self._is_busy = True
            self.run_worker(self._bring_back())

    async def _bring_back(self) -> None:
        back = ""
        try:
            back = await self._undo() or ""
        except Failure as failure:
            self._say_refused(failure)
        else:
            self._said = (("it is back" if back else "nothing to bring back", "muted"),)
        await self._read(keep=back)
        self._is_busy = False

    def _say_refused(self, failure: Failure) -> None:
        because = ", ".join(part for part in (failure.message, failure.advice) if part)
        self._said = ((clean_line(failure.title, 60), "error"), (f"  {clean_line(because, 100)}", "muted"))

    def action_new(self) -> None:
        self.dismiss(NEW)


def _is_searched(typed: str) -> bool:
    """One letter is in every text; one character of a script without an alphabet is a word."""
    text = typed.strip()
    return len(text) >= LEAST_SEARCHED_CHARACTERS or (bool(text) and ord(text[0]) >= 0x0E00)
