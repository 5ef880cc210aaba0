"""A list of rows drawn line by line, so that ten thousand of them cost what the visible ones cost."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.app.glyphs import Glyphs
from tui.app.paint import Ink
from tui.app.widgets.parts import Parts, cells_of, cut, drawn
from tui.theming.values import Theme

__all__ = ["Parts", "Row", "RowList"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    key: str
    """Empty for a heading, which cannot be chosen."""
    left: Parts
    right: Parts = ()


class RowList(ScrollView, can_focus=False):
    """Shows rows and a mark; the screen moves the mark, for the keys belong to the filter above."""

    DEFAULT_CSS = """
    RowList { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; background: $role-overlay; }
    """

    class Marked(Message):
        """The mark stands on another row."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Chosen(Message):
        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, theme: Theme, glyphs: Glyphs, ground: str = "overlay") -> None:
        super().__init__()
        self._theme = theme
        self._glyphs = glyphs
        self._ground = ground
        self._rows: tuple[Row, ...] = ()
        self._mark = -1

    @property
    def rows(self) -> tuple[Row, ...]:
        return self._rows

    @property
    def marked(self) -> str:
        """The key under the mark; empty when there is none."""
        return self._rows[self._mark].key if 0 <= self._mark < len(self._rows) else ""

    def show(self, rows: tuple[Row, ...], *, keep: str = "") -> None:
        """Replaces the rows. The mark stays on ``keep`` when that is still there, else goes to the first row."""
        before = self.marked
        self._rows = rows
        keys = [row.key for row in rows]
        wanted = keep or before
        if wanted and wanted in keys:
            self._mark = keys.index(wanted)
        else:
            self._mark = next((index for index, key in enumerate(keys) if key), -1)
        self.virtual_size = Size(self.size.width, len(rows))
        self._reveal()
        self.refresh()
        if self.marked != before:
            self.post_message(self.Marked(self.marked))

    def move(self, steps: int) -> None:
        """Moves the mark over rows that can be chosen, and stops at the ends."""
        if not self._rows:
            return
        target = self._mark
        direction = 1 if steps > 0 else -1
        for _ in range(abs(steps)):
            index = target + direction
            while 0 <= index < len(self._rows) and not self._rows[index].key:
                index += direction
            if not 0 <= index < len(self._rows):
                break
            target = index
        if target != self._mark:
            self._mark = target
            self._reveal()
            self.refresh()
            self.post_message(self.Marked(self.marked))

    def page(self, direction: int) -> None:
        self.move(direction * max(1, self.size.height - 1))

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self.virtual_size = Size(event.size.width, len(self._rows))
        self._reveal()

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if 0 <= index < len(self._rows) and self._rows[index].key:
            self._mark = index
            self.refresh()
            self.post_message(self.Chosen(self._rows[index].key))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        index = y + self.scroll_offset.y
        palette = self._theme.palette
        if index >= len(self._rows):
            return Strip.blank(width, Ink(palette, self._ground)("muted"))
        row = self._rows[index]
        is_marked = index == self._mark
        ink = Ink(palette, "selection" if is_marked else self._ground)

        right = cut(row.right, max(0, width - 2), self._glyphs.ellipsis)
        room = max(0, width - cells_of(right) - 2)
        left = Strip(drawn(cut(row.left, room, self._glyphs.ellipsis), ink))
        mark = Segment(self._glyphs.prompt if is_marked else " ", ink("accent"))
        line = Strip.join([Strip([mark]), left.adjust_cell_length(room, ink("foreground")), Strip(drawn(right, ink))])
        return line.adjust_cell_length(width, ink("foreground"))

    def _reveal(self) -> None:
        height = self.size.height
        if self._mark < 0 or height <= 0:
            return
        top = self.scroll_offset.y
        first = self._mark
        # The heading above it too, unless that would leave no row for what is marked.
        while first > 0 and not self._rows[first - 1].key and self._mark - first < min(2, height - 1):
            first -= 1
        if first < top:
            self.scroll_to(y=first, animate=False)
        elif self._mark >= top + height:
            self.scroll_to(y=self._mark - height + 1, animate=False)
