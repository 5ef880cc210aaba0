"""What a ``/command`` that is being typed may become, above the prompt."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget

from tui.app.commands.completing import Completion
from tui.app.glyphs import Glyphs
from tui.app.paint import Ink
from tui.app.widgets.parts import Parts, cells_of, cut, drawn
from tui.theming.values import Theme

MAX_SHOWN = 8
NAME_CELLS = 24


class Completions(Widget):
    """Lies over the lower end of the transcript while a command is typed, and what belongs to it. Tab takes the first."""

    DEFAULT_CSS = """
    Completions { display: none; layer: over; dock: bottom; height: auto; width: 1fr; background: $role-overlay; }
    Completions.-open { display: block; }
    """

    def __init__(self, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._theme = theme
        self._glyphs = glyphs
        self._completions: tuple[Completion, ...] = ()

    @property
    def is_open(self) -> bool:
        return bool(self._completions)

    @property
    def first(self) -> Completion | None:
        return self._completions[0] if self._completions else None

    def show(self, completions: tuple[Completion, ...]) -> None:
        """The best one first; none of them closes it."""
        if completions == self._completions:
            return
        self._completions = completions
        self.set_class(bool(completions), "-open")
        self.styles.height = min(MAX_SHOWN, len(completions))
        self.refresh(layout=True)

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        ink = Ink(self._theme.palette, "overlay" if y else "selection")
        if y >= len(self._completions):
            return Strip.blank(width, ink("muted"))
        completion = self._completions[y]
        name = f"   {completion.name}"
        right = self._right_of(y)
        room = max(0, width - cells_of(right))
        left: Parts = ((f"{name:<{NAME_CELLS}}  ", "accent"), (completion.words, "foreground" if y == 0 else "muted"))
        line = Strip(drawn(cut(left, room, self._glyphs.ellipsis), ink)).adjust_cell_length(room, ink("muted"))
        return Strip.join([line, Strip(drawn(right, ink))]).adjust_cell_length(width, ink("muted"))

    def _right_of(self, y: int) -> Parts:
        if y == 0:
            return (("  tab", "accent"), (" takes it ", "muted"))
        hidden = len(self._completions) - MAX_SHOWN
        return ((f"  {hidden} more ", "muted"),) if y == MAX_SHOWN - 1 and hidden > 0 else ()
