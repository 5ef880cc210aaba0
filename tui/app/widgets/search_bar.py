"""A line over the lower end of the transcript where one types what to look for."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts, cells_of
from tui.theming.values import Theme

_LEAST_INPUT_CELLS = 16
_COUNT_CELLS = 16
"""As wide as ``1,234 of 56,789…``, so that nothing beside it moves."""


class SearchBar(Horizontal):
    """Out of sight until it is opened: a label, what is typed, how much was found, and the keys as far as there is room.

    To derive from, with ``label`` set, and ``keys_line``, ``counted`` and ``extra`` said. The search itself is somebody
    else's.
    """

    DEFAULT_CSS = """
    SearchBar { display: none; layer: over; dock: bottom; height: 1; width: 100%; background: $role-overlay; }
    SearchBar FilterInput { width: 1fr; }
    """
    label = ""

    class Changed(Message):
        """Another text is looked for; empty: none."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, field: FilterInput, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._label = Line(theme=theme, glyphs=glyphs, ground="overlay", name="search-label")
        self._input = field
        self._tail = Line(theme=theme, glyphs=glyphs, ground="overlay", name="search-tail")

    def compose(self) -> ComposeResult:
        yield self._label
        yield self._input
        yield self._tail

    def on_mount(self) -> None:
        self._label.styles.width = len(self.label) + 3
        self._label.show(((f" {self.label}", "muted"),))
        self.show_tail()

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    @property
    def text(self) -> str:
        return self._input.value

    def fill(self, text: str) -> None:
        """Without a word to anybody."""
        with self._input.prevent(Input.Changed):
            self._input.value = text

    def focus_text(self) -> None:
        """Take the next keys."""
        self._input.focus()

    def close(self) -> None:
        """Go out of sight, without a word."""
        self.display = False

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._glyphs = glyphs
        self._label.use_theme(theme, glyphs)
        self._tail.use_theme(theme, glyphs)
        self.show_tail()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys that work while something is typed here, each with its word."""
        raise NotImplementedError

    def keys_shown(self) -> tuple[tuple[str, str], ...]:
        """Those of them that are named here while there is room; the first and the last matter most."""
        return self.keys_line()

    def counted(self) -> tuple[int, int, bool]:
        """Which one is shown, from 1; how many there are; and whether nobody looks any more."""
        raise NotImplementedError

    def extra(self) -> Parts:
        """What else is worth a word beside the count."""
        return ()

    def show_tail(self) -> None:
        """Anew, with as many keys as there is room for."""
        words, role = self._count()
        count = (f"{words:>{_COUNT_CELLS}} ", role)
        every, extra = self.keys_shown(), self.extra()
        tails: tuple[Parts, ...] = (
            (count, *extra, *self._keys(every)),
            (count, *extra, *self._keys((every[0], every[-1]))),
            (count, *extra),
            (count,),
        )
        room = self.size.width - self._label.size.width - _LEAST_INPUT_CELLS
        tail = next((one for one in tails if cells_of(one) <= room), tails[-1])
        self._tail.styles.width = cells_of(tail)
        self._tail.show(tail)

    def on_resize(self, event: events.Resize) -> None:
        self.show_tail()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(event.value))

    def _count(self) -> tuple[str, str]:
        """Words and role: ``3 of 17``; a count that still grows ends in an ellipsis."""
        current, count, is_complete = self.counted()
        more = "" if is_complete else self._glyphs.ellipsis
        if not self.text.strip():
            return "", "muted"
        if not count:
            return (f"looking{more}", "muted") if more else ("nothing found", "warning")
        return f"{current:,} of {count:,}{more}", "foreground"

    def _keys(self, shown: tuple[tuple[str, str], ...]) -> Parts:
        parts: list[tuple[str, str]] = []
        for number, (key, word) in enumerate(shown):
            gap = f" {self._glyphs.separator} " if number else "  "
            parts += [(gap, "muted"), (key, "accent"), (f" {word}", "muted")]
        return (*parts, (" ", "muted"))
