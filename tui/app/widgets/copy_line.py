"""One line that asks what to copy, and takes one key for an answer."""

from __future__ import annotations

from enum import StrEnum

from textual import events
from textual.message import Message

from tui.app.glyphs import Glyphs
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts
from tui.theming.values import Theme

MOST_NUMBERED_CODES = 9


class Copied(StrEnum):
    """What of a conversation can be taken away."""

    answer = "answer"
    code = "code"
    conversation = "all"


class CopyLine(Line, can_focus=True):
    """Out of sight until it is opened; whatever key comes then closes it."""

    DEFAULT_CSS = """
    CopyLine { display: none; layer: over; dock: bottom; height: 1; width: 100%; background: $role-overlay; }
    """

    class Chosen(Message):
        """The choice. ``number`` is that of a block of code, from 1."""

        def __init__(self, what: Copied, number: int = 0) -> None:
            super().__init__()
            self.what = what
            self.number = number

    class Closed(Message):
        """Nothing is to be copied.

        ``character`` is what was typed instead, for the prompt; empty if nothing was. ``was_left``: the focus went
        elsewhere by itself, and is to stay there.
        """

        def __init__(self, character: str = "", *, was_left: bool = False) -> None:
            super().__init__()
            self.character = character
            self.was_left = was_left

    def __init__(self, *, theme: Theme, glyphs: Glyphs, name: str | None = None) -> None:
        super().__init__(theme=theme, glyphs=glyphs, ground="overlay", name=name)
        self._codes = 0
        self._has_answer = False
        self._stays = False

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    def open(self, *, codes: int, has_answer: bool = True) -> None:
        """Ask. ``codes`` is how many blocks of code can be named; what is not there is not offered."""
        self._codes = min(codes, MOST_NUMBERED_CODES)
        self._has_answer = has_answer
        self._stays = False
        self._show_choices()
        self.display = True
        self.focus()

    def stay_open(self) -> None:
        """Until it has the focus again: what lies on top only tells of its keys."""
        self._stays = self.is_open

    def close(self) -> None:
        """Go out of sight, without a word."""
        self.display = False

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        super().use_theme(theme, glyphs)
        self._show_choices()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys that answer, each with its word."""
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

    def _show_choices(self) -> None:
        parts: Parts = ((" copy  ", "muted"),)
        for number, (key, word) in enumerate(self._choices()):
            gap = f" {self._glyphs.separator} " if number else ""
            parts = (*parts, (gap, "muted"), (key, "accent"), (f" {word}", "foreground"))
        self.show(parts, right=(("esc", "accent"), (" back ", "muted")))

    def on_key(self, event: events.Key) -> None:
        choice = self._choice(event.key)
        if choice is None and event.character is not None and event.character.isdigit() and self._codes:
            # A number that no code has: the line stays, for a right one.
            event.stop()
            event.prevent_default()
            return
        is_typed = choice is None and event.is_printable and event.character is not None
        if choice is None and not is_typed and event.key != "escape":
            # Keys of commands act as ever.
            return
        event.stop()
        event.prevent_default()
        self.close()
        self.post_message(choice or self.Closed(event.character or "" if is_typed else ""))

    def _choice(self, key: str) -> Chosen | None:
        if key == "enter" and self._has_answer:
            return self.Chosen(Copied.answer)
        if key == "a":
            return self.Chosen(Copied.conversation)
        if key.isascii() and key.isdigit() and 1 <= int(key) <= self._codes:
            return self.Chosen(Copied.code, int(key))
        return None

    def on_focus(self) -> None:
        self._stays = False

    def on_blur(self) -> None:
        """The focus went elsewhere: the question is over."""
        if self.is_open and not self._stays:
            self.close()
            self.post_message(self.Closed(was_left=True))
