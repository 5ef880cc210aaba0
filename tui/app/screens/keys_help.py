"""The keys that work here and now, those that never arrive, and where files lie. Nothing is chosen here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rich.cells import cell_len
from textual.screen import Screen

from tui.app.commands.command import Command, Where
from tui.app.commands.keymap import keymap_of
from tui.app.eaten_keys import EatenKey
from tui.app.glyphs import Glyphs
from tui.app.screens.connect import ConnectScreen
from tui.app.screens.list_screen import HELP, PASSED_ON, ListScreen, highlight
from tui.app.widgets.copy_line import CopyLine
from tui.app.widgets.find_bar import FindBar
from tui.app.widgets.history_bar import HistoryBar
from tui.app.widgets.message_line import MessageLine
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.cleaning import clean_line
from tui.places import Places
from tui.theming.values import Theme

KEYS_CELLS, NARROW_KEYS_CELLS = 30, 22
NARROW_CELLS = 100
NOTE_CELLS = 300
PATH_CELLS = 300
HEADINGS = {
    Where.chat: "in the conversation",
    Where.prompt: "in the prompt",
    Where.lists: "in this list",
    Where.connect: "on the connect screen",
}


@runtime_checkable
class TellsKeys(Protocol):
    """A screen that says which of its keys make sense at this moment, and what each does."""

    def keys_line(self) -> tuple[tuple[str, str], ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpLine:
    """Clean texts: what stands left in the accent colour, what it is, and what stands at the right."""

    keys: tuple[str, ...]
    words: str
    right: str = ""
    is_off: bool = False
    """It would do nothing at this moment; ``right`` says why."""
    is_aside: bool = False
    """``right`` is told of the marked line only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpSection:
    heading: str
    lines: tuple[HelpLine, ...]


def help_sections(
    top: Screen[object],
    *,
    is_chat: bool,
    bar: FindBar | CopyLine | HistoryBar | MessageLine | None = None,
    commands: Sequence[Command],
    why_not: Callable[[Command], str],
    eaten: Sequence[EatenKey],
    places: Places,
    is_throwaway: bool,
) -> tuple[HelpSection, ...]:
    """For the screen that has the keys. ``is_chat``: it is the conversation, with the focus in ``bar`` or the prompt."""
    if is_chat and bar is not None:
        headings: dict[type, str] = {
            FindBar: "in the find bar",
            HistoryBar: "while earlier prompts are searched",
            MessageLine: "for the marked message",
        }
        heading = headings.get(type(bar), "for what to copy")
        sections = [
            HelpSection(
                heading=heading, lines=tuple(HelpLine(keys=(key,), words=word) for key, word in bar.keys_line())
            ),
            HelpSection(heading=HEADINGS[Where.chat], lines=tuple(_command_lines(commands, Where.chat, why_not))),
        ]
    elif is_chat:
        sections = [
            HelpSection(heading=HEADINGS[where], lines=tuple(_command_lines(commands, where, why_not)))
            for where in (Where.prompt, Where.chat)
        ]
    else:
        sections = [
            HelpSection(heading=_heading_of(top), lines=_lines_of_screen(top, commands)),
            *_passed_on_of(top, commands),
        ]
    if eaten:
        lines = tuple(
            HelpLine(keys=(one.key,), words=f"{one.by} takes it: {one.instead}", right=one.words, is_aside=True)
            for one in eaten
        )
        sections.append(HelpSection(heading="keys that do not arrive", lines=lines))
    heading = "where files lie until chinwag ends" if is_throwaway else "where files lie"
    sections.append(HelpSection(heading=heading, lines=_place_lines(places)))
    return tuple(section for section in sections if section.lines)


def _command_lines(commands: Iterable[Command], where: Where, why_not: Callable[[Command], str]) -> Iterator[HelpLine]:
    for command in commands:
        if command.where is where and command.keys:
            reason = why_not(command)
            slash = f"/{command.slash[0]}" if command.slash else ""
            yield HelpLine(keys=command.keys, words=command.words, right=reason or slash, is_off=bool(reason))


def _heading_of(top: Screen[object]) -> str:
    if isinstance(top, ConnectScreen):
        return HEADINGS[Where.connect]
    return HEADINGS[Where.lists] if isinstance(top, ListScreen) else "on this screen"


def _lines_of_screen(top: Screen[object], commands: Iterable[Command]) -> tuple[HelpLine, ...]:
    """What the screen itself says of its keys; of the rest, what every screen of its kind has."""
    if isinstance(top, ConnectScreen):
        return tuple(_command_lines(commands, Where.connect, lambda _: ""))
    own = (
        tuple(HelpLine(keys=(key,), words=words) for key, words in _as_they_are(top))
        if isinstance(top, TellsKeys)
        else (HelpLine(keys=("escape",), words="back"),)
    )
    moving = (
        HelpLine(keys=("up", "down"), words="another row"),
        HelpLine(keys=("pageup", "pagedown"), words="a page further"),
        HelpLine(keys=("ctrl+home", "ctrl+end"), words="the first and the last row"),
    )
    return (*own, *moving) if isinstance(top, ListScreen) else (*own, *moving[:1])


def _as_they_are(top: TellsKeys) -> tuple[tuple[str, str], ...]:
    """The keys of ``top``, those of a list by what its commands were given."""
    keys = top.keys_line()
    return keymap_of(top.app).in_lists(keys) if isinstance(top, ListScreen) else keys


def _passed_on_of(top: Screen[object], commands: Iterable[Command]) -> tuple[HelpSection, ...]:
    """What the conversation does, when ``top`` is one of the screens that hand its keys on."""
    if not isinstance(top, ListScreen | ConnectScreen):
        return ()
    lines = (
        HelpLine(keys=command.keys[:1], words=command.words)
        for command in commands
        if command.name in PASSED_ON and command.keys and command.name != HELP
    )
    return (HelpSection(heading="these close it first", lines=tuple(lines)),)


def _place_lines(places: Places) -> tuple[HelpLine, ...]:
    named = (
        ("conversations", places.data),
        ("settings", places.settings_file),
        ("state", places.state),
        ("cache", places.cache),
    )
    return tuple(HelpLine(keys=(name,), words=clean_line(str(path), PATH_CELLS)) for name, path in named)


class KeysHelp(ListScreen):
    """Typing filters. The sections are worked out before it lies on top of what they tell about."""

    def __init__(self, sections: Sequence[HelpSection], *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__(title="Keys", theme=theme, glyphs=glyphs, is_tall=True)
        self._sections = tuple(sections)
        self._by_key: dict[str, HelpLine] = {}

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        rows: list[Row] = []
        words = typed.casefold().split()
        for section in self._sections:
            fitting = [line for line in section.lines if all(word in _all_words(line) for word in words)]
            if fitting:
                rows += [*([Row(key="", left=())] if rows else []), Row(key="", left=((section.heading, "muted"),))]
            for number, line in enumerate(fitting):
                rows += self._rows(f"{section.heading} {number}", line, typed.strip())
        return tuple(rows)

    def _rows(self, key: str, line: HelpLine, typed: str) -> Iterator[Row]:
        """One row, and one more for each line of keys beyond the first."""
        is_narrow = self.app.size.width < NARROW_CELLS
        cells = NARROW_KEYS_CELLS if is_narrow else KEYS_CELLS
        self._by_key[key] = line
        first, *others = _lines_of(line.keys, cells)
        shown = line.right if line.is_off or not (is_narrow or line.is_aside) else ""
        role = "muted" if line.is_off else "accent"
        yield Row(
            key=key,
            left=(
                (f" {first}{' ' * max(2, cells + 2 - cell_len(first))}", role),
                *highlight(line.words, typed, "muted" if line.is_off else "foreground"),
            ),
            right=((f"  {shown} ", "muted"),) if shown else (),
        )
        for more in others:
            yield Row(key="", left=((f" {more}", role),))

    def note_for(self, key: str) -> Parts:
        line = self._by_key.get(key)
        if line is None:
            return (("nothing fits", "muted"),)
        dot = f" {self.glyphs.separator} "
        return ((clean_line(dot.join(part for part in (line.words, line.right) if part), NOTE_CELLS), "muted"),)

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


def _all_words(line: HelpLine) -> str:
    return f"{' '.join(line.keys)} {line.words} {line.right}".casefold()
