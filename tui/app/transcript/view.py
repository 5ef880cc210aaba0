"""The whole conversation in one widget: rows are made when they come near the view, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import ClassVar, TypeAlias, overload

from rich.segment import Segment
from textual import events
from textual.await_remove import AwaitRemove
from textual.binding import Binding, BindingType
from textual.strip import Strip

from tui.app.glyphs import Glyphs
from tui.app.transcript import posted
from tui.app.transcript.cropping import with_piece
from tui.app.transcript.entry import Entry, Fold
from tui.app.transcript.finding import FindState
from tui.app.transcript.frame_clock import FrameClock
from tui.app.transcript.links import Link, links_in, may_have_links
from tui.app.transcript.rendering import code_count_of, codes_of
from tui.app.transcript.rows import TEXT_COLUMN, Row, Span, Target, blank_margin, gap_row, prose_rows, rail_margin
from tui.app.transcript.searched_view import SearchedView
from tui.app.transcript.styles import Pen
from tui.app.transcript.wrap import cut
from tui.cleaning import clean, clean_line
from tui.conversations.values import Conversation, Message, Role
from tui.theming.values import Theme

FRAME_SECONDS = 1 / 30
NUMBERS_SECONDS = 0.27
"""A number that changes more often than four times a second cannot be read."""
_MOST_ASKED_FOR_LINKS = 50
"""Answers that may have a link and turn out to have none; going through thousands would take seconds."""
_MOST_ROWS_ABOVE_TEXT = 2
"""Of a message: an empty one and a folded line."""
_LEAST_ROWS_OF_CURRENT = 3
"""Of a message that is in view at its lower end."""
_BELOW_TEXT = (Fold.calls, Fold.sources)
"""What opens below the text of an answer."""


class Transcript(SearchedView):
    """Shows one conversation, and an answer while it comes."""

    FOCUS_ON_CLICK = False
    """Whoever clicks into the text goes on writing in the prompt."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+up", "previous_message", "previous message", show=False),
        Binding("alt+down", "next_message", "next message", show=False),
    ]

    FollowChanged: TypeAlias = posted.FollowChanged
    LinkChosen: TypeAlias = posted.LinkChosen
    CodeChosen: TypeAlias = posted.CodeChosen
    SourceChosen: TypeAlias = posted.SourceChosen
    FindChanged: TypeAlias = posted.FindChanged
    CurrentChanged: TypeAlias = posted.CurrentChanged

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        prose_width_columns: int = 96,
        wraps_code: bool = True,
        has_free_row: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        """``has_free_row`` keeps the first row of the view empty, for a transcript that stands right under a line."""
        super().__init__(
            theme=theme,
            glyphs=glyphs,
            prose_width_columns=prose_width_columns,
            wraps_code=wraps_code,
            has_free_row=has_free_row,
            name=id,
        )
        self._empty: tuple[str, ...] = ()
        self._queued: tuple[str, ...] = ()
        self._current: Entry | None = None
        self._pending: list[tuple[str, str]] = []
        self._is_mounted_once = False
        self._frames = FrameClock(self._draw_pending, interval_seconds=FRAME_SECONDS)
        self._numbers = FrameClock(self._show_numbers, interval_seconds=NUMBERS_SECONDS)

    # What is shown

    def show(self, conversation: Conversation, *, empty: tuple[str, ...] = ()) -> None:
        """Show this conversation from its end; ``empty`` are the lines for one without messages."""
        self._pending.clear()
        self._empty = empty
        self._queued = ()
        self._set_current(None)
        self._clear_own_selection()
        self._set_following(True)
        self._rows.show(conversation.messages)
        self._changed()
        self._find_again()

    def change(self, conversation: Conversation, marks: Mapping[str, str], *, empty: tuple[str, ...] = ()) -> None:
        """Another state of the conversation that is shown: what is the same stays where it is."""
        self._draw_pending()
        heights, top = self._rows.heights, self._top
        number, inside = heights.find(top) if len(heights) else (0, 0)
        count, current = len(self._rows.entries), self.current_message_id
        self._empty = empty
        first, last = self._rows.change(conversation.messages)
        self._rows.mark(marks)
        self._clear_own_selection()
        if not self._following:
            now = number if number < first else max(first, number - count + len(self._rows.entries))
            is_same = number < first or number >= count - last
            now = min(now, max(0, len(self._rows.entries) - 1))
            self._move_to(self._rows.heights.before(now) + (inside if is_same else 0))
        self._changed()
        index = self._rows.index_of(current) if current is not None else None
        self._set_current(None if index is None else self._rows.entries[index])
        self._find_again()

    def mark_versions(self, marks: Mapping[str, str]) -> None:
        """What stands above messages that have other versions, by their ids."""
        if self._rows.mark(marks):
            self._repaint()

    def mark_message(self, message_id: str) -> None:
        """Make a message current; the view moves only where its beginning is not in it."""
        index = self._rows.index_of(message_id)
        if index is None:
            return
        start = self._rows.heights.before(index)
        if self._top <= start < self._top + self._window_rows - _LEAST_ROWS_OF_CURRENT:
            self._set_current(self._rows.entries[index])
        else:
            self._go_to(index)

    def add(self, message: Message) -> None:
        """Append a message: a prompt, or an answer that is ``answering`` and will grow."""
        self._draw_pending()
        self._set_current(None)
        self._came_below(self._rows.add(message))
        self._changed()
        self._find_in(len(self._rows.entries) - 1)

    def grow(self, text: str = "", thinking: str = "") -> None:
        """More of the last message. It is drawn with the next frame, the first of a burst at once."""
        self._pending.append((text, thinking))
        if self._is_mounted_once:
            self._frames.ask()

    def settle(self, message: Message) -> None:
        """The final value of the message with this id."""
        self._draw_pending()
        index = self._rows.index_of(message.id)
        if index is None:
            return
        self._rows.entries[index].settle(message)
        self._came_below(self._rows.take_height(index))
        self._settle()
        self._repaint()
        self._find_in(index)

    @overload
    def remove(self) -> AwaitRemove: ...

    @overload
    def remove(self, message_id: str) -> None: ...

    def remove(self, message_id: str | None = None) -> AwaitRemove | None:
        """Remove the message with this id; without one, Textual's own ``remove`` of the whole widget."""
        if message_id is None:
            return super().remove()
        self._remove_message(message_id)
        return None

    def _remove_message(self, message_id: str) -> None:
        self._draw_pending()
        index = self._rows.index_of(message_id)
        if index is None:
            return
        if self._rows.entries[index] is self._current:
            self._set_current(None)
        self._clear_own_selection()
        self._rows.remove(index)
        self._changed()
        self._find_again()

    def queue(self, prompts: tuple[str, ...]) -> None:
        """Prompts that wait for the answer to end, shown below it."""
        self._queued = prompts
        self._changed()

    def _changed(self) -> None:
        self._lay_out_after()
        self._settle()
        self._repaint()

    def _lay_out_after(self) -> None:
        look = self._rows.look
        if look is None:
            return
        blank = gap_row(blank_margin(look.styles), look.page, look.styles)
        if not self._rows.entries and not self._queued:
            lines = [
                [Span(clean(line), Pen("muted") if number else Pen(bold=True))]
                for number, line in enumerate(self._empty)
            ]
            self._rows.rows_after = [blank, *prose_rows(lines, blank_margin(look.styles), look.page, look.styles)]
            return
        self._rows.rows_after = []
        margin = rail_margin(look.styles, look.glyphs.rail, "muted")
        for prompt in self._queued:
            room = look.page.prose_end - TEXT_COLUMN
            text = f"queued {look.glyphs.separator} {clean_line(prompt, max(1, room))}"
            line = [Span(cut(text, room, look.glyphs.ellipsis), Pen("muted"))]
            self._rows.rows_after += [blank, *prose_rows([line], margin, look.page, look.styles)]
        self._rows.rows_after.append(blank)

    # Opening and closing

    def note_thinking(self, seconds: float | None, pieces: int | None) -> None:
        """How long the last message thought and in about how many tokens, as soon as that is known."""
        self._draw_pending()
        if self._rows.entries:
            self._rows.entries[-1].note_thinking(seconds, pieces)
            self._repaint()

    def toggle_thinking(self, message_id: str | None = None) -> None:
        """Fold or unfold the thinking of a message; without an id, of the current or the last one that has any."""
        self._toggle(message_id, Fold.thinking)

    def toggle_fold(self, message_id: str | None = None) -> None:
        """Fold or unfold what is one line: thinking, a call, a result; without an id, of the current or last message."""
        self._toggle(message_id, Fold.thinking, Fold.result, Fold.calls)

    def toggle_tool(self, message_id: str | None = None) -> None:
        """Fold or unfold what a tool gave, or the calls of an answer; without an id, of the current or last one."""
        self._toggle(message_id, Fold.result, Fold.calls)

    def _toggle(self, message_id: str | None, *folds: Fold) -> None:
        for index in self._candidates(message_id):
            for fold in folds:
                if self._change(index, partial(Entry.toggle, fold=fold), is_above_text=fold not in _BELOW_TEXT):
                    self._find_in(index)
                    return

    def toggle_sources(self, message_id: str | None = None) -> None:
        """Fold or unfold the sources of an answer; without an id, of the current or the last one that has any."""
        self._toggle(message_id, Fold.sources)

    def toggle_details(self, message_id: str | None = None) -> None:
        """Show or hide role, model, time and numbers; without an id, of the current message or the last answer."""
        for index in self._candidates(message_id):
            entry = self._rows.entries[index]
            if message_id is not None or entry is self._current or entry.message.role is Role.assistant:
                self._change(index, Entry.toggle_details, is_above_text=True)
                return

    def toggle_code_wrap(self, number: int, message_id: str | None = None) -> None:
        """Wrap the long lines of a block of code, or cut them again; only where ``wraps_code`` is False."""
        for index in self._candidates(message_id):
            entry = self._rows.entries[index]
            if entry.message.role is Role.assistant and codes_of(entry.text, number) is not None:
                self._toggle_code(index, number)
                return

    def _toggle_code(self, index: int, number: int) -> None:
        self._clear_own_selection()
        place = self._rows.place(self._top)
        self._rows.open(index).toggle_code(number)
        self._rows.take_height(index)
        if place is not None and not self._following:
            self._move_to(self._rows.settle_at(place, self._window_rows))
        self._settle()
        self._repaint()

    def _candidates(self, message_id: str | None) -> Iterator[int]:
        """The message with this id; without one, the current one and then all others from the last one up."""
        if message_id is not None:
            index = self._rows.index_of(message_id)
            if index is not None:
                yield index
            return
        current = self._current_index()
        if current is not None:
            yield current
        yield from (index for index in reversed(range(len(self._rows.entries))) if index != current)

    def _change(self, index: int, change: Callable[[Entry], bool], *, is_above_text: bool) -> bool:
        """Change how much of a message is shown, and keep still what is in view below the line that was changed."""
        entry = self._rows.entries[index]
        start, height, top = self._rows.heights.before(index), entry.height, self._top
        if not change(entry):
            return False
        self._clear_own_selection()
        grown = self._rows.take_height(index)
        if top >= start + height or (is_above_text and top > start + _MOST_ROWS_ABOVE_TEXT):
            self._move_to(max(start, top + grown))
        self._settle()
        self._repaint()
        return True

    def _follow_changed(self) -> None:
        self.post_message(self.FollowChanged(self, self._following, self._new_rows))

    # The current message

    @property
    def current_message_id(self) -> str | None:
        """The message that was gone to with Alt+Up or Alt+Down, until the view leaves it."""
        return self._current.message.id if self._current is not None else None

    def action_previous_message(self) -> None:
        """Make the message above the current one current, or begin the current one again; its first row is in view."""
        current = self._current_index()
        if current is not None:
            index = current if self._rows.heights.before(current) < self._top else current - 1
        elif self._following:
            index = len(self._rows.entries) - 1
        else:
            index = min(self._rows.heights.find(max(0, self._top - 1))[0], len(self._rows.entries) - 1)
        if index >= 0:
            self._go_to(index)

    def action_next_message(self) -> None:
        """Make the message below the current one current; below the last one is the end."""
        current = self._current_index()
        index = (self._rows.heights.find(self._top)[0] if current is None else current) + 1
        if index < len(self._rows.entries):
            self._go_to(index)
        else:
            self.scroll_to_end()

    def _go_to(self, index: int) -> None:
        self._scroll_to_row(self._rows.heights.before(index))
        self._set_current(self._rows.entries[index])

    def go_to_message(self, message_id: str, *, find: str = "") -> bool:
        """Bring a message into view, and what it says of ``find``, which is marked. False: it is not here."""
        index = self._rows.index_of(message_id)
        if index is None:
            return False
        self._go_to(index)
        if find:
            self._find_from(index)
            self.find(find)
        return True

    def scroll_to_end(self) -> None:
        self._set_current(None)
        super().scroll_to_end()

    def _set_current(self, entry: Entry | None) -> None:
        if entry is not self._current:
            self._current = entry
            self.post_message(self.CurrentChanged(self, self.current_message_id))
            self._repaint()

    def _current_index(self) -> int | None:
        return self._rows.index_of(self._current.message.id) if self._current is not None else None

    def _settle(self) -> None:
        super()._settle()
        index = self._current_index()
        if index is not None:
            start = self._rows.heights.before(index)
            if not start - self._window_rows < self._top < start + self._rows.heights[index]:
                self._set_current(None)

    def _draw_current(self, strips: list[Strip], first: int) -> None:
        """A mark at the left of the first row of the current message that is in view."""
        index = self._current_index()
        if index is None:
            return
        row = max(self._rows.heights.before(index) + 1, self._top + self._free_rows)
        if 0 <= row - first < len(strips):
            mark = Strip([Segment(self._glyphs.prompt, self._styles[Pen("accent", bold=True)])], 1)
            strips[row - first] = with_piece(strips[row - first], 0, mark)

    # Taking text away

    def answer_source(self, message_id: str | None = None) -> str | None:
        """The text of a message as it came; without an id, of the current or the last answer. None: there is none."""
        self._draw_pending()
        for entry in self._answers(message_id):
            if entry.text:
                return entry.text
        return None

    def code_block(self, number: int) -> str | None:
        """The source of the last block of code with this number, as it was written; numbers begin at 1 in each answer.

        The current message is asked first.
        """
        for entry in self._answers(None):
            if _may_have_code(entry.text, number):
                source = codes_of(entry.text, number)
                if source is not None:
                    return source
        return None

    def code_count(self, message_id: str | None = None) -> int:
        """How many blocks of code the answer has; without an id, the one that ``code_block(1)`` is taken from."""
        for entry in self._answers(message_id):
            if _may_have_code(entry.text, 1):
                count = code_count_of(entry.text)
                if count:
                    return count
        return 0

    def links_of(self, message_id: str | None = None) -> tuple[Link, ...]:
        """The links of an answer that can be followed; without an id, of the current or the last one that has any."""
        self._draw_pending()
        answers = (one for one in self._answers(message_id) if one.message.role is Role.assistant)
        likely = (one for one in answers if may_have_links(one.text))
        for entry in islice(likely, _MOST_ASKED_FOR_LINKS):
            found = links_in(entry.text)
            if found:
                return tuple(found)
        return ()

    def conversation_source(self) -> str:
        """All texts as they were written and came, an empty line between two of them."""
        self._draw_pending()
        texts = (entry.source for entry in self._rows.entries)
        return "\n\n".join(text for text in texts if text)

    def _answers(self, message_id: str | None) -> Iterator[Entry]:
        for index in self._candidates(message_id):
            entry = self._rows.entries[index]
            if message_id is not None or entry.message.role is Role.assistant:
                yield entry

    # Finding

    def find(self, text: str) -> FindState:
        self._draw_pending()
        return super().find(text)

    # The frame clock

    def on_mount(self) -> None:
        super().on_mount()
        self._is_mounted_once = True
        if self._pending:
            self._frames.ask()

    def on_unmount(self) -> None:
        self._frames.stop()
        self._numbers.stop()

    def _draw_pending(self) -> None:
        """Take what came since the last frame into the last message, and repaint what that changes."""
        if not self._pending:
            return
        text = "".join(text for text, _ in self._pending)
        thinking = "".join(thinking for _, thinking in self._pending)
        self._pending.clear()
        if not self._rows.entries:
            return
        index = len(self._rows.entries) - 1
        if self._rows.look is None:
            self._rows.entries[index].grow(text, thinking)
            return
        top = self._top
        first_changed = self._rows.heights.before(index) + self._rows.open(index).grow(text, thinking)
        self._came_below(self._rows.take_height(index))
        self._numbers.ask()
        if self._following:
            self._settle()
        else:
            self._take_virtual_size()
        if self._top != top:
            self._repaint()
        else:
            self._repaint_from(first_changed)

    def _show_numbers(self) -> None:
        self._show_new_rows()
        if self._rows.entries and self._rows.entries[-1].is_answering:
            self._find_in(len(self._rows.entries) - 1)

    # Painting

    def _draw_over_selection(self, strips: list[Strip], first: int) -> None:
        self._draw_current(strips, first)
        self._draw_cursor(strips, first)

    def _draw_cursor(self, strips: list[Strip], first: int) -> None:
        """A block behind the last letter of an answer that is under way."""
        if not self._rows.entries or not self._rows.entries[-1].is_answering:
            return
        end = self._rows.heights.total
        start = self._rows.heights.before(len(self._rows.entries) - 1) + 1
        # The last row of code is only ground: its text ends in the row above.
        last_rows = reversed(list(self._rows.between(max(start, end - 2), end)))
        number, row = next(((number, row) for number, row in last_rows if row.is_copied), (0, None))
        if row is None or not 0 < row.end < self._columns or not 0 <= number - first < len(strips):
            return
        block = Strip([Segment(" ", self._styles[Pen(ground="muted")])], 1)
        strips[number - first] = with_piece(strips[number - first], row.end, block)

    # The mouse

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()
        if event.button != 1:
            return
        if event.chain > 1:
            self._select_around(event.x, event.y, is_word=event.chain == 2)
            return
        if self.text_selection is not None:
            # The end of a drag is no click.
            return
        if self._is_note_at(event.x, event.y):
            self.scroll_to_end()
            return
        target = self._target_at(event.x, event.y)
        if target is not None:
            event.stop()
            self._follow_target(target, self._top + event.y)

    def _target_at(self, x: int, y: int) -> Target | None:
        row: Row | None = self._rows.row(self._top + y)
        if row is None or y < self._free_rows:
            return None
        return next((target for target in row.targets if target.start <= x < target.end), None)

    def _follow_target(self, target: Target, row: int) -> None:
        index, _ = self._rows.heights.find(row)
        match target.kind:
            case "link":
                self.post_message(self.LinkChosen(self, target.value))
            case "source":
                message_id = self._rows.entries[index].message.id
                self.post_message(self.SourceChosen(self, message_id, int(target.value)))
            case "wrap":
                self._toggle_code(index, int(target.value))
            case "code":
                number = int(target.value)
                source = codes_of(self._rows.entries[index].text, number)
                if source is not None:
                    self.post_message(self.CodeChosen(self, number, source))
            case fold:
                self._toggle(target.value, Fold(fold))


def _may_have_code(text: str, number: int) -> bool:
    return text.count("```") + text.count("~~~") >= number
