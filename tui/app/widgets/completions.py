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
    """Lies over the lower end of the transcript while a command is typed, and what belongs to it.

    The first one is marked until another one is chosen; more than fit scroll.
    """

    DEFAULT_CSS = """
    Completions { display: none; layer: over; dock: bottom; height: auto; width: 1fr; background: $role-overlay; }
    Completions.-open { display: block; }
    """

    def __init__(self, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._theme = theme
        self._glyphs = glyphs
        self._completions: tuple[Completion, ...] = ()
        self._marked = 0
        self._top = 0
        self.is_chosen = False
        """The marked one was chosen by hand."""

    @property
    def is_open(self) -> bool:
        return bool(self._completions)

    @property
    def marked(self) -> Completion | None:
        return self._completions[self._marked] if self._completions else None

    def move(self, steps: int) -> None:
        """Marks another one; behind the last comes the first."""
        if self._completions:
            self._marked = (self._marked + steps) % len(self._completions)
            self._top = min(max(self._top, self._marked - MAX_SHOWN + 1), self._marked)
            self.is_chosen = True
            self.refresh()

    def show(self, completions: tuple[Completion, ...]) -> None:
        """The best one first; none of them closes it."""
        if completions == self._completions:
            return
        self._completions = completions
        self._marked, self._top, self.is_chosen = 0, 0, False
        self.set_class(bool(completions), "-open")
        self.styles.height = min(MAX_SHOWN, len(completions))
        self.refresh(layout=True)

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        place = self._top + y
        is_marked = place == self._marked
        ink = Ink(self._theme.palette, "selection" if is_marked else "overlay")
        if place >= len(self._completions):
            return Strip.blank(width, ink("muted"))
        completion = self._completions[place]
        name = f"   {completion.name}"
        right = self._right_of(y)
        room = max(0, width - cells_of(right))
        left: Parts = (
            (f"{name:<{NAME_CELLS}}  ", "accent"),
            (completion.words, "foreground" if is_marked else "muted"),
        )
        line = Strip(drawn(cut(left, room, self._glyphs.ellipsis), ink)).adjust_cell_length(room, ink("muted"))
        return Strip.join([line, Strip(drawn(right, ink))]).adjust_cell_length(width, ink("muted"))

    def _right_of(self, y: int) -> Parts:
        if self._top + y == self._marked:
            return (("  enter" if self.is_chosen else "  tab", "accent"), (" takes it ", "muted"))
        hidden = len(self._completions) - MAX_SHOWN - self._top
        return ((f"  {hidden} more ", "muted"),) if y == MAX_SHOWN - 1 and hidden > 0 else ()
