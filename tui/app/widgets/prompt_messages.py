"""What the prompt tells the screen."""

from __future__ import annotations

from textual.message import Message


class Sent(Message, namespace="prompt"):
    """A person sent the prompt."""

    def __init__(self, text: str, *, owner: str = "", is_typed: bool = True) -> None:
        """``text`` is as typed, every paste in full; ``owner`` is what ``load`` was given last.

        ``is_typed`` is False for a text whose beginning was pasted, recalled or restored: it is no command.
        """
        super().__init__()
        self.text = text
        self.owner = owner
        self.is_typed = is_typed


class Changed(Message, namespace="prompt"):
    """The draft changed: at once, then at most every 250 ms, the newest text last.

    Whoever takes the prompt away reads ``Prompt.draft`` first: what changed since the last message is not posted then.
    """

    def __init__(self, text: str, *, owner: str = "") -> None:
        """``text`` is ``Prompt.draft``; ``owner`` says whose, should another text be shown by the time this is read."""
        super().__init__()
        self.text = text
        self.owner = owner


class Emptied(Message, namespace="prompt"):
    """The last character went, or the prompt was sent or cleared."""


class EnterOnEmpty(Message, namespace="prompt"):
    """Enter in a prompt with nothing but blanks."""


class TakeBack(Message, namespace="prompt"):
    """Up at the top of the prompt while ``takes_back``: what was queued is wanted here, before what was typed."""
