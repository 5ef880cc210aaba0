"""What a terminal shows after the bytes that a program wrote: pyte, with what pyte lacks.

pyte takes private sequences for public ones, prints the inside of sequences that it does not know, has no second screen
and drops the rest of a line after a joiner. So every sequence is cut out here first, also when a read ends inside one,
and pyte gets only what it understands. Questions to the terminal are answered as xterm would.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyte
from wcwidth import wcwidth

SEQUENCE = re.compile(
    r"""
    \x1b\[ (?P<private>[<=>?]?) (?P<parameters>[0-9:;]*) (?P<between>[ -/]*) (?P<final>[@-~])
    | \x1b\] (?P<command>[^\x07\x1b]*) (?:\x07|\x1b\\)
    | \x1b[PX^_] [^\x1b]* \x1b\\
    | \x1b (?P<escape>[ -/]*[0-OQ-WYZ\\`-~])
    """,
    re.VERBOSE,
)
BEGUN_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*\x1b?|[ -/]*)?")
LONGEST_SEQUENCE_CHARACTERS = 1 << 20
UNSEEN_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f]")

FINALS_FOR_PYTE = frozenset("@ABCDEFGHJKLMPX`adefghlmr")
ESCAPES_FOR_PYTE = frozenset("78DEHMc")
SECOND_SCREEN_MODES = frozenset({47, 1047, 1049})
KNOWN_MODES = frozenset({1, 7, 25, 1000, 1002, 1003, 1004, 1006, 1049, 2004, 2026})


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control sequence (CSI): ``ESC [ private parameters between final``."""

    private: str
    parameters: str
    between: str
    final: str

    @property
    def numbers(self) -> list[int]:
        """The parameters without sub-parameters; an empty one is 0."""
        return [int(part.partition(":")[0] or 0) for part in self.parameters.split(";")]


class Emulator:
    """A screen of ``columns`` x ``rows`` cells that is fed with bytes.

    ``foreground`` and ``background`` are ``#rrggbb``, or None for a terminal that says nothing when asked for them.
    ``replies`` maps a whole query (``"\\x1b[?u"``) to its reply; an empty reply is silence. It goes before the usual ones.
    """

    def __init__(
        self,
        columns: int,
        rows: int,
        *,
        foreground: str | None = None,
        background: str | None = None,
        replies: Mapping[str, str] | None = None,
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.title = ""
        self.private_modes: set[int] = {7, 25}
        self._colors = {"10": foreground, "11": background}
        self._replies = dict(replies or {})
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""
        self._last_character = ""
        self._main = pyte.Screen(columns, rows)
        self._second = pyte.Screen(columns, rows)
        self.screen = self._main
        self._stream = pyte.Stream(self.screen)

    # ------------------------------------------------------------------ what it shows

    def lines(self) -> list[str]:
        """One text a row, without the blanks at its end."""
        return ["".join(self._row_characters(row)).rstrip() for row in range(self.rows)]

    def _row_characters(self, row: int) -> Iterator[str]:
        line = self.screen.buffer[row]
        column = 0
        while column < self.columns:
            character = line[column].data or " "
            yield character
            column += 2 if wcwidth(character[0]) == 2 else 1

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row, from 0."""
        return min(self.screen.cursor.x, self.columns - 1), self.screen.cursor.y

    @property
    def shows_second_screen(self) -> bool:
        return self.screen is self._second

    def resize(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        for screen in (self._main, self._second):
            screen.resize(lines=rows, columns=columns)
            screen.cursor.x, screen.cursor.y = min(screen.cursor.x, columns - 1), min(screen.cursor.y, rows - 1)

    # ------------------------------------------------------------------ what it reads

    def feed(self, data: bytes) -> bytes:
        """Show ``data``; returns what the terminal answers to the questions in it."""
        text = self._begun + self._decoder.decode(data)
        self._begun = ""
        answers: list[str] = []
        at = 0
        while at < len(text):
            escape_at = text.find("\x1b", at)
            if escape_at != at:
                end = len(text) if escape_at < 0 else escape_at
                self._show(text[at:end])
                at = end
                continue
            match = SEQUENCE.match(text, at)
            if match:
                answers.append(self._obey(match))
                at = match.end()
            elif len(text) - at < LONGEST_SEQUENCE_CHARACTERS and BEGUN_SEQUENCE.fullmatch(text, at):
                self._begun = text[at:]
                break
            else:
                at += 1  # a lone escape: what follows is shown, so that a test sees it
        return "".join(answers).encode()

    def _show(self, text: str) -> None:
        text = UNSEEN_CONTROL.sub("", text)
        if not text.isascii():
            text = "".join(c for c in text if wcwidth(c) > 0 or c in "\b\t\n\v\f\r" or unicodedata.combining(c))
        if text:
            self._last_character = text[-1]
            self._stream.feed(text)

    def _obey(self, match: re.Match[str]) -> str:
        whole = match[0]
        if match["final"]:
            if len(match["parameters"]) > 200:
                return ""
            control = Control(
                private=match["private"],
                parameters=match["parameters"],
                between=match["between"],
                final=match["final"],
            )
            self._obey_control(control)
            answer = self._answer_control(control)
        elif match["command"] is not None:
            number, _, argument = match["command"].partition(";")
            if number in {"0", "2"}:
                self.title = argument
            answer = self._answer_color(number) if argument == "?" else ""
        else:
            if match["escape"] in ESCAPES_FOR_PYTE:
                self._stream.feed(whole)
            answer = ""
        return self._replies.get(whole, answer)

    def _obey_control(self, control: Control) -> None:
        if control.between:
            return
        if control.private == "?" and control.final in "hl":
            self._set_private_modes(control.numbers, on=control.final == "h")
        elif control.private:
            return
        elif control.final == "m":
            self._stream.feed(f"\x1b[{plain_style(control.parameters)}m")
        elif control.final in FINALS_FOR_PYTE:
            final = {"`": "G"}.get(control.final, control.final)
            self._stream.feed(f"\x1b[{control.parameters}{final}")
        elif control.final == "b" and self._last_character:
            self._stream.feed(self._last_character * min(max(1, control.numbers[0]), self.columns * self.rows))
        elif control.final in "ST":
            self._scroll(max(1, control.numbers[0]), up=control.final == "S")
        elif control.final in "su" and not control.parameters:
            self._stream.feed("\x1b7" if control.final == "s" else "\x1b8")

    def _set_private_modes(self, modes: list[int], *, on: bool) -> None:
        for mode in modes:
            (self.private_modes.add if on else self.private_modes.discard)(mode)
            if mode in SECOND_SCREEN_MODES:
                self._show_screen(self._second if on else self._main)
            else:
                self._stream.feed(f"\x1b[?{mode}{'h' if on else 'l'}")

    def _show_screen(self, screen: pyte.Screen) -> None:
        if screen is self.screen:
            return
        if screen is self._second:
            screen.reset()
        self.screen = screen
        self._stream = pyte.Stream(screen)

    def _scroll(self, rows: int, *, up: bool) -> None:
        screen = self.screen
        top, bottom = screen.margins or (0, self.rows - 1)
        stood_at = screen.cursor.y
        screen.cursor.y = bottom if up else top
        for _ in range(min(rows, self.rows)):
            (screen.index if up else screen.reverse_index)()
        screen.cursor.y = stood_at

    # ------------------------------------------------------------------ what it answers

    def _answer_control(self, control: Control) -> str:
        match control:
            case Control(private="", parameters="6", between="", final="n"):
                column, row = self.cursor
                return f"\x1b[{row + 1};{column + 1}R"
            case Control(private="", parameters="5", between="", final="n"):
                return "\x1b[0n"
            case Control(private="", parameters="" | "0", between="", final="c"):
                return "\x1b[?62;22c"
            case Control(private=">", parameters="" | "0", between="", final="c"):
                return "\x1b[>41;380;0c"
            case Control(private="", parameters="18", between="", final="t"):
                return f"\x1b[8;{self.rows};{self.columns}t"
            case Control(private="?", between="$", final="p"):
                mode = control.numbers[0]
                state = (1 if mode in self.private_modes else 2) if mode in KNOWN_MODES else 0
                return f"\x1b[?{mode};{state}$y"
        return ""

    def _answer_color(self, number: str) -> str:
        color = self._colors.get(number)
        if not color:
            return ""
        red, green, blue = color[1:3], color[3:5], color[5:7]
        return f"\x1b]{number};rgb:{red * 2}/{green * 2}/{blue * 2}\x1b\\"


def plain_style(parameters: str) -> str:
    """The parameters of a style (SGR) in the words that pyte knows.

    >>> plain_style("1;38:2::10:20:30;4:3;58;5;9")
    '1;38;2;10;20;30;4'
    """
    plain: list[str] = []
    parts = parameters.split(";")
    while parts:
        part = parts.pop(0)
        code, *details = part.split(":")
        if code in {"38", "48", "58"}:
            if not details:
                details = parts[:1]
                count = {"2": 4, "5": 2}.get(details[0] if details else "", 1)
                details, parts = parts[:count], parts[count:]
            elif details[0] == "2" and len(details) == 5:
                del details[1]  # the name of the colour space
            if code != "58":
                plain += [code, *details]
        elif code == "4" and details:
            plain.append("24" if details[0] == "0" else "4")
        else:
            plain.append(code)
    return ";".join(plain)
