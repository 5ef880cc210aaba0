"""The whole conversation in one widget: rows are made when they come near the view, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, overload

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.await_remove import AwaitRemove
from textual.binding import Binding, BindingType
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Offset, Region, Size
from textual.message import Message as WidgetMessage
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from tui.app.glyphs import Glyphs
from tui.app.transcript.conversation_rows import ConversationRows
from tui.app.transcript.rendering import Look, codes_of
from tui.app.transcript.rows import TEXT_COLUMN, Page, Row, Span, Target, blank_margin, gap_row, prose_rows, rail_margin
from tui.app.transcript.selecting import copied_text, highlighted, hit_strip, word_at
from tui.app.transcript.styles import Pen, Styles, textual_color
from tui.app.transcript.wrap import cut, width_of
from tui.cleaning import clean, clean_line
from tui.conversations.values import Conversation, Message, Role
from tui.theming.values import Theme

FRAMES_PER_SECOND = 30
_FRAMES_UNTIL_REST = 15
"""So many frames without anything new, and the clock stands still."""
_FRAMES_BETWEEN_NUMBERS = 8
"""A number that changes more often than four times a second cannot be read."""
_ROWS_NEAR_THE_END = 2
"""Scrolled down to so few rows above the end, the view follows it again."""
_OVERLAP_ROWS = 2
"""Rows that are still there after a page up or down."""


class Transcript(ScrollView, can_focus=True):
    """Shows one conversation, and an answer while it comes."""

    ALLOW_MAXIMIZE = False
    DEFAULT_CSS = """
    Transcript {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page_up", "page up", show=False),
        Binding("pagedown", "page_down", "page down", show=False),
        Binding("home,ctrl+home", "scroll_home", "start", show=False),
        Binding("end,ctrl+end", "scroll_end", "end", show=False),
        Binding("alt+up", "previous_message", "previous message", show=False),
        Binding("alt+down", "next_message", "next message", show=False),
    ]

    class FollowChanged(WidgetMessage):
        """The view left the end or came back to it, or more came below while it was away."""

        def __init__(self, transcript: Transcript, following: bool, new_rows: int) -> None:
            super().__init__()
            self.transcript = transcript
            self.following = following
            self.new_rows = new_rows
            """Rows that came since the view left the end."""

        @property
        def control(self) -> Transcript:
            return self.transcript

    class LinkChosen(WidgetMessage):
        """A link was clicked: ``http``, ``https`` or ``mailto`` and nothing else."""

        def __init__(self, transcript: Transcript, url: str) -> None:
            super().__init__()
            self.transcript = transcript
            self.url = url

        @property
        def control(self) -> Transcript:
            return self.transcript

    class CodeChosen(WidgetMessage):
        """The label ``copy 1`` of a block of code was clicked."""

        def __init__(self, transcript: Transcript, number: int, source: str) -> None:
            super().__init__()
            self.transcript = transcript
            self.number = number
            self.source = source

        @property
        def control(self) -> Transcript:
            return self.transcript

    def __init__(self, *, theme: Theme, glyphs: Glyphs, prose_width_columns: int = 96, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._theme = theme
        self._glyphs = glyphs
        self._styles = Styles(theme.palette)
        self._prose_width_columns = prose_width_columns
        self._columns = 0
        self._rows = ConversationRows()
        self._empty: tuple[str, ...] = ()
        self._queued: tuple[str, ...] = ()
        self._blank = Strip([])
        self._following = True
        self._new_rows = 0
        self._shown_new_rows = 0
        self._pending: list[tuple[str, str]] = []
        self._frame_clock: Timer | None = None
        self._is_clock_running = False
        self._frames = 0
        self._frames_without_news = 0

    # What is shown

    def show(self, conversation: Conversation, *, empty: tuple[str, ...] = ()) -> None:
        """Show this conversation from its end; ``empty`` are the lines for one without messages."""
        self._pending.clear()
        self._empty = empty
        self._queued = ()
        self._clear_own_selection()
        self._set_following(True)
        self._rows.show(conversation.messages)
        self._lay_out_after()
        self._settle()
        self._repaint()

    def add(self, message: Message) -> None:
        """Append a message: a prompt, or an answer that is ``answering`` and will grow."""
        self._draw_pending()
        self._came_below(self._rows.add(message))
        self._lay_out_after()
        self._settle()
        self._repaint()

    def grow(self, text: str = "", thinking: str = "") -> None:
        """More of the last message. It is drawn with the next frame, the first of a burst at once."""
        self._pending.append((text, thinking))
        if not self._is_clock_running and self._frame_clock is not None:
            self._is_clock_running = True
            self._frames_without_news = 0
            self._frame_clock.reset()
            self._frame_clock.resume()
            self._draw_pending()

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
        self._clear_own_selection()
        self._rows.remove(index)
        self._lay_out_after()
        self._settle()
        self._repaint()

    def queue(self, prompts: tuple[str, ...]) -> None:
        """Prompts that wait for the answer to end, shown below it."""
        self._queued = prompts
        self._lay_out_after()
        self._settle()
        self._repaint()

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme = theme
        self._glyphs = glyphs
        self._styles = Styles(theme.palette)
        self._paint_frame()
        self._use_look()

    @property
    def prose_width_columns(self) -> int:
        """How wide prose is at most."""
        return self._prose_width_columns

    @prose_width_columns.setter
    def prose_width_columns(self, columns: int) -> None:
        if columns != self._prose_width_columns:
            self._prose_width_columns = columns
            self._use_look()

    @property
    def following(self) -> bool:
        """The end stays in view while more comes."""
        return self._following

    @property
    def new_rows(self) -> int:
        """Rows that came since the view left the end."""
        return self._new_rows

    def code_block(self, number: int) -> str | None:
        """The source of the last block of code with this number, as it was written; numbers begin at 1 in each answer."""
        for entry in reversed(self._rows.entries):
            text = entry.text
            if entry.message.role is not Role.assistant or text.count("```") + text.count("~~~") < number:
                continue
            source = codes_of(text, number)
            if source is not None:
                return source
        return None

    def last_answer_text(self) -> str | None:
        """The text of the last answer, as it came; None when there is none."""
        self._draw_pending()
        for entry in reversed(self._rows.entries):
            if entry.message.role is Role.assistant and entry.text:
                return entry.text
        return None

    def note_thinking(self, seconds: float | None, pieces: int | None) -> None:
        """How long the last message thought and in about how many tokens, as soon as that is known."""
        self._draw_pending()
        if self._rows.entries:
            self._rows.entries[-1].note_thinking(seconds, pieces)
            self._repaint()

    def toggle_thinking(self, message_id: str | None = None) -> None:
        """Fold or unfold the thinking of a message; without an id, of the last one that has any."""
        for index in reversed(range(len(self._rows.entries))):
            entry = self._rows.entries[index]
            if message_id is not None and entry.message.id != message_id:
                continue
            if entry.toggle_thinking():
                self._clear_own_selection()
                self._rows.take_height(index)
                self._settle()
                self._repaint()
                return

    # Scrolling

    def action_page_up(self) -> None:
        self._scroll_by(-max(1, self._window_rows - _OVERLAP_ROWS))

    def action_page_down(self) -> None:
        self._scroll_by(max(1, self._window_rows - _OVERLAP_ROWS))

    def action_scroll_up(self) -> None:
        self._scroll_by(-1)

    def action_scroll_down(self) -> None:
        self._scroll_by(1)

    def action_scroll_home(self) -> None:
        self._scroll_to_row(0)

    def action_scroll_end(self) -> None:
        self.scroll_to_end()

    def action_previous_message(self) -> None:
        """Put the first row of the message above the view, or of the one it begins in, at the top."""
        index, _ = self._rows.heights.find(max(0, self._top - 1))
        if self._rows.entries and self._top > 0:
            self._scroll_to_row(self._rows.heights.before(min(index, len(self._rows.entries) - 1)))

    def action_next_message(self) -> None:
        index, _ = self._rows.heights.find(self._top)
        if index + 1 < len(self._rows.entries):
            self._scroll_to_row(self._rows.heights.before(index + 1))
        else:
            self.scroll_to_end()

    def scroll_to_end(self) -> None:
        """Go to the end and stay there."""
        self._set_following(True)
        self._settle()
        self._repaint()

    def _scroll_by(self, rows: int) -> None:
        self._scroll_to_row(self._top + rows)

    def _scroll_to_row(self, row: int) -> None:
        self.scroll_to(y=row, animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._rows.look is None:
            return
        end = self.max_scroll_y
        if new_value >= end or (new_value > old_value and new_value >= end - _ROWS_NEAR_THE_END):
            self._set_following(True)
        elif new_value < old_value:
            self._set_following(False)
        self._settle()
        self._repaint()

    def _set_following(self, following: bool) -> None:
        changed = following != self._following
        self._following = following
        if following or changed:
            self._new_rows = self._shown_new_rows = 0
        if changed:
            self.post_message(self.FollowChanged(self, following, 0))

    def _came_below(self, rows: int) -> None:
        if not self._following:
            self._new_rows = max(0, self._new_rows + rows)

    @property
    def _top(self) -> int:
        return round(self.scroll_y)

    @property
    def _window_rows(self) -> int:
        return self.size.height

    # Layout

    def on_mount(self) -> None:
        self._refresh_scrollbars()
        self._frame_clock = self.set_interval(1 / FRAMES_PER_SECOND, self._on_frame, pause=True)
        self._paint_frame()
        if self._pending:
            self.grow()

    def on_resize(self, event: events.Resize) -> None:
        columns = self.scrollable_content_region.width
        if columns > 0 and columns != self._columns:
            self._columns = columns
            self._use_look()
        else:
            self._settle()
            self._repaint()

    def _paint_frame(self) -> None:
        """The colours of what Textual paints: the ground and the scroll bar."""
        palette = self._theme.palette
        ground = textual_color(palette.background)
        self.styles.background = ground
        self.styles.scrollbar_background = ground
        self.styles.scrollbar_background_hover = ground
        self.styles.scrollbar_background_active = ground
        self.styles.scrollbar_color = textual_color(palette.border)
        self.styles.scrollbar_color_hover = textual_color(palette.muted)
        self.styles.scrollbar_color_active = textual_color(palette.muted)

    def _use_look(self) -> None:
        """Set everything anew, in another width or theme, with the same message at the top of the view."""
        if not self._columns:
            return
        anchor = self._anchor()
        self._clear_own_selection()
        self._blank = Strip([Segment(" " * self._columns, self._styles[Pen()])], self._columns)
        page = Page.of(self._columns, self._prose_width_columns)
        self._rows.use(Look(page, self._styles, self._glyphs))
        self._lay_out_after()
        if anchor is not None:
            index, fraction = anchor
            self._rows.open(index)
            heights = self._rows.heights
            self._move_to(heights.before(index) + int(fraction * heights[index]))
        self._settle()
        self._repaint()

    def _anchor(self) -> tuple[int, float] | None:
        """The message at the top of the view and how much of it is above; None where the end is what stays."""
        heights = self._rows.heights
        index, offset = heights.find(self._top)
        if self._following or self._rows.look is None or index >= len(heights):
            return None
        return index, offset / max(1, heights[index])

    def _lay_out_after(self) -> None:
        """Rows below the messages, or in place of them."""
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

    def _settle(self) -> None:
        """Make exact what is near the view, and keep still what is in it."""
        if self._rows.look is None or not self._window_rows:
            return
        if self._following:
            self._rows.settle_end(self._window_rows)
            self._take_virtual_size()
            self._move_to(self.max_scroll_y)
        else:
            top = self._rows.settle_at(self._top, self._window_rows)
            self._take_virtual_size()
            self._move_to(min(top, self.max_scroll_y))
        self._rows.forget_far_ones(self._window_rows)

    def _take_virtual_size(self) -> None:
        # Assigning it would lay out the whole screen; only the scroll bar depends on it.
        size = Size(self._columns, self._rows.total)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.window_virtual_size = size.height
                self.vertical_scrollbar.window_size = self._window_rows

    def _move_to(self, row: int) -> None:
        """Set the scroll position without scrolling: what is in view is the same, its number changed."""
        change = row - self._top
        if not change:
            return
        if not self._following:
            self._shift_selection(change)
        # Past the watcher: nobody scrolled.
        self.set_reactive(Widget.scroll_y, float(row))
        self.set_reactive(Widget.scroll_target_y, float(row))
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = row

    # The frame clock

    def _on_frame(self) -> None:
        if self._pending:
            self._frames_without_news = 0
            self._draw_pending()
            return
        self._frames_without_news += 1
        if self._frames_without_news == _FRAMES_BETWEEN_NUMBERS:
            self._show_new_rows()
        if self._frames_without_news >= _FRAMES_UNTIL_REST and self._frame_clock is not None:
            self._frame_clock.pause()
            self._is_clock_running = False

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
        self._count_frames()
        if self._following:
            self._settle()
        else:
            self._take_virtual_size()
        if self._top != top:
            self._repaint()
        else:
            self._repaint_from(first_changed)

    def _count_frames(self) -> None:
        self._frames += 1
        if self._frames % _FRAMES_BETWEEN_NUMBERS == 0:
            self._show_new_rows()

    def _show_new_rows(self) -> None:
        if self._new_rows != self._shown_new_rows:
            self._shown_new_rows = self._new_rows
            self.post_message(self.FollowChanged(self, self._following, self._new_rows))
            self._repaint_from(self._top + self._window_rows - 1)

    def _repaint(self) -> None:
        self.refresh(self.size.region)

    def _repaint_from(self, row: int) -> None:
        """Repaint the view from a row of the transcript on."""
        first = max(0, row - self._top)
        if first < self._window_rows:
            self.refresh(Region(0, first, self._columns, self._window_rows - first))

    # Painting

    def render_lines(self, crop: Region) -> list[Strip]:
        # The strips are kept from frame to frame, with what Textual caches in them; its own cache would copy them.
        if self._rows.look is None:
            return [Strip.blank(crop.width)] * crop.height
        first = self._top + crop.y
        strips = [row.strip for _, row in self._rows.between(first, first + crop.height)]
        strips += [self._blank] * (crop.height - len(strips))
        selection = self.text_selection
        if selection is not None:
            strips = [self._selected(strip, first + number, selection) for number, strip in enumerate(strips)]
        self._add_cursor(strips, first)
        self._add_note(strips, crop)
        filters = self._filters()
        if filters:
            ground = textual_color(self._theme.palette.background)
            for line_filter in filters:
                strips = [strip.apply_filter(line_filter, ground) for strip in strips]
        if crop.column_span != (0, self._columns):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """A row of the view, with what a mouse needs to find its place in the text."""
        row = self._top + y
        found = self._rows.row(row)
        return hit_strip(found.strip if found is not None else self._blank, row)

    def _filters(self) -> list[LineFilter]:
        palette = self._theme.palette
        has_own_colors = palette.foreground.startswith("#") and palette.background.startswith("#")
        return [
            line_filter
            for line_filter in self.get_line_filters()
            if not (has_own_colors and isinstance(line_filter, ANSIToTruecolor))
        ]

    def _add_cursor(self, strips: list[Strip], first: int) -> None:
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
        strip = strips[number - first]
        strips[number - first] = Strip.join([strip.crop(0, row.end), block, strip.crop(row.end + 1, self._columns)])

    def _note(self) -> str:
        """What the lower right says away from the end; empty at it."""
        if self._following or self._rows.total <= self._window_rows:
            return ""
        glyphs = self._glyphs
        number = f"{self._shown_new_rows:,} new {glyphs.separator} " if self._shown_new_rows else ""
        note = f" {glyphs.down} {number}ctrl+end "
        return note if width_of(note) < self._columns else ""

    def _add_note(self, strips: list[Strip], crop: Region) -> None:
        number = self._window_rows - 1 - crop.y
        note = self._note()
        if not note or not 0 <= number < len(strips):
            return
        start = max(0, self._columns - width_of(note) - 1)
        piece = Strip([Segment(note, self._styles[Pen("muted", "overlay")])], width_of(note))
        strip = strips[number]
        after = strip.crop(start + piece.cell_length, self._columns)
        strips[number] = Strip.join([strip.crop(0, start), piece, after])

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
        note = self._note()
        if note and event.y == self._window_rows - 1 and event.x >= self._columns - width_of(note) - 1:
            self.scroll_to_end()
            return
        target = self._target_at(event.x, event.y)
        if target is not None:
            event.stop()
            self._follow_target(target, self._top + event.y)

    def _target_at(self, x: int, y: int) -> Target | None:
        row = self._rows.row(self._top + y)
        if row is None:
            return None
        return next((target for target in row.targets if target.start <= x < target.end), None)

    def _follow_target(self, target: Target, row: int) -> None:
        if target.kind == "link":
            self.post_message(self.LinkChosen(self, target.value))
        elif target.kind == "thinking":
            self.toggle_thinking(target.value)
        elif target.kind == "code":
            index, _ = self._rows.heights.find(row)
            number = int(target.value)
            source = codes_of(self._rows.entries[index].text, number)
            if source is not None:
                self.post_message(self.CodeChosen(self, number, source))

    # Selection

    def _select_around(self, x: int, y: int, *, is_word: bool) -> None:
        row = self._top + y
        found = self._rows.row(row)
        if found is None or not found.is_copied:
            return
        start, end = word_at(found.strip.text, x) if is_word else (found.start, found.end)
        self.screen.selections = {self: Selection(Offset(start, row), Offset(end, row))}

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What is selected, as it was written: no rails, rules or numbers, and lines that were wrapped are whole."""
        first = selection.start.y if selection.start is not None else 0
        last = selection.end.y if selection.end is not None else self._rows.total - 1
        place = self._rows.place(self._top)
        text = copied_text(self._selected_rows(selection, first, last + 1))
        if place is not None:
            # Rows that nobody has looked at were only guessed to be as many.
            self._take_virtual_size()
            self._move_to(min(self._rows.number_of(place), self.max_scroll_y))
        return text, "\n"

    def _selected_rows(self, selection: Selection, first: int, end: int) -> Iterator[tuple[Row, int, int | None]]:
        for number, row in self._rows.between(first, end):
            span = selection.get_span(number)
            if span is not None:
                start, stop = span
                yield row, start, None if stop == -1 else stop

    def selection_updated(self, selection: Selection | None) -> None:
        self._repaint()

    def _selected(self, strip: Strip, row: int, selection: Selection) -> Strip:
        span = selection.get_span(row)
        if span is None:
            return strip
        start, end = span
        return highlighted(strip, start, self._columns if end == -1 else end, self._selection_style())

    def _selection_style(self) -> Style:
        ground = self._theme.palette.selection
        if not ground.startswith("#"):
            return Style(reverse=True)
        return Style(bgcolor=self._styles[Pen(ground="selection")].bgcolor)

    def _shift_selection(self, rows: int) -> None:
        """Estimates above were corrected: what is selected has other row numbers."""
        selection = self.text_selection if self.is_mounted else None
        if selection is None:
            return
        down = Offset(0, rows)
        moved = Selection(
            selection.start + down if selection.start is not None else None,
            selection.end + down if selection.end is not None else None,
        )
        self.screen.selections = {**self.screen.selections, self: moved}

    def _clear_own_selection(self) -> None:
        """Row numbers no longer mean what they meant."""
        if self.is_mounted and self.text_selection is not None:
            self.screen.clear_selection()
