"""A line over the lower end of the transcript that asks something, and takes one key for an answer."""

from __future__ import annotations

from textual import events
from textual.message import Message

from tui.app.glyphs import Glyphs
from tui.app.widgets.line import Line
from tui.theming.values import Theme


class AskingLine(Line, can_focus=True):
    """Out of sight until it is opened; it is over when the focus goes elsewhere.

    To derive from, with a ``Closed`` of its own, so that each can be told apart, and with ``show_words`` and
    ``keys_line`` said.
    """

    DEFAULT_CSS = """
    AskingLine { display: none; layer: over; dock: bottom; height: 1; width: 100%; background: $role-overlay; }
    """

    class Closed(Message):
        """None of what was offered is to be done.

        ``character`` is what was typed instead, for the prompt; empty if nothing was. ``was_left``: the focus went
        elsewhere by itself, and is to stay there.
        """

        def __init__(self, character: str = "", *, was_left: bool = False) -> None:
            super().__init__()
            self.character = character
            self.was_left = was_left

    def __init__(self, *, theme: Theme, glyphs: Glyphs, name: str | None = None) -> None:
        super().__init__(theme=theme, glyphs=glyphs, ground="overlay", name=name)
        self._stays = False

    def show_words(self) -> None:
        """What is asked, with the keys that answer."""
        raise NotImplementedError

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys that answer, each with its word."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    def ask(self) -> None:
        """Come into sight and take the next key."""
        self._stays = False
        self.show_words()
        self.display = True
        self.focus()

    def stay_open(self) -> None:
        """Until it has the focus again: what lies on top only tells of its keys."""
        self._stays = self.is_open

    def close(self) -> None:
        """Go out of sight, without a word."""
        self.display = False

    def take(self, event: events.Key) -> None:
        """Nobody else gets the key."""
        event.stop()
        event.prevent_default()

    def closes_with(self, event: events.Key) -> bool:
        """Closes for Escape, and for what is typed; True when the key was one of them."""
        typed = event.character or "" if event.is_printable else ""
        if not typed and event.key != "escape":
            # Keys of commands act as ever.
            return False
        self.take(event)
        self.close()
        self.post_message(self.Closed(typed))
        return True

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        super().use_theme(theme, glyphs)
        self.show_words()

    def on_focus(self) -> None:
        self._stays = False

    def on_blur(self) -> None:
        """The focus went elsewhere: the question is over."""
        if self.is_open and not self._stays:
            self.close()
            self.post_message(self.Closed(was_left=True))
