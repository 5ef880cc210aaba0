"""What can be typed in plain mode: prompts of one or more lines, and a few commands."""

from __future__ import annotations

from dataclasses import dataclass

FENCE = '"""'


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainCommand:
    names: tuple[str, ...]
    """Behind the slash; the first is the one that is shown."""
    words: str
    argument: str = ""
    """What has to or may (in brackets) follow."""


COMMANDS: tuple[PlainCommand, ...] = (
    PlainCommand(names=("model", "load"), argument="NAME", words="go on with another model"),
    PlainCommand(names=("models",), words="list the models"),
    PlainCommand(names=("new", "clear"), words="a new conversation"),
    PlainCommand(names=("open",), argument="[NUMBER]", words="list the conversations, or open one of the list"),
    PlainCommand(names=("again",), words="ask again after a failure"),
    PlainCommand(
        names=("documents", "docs"), argument="[on|off]", words="ask with passages of your documents, or without"
    ),
    PlainCommand(names=("thinking",), words="show the thinking, or show it no more"),
    PlainCommand(names=("bye", "quit", "exit"), words="leave; everything is kept"),
    PlainCommand(names=("?", "help"), words="this list"),
)


UNKNOWN = "unknown"
"""Stands for a command that there is none of here; its argument is the name."""


def read_command(text: str) -> tuple[str, str] | None:
    """Name and argument of the command that ``text`` is. Anything that is not exactly a known one is a prompt.

    ``/new york is large`` and ``/usr/bin/python is broken`` are something to say.
    """
    if not text.startswith("/") or "\n" in text:
        return None
    name, _, argument = text[1:].strip().partition(" ")
    if name.isalpha() and not argument and not any(name in command.names for command in COMMANDS):
        # One word behind a slash is meant as a command; the screen has some that there are none of here.
        return UNKNOWN, name
    for command in COMMANDS:
        if name in command.names:
            return (command.names[0], argument.strip()) if command.argument or not argument.strip() else None
    return None


def help_lines() -> tuple[str, ...]:
    commands = tuple(
        f"{', '.join(f'/{name}' for name in command.names)} {command.argument}".rstrip() + f": {command.words}"
        for command in COMMANDS
    )
    return (
        *commands,
        f"\\ at the end of a line goes on with the next one; {FENCE} opens and closes a block of lines",
        "ctrl+c stops the answer and keeps it, twice leaves; ctrl+d leaves",
    )


class PromptLines:
    """Puts prompts together: a line that ends in a backslash goes on, three quotes open and close a block."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._is_block = False

    @property
    def is_open(self) -> bool:
        """More lines belong to the prompt that was begun."""
        return self._is_block or bool(self._lines)

    def add(self, line: str) -> str | None:
        """The whole prompt, when this line ends it."""
        if self._is_block:
            return self._add_to_block(line)
        if not self._lines and line.startswith(FENCE):
            self._is_block = True
            return self._add_to_block(line.removeprefix(FENCE))
        if line.endswith("\\"):
            self._lines.append(line.removesuffix("\\"))
            return None
        self._lines.append(line)
        return self.take()

    def take(self) -> str:
        """What is there so far, as the whole prompt."""
        text = "\n".join(self._lines)
        self._lines.clear()
        self._is_block = False
        return text

    def _add_to_block(self, line: str) -> str | None:
        if line.endswith(FENCE):
            if last := line.removesuffix(FENCE):
                self._lines.append(last)
            return self.take()
        if line or self._lines:
            self._lines.append(line)
        return None
