"""What a beginning of a ``/command`` may become: the command, then what stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tui.app.commands.command import Command
from tui.app.commands.declared import by_slash, matching
from tui.cleaning import clean_line

NAME_CELLS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """All of it can stand on a screen."""

    name: str
    words: str = ""
    """What it is, in a few words."""
    text: str
    """The whole prompt once it is taken."""


Choices = Callable[[Command], Iterable[tuple[str, str]]]
"""What may stand behind a command, the most likely first, each with a few words about it."""


def completions_of(text: str, choices: Choices) -> tuple[Completion, ...]:
    """For what stands in a prompt; none for what is no beginning of a command, or is complete."""
    if not text.startswith("/") or "\n" in text:
        return ()
    name, space, typed = text[1:].partition(" ")
    if not space:
        if any(letter.isspace() for letter in name):
            return ()
        return tuple(_completed(command) for command in matching(name))
    command = by_slash().get(name)
    if command is None or not command.argument:
        return ()
    wanted = typed.strip().casefold()
    # A name that would be shown otherwise than it is cannot be taken for what it seems to be.
    found = [
        (value, words)
        for value, words in choices(command)
        if wanted in value.casefold() and value == clean_line(value, NAME_CELLS)
    ]
    if any(value.casefold() == wanted for value, _ in found):
        return ()
    found.sort(key=lambda one: not one[0].casefold().startswith(wanted))
    return tuple(Completion(name=value, words=clean_line(words, 80), text=f"/{name} {value}") for value, words in found)


def _completed(command: Command) -> Completion:
    slash = command.slash[0]
    return Completion(
        name=f"/{slash} {command.argument}".rstrip(),
        words=command.words,
        text=f"/{slash}{' ' if command.argument else ''}",
    )
