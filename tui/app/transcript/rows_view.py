"""A window on rows that are made when they come near it: scrolling, following the end, painting, selecting."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Offset, Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tui.app.glyphs import Glyphs
from tui.app.terminal.lean_scrollbar import lean_vertical_scrollbar
from tui.app.transcript.conversation_rows import ConversationRows, Place
from tui.app.transcript.cropping import cropped, with_piece
from tui.app.transcript.look import Look
from tui.app.transcript.rows import Page
from tui.app.transcript.selected_text import selected_text
from tui.app.transcript.selecting import highlighted, hit_strip, word_at
from tui.app.transcript.styles import Pen, Styles, textual_color
from tui.app.transcript.wrap import width_of
from tui.metrics.wording import plural
from tui.theming.values import Theme

_ROWS_NEAR_THE_END = 2
"""Scrolled down to so few rows above the end, the view follows it again."""
_OVERLAP_ROWS = 2
"""Rows that are still there after a page up or down."""
_LEAST_ROWS_WITH_A_FREE_ONE = 6


class RowsView(ScrollView, can_focus=True):
    """Shows some of the rows. What belongs to messages is left to whoever derives from it."""

    ALLOW_MAXIMIZE = False
    DEFAULT_CSS = """
    RowsView {
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
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        prose_width_columns: int,
        wraps_code: bool,
        has_free_row: bool,
        name: str | None,
    ) -> None:
        super().__init__(id=name)
        self._theme = theme
        self._glyphs = glyphs
        self._styles = Styles(theme.palette)
        self._prose_width_columns = prose_width_columns
        self._wraps_code = wraps_code
        self._has_free_row = has_free_row
        self._columns = 0
        self._rows = ConversationRows()
        self._blank = Strip([])
        self._following = True
        self._new_rows = 0
        self._shown_new_rows = 0

    # The look

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
    def wraps_code(self) -> bool:
        """A line of code wider than the window goes on in the next row; else it is cut, with a mark that opens it."""
        return self._wraps_code

    @wraps_code.setter
    def wraps_code(self, wraps: bool) -> None:
        if wraps != self._wraps_code:
            self._wraps_code = wraps
            self._use_look()

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
        self._rows.use(Look(page, self._styles, self._glyphs, self._wraps_code))
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
        """Make the rows that stand below the messages, or in place of them."""

    # Scrolling

    @property
    def following(self) -> bool:
        """The end stays in view while more comes."""
        return self._following

    @property
    def new_rows(self) -> int:
        """Rows that came since the view left the end."""
        return self._new_rows

    def action_page_up(self) -> None:
        self._scroll_by(-max(1, self._window_rows - _OVERLAP_ROWS - self._free_rows))

    def action_page_down(self) -> None:
        self._scroll_by(max(1, self._window_rows - _OVERLAP_ROWS - self._free_rows))

    def action_scroll_up(self) -> None:
        self._scroll_by(-1)

    def action_scroll_down(self) -> None:
        self._scroll_by(1)

    def action_scroll_home(self) -> None:
        self._scroll_to_row(0)

    def action_scroll_end(self) -> None:
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

    def _bring_into_view(self, place: Place, *, covered_rows: int) -> None:
        """Scroll if a row is not in view, or in one of the ``covered_rows`` at the lower end."""
        if not self._following:
            top = self._rows.place(self._top)
            self._rows.settle_at(place, self._window_rows)
            self._take_virtual_size()
            if top is not None:
                self._move_to(min(self._rows.number_of(top), self.max_scroll_y))
        else:
            self._rows.settle_at(place, self._window_rows)
            self._settle()
        row = self._rows.number_of(place)
        if not self._top < row < self._top + self._window_rows - covered_rows:
            self._scroll_to_row(max(0, row - self._window_rows // 3))

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
            self._follow_changed()

    def _follow_changed(self) -> None:
        """Called when ``following`` or the number of new rows that is shown is another one."""

    def _came_below(self, rows: int) -> None:
        if not self._following:
            self._new_rows = max(0, self._new_rows + rows)

    def _show_new_rows(self) -> None:
        if self._new_rows != self._shown_new_rows:
            self._shown_new_rows = self._new_rows
            self._follow_changed()
            self._repaint_from(self._top + self._window_rows - 1)

    @property
    def _top(self) -> int:
        return round(self.scroll_y)

    @property
    def _free_rows(self) -> int:
        """Rows at the top of the view that show nothing, so that text never touches what stands above."""
        return int(self._has_free_row and self._window_rows >= _LEAST_ROWS_WITH_A_FREE_ONE)

    @property
    def _window_rows(self) -> int:
        return self.size.height

    # Layout

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        return lean_vertical_scrollbar(self)

    def on_mount(self) -> None:
        self._refresh_scrollbars()
        self._paint_frame()

    def on_resize(self, event: events.Resize) -> None:
        columns = self.scrollable_content_region.width
        if columns > 0 and columns != self._columns:
            self._columns = columns
            self._use_look()
        else:
            self._settle()
            self._repaint()

    def _settle(self) -> None:
        """Make exact what is near the view, and keep still what is in it."""
        if self._rows.look is None or not self._window_rows:
            return
        if self._following:
            self._rows.settle_end(self._window_rows)
            self._take_virtual_size()
            self._move_to(self.max_scroll_y)
        else:
            place = self._rows.place(self._top)
            top = self._top if place is None else self._rows.settle_at(place, self._window_rows)
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

    # Painting

    def _repaint(self) -> None:
        self.refresh(self.size.region)

    def _repaint_from(self, row: int) -> None:
        """Repaint the view from a row of the transcript on."""
        first = max(0, row - self._top)
        if first < self._window_rows:
            self.refresh(Region(0, first, self._columns, self._window_rows - first))

    def render_lines(self, crop: Region) -> list[Strip]:
        # The strips are kept from frame to frame, with what Textual caches in them; its own cache would copy them.
        if self._rows.look is None:
            return [Strip.blank(crop.width)] * crop.height
        first = self._top + crop.y
        strips = [row.strip for _, row in self._rows.between(first, first + crop.height)]
        strips += [self._blank] * (crop.height - len(strips))
        self._draw_under_selection(strips, first)
        selection = self.text_selection
        if selection is not None:
            strips = [self._selected(strip, first + number, selection) for number, strip in enumerate(strips)]
        self._draw_over_selection(strips, first)
        if crop.y < self._free_rows and strips:
            strips[0] = self._blank
        self._add_note(strips, crop)
        filters = self._filters()
        if filters:
            ground = textual_color(self._theme.palette.background)
            for line_filter in filters:
                strips = [strip.apply_filter(line_filter, ground) for strip in strips]
        if crop.x or crop.right < self._columns:
            strips = [cropped(strip, *crop.column_span) for strip in strips]
        return strips

    def _draw_under_selection(self, strips: list[Strip], first: int) -> None:
        """Change some of the strips, of which the first shows row ``first``."""

    def _draw_over_selection(self, strips: list[Strip], first: int) -> None:
        """As ``_draw_under_selection``, later."""

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

    def _note(self) -> str:
        """What the lower right says away from the end; empty at it."""
        if self._following or self._rows.total <= self._window_rows:
            return ""
        glyphs = self._glyphs
        number = f"{plural(self._shown_new_rows, 'new row')} {glyphs.separator} " if self._shown_new_rows else ""
        note = f" {glyphs.down} {number}ctrl+end "
        return note if width_of(note) < self._columns else ""

    def _is_note_at(self, x: int, y: int) -> bool:
        note = self._note()
        return bool(note) and y == self._window_rows - 1 and x >= self._columns - width_of(note) - 1

    def _add_note(self, strips: list[Strip], crop: Region) -> None:
        number = self._window_rows - 1 - crop.y
        note = self._note()
        if not note or not 0 <= number < len(strips):
            return
        start = max(0, self._columns - width_of(note) - 1)
        piece = Strip([Segment(note, self._styles[Pen("muted", "overlay")])], width_of(note))
        strips[number] = with_piece(strips[number], start, piece)

    # Selection

    def _select_around(self, x: int, y: int, *, is_word: bool) -> None:
        row = self._top + y
        found = self._rows.row(row)
        if y < self._free_rows or found is None or not found.is_copied:
            return
        start, end = word_at(found.strip.text, x) if is_word else (found.start, found.end)
        self.screen.selections = {self: Selection(Offset(start, row), Offset(end, row))}

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What is selected, as it was written: no rails, rules or numbers, and lines that were wrapped are whole."""
        if self._rows.look is None:
            return None
        place = self._rows.place(self._top)
        text = selected_text(self._rows, selection)
        if place is not None:
            # Rows that nobody has looked at were only guessed to be as many.
            self._take_virtual_size()
            self._move_to(min(self._rows.number_of(place), self.max_scroll_y))
        self._rows.forget_far_ones(self._window_rows)
        return text, "\n"

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
