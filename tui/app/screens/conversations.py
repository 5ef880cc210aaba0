"""Every conversation, by day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.app.wording import day_text, plural
from tui.cleaning import clean_line
from tui.conversations.values import Summary
from tui.failures import Failure
from tui.theming.values import Theme

NEW = "new"
MARKS_SECONDS = 1.0
TITLE_CELLS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfView:
    """What the list shows."""

    summaries: tuple[Summary, ...]
    faults: tuple[str, ...] = ()
    """Documents that could not be read and were not named before, each with its reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Ids of conversations in which something happens."""

    answering: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A summary as it is filtered and drawn, made once for all keys."""

    summary: Summary
    title: str
    about: str
    day: str
    right: Parts


class ConversationList(ListScreen):
    """Gives back a conversation's id, or ``new``. Deleting acts at once and can be undone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+d", "delete", show=False, priority=True),
        Binding("ctrl+underscore,ctrl+shift+minus,ctrl+slash", "undo", show=False, priority=True),
        Binding("ctrl+n", "new", show=False, priority=True),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        current: str,
        marks: Callable[[], Marks],
        now: Callable[[], datetime],
        read: Callable[[], Awaitable[ShelfView]],
        delete: Callable[[str], Awaitable[None]],
        undo: Callable[[], Awaitable[str | None]],
    ) -> None:
        super().__init__(
            title="Conversations",
            theme=theme,
            glyphs=glyphs,
            placeholder="type to filter by title, first words or model",
            is_tall=True,
        )
        self._current = current
        self._marks = marks
        self._marks_shown = Marks()
        self._now = now
        self._read_shelf = read
        self._delete = delete
        self._undo = undo
        self._entries: tuple[_Entry, ...] | None = None
        self._faults: tuple[str, ...] = ()
        self._said: Parts = ()
        self._failure: Failure | None = None
        self._is_busy = False

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(MARKS_SECONDS, self._look_at_marks)
        self.run_worker(self._read(keep=self._current))

    async def _read(self, *, keep: str = "") -> None:
        try:
            view = await self._read_shelf()
        except Failure as failure:
            self._failure = failure
        else:
            self._failure = None
            self._faults += view.faults
            now = self._now().astimezone()
            self._entries = tuple(_entry(summary, now) for summary in view.summaries)
        self.refresh_rows(keep=keep)

    def _look_at_marks(self) -> None:
        if self._marks() != self._marks_shown:
            self.refresh_rows()

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        if self._entries is None:
            return ()
        self._marks_shown = self._marks()
        words = typed.casefold().split()
        rows: list[Row] = []
        count, day = 0, ""
        for entry in self._entries:
            if not all(word in entry.about for word in words):
                continue
            count += 1
            if entry.day != day:
                day = entry.day
                rows += [*([Row(key="", left=())] if rows else []), Row(key="", left=((day, "muted"),))]
            rows.append(self._row(entry, typed.strip()))
        total = plural(len(self._entries), "conversation")
        self.show_counts(f"{count:,} of {total}" if words else total)
        return tuple(rows)

    def _row(self, entry: _Entry, typed: str) -> Row:
        key = entry.summary.id
        if key in self._marks_shown.answering:
            mark = (f" {self.glyphs.busy} ", "success")
        elif key in self._marks_shown.unread:
            mark = (f" {self.glyphs.unread} ", "accent")
        else:
            mark = ("   ", "muted")
        role = "foreground!" if key == self._current else "foreground"
        return Row(key=key, left=(mark, *highlight(entry.title, typed, role)), right=entry.right)

    def note_for(self, key: str) -> Parts:
        if self._failure is not None:
            because = self._failure.message or self._failure.advice
            return ((clean_line(self._failure.title, 60), "error"), (f"  {clean_line(because, 100)}", "muted"))
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
        if not key:
            return (("nothing fits", "muted"),)
        opening = next((one.summary.opening for one in self._entries if one.summary.id == key), "")
        return ((clean_line(opening, 160), "muted"),)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return (("enter", "open"), ("ctrl+n", "new"), ("alt+d", "delete"), ("ctrl+_", "undo"), ("esc", "back"))

    def action_move(self, steps: int) -> None:
        self._said, self._faults = (), ()
        super().action_move(steps)

    def action_delete(self) -> None:
        if self.list.marked and not self._is_busy:
            self._is_busy = True
            self.run_worker(self._delete_marked(self.list.marked))

    async def _delete_marked(self, key: str) -> None:
        title = next((one.title for one in self._entries or () if one.summary.id == key), "")
        keys = [row.key for row in self.list.rows if row.key]
        at = keys.index(key)
        neighbour = next(iter([*keys[at + 1 : at + 2], *keys[max(0, at - 1) : at]]), "")
        try:
            await self._delete(key)
        except Failure as failure:
            self._say_refused(failure)
        else:
            self._said = ((f"deleted {clean_line(title, 60)}", "foreground"), ("  ctrl+_ brings it back", "muted"))
        await self._read(keep=neighbour)
        self._is_busy = False

    def action_undo(self) -> None:
        if not self._is_busy:
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


def _entry(summary: Summary, now: datetime) -> _Entry:
    title = clean_line(summary.title, TITLE_CELLS) or "untitled"
    model = clean_line(summary.model, 24)
    at = summary.updated_at.astimezone()
    when = f"{at:%H:%M}" if at.date() == now.date() else f"{at:%d %b}" if at.year == now.year else f"{at:%b %Y}"
    return _Entry(
        summary=summary,
        title=title,
        about=f"{title} {model} {summary.opening}".casefold(),
        day=day_text(at, now),
        right=((f"  {model}", "muted"), (f"{summary.message_count:>6}", "foreground"), (f"  {when:>8} ", "muted")),
    )
