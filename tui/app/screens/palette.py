"""Every command, its key beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from tui.app.commands.command import Command
from tui.app.commands.declared import COMMANDS
from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.theming.values import Theme

KEY_CELLS = 10


class Palette(ListScreen):
    """Gives back the command's name. What would do nothing at this moment says why, and is not given back."""

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        commands: Sequence[Command] = COMMANDS,
        recent: Sequence[str] = (),
        why_not: Callable[[Command], str] = lambda _: "",
    ) -> None:
        """``recent`` are names of commands, the last used first: they stand first while nothing is typed.

        ``why_not`` gives the reason against a command, a few clean words; empty when there is none.
        """
        super().__init__(title="Commands", theme=theme, glyphs=glyphs)
        found = [command for command in commands if command.action and command.name != "commands"]
        places = {name: place for place, name in enumerate(recent)}
        self._recent = frozenset(recent)
        self._commands = tuple(sorted(found, key=lambda one: places.get(one.name, len(places))))
        self._reasons = {one.name: why_not(one) for one in found}

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        words = [word.lstrip("/") for word in typed.casefold().split()]
        fitting = [one for one in self._commands if all(word in _all_words(one) for word in words)]
        if not words:
            return self._in_groups(fitting)
        # What begins with what was typed is meant rather than what only has it somewhere.
        fitting.sort(
            key=lambda one: (not any(name.startswith(words[0]) for name in one.slash), bool(self._reasons[one.name]))
        )
        return tuple(self._row(command, typed.strip().lstrip("/")) for command in fitting)

    def _in_groups(self, commands: Sequence[Command]) -> tuple[Row, ...]:
        recent = [self._row(one, "") for one in commands if one.name in self._recent]
        others = [self._row(one, "") for one in commands if one.name not in self._recent]
        if not recent:
            return tuple(others)
        heading = Row(key="", left=(("used last", "muted"),))
        return (heading, *recent, Row(key="", left=()), Row(key="", left=(("all others", "muted"),)), *others)

    def _row(self, command: Command, typed: str) -> Row:
        reason = self._reasons[command.name]
        slash = f"/{command.slash[0]} {command.argument}".rstrip() if command.slash else ""
        # A key that takes words to describe is on the screen of the keys.
        key = command.keys[0].partition(" ")[0] if command.keys else ""
        room = " " * max(0, KEY_CELLS - cell_len(key))
        return Row(
            key=command.name,
            left=((" ", "muted"), *highlight(command.words, typed, "muted" if reason else "foreground")),
            right=((f"  {reason or slash}  ", "muted"), (f"{key}{room} ", "muted" if reason else "accent")),
        )

    def note_for(self, key: str) -> Parts:
        if not key:
            return (("no command fits", "muted"),)
        reason = self._reasons[key]
        return ((f"not now: {reason}", "warning"),) if reason else ()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        marked = self.list.marked
        return (*((("enter", "do it"),) if marked and not self._reasons[marked] else ()), ("esc", "back"))

    def choose(self, key: str) -> None:
        if self._reasons[key]:
            self.refresh_note()
        else:
            self.dismiss(key)


def _all_words(command: Command) -> str:
    return f"{command.words} {command.name} {' '.join(command.keys)} {' '.join(command.slash)}".casefold()
