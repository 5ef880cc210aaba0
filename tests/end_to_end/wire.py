"""Every byte that a program wrote to its terminal, cut into texts and sequences, so that a test can look at each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SEQUENCE = re.compile(
    rb"""
      \x1b\[ (?P<parameters>[0-?]*) (?P<between>[\ -/]*) (?P<final>[@-~])
    | \x1b\] (?P<command>[^\x07\x1b]*) (?P<end>\x07|\x1b\\)
    | \x1b (?P<string>[PX^_]) [^\x1b]* \x1b\\
    | \x1b (?P<escape>[\ -/]*[0-OQ-WYZ\\`-~])
    """,
    re.VERBOSE,
)
MODES = frozenset(
    map(str, (1, 7, 12, 25, 1000, 1002, 1003, 1004, 1006, 1015, 1016, 1049, 2004, 2026, 2027, 2031, 2048))
)
"""The DEC modes that the program and Textual turn on and off, and ask for."""
MOVES = frozenset("ABCDGHJKLMPSTXd@br")
"""Cursor, erase, insert, delete, scroll, repeat, margins: everything that draws."""


@dataclass(slots=True)
class Wire:
    """``texts`` is what stands between the sequences; the numbers of styles are in ``styles``, one list for each."""

    texts: list[str] = field(default_factory=list)
    sequences: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    """Sequences and control characters that neither the program nor Textual has a use for."""
    styles: list[list[str]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def read_wire(raw: bytes) -> Wire:
    """Raises ``UnicodeDecodeError`` when the text is not UTF-8."""
    wire = Wire()
    at = 0
    while at < len(raw):
        escape_at = raw.find(b"\x1b", at)
        if escape_at != at:
            end = len(raw) if escape_at < 0 else escape_at
            _read_text(raw[at:end].decode("utf-8"), wire)
            at = end
            continue
        match = SEQUENCE.match(raw, at)
        if match is None:
            wire.strangers.append(repr(raw[at : at + 20]))
            at += 1
            continue
        _read_sequence(match, wire)
        at = match.end()
    return wire


def _read_text(text: str, wire: Wire) -> None:
    wire.texts.append(text)
    wire.strangers += [repr(character) for character in text if _is_control(ord(character))]


def _is_control(code: int) -> bool:
    """Controls but the three that move the cursor, bidi overrides and isolates, and tags."""
    is_drawing = code in (0x08, 0x0A, 0x0D)
    is_bidi = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return (code < 0x20 and not is_drawing) or 0x7F <= code < 0xA0 or is_bidi or 0xE0000 <= code < 0xE0100


def _read_sequence(match: re.Match[bytes], wire: Wire) -> None:
    whole = match[0].decode("latin-1")
    wire.sequences.append(whole)
    if match["final"] is not None:
        parameters = match["parameters"].decode()
        final = match["between"].decode() + match["final"].decode()
        if final == "m" and not parameters.startswith(("<", "=", ">", "?")):
            wire.styles.append(parameters.split(";"))
        if not _is_known_control(parameters, final):
            wire.strangers.append(repr(whole))
    elif match["command"] is not None:
        number, _, argument = match["command"].decode("utf-8", "replace").partition(";")
        if number in ("0", "2"):
            wire.titles.append(argument)
        if not _is_known_command(number, argument, match["end"]):
            wire.strangers.append(repr(whole))
    elif match["escape"] not in (b"7", b"8", b"=", b">", b"(B"):
        wire.strangers.append(repr(whole))


def _is_known_control(parameters: str, final: str) -> bool:
    if parameters.startswith("?"):
        numbers = parameters[1:].split(";")
        return (final in ("h", "l", "$p") and MODES.issuperset(numbers)) or (final == "u" and parameters == "?")
    if parameters.startswith((">", "<", "=")):
        return (
            final == "u" or (final == "m" and parameters.startswith(">4")) or (final in "cq" and parameters[0] == ">")
        )
    if final in ("m", "c"):
        return re.fullmatch(r"[0-9;:]*", parameters) is not None
    if final in ("n", "t", " q", "!p"):
        return re.fullmatch(r"[0-9;]*", parameters) is not None
    return final in MOVES and re.fullmatch(r"[0-9;]*", parameters) is not None


def is_our_title(title: str) -> bool:
    """Our name, or what a model does, on one line and without anything that a terminal obeys."""
    is_harmless = not any(_is_control(ord(character)) or character in "\r\n\t" for character in title)
    return is_harmless and (title == "chinwag" or " · " in title)


def _is_known_command(number: str, argument: str, end: bytes) -> bool:
    """Questions about colours, the shape of the mouse pointer, our own title. Never the clipboard, never a link."""
    return (
        (number in ("10", "11") and argument == "?")
        or number == "22"
        or (number == "2" and end == b"\x07" and is_our_title(argument))
    )


def colours_of(style: list[str]) -> list[str]:
    """The colours that the numbers of one style set: ``["38;2;1;2;3", "41"]``. The terminal's own colours are none."""
    found: list[str] = []
    numbers = [number.replace(":", ";") for number in style]
    parts = ";".join(numbers).split(";")
    while parts:
        number = parts.pop(0)
        if number in ("38", "48", "58"):
            count = {"2": 4, "5": 2}.get(parts[0] if parts else "", 0)
            found.append(";".join([number, *parts[:count]]))
            parts = parts[count:]
        elif number.isdigit() and (30 <= int(number) <= 37 or 40 <= int(number) <= 47 or 90 <= int(number) <= 107):
            found.append(number)
    return found
