"""Thinking that a server left inside the text, between ``<think>`` and ``</think>``, and how it is taken out again.

Servers before 0.9 leave it there, and so do later ones for a model that is not marked as a thinking one, or whose
weights were loaded by a name of another kind.
"""

from __future__ import annotations

from enum import Enum, auto

_OPENS = "<think>"
_CLOSES = "</think>"
_WHITE = " \t\r\n"


class _At(Enum):
    beginning = auto()
    """Nothing but white space, or the first letters of the tag, has come."""
    thinking_begins = auto()
    thinking = auto()
    text_begins = auto()
    text = auto()


class InlineThinking:
    """Takes text piece by piece and gives it as ``(thinking, text)``, the same however it was cut.

    Only a ``<think>`` that is the first thing said opens it; whoever knows that the template has said it already
    passes ``is_open``. White space around the tags goes with them; no other letter is lost or moved. Letters that may
    be the beginning of a tag are held until it is known, so ``end`` has to be asked for them.
    """

    __slots__ = ("_at", "_held")

    def __init__(self, *, is_open: bool = False) -> None:
        self._at = _At.thinking_begins if is_open else _At.beginning
        self._held = ""

    def split(self, piece: str) -> tuple[str, str]:
        """What this piece adds to the thinking and to the text, the thinking first."""
        if self._at is _At.text:
            return "", piece
        said, self._held = self._held + piece, ""
        thinking = ""
        if self._at is _At.beginning:
            stripped = said.lstrip(_WHITE)
            if not stripped.startswith(_OPENS):
                if _OPENS.startswith(stripped):
                    self._held = said
                    return "", ""
                self._at = _At.text
                return "", said
            self._at, said = _At.thinking_begins, stripped[len(_OPENS) :]
        if self._at is _At.thinking_begins:
            said = said.lstrip(_WHITE)
            self._at = _At.thinking if said else _At.thinking_begins
        if self._at is _At.thinking:
            thinking, tag, said = said.partition(_CLOSES)
            if not tag:
                kept = _length_of_begun_tag(thinking)
                self._held = thinking[len(thinking) - kept :]
                return thinking[: len(thinking) - kept], ""
            self._at = _At.text_begins
        if self._at is _At.text_begins:
            said = said.lstrip(_WHITE)
            self._at = _At.text if said else _At.text_begins
            return thinking, said
        return thinking, ""

    def separated(self) -> tuple[str, str]:
        """The server tells thinking from text itself: from here on text is text. Gives what was held."""
        given = self.end()
        self._at = _At.text
        return given

    def end(self) -> tuple[str, str]:
        """What was held, as ``split`` gives it; nothing comes after it."""
        held, self._held = self._held, ""
        return ("", held) if self._at is _At.beginning else (held, "")


def _length_of_begun_tag(text: str) -> int:
    """How many letters at the end may be the first ones of ``</think>``."""
    return next((length for length in range(len(_CLOSES) - 1, 0, -1) if text.endswith(_CLOSES[:length])), 0)
