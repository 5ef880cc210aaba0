"""The line over the lower end of the transcript where one types what an earlier prompt had in it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.found_prompts import FoundPrompts
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts, cells_of
from tui.theming.values import Theme

_COUNT_CELLS = 14
_LEAST_INPUT_CELLS = 16


class HistoryBar(Horizontal):
    """Out of sight until it is opened. It says what the person wants; the prompts themselves are somebody else's."""

    DEFAULT_CSS = """
    HistoryBar { display: none; layer: over; dock: bottom; height: 1; width: 100%; background: $role-overlay; }
    HistoryBar #history-label { width: 18; }
    HistoryBar FilterInput { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,ctrl+r", "earlier", "an earlier one", show=False),
        Binding("down", "later", "a later one", show=False),
        Binding("escape", "give_up", "back to what was there", show=False),
    ]

    class Changed(Message):
        """Another text is looked for; empty: none."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Earlier(Message):
        """To the prompt before the one that is shown."""

    class Later(Message):
        """To the prompt after the one that is shown."""

    class Taken(Message):
        """The prompt that is shown is wanted."""

    class GivenUp(Message):
        """What was there before is wanted."""

    class Left(Message):
        """The focus went elsewhere by itself."""

    def __init__(self, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._label = Line(theme=theme, glyphs=glyphs, ground="overlay", name="history-label")
        self._input = FilterInput(placeholder="what an earlier prompt had in it")
        self._tail = Line(theme=theme, glyphs=glyphs, ground="overlay", name="history-tail")
        self._found = FoundPrompts()
        self._is_complete = True

    def compose(self) -> ComposeResult:
        yield self._label
        yield self._input
        yield self._tail

    def on_mount(self) -> None:
        self._label.show(((" earlier prompts", "muted"),))
        self._show_tail()

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    @property
    def text(self) -> str:
        return self._input.value

    def open(self, text: str = "") -> None:
        """Come into sight, looking for ``text``, and take the next keys."""
        self.display = True
        with self._input.prevent(Input.Changed):
            self._input.value = text
        self._input.cursor_position = len(text)
        self._input.focus()
        self.post_message(self.Changed(text))

    def close(self) -> None:
        """Go out of sight, without a word."""
        self.display = False

    def show_found(self, found: FoundPrompts, *, is_complete: bool) -> None:
        """``2 of 5``; not ``is_complete``: earlier conversations are still looked at."""
        self._found, self._is_complete = found, is_complete
        self._show_tail()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys that work while something is typed here, each with its word."""
        return (("enter", "take it"), ("ctrl+r", "earlier"), ("down", "later"), ("esc", "back"))

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._glyphs = glyphs
        self._label.use_theme(theme, glyphs)
        self._tail.use_theme(theme, glyphs)
        self._show_tail()

    def _count(self) -> tuple[str, str]:
        """Words and role."""
        more = "" if self._is_complete else self._glyphs.ellipsis
        count = len(self._found.found)
        if not self.text.strip():
            return "", "muted"
        if not count:
            return (f"looking{more}", "muted") if more else ("nothing found", "warning")
        return f"{self._found.position + 1:,} of {count:,}{more}", "foreground"

    def _show_tail(self) -> None:
        words, role = self._count()
        count = (f"{words:>{_COUNT_CELLS}} ", role)
        room = self.size.width - self._label.size.width - _LEAST_INPUT_CELLS
        every = self.keys_line()
        tails = (self._with_keys(count, every), self._with_keys(count, (every[0], every[-1])), (count,))
        tail = next((one for one in tails if cells_of(one) <= room), tails[-1])
        self._tail.styles.width = cells_of(tail)
        self._tail.show(tail)

    def _with_keys(self, count: tuple[str, str], shown: tuple[tuple[str, str], ...]) -> Parts:
        parts: list[tuple[str, str]] = [count]
        for number, (key, word) in enumerate(shown):
            gap = f" {self._glyphs.separator} " if number else "  "
            parts += [(gap, "muted"), (key, "accent"), (f" {word}", "muted")]
        return (*parts, (" ", "muted"))

    def on_resize(self, event: events.Resize) -> None:
        self._show_tail()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Taken())

    def on_descendant_blur(self) -> None:
        if self.is_open:
            self.post_message(self.Left())

    def action_earlier(self) -> None:
        self.post_message(self.Earlier())

    def action_later(self) -> None:
        self.post_message(self.Later())

    def action_give_up(self) -> None:
        self.post_message(self.GivenUp())
