"""A few lines to fill in, on top of everything else: a name for a copy, a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import HELP, key_parts, passed_on_bindings
from tui.app.terminal.fast_screen import FastScreen
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.line import Line
from tui.app.widgets.text_rows import TextRows
from tui.cleaning import clean_line
from tui.failures import Failure
from tui.theming.values import Theme

COMPLAINT_CELLS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """One line to fill in."""

    words: str
    value: str = ""
    placeholder: str = ""
    """What may stand there, or what holds when nothing does."""


class EntryScreen(ModalScreen[tuple[str, ...] | None], FastScreen[tuple[str, ...] | None]):
    """Gives back what was filled in, trimmed, or None for Escape. What ``check`` refuses stays, with the reason."""

    DEFAULT_CSS = """
    EntryScreen { align: center middle; background: transparent; }
    EntryScreen > Vertical {
        width: 84; max-width: 94%; height: auto; background: $role-overlay; border: solid $role-border; padding: 1 2;
        border-title-color: $role-foreground; border-title-style: bold; border-title-background: $role-overlay;
    }
    EntryScreen Horizontal { height: 1; }
    EntryScreen .words { width: auto; margin-right: 2; }
    EntryScreen TextRows { height: 2; margin-top: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "back", show=False, priority=True),
        Binding("enter", "use", show=False, priority=True),
        Binding("up,shift+tab", "step(-1)", show=False, priority=True),
        Binding("down,tab", "step(1)", show=False, priority=True),
        Binding("ctrl+q", "nothing", show=False, priority=True),
        *passed_on_bindings((HELP,)),
    ]

    def __init__(
        self,
        *,
        title: str,
        blanks: Sequence[Blank],
        about: str,
        done_word: str,
        check: Callable[[tuple[str, ...]], None],
        theme: Theme,
        glyphs: Glyphs,
    ) -> None:
        """``title``, ``about`` and the blanks are clean text. ``check`` raises ``Failure`` for what cannot be taken."""
        super().__init__()
        self._heading = title
        self._blanks = tuple(blanks)
        self._about = about
        self._done_word = done_word
        self._check = check
        self.theme = theme
        self.glyphs = glyphs

    def compose(self) -> ComposeResult:
        widest = max(cell_len(blank.words) for blank in self._blanks)
        with Vertical() as frame:
            frame.border_title = Content(self._heading)
            for blank in self._blanks:
                with Horizontal():
                    words = Line(theme=self.theme, glyphs=self.glyphs, ground="overlay")
                    words.add_class("words")
                    words.styles.width = widest
                    words.show(((blank.words, "muted"),))
                    yield words
                    yield FilterInput(placeholder=blank.placeholder, value=blank.value)
            yield TextRows(theme=self.theme, glyphs=self.glyphs)
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="keys")

    def on_mount(self) -> None:
        self._inputs[0].focus()
        self._say(self._about, "muted")
        self.query_one("#keys", Line).show(key_parts(self.keys_line()))

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys of this screen, each with its word."""
        more = (("tab", "next line"),) if len(self._blanks) > 1 else ()
        return (("enter", self._done_word), *more, ("esc", "back"))

    @property
    def _inputs(self) -> list[FilterInput]:
        return list(self.query(FilterInput))

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(one.value.strip() for one in self._inputs)

    def _say(self, words: str, role: str) -> None:
        self.query_one(TextRows).show((((clean_line(words, COMPLAINT_CELLS), role),),))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._say(self._about, "muted")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()

    def action_use(self) -> None:
        try:
            self._check(self.values)
        except Failure as failure:
            self._say(f"{failure.title} {self.glyphs.separator} {failure.message or failure.advice}", "error")
        else:
            self.dismiss(self.values)

    def action_step(self, steps: int) -> None:
        inputs = self._inputs
        at = next((index for index, one in enumerate(inputs) if one.has_focus), 0)
        inputs[(at + steps) % len(inputs)].focus()

    def action_back(self) -> None:
        self.dismiss(None)

    def action_nothing(self) -> None:
        """Quitting waits until this is filled in or left."""
