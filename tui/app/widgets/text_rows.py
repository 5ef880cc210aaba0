"""Text to read: lines with roles, wrapped to the window, scrolled by the keys of the screen around it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.app.glyphs import Glyphs
from tui.app.paint import Ink
from tui.app.transcript.wrap import wrap
from tui.app.widgets.parts import Parts, cells_of, cut, drawn
from tui.theming.values import Theme


class TextRows(ScrollView, can_focus=False):
    """A line of one part is wrapped; one of several is a row, and cut where the window ends. All of it is clean."""

    DEFAULT_CSS = """
    TextRows { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; background: $role-overlay; }
    """

    def __init__(self, *, theme: Theme, glyphs: Glyphs, ground: str = "overlay") -> None:
        super().__init__()
        self._theme = theme
        self._glyphs = glyphs
        self._ground = ground
        self._lines: tuple[Parts, ...] = ()
        self._rows: tuple[Parts, ...] = ()

    def show(self, lines: Iterable[Parts]) -> None:
        """Replaces the text; the place that is read stays."""
        lines = tuple(lines)
        if lines != self._lines:
            self._lines = lines
            self._wrap()

    @property
    def text(self) -> str:
        return "\n".join("".join(text for text, _ in row) for row in self._rows)

    def page(self, direction: int) -> None:
        self.move(direction * max(1, self.size.height - 1))

    def move(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False)

    def go_to(self, words: str) -> bool:
        """To the first row of exactly these words; False where there is none."""
        found = (number for number, row in enumerate(self._rows) if "".join(text for text, _ in row) == words)
        row = next(found, None)
        if row is not None:
            # Before the first layout nothing can be scrolled.
            self.call_after_refresh(self.scroll_to, y=row, animate=False)
        return row is not None

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self._wrap()

    def _wrap(self) -> None:
        width = max(8, self.size.width - 1)
        rows: list[Parts] = []
        for line in self._lines:
            if len(line) != 1 or cells_of(line) <= width:
                rows.append(line)
                continue
            ((text, role),) = line
            indent = " " * (len(text) - len(text.lstrip(" ")))
            body = text[len(indent) :]
            rows += [((indent + body[start:end], role),) for start, end in wrap(body, max(8, width - len(indent)))]
        self._rows = tuple(rows)
        self.virtual_size = Size(self.size.width, len(rows))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        ink = Ink(self._theme.palette, self._ground)
        width, index = self.size.width, y + self.scroll_offset.y
        if index >= len(self._rows):
            return Strip.blank(width, ink("muted"))
        line = drawn(cut(self._rows[index], width, self._glyphs.ellipsis), ink)
        return Strip([Segment("", ink("muted")), *line]).adjust_cell_length(width, ink("muted"))
