"""The line over the lower end of the transcript where one types what to find."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.transcript.finding import FindState, has_capital
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.parts import Parts
from tui.app.widgets.search_bar import SearchBar
from tui.theming.values import Theme


class FindInput(FilterInput):
    """Its own key for finding selects what is there, as when it was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+f", "select_all", "find something else", show=False)]


class FindBar(SearchBar):
    """It says what the person wants to find in this conversation."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "next", "next", show=False),
        Binding("up", "previous", "previous", show=False),
        Binding("escape", "close", "close", show=False),
    ]
    label = "find"

    class Changed(SearchBar.Changed):
        """Another text is to be found; empty: none."""

    class Next(Message):
        """To the next hit."""

    class Previous(Message):
        """To the hit before."""

    class Closed(Message):
        """The person is done; the focus may go back to where it was."""

    def __init__(self, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__(FindInput(placeholder="words in this conversation"), theme=theme, glyphs=glyphs)
        self._state = FindState()

    def open(self, text: str = "") -> None:
        """Come into sight with ``text``, else that of the last time, selected, so that typing replaces it."""
        self.display = True
        if text:
            self.fill(text)
        self.focus_text()
        self._input.action_select_all()
        if self.text:
            self.post_message(self.Changed(self.text))

    def show_state(self, state: FindState) -> None:
        self._state = state
        self.show_tail()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return (
            ("enter", "next"),
            ("down", "next"),
            ("up", "previous"),
            ("ctrl+f", "find something else"),
            ("esc", "close"),
        )

    def keys_shown(self) -> tuple[tuple[str, str], ...]:
        return (("enter", "next"), ("up", "previous"), ("esc", "close"))

    def counted(self) -> tuple[int, int, bool]:
        return self._state.current, self._state.count, self._state.is_complete

    def extra(self) -> Parts:
        return ((" case matters ", "muted"),) if has_capital(self.text) else ()

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
