"""What a command is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Where(StrEnum):
    """Where a key works."""

    chat = "chat"
    prompt = "prompt"
    lists = "lists"
    connect = "connect"
    compare = "compare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    name: str
    """By which it can be looked up, and its key changed."""
    words: str
    """What it does, in a few words, for lists."""
    keys: tuple[str, ...] = ()
    """As people write them; the first is the one that is shown."""
    bound: tuple[str, ...] = ()
    """The same keys as the terminal library names them, families included. Empty: a widget handles them itself."""
    slash: tuple[str, ...] = ()
    """Names behind ``/``; the first is the one that is shown."""
    argument: str = ""
    """What may follow the slash name: ``[NAME]``."""
    takes_lines: bool = False
    """What follows may have several lines."""
    action: str = ""
    """The screen's action. Empty: it is only a key, told here so that every table has it."""
    where: Where = Where.chat
