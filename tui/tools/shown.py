"""How a call and its result are put into words: nothing in a call is hidden from who allows it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from tui.cleaning import clean, for_model

RESULT_CHARACTERS = 16_000
SPELLED_OUT = "⟦U+"
"""How a character begins that would not have been seen."""
_BLANK = frozenset("\u115f\u1160\u180b\u180c\u180d\u180f\u2800")
"""Fillers, Mongolian variation selectors and the pattern without a dot: letters and signs that look like nothing."""


def visible(text: str, *, keeps_lines: bool = True) -> str:
    """Text in which every character can be seen that a terminal would obey, hide or drop: as ``⟦U+200B⟧``.

    What comes out passes ``cleaning.clean`` unchanged, so that what is shown is all of what is done.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character, keeps_lines=keeps_lines) for character in text)


def _visible(character: str, *, keeps_lines: bool) -> str:
    if character == "\n" and keeps_lines:
        return character
    if character in "\n\t" or clean(character) != character or _is_unseen(character):
        return f"{SPELLED_OUT}{ord(character):04X}⟧"
    return character


def _is_unseen(character: str) -> bool:
    """What text for reading may keep, but what could tell two calls apart that look the same."""
    if character.isascii():
        return False
    # Joiners and direction marks are of this category.
    return unicodedata.category(character) == "Cf" or character in _BLANK or "\ufe00" <= character <= "\ufe0f"


def shown_call(name: str, arguments: Mapping[str, Any]) -> str:
    """``read_file(path="a.txt", first_line=1)``: all of it, however long, in JSON's spelling. Raw."""
    given = ", ".join(f"{key}={_json(value)}" for key, value in arguments.items())
    return f"{name}({given})"


def result_text(value: object, limit_characters: int = RESULT_CHARACTERS) -> str:
    """What a tool gave, for the model: text as it is, anything else as JSON; clean, and cut in the middle when too long."""
    return shortened(clean(for_model(_plain(value))), limit_characters)


def shortened(text: str, limit_characters: int) -> str:
    """At most ``limit_characters`` of ``text`` and a line that says how much is left out, from where most is unneeded."""
    if len(text) <= limit_characters:
        return text
    head, tail = limit_characters - limit_characters // 4, limit_characters // 4
    left_out = len(text) - head - tail
    return f"{text[:head]}\n… {left_out:,} characters left out …\n{text[len(text) - tail :]}"


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value.replace("\r\n", "\n")
    if value is None:
        return "done"
    try:
        return _json(value)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
