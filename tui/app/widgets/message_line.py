"""One line that says what can be done with the marked message, and takes one key for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from textual import events
from textual.message import Message

from tui.app.glyphs import Glyphs
from tui.app.widgets.asking_line import AskingLine
from tui.app.widgets.parts import Parts, cells_of
from tui.theming.values import Theme

_MARGIN_CELLS = 1


class Deed(StrEnum):
    """What can be done with a message."""

    edit = "edit"
    edit_only = "edit only"
    regenerate = "regenerate"
    go_on = "continue"
    delete = "delete"
    delete_all = "delete all"
    fork = "fork"
    earlier = "earlier version"
    later = "later version"


@dataclass(frozen=True, slots=True)
class Offer:
    """A deed with the keys that do it, what is shown of them, and its word, in full and where room is scarce.

    With nothing shown, it is told together with another one.
    """

    deed: Deed
    keys: tuple[str, ...]
    shown: str
    word: str
    short: str


class MessageLine(AskingLine):
    """A deed closes it, all but stepping through versions."""

    class Chosen(Message):
        def __init__(self, deed: Deed) -> None:
            super().__init__()
            self.deed = deed

    class Moved(Message):
        """Another message is meant: the one before (-1) or after (1)."""

        def __init__(self, steps: int) -> None:
            super().__init__()
            self.steps = steps

    class Closed(AskingLine.Closed):
        """Nothing is to be done."""

    def __init__(self, *, theme: Theme, glyphs: Glyphs, name: str | None = None) -> None:
        super().__init__(theme=theme, glyphs=glyphs, name=name)
        self._about = ""
        self._offers: tuple[Offer, ...] = ()

    def open(self, about: str, offers: Sequence[Offer]) -> None:
        """Ask, or ask anew. ``about`` says which message it is, in a word or two."""
        self._about, self._offers = about, tuple(offers)
        self.ask()

    def on_resize(self, event: events.Resize) -> None:
        self.show_words()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return (*self._told(is_short=False), ("up, down", "another message"), ("esc", "back"))

    def _told(self, *, is_short: bool) -> tuple[tuple[str, str], ...]:
        return tuple((one.shown, one.short if is_short else one.word) for one in self._offers if one.shown)

    def show_words(self) -> None:
        back: Parts = (("esc", "accent"), (" back ", "muted"))
        full, short = self._told(is_short=False), self._told(is_short=True)
        room = self.size.width - cells_of(back) - _MARGIN_CELLS
        wide = self._parts_of(full, gap=f" {self._glyphs.separator} ")
        ways = (wide, self._parts_of(full, gap="  "), self._parts_of(short, gap="  "))
        self.show(next((one for one in ways if cells_of(one) <= room), ways[-1]), right=back)

    def _parts_of(self, words: Sequence[tuple[str, str]], *, gap: str) -> Parts:
        parts: list[tuple[str, str]] = [(f" {self._about}  ", "muted")]
        for number, (key, word) in enumerate(words):
            parts += [(gap if number else "", "muted"), (key, "accent"), (f" {word}", "foreground")]
        return tuple(parts)

    def on_key(self, event: events.Key) -> None:
        key = event.character if event.is_printable and event.character is not None else event.key
        offer = next((one for one in self._offers if key in one.keys), None)
        steps = {"up": -1, "down": 1}.get(event.key, 0)
        if steps:
            self.take(event)
            self.post_message(self.Moved(steps))
        elif offer is None:
            self.closes_with(event)
        else:
            self.take(event)
            if offer.deed not in (Deed.earlier, Deed.later):
                self.close()
            self.post_message(self.Chosen(offer.deed))
