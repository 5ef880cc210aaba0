"""One line that says what can be done with the marked message, and takes one key for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from textual import events
from textual.message import Message

from tui.app.glyphs import Glyphs
from tui.app.widgets.line import Line
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


class MessageLine(Line, can_focus=True):
    """Out of sight until it is opened. A deed closes it, all but stepping through versions."""

    DEFAULT_CSS = """
    MessageLine { display: none; layer: over; dock: bottom; height: 1; width: 100%; background: $role-overlay; }
    """

    class Chosen(Message):
        def __init__(self, deed: Deed) -> None:
            super().__init__()
            self.deed = deed

    class Moved(Message):
        """Another message is meant: the one before (-1) or after (1)."""

        def __init__(self, steps: int) -> None:
            super().__init__()
            self.steps = steps

    class Closed(Message):
        """Nothing is to be done.

        ``character`` is what was typed instead, for the prompt; empty if nothing was. ``was_left``: the focus went
        elsewhere by itself, and is to stay there.
        """

        def __init__(self, character: str = "", *, was_left: bool = False) -> None:
            super().__init__()
            self.character = character
            self.was_left = was_left

    def __init__(self, *, theme: Theme, glyphs: Glyphs, name: str | None = None) -> None:
        super().__init__(theme=theme, glyphs=glyphs, ground="overlay", name=name)
        self._about = ""
        self._offers: tuple[Offer, ...] = ()
        self._stays = False

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    def open(self, about: str, offers: Sequence[Offer]) -> None:
        """Ask, or ask anew. ``about`` says which message it is, in a word or two."""
        self._about, self._offers, self._stays = about, tuple(offers), False
        self._show_offers()
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
        self._show_offers()

    def on_resize(self, event: events.Resize) -> None:
        self._show_offers()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys that answer, each with its word."""
        return (*self._told(is_short=False), ("up, down", "another message"), ("esc", "back"))

    def _told(self, *, is_short: bool) -> tuple[tuple[str, str], ...]:
        return tuple((one.shown, one.short if is_short else one.word) for one in self._offers if one.shown)

    def _show_offers(self) -> None:
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
        is_typed = offer is None and event.is_printable and event.character is not None
        if offer is None and not steps and not is_typed and event.key != "escape":
            # Keys of commands act as ever.
            return
        event.stop()
        event.prevent_default()
        if steps:
            self.post_message(self.Moved(steps))
        elif offer is None:
            self.close()
            self.post_message(self.Closed(event.character or "" if is_typed else ""))
        else:
            if offer.deed not in (Deed.earlier, Deed.later):
                self.close()
            self.post_message(self.Chosen(offer.deed))

    def on_focus(self) -> None:
        self._stays = False

    def on_blur(self) -> None:
        """The focus went elsewhere: the question is over."""
        if self.is_open and not self._stays:
            self.close()
            self.post_message(self.Closed(was_left=True))
