"""One line of styled text, drawn as it is given."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget

from tui.app.glyphs import UNICODE, Glyphs
from tui.app.paint import Ink
from tui.app.widgets.parts import Parts, cells_of, cut, drawn
from tui.theming.values import Theme

GAP_CELLS = 2
LEAST_MIDDLE_CELLS = 12


class Line(Widget):
    """Text left, in the middle and right. The right stays whole; the middle gives way first, then the left is cut."""

    DEFAULT_CSS = "Line { height: 1; width: 1fr; }"

    def __init__(
        self, *, theme: Theme, glyphs: Glyphs = UNICODE, ground: str = "background", name: str | None = None
    ) -> None:
        super().__init__(id=name)
        self._theme = theme
        self._glyphs = glyphs
        self._ground = ground
        self._parts: tuple[Parts, Parts, Parts] = ((), (), ())

    def show(self, left: Parts = (), right: Parts = (), middle: Parts = ()) -> None:
        if (left, middle, right) != self._parts:
            self._parts = (left, middle, right)
            self.refresh()

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self.refresh()

    @property
    def text(self) -> str:
        return "  ".join("".join(text for text, _ in parts) for parts in self._parts if parts)

    def render_line(self, _y: int) -> Strip:
        ink = Ink(self._theme.palette, self._ground)
        width, blank = self.size.width, ink("muted")
        left, middle, right = self._parts
        room = max(0, width - cells_of(right))
        left = cut(left, max(0, room - (1 if right else 0)), self._glyphs.ellipsis)
        start, middle = self._placed(middle, after=cells_of(left), before=room)
        line = Strip(drawn(left, ink))
        if middle:
            line = Strip.join([line.adjust_cell_length(start, blank), Strip(drawn(middle, ink))])
        return Strip.join([line.adjust_cell_length(room, blank), Strip(drawn(right, ink))]).adjust_cell_length(
            width, blank
        )

    def _placed(self, middle: Parts, *, after: int, before: int) -> tuple[int, Parts]:
        """Where the middle begins and as much of it as there is room for: centred in the line where that is possible."""
        first, last = after + GAP_CELLS, before - GAP_CELLS
        if not middle or last - first < min(LEAST_MIDDLE_CELLS, cells_of(middle)):
            return 0, ()
        middle = cut(middle, last - first, self._glyphs.ellipsis)
        cells = cells_of(middle)
        return max(first, min(last - cells, (self.size.width - cells) // 2)), middle
