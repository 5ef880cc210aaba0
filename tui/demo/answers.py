"""What a scripted model is asked and what it says, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of the conversation as it came."""

    role: str
    text: str = ""
    pictures: tuple[str, ...] = ()
    """What came beside the text, in a few words each: ``PNG, 640×480``."""
    tool_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Everything that a script may answer to."""

    turns: tuple[Turn, ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    """Function definitions as offered: each has ``name`` and may have ``description`` and ``parameters``."""
    think: bool | str = False
    seed: int = 0

    @property
    def question(self) -> str:
        """What the person said last."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def pictures(self) -> tuple[str, ...]:
        """Those that came with it."""
        return next((turn.pictures for turn in reversed(self.turns) if turn.role == "user"), ())

    @property
    def questions_asked(self) -> int:
        return sum(1 for turn in self.turns if turn.role == "user")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledTool:
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Ending(StrEnum):
    """How an answer ends."""

    done = "done"
    reset = "reset"
    """The connection is reset."""
    error_line = "error_line"
    """One more object that carries only an error: the runner ran out of memory."""
    without_done = "without_done"
    """The body ends cleanly, but nothing says that the answer is whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    text: str | Iterable[str] = ""
    """The whole text, which is cut into tokens, or the tokens themselves as they are made."""
    thinking: str = ""
    tools: tuple[CalledTool, ...] = ()
    ending: Ending = Ending.done


Script = Callable[[Prompt], Answer]
"""A model's mind: the same prompt gives the same answer."""
