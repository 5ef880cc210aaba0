"""The line over the lower end of the transcript where one types what to find."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.transcript.finding import FindState, has_capital
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts, cells_of
from tui.theming.values import Theme

_COUNT_CELLS = 16
"""As wide as ``1,234 of 56,789…``, so that nothing beside it moves."""
_LEAST_INPUT_CELLS = 16


class FindInput(FilterInput):
    """Its own key for finding selects what is there, as when it was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+f", "select_all", "find something else", show=False)]


class FindBar(Horizontal):
    """Out of sight until it is opened. It says what the person wants; the search itself is somebody else's."""

    DEFAULT_CSS = """
    FindBar { display: none; layer: over; dock: bottom; height: 1; width: 100%; background: $role-overlay; }
    FindBar #find-label { width: 7; }
    FindBar FilterInput { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "next", "next", show=False),
        Binding("up", "previous", "previous", show=False),
        Binding("escape", "close", "close", show=False),
    ]

    class Changed(Message):
        """Another text is to be found; empty: none."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Next(Message):
        """To the next hit."""

    class Previous(Message):
        """To the hit before."""

    class Closed(Message):
        """The person is done; the focus may go back to where it was."""

    def __init__(self, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._label = Line(theme=theme, glyphs=glyphs, ground="overlay", name="find-label")
        self._input = FindInput(placeholder="words in this conversation")
        self._tail = Line(theme=theme, glyphs=glyphs, ground="overlay", name="find-tail")
        self._state = FindState()

    def compose(self) -> ComposeResult:
        yield self._label
        yield self._input
        yield self._tail

    def on_mount(self) -> None:
        self._label.show(((" find", "muted"),))
        self._show_tail()

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    @property
    def text(self) -> str:
        return self._input.value

    def open(self, text: str = "") -> None:
        """Come into sight with ``text``, else that of the last time, selected, so that typing replaces it."""
        self.display = True
        if text:
            with self._input.prevent(Input.Changed):
                self._input.value = text
        self.focus_text()
        self._input.action_select_all()
        if self.text:
            self.post_message(self.Changed(self.text))

    def focus_text(self) -> None:
        """Take the next keys."""
        self._input.focus()

    def close(self) -> None:
        """Go out of sight, without a word."""
        self.display = False

    def show_state(self, state: FindState) -> None:
        """``3 of 17``; a count that still grows ends in an ellipsis."""
        self._state = state
        self._show_tail()

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._glyphs = glyphs
        self._label.use_theme(theme, glyphs)
        self._tail.use_theme(theme, glyphs)
        self._show_tail()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys that work while something is typed here, each with its word."""
        return (
            ("enter", "next"),
            ("down", "next"),
            ("up", "previous"),
            ("ctrl+f", "find something else"),
            ("esc", "close"),
        )

    def _count(self) -> tuple[str, str]:
        """Words and role."""
        state = self._state
        more = "" if state.is_complete else self._glyphs.ellipsis
        if not self.text:
            return "", "muted"
        if not state.count:
            return (f"looking{more}", "muted") if more else ("nothing found", "warning")
        return f"{state.current:,} of {state.count:,}{more}", "foreground"

    def _show_tail(self) -> None:
        words, role = self._count()
        count = (f"{words:>{_COUNT_CELLS}} ", role)
        case: Parts = ((" case matters ", "muted"),) if has_capital(self.text) else ()
        gap = f" {self._glyphs.separator} "
        keys: Parts = (
            ("  enter", "accent"),
            (f" next{gap}", "muted"),
            ("up", "accent"),
            (f" previous{gap}", "muted"),
            ("esc", "accent"),
            (" close ", "muted"),
        )
        room = self.size.width - self._label.size.width - _LEAST_INPUT_CELLS
        tails: tuple[Parts, ...] = ((count, *case, *keys), (count, *case), (count,))
        tail = next((one for one in tails if cells_of(one) <= room), tails[-1])
        self._tail.styles.width = cells_of(tail)
        self._tail.show(tail)

    def on_resize(self, event: events.Resize) -> None:
        self._show_tail()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_next()

    def action_next(self) -> None:
        self.post_message(self.Next())

    def action_previous(self) -> None:
        self.post_message(self.Previous())

    def action_close(self) -> None:
        self.close()
        self.post_message(self.Closed())
