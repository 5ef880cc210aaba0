"""What the decoder found, as the messages that Textual's own parser would have made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from textual import constants, events, messages
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._keyboard_protocol import FUNCTIONAL_KEYS
from textual._xterm_parser import IS_ITERM, XTermParser
from textual.message import Message

from tui.app.terminal.key_spelling import Sequence, Typed
from tui.app.terminal.keys import Pasted

RUN_CHARACTERS = 32
"""So many characters in one read were not typed by hand."""
_RUN = re.compile(rf"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]{{{RUN_CHARACTERS},}}")
_MODE = re.compile(r"\x1b\[\?(?P<mode>\d+);(?P<setting>[0-4])\$y")
_RESIZED = re.compile(r"\x1b\[48;(\d{1,5})[\d:]*;(\d{1,5})[\d:]*;(\d{1,6})[\d:]*;(\d{1,6})[\d:]*t")
_NUMBERED = re.compile(r"\x1b\[(\d+)(?:;\d+)?~")
_CURSOR = re.compile(r"\x1b\[(\d{1,6});(\d{1,6})R")
_SETTINGS_WITH_SYNCHRONISED_OUTPUT = frozenset({"1", "2", "3"})


class TypedText(events.Event, bubble=False):
    """Many typed characters that came in one read, line ends and tabs among them, as one event instead of many keys.

    It goes to the widget with the focus if that has a true ``takes_typed_text``; any other gets the keys.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.is_piece = False
        """Of a longer one: letters that belong together."""

    def single_keys(self) -> Iterator[events.Key]:
        """The same as single keys, of the same time."""
        parser = XTermParser()
        for character in self.text:
            for key in parser._sequence_to_key_events(character):
                key.time = self.time
                yield key


class AltOrEscape(events.Key):
    """An escape before a control character or a function key: Alt with it, or two keys that a slow line brought together.

    A terminal with kitty's keys never sends it.
    """

    def as_one(self) -> events.Key:
        return self._of_this_time(events.Key(self.key, None))

    def as_two(self) -> tuple[events.Key, events.Key]:
        escape, second = events.Key("escape", "\x1b"), events.Key(self.key.removeprefix("alt+"), self.character)
        return self._of_this_time(escape), self._of_this_time(second)

    def _of_this_time(self, key: events.Key) -> events.Key:
        key.time = self.time
        return key


class MessageMaker:
    """Keeps where the mouse was; everything else follows from the token alone."""

    def __init__(self) -> None:
        self._parser = XTermParser()

    def messages(self, token: Typed | Sequence | Pasted) -> Iterator[Message]:
        match token:
            case Pasted(text=text):
                yield events.Paste(text)
            case Typed(text=text):
                yield from self._typed(text)
            case Sequence(text=text, is_perhaps_two=True):
                yield from (
                    AltOrEscape(key.key, key.character) for key in self._sequence(text) if isinstance(key, events.Key)
                )
            case Sequence(text=text):
                yield from self._sequence(text)

    def _typed(self, text: str) -> Iterator[Message]:
        at = 0
        for run in _RUN.finditer(text):
            yield from self._keys(text[at : run.start()])
            yield TypedText(run[0])
            at = run.end()
        yield from self._keys(text[at:])

    def _keys(self, text: str) -> Iterator[Message]:
        for character in text:
            yield from self._parser._sequence_to_key_events(character)

    def _sequence(self, text: str) -> Iterator[Message]:
        match text[-1]:
            case "m" | "M":
                if message := self._parser.parse_mouse_code(text):
                    yield message
            case "I":
                yield events.AppFocus()
            case "O":
                yield events.AppBlur()
            case "y":
                yield from _mode(text)
            case "t":
                if resized := _RESIZED.fullmatch(text):
                    rows, columns, height_pixels, width_pixels = (int(number) for number in resized.groups())
                    yield events.Resize.from_dimensions((columns, rows), (width_pixels, height_pixels))
            case "R":
                if cursor := _CURSOR.fullmatch(text):
                    yield events.CursorPosition(int(cursor[2]) - 1, int(cursor[1]) - 1)
            case "~" if (number := _NUMBERED.fullmatch(text)) is None or f"{number[1]}~" not in FUNCTIONAL_KEYS:
                # What the newer table lacks, such as F13; Textual would take its number for a character.
                names = ANSI_SEQUENCES_KEYS.get(text)
                if isinstance(names, tuple):
                    yield from (events.Key(name.value, None) for name in names)
            case _:
                yield from (key.copy() for key in self._parser._parse_extended_key(text) or ())


def _mode(text: str) -> Iterator[Message]:
    found = _MODE.fullmatch(text)
    if found is None:
        return
    if found["mode"] == "2026" and found["setting"] in _SETTINGS_WITH_SYNCHRONISED_OUTPUT:
        yield messages.TerminalSupportsSynchronizedOutput()
    elif found["mode"] == "2048" and constants.SMOOTH_SCROLL and not IS_ITERM:
        yield messages.InBandWindowResize.from_setting_parameter(int(found["setting"]))
