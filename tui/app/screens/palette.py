"""Every command, its key beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from tui.app.commands.declared import COMMANDS, Command, Where
from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.widgets.rows import Row
from tui.theming.values import Theme

KEY_CELLS = 10
KEYS_CELLS, NARROW_KEYS_CELLS = 30, 22
NARROW_CELLS = 80
HEADINGS = {
    Where.chat: "in the conversation",
    Where.prompt: "in the prompt",
    Where.lists: "in lists",
    Where.connect: "on the connect screen",
}


class Palette(ListScreen):
    """Gives back the command's name."""

    def __init__(self, *, theme: Theme, glyphs: Glyphs, commands: Sequence[Command] = COMMANDS) -> None:
        super().__init__(title="Commands", theme=theme, glyphs=glyphs)
        self._commands = tuple(command for command in commands if command.action and command.name != "commands")

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        words = [word.lstrip("/") for word in typed.casefold().split()]
        return tuple(
            self._row(command, typed.strip().lstrip("/"))
            for command in self._commands
            if all(word in _all_words(command) for word in words)
        )

    def _row(self, command: Command, typed: str) -> Row:
        slash = f"/{command.slash[0]} {command.argument}".rstrip() if command.slash else ""
        # A key that takes words to describe is on the screen of the keys.
        key = command.keys[0].partition(" ")[0] if command.keys else ""
        return Row(
            key=command.name,
            left=((" ", "muted"), *highlight(command.words, typed, "foreground")),
            right=((f"  {slash}  ", "muted"), (f"{key}{' ' * max(0, KEY_CELLS - cell_len(key))} ", "accent")),
        )

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return (("enter", "do it"), ("esc", "back"))


class KeysHelp(ListScreen):
    """The keys, by where they work. Nothing is chosen here."""

    def __init__(self, *, theme: Theme, glyphs: Glyphs, commands: Sequence[Command] = COMMANDS) -> None:
        super().__init__(title="Keys", theme=theme, glyphs=glyphs, is_tall=True)
        self._commands = tuple(command for command in commands if command.keys)

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        rows: list[Row] = []
        for where, heading in HEADINGS.items():
            fitting = [one for one in self._commands if one.where == where and typed.casefold() in _all_words(one)]
            if fitting:
                rows += [*([Row(key="", left=())] if rows else []), Row(key="", left=((heading, "muted"),))]
            for command in fitting:
                rows += self._rows(command, typed.strip())
        return tuple(rows)

    def _rows(self, command: Command, typed: str) -> Iterator[Row]:
        """One row, and one more for each line of keys beyond the first."""
        is_narrow = self.app.size.width < NARROW_CELLS
        cells = NARROW_KEYS_CELLS if is_narrow else KEYS_CELLS
        first, *others = _lines_of(command.keys, cells)
        slash = f"/{command.slash[0]}" if command.slash and not is_narrow else ""
        yield Row(
            key=command.name,
            left=(
                (f" {first}{' ' * max(2, cells + 2 - cell_len(first))}", "accent"),
                *highlight(command.words, typed, "foreground"),
            ),
            right=((f"  {slash} ", "muted"),),
        )
        for line in others:
            yield Row(key="", left=((f" {line}", "accent"),))

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return (("esc", "back"),)

    def choose(self, key: str) -> None:
        self.dismiss(None)


def _lines_of(keys: Sequence[str], cells: int) -> list[str]:
    lines = [""]
    for key in keys:
        longer = f"{lines[-1]}, {key}" if lines[-1] else key
        if lines[-1] and cell_len(longer) > cells:
            lines.append(key)
        else:
            lines[-1] = longer
    return lines


def _all_words(command: Command) -> str:
    return f"{command.words} {command.name} {' '.join(command.keys)} {' '.join(command.slash)}".casefold()
