"""A question before what cannot be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import HELP, key_parts, passed_on_bindings
from tui.app.screens.shield import Shield
from tui.app.terminal.fast_screen import FastScreen
from tui.app.widgets.line import Line
from tui.app.widgets.rows import Row, RowList
from tui.cleaning import clean_line
from tui.theming.values import Theme

LINE_CELLS = 400


class Question(ModalScreen[str | None], FastScreen[str | None]):
    """Gives back the key of the answer, or None for Escape. The first answer is the safe one, and is marked."""

    class Asked(Message):
        """It is on the screen; ``title`` and ``lines`` are clean."""

        def __init__(self, title: str, lines: tuple[str, ...]) -> None:
            super().__init__()
            self.title, self.lines = title, lines

    class Answered(Message):
        """``words`` of the answer that was chosen, empty when it was put aside; clean."""

        def __init__(self, title: str, words: str) -> None:
            super().__init__()
            self.title, self.words = title, words

    DEFAULT_CSS = """
    Question { align: center middle; background: transparent; }
    Question > Vertical {
        width: 72; max-width: 94%; height: auto; background: $role-overlay; border: solid $role-warning; padding: 1 2;
        border-title-color: $role-foreground; border-title-style: bold; border-title-background: $role-overlay;
    }
    Question RowList { margin: 1 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "back", show=False),
        Binding("enter", "use", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("down,tab", "move(1)", show=False),
        Binding("ctrl+q", "nothing", show=False, priority=True),
        *passed_on_bindings((HELP,)),
    ]

    def __init__(
        self,
        *,
        title: str,
        lines: tuple[str, ...],
        answers: tuple[tuple[str, str], ...],
        theme: Theme,
        glyphs: Glyphs,
        clock: Callable[[], float],
    ) -> None:
        """All texts are cleaned here; ``answers`` are keys and words. For its first moment it ignores keys."""
        super().__init__()
        self._heading = clean_line(title, LINE_CELLS)
        self._lines = tuple(clean_line(line, LINE_CELLS) for line in lines)
        self._answers = tuple((key, clean_line(words, LINE_CELLS)) for key, words in answers)
        self.theme = theme
        self.glyphs = glyphs
        self._shield = Shield(clock, is_up=True)
        self._withdrawn = False

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content(self._heading)
            for _ in self._lines:
                yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay")
            rows = RowList(theme=self.theme, glyphs=self.glyphs)
            rows.styles.height = len(self._answers)
            yield rows
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="keys")

    def on_mount(self) -> None:
        for line, text in zip(self.query(Line), self._lines, strict=False):
            line.show(((text, "foreground"),))
        self.query_one(RowList).show(
            tuple(Row(key=key, left=((f" {words}", "foreground"),)) for key, words in self._answers)
        )
        self.query_one("#keys", Line).show(key_parts(self.keys_line()))
        self.app.post_message(self.Asked(self._heading, self._lines))

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys of this screen, each with its word."""
        return (("enter", "choose"), ("esc", "back"))

    def withdraw(self) -> None:
        """Takes the question back, as if the safe answer had been given: there is nothing to decide any more."""
        if self.is_attached and self in self.app.screen_stack:
            self._withdrawn = True
            if self.is_active:
                self.dismiss(self._answers[0][0])

    def on_screen_resume(self) -> None:
        if self._withdrawn:
            self.dismiss(self._answers[0][0])

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self._answer(event.key)

    def action_use(self) -> None:
        self._answer(self.query_one(RowList).marked)

    def action_move(self, steps: int) -> None:
        if not self._shield.is_up:
            self.query_one(RowList).move(steps)

    def action_back(self) -> None:
        self._answer(None)

    def action_nothing(self) -> None:
        """Quitting waits for the answer."""

    def _answer(self, key: str | None) -> None:
        if not self._shield.is_up:
            words = next((words for one, words in self._answers if one == key), "")
            self.app.post_message(self.Answered(self._heading, words))
            self.dismiss(key)
