"""The line over the lower end of the transcript where one types what an earlier prompt had in it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.found_prompts import FoundPrompts
from tui.app.widgets.search_bar import SearchBar
from tui.theming.values import Theme


class HistoryBar(SearchBar):
    """It says which of the earlier prompts the person wants; the prompts themselves are somebody else's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,ctrl+r", "earlier", "an earlier one", show=False),
        Binding("down", "later", "a later one", show=False),
        Binding("escape", "give_up", "back to what was there", show=False),
    ]
    label = "earlier prompts"

    class Changed(SearchBar.Changed):
        """Another text is looked for; empty: none."""

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
        super().__init__(FilterInput(placeholder="what an earlier prompt had in it"), theme=theme, glyphs=glyphs)
        self._found = FoundPrompts()
        self._is_complete = True

    def open(self, text: str = "") -> None:
        """Come into sight, looking for ``text``, and take the next keys."""
        self.display = True
        self.fill(text)
        self._input.cursor_position = len(text)
        self.focus_text()
        self.post_message(self.Changed(text))

    def show_found(self, found: FoundPrompts, *, is_complete: bool) -> None:
        """Not ``is_complete``: earlier conversations are still looked at."""
        self._found, self._is_complete = found, is_complete
        self.show_tail()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return (("enter", "take it"), ("ctrl+r", "earlier"), ("down", "later"), ("esc", "back"))

    def counted(self) -> tuple[int, int, bool]:
        return self._found.position + 1, len(self._found.found), self._is_complete

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
