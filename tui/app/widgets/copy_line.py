"""One line that asks what to copy, and takes one key for an answer."""

from __future__ import annotations

from enum import StrEnum

from textual import events
from textual.message import Message

from tui.app.glyphs import Glyphs
from tui.app.widgets.asking_line import AskingLine
from tui.app.widgets.parts import Parts
from tui.theming.values import Theme

MOST_NUMBERED_CODES = 9


class Copied(StrEnum):
    """What of a conversation can be taken away."""

    answer = "answer"
    code = "code"
    conversation = "all"


class CopyLine(AskingLine):
    """Whatever key comes closes it, but a number that no code has."""

    class Chosen(Message):
        """The choice. ``number`` is that of a block of code, from 1."""

        def __init__(self, what: Copied, number: int = 0) -> None:
            super().__init__()
            self.what = what
            self.number = number

    class Closed(AskingLine.Closed):
        """Nothing is to be copied."""

    def __init__(self, *, theme: Theme, glyphs: Glyphs, name: str | None = None) -> None:
        super().__init__(theme=theme, glyphs=glyphs, name=name)
        self._codes = 0
        self._has_answer = False

    def open(self, *, codes: int, has_answer: bool = True) -> None:
        """Ask. ``codes`` is how many blocks of code can be named; what is not there is not offered."""
        self._codes = min(codes, MOST_NUMBERED_CODES)
        self._has_answer = has_answer
        self.ask()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return (*self._choices(), ("esc", "back"))

    def _choices(self) -> list[tuple[str, str]]:
        dash = "-" if self._glyphs.separator.isascii() else "–"
        choices: list[tuple[str, str]] = []
        if self._has_answer:
            choices.append(("enter", "answer"))
        if self._codes:
            choices.append(("1" if self._codes == 1 else f"1{dash}{self._codes}", "code"))
        choices.append(("a", "all"))
        return choices

    def show_words(self) -> None:
        parts: Parts = ((" copy  ", "muted"),)
        for number, (key, word) in enumerate(self._choices()):
            gap = f" {self._glyphs.separator} " if number else ""
            parts = (*parts, (gap, "muted"), (key, "accent"), (f" {word}", "foreground"))
        self.show(parts, right=(("esc", "accent"), (" back ", "muted")))

    def on_key(self, event: events.Key) -> None:
        choice = self._choice(event.key)
        if choice is not None:
            self.take(event)
            self.close()
            self.post_message(choice)
        elif event.character is not None and event.character.isdigit() and self._codes:
            # A number that no code has: the line stays, for a right one.
            self.take(event)
        else:
            self.closes_with(event)

    def _choice(self, key: str) -> Chosen | None:
        if key == "enter" and self._has_answer:
            return self.Chosen(Copied.answer)
        if key == "a":
            return self.Chosen(Copied.conversation)
        if key.isascii() and key.isdigit() and 1 <= int(key) <= self._codes:
            return self.Chosen(Copied.code, int(key))
        return None
