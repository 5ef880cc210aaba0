"""One spelling for each key: whatever a terminal calls it, it leaves here as xterm's or kitty's sequence for it.

kitty's ``ESC [ code ; modifiers u`` names every key that older terminals spell in ways that collide.
Modifiers are bits (1 shift, 2 alt, 4 ctrl, 8 super, 16 hyper, 32 meta); on the wire they are one more than their sum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ESCAPE = "\x1b"
SHIFT, ALT, CTRL = 1, 2, 4

_SUPER = 8
_REAL_MODIFIERS = 0b111111  # without the two locks
_RELEASED = "3"
_PRIVATE_USE = range(57344, 63744)
_LOCKS_AND_MODIFIERS = frozenset({57358, 57359, 57360, *range(57441, 57455)})
_PLAIN = {13: "\r", 9: "\t", 127: "\x7f", 27: ESCAPE}
_MODES_TO_HEAR_OF = frozenset({"2026", "2048"})
_CONSOLE_FUNCTION_KEYS = {"A": "11", "B": "12", "C": "13", "D": "14", "E": "15"}
_KEYPAD = dict(zip("jklmnopqrstuvwxyX", "*+,-./0123456789=", strict=True))
_NUMBER = re.compile(r"\d{0,7}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """Plain characters, each one a key; controls such as CR and ESC are the keys that send them."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """One whole sequence: a key, the mouse, the focus, or a report that somebody waits for."""

    text: str
    is_perhaps_two: bool = False
    """An escape came before a control character or a function key: Alt with that key, or Escape and that key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the terminal answered, as it came. Never a key."""

    text: str


Token = Typed | Sequence | Report


def alt_key(character: str) -> Token:
    """``ESC`` and a character in one go: Alt and that key."""
    code = ord(character)
    if character in "\r\n":
        return key_sequence(13, ALT)
    if character in "\x7f\x08":
        return key_sequence(127, ALT)
    if character == "\t":
        # The Linux console's Shift+Tab; Alt+Tab belongs to window managers everywhere.
        return key_sequence(9, SHIFT)
    if code < 0x20:
        together = key_sequence(32 if code == 0 else code + (0x60 if code <= 26 else 0x40), ALT | CTRL)
        return Sequence(text=together.text, is_perhaps_two=True)
    return key_sequence(code, ALT)


def key_sequence(code: int, modifiers: int) -> Token:
    """Kitty's spelling; the key of an upper-case letter is the lower-case one with shift."""
    lower = chr(code).lower()
    if chr(code) != lower and len(lower) == 1:
        code, modifiers = ord(lower), modifiers | SHIFT
    if not modifiers and code in _PLAIN:
        return Typed(text=_PLAIN[code])
    return Sequence(text=f"\x1b[{code};{modifiers + 1}u" if modifiers else f"\x1b[{code}u")


def console_key(letter: str, *, is_alt: bool) -> list[Token]:
    """``ESC [ [ A``: F1 to F5 of the Linux console."""
    return _numbered_key(_CONSOLE_FUNCTION_KEYS[letter], ALT if is_alt else 0)


def single_shift_key(modifiers: str, final: str, *, is_alt: bool) -> list[Token]:
    """``ESC O`` + ``final``, with xterm's old way of putting modifiers between them."""
    bits = _modifier_bits(modifiers) | (ALT if is_alt else 0)
    if final in "abcd":
        return _lettered_key(final.upper(), bits | CTRL)
    if final == "M":
        return [key_sequence(13, bits)]
    if final == "I":
        return [key_sequence(9, bits)]
    if final in _KEYPAD:
        return _character_key(ord(_KEYPAD[final]), bits)
    return _lettered_key(final, bits)


def control_sequence(
    private: str,
    parameters: str,
    between: str,
    final: str,
    *,
    is_alt: bool,
    awaits_cursor_position: bool = False,
) -> list[Token]:
    """``ESC [ private parameters between final``, whole; ``is_alt`` when one more escape stood before it."""
    text = f"\x1b[{private}{parameters}{between}{final}"
    fields = parameters.split(";")
    alt = ALT if is_alt else 0
    if private or between:
        is_mode = private == "?" and between == "$" and final == "y"
        return [Sequence(text=text)] if is_mode and fields[0] in _MODES_TO_HEAR_OF else [Report(text=text)]
    match final:
        case "I" | "O" if not parameters:
            return [Sequence(text=text)]
        case "u" if parameters:
            return _kitty_key(fields, alt)
        case "~" if fields[0] == "27" and len(fields) > 2:
            return _kitty_key([fields[2], fields[1]], alt)
        case "~" | "^" | "@" if fields[0]:
            extra = {"~": 0, "^": CTRL, "@": CTRL | SHIFT}[final]
            return [] if _is_released(fields) else _numbered_key(fields[0], _second_bits(fields) | alt | extra)
        case "~" | "Z":
            return [key_sequence(9, SHIFT | _second_bits(fields) | alt)]
        case "R":
            return _function_3_or_cursor(text, fields, alt, awaits_cursor_position=awaits_cursor_position)
        case "A" | "B" | "C" | "D" | "E" | "F" | "H" | "P" | "Q" | "S":
            # Older ones have the modifiers alone: ESC [ 5 A.
            bits = _modifier_bits(fields[0]) if len(fields) == 1 else _second_bits(fields)
            return [] if _is_released(fields) else _lettered_key(final, bits | alt)
        case "a" | "b" | "c" | "d" if not parameters:
            return _lettered_key(final.upper(), SHIFT | alt)
        case "M" if len(fields) == 3:
            return _numbered_mouse(fields)
        case "t" if fields[0] == "48":
            return [Sequence(text=text)]
        case "p" | "q" | "r" | "s" | "t" | "u" | "v" | "w" | "x" | "y" if fields[0] == "1" and len(fields) == 2:
            # mintty: ctrl and a digit
            return [key_sequence(ord("0") + ord(final) - ord("p"), _second_bits(fields) | alt)]
    return [Report(text=text)]


def _kitty_key(fields: list[str], alt: int) -> list[Token]:
    """``code:shifted:base ; modifiers:event ; text``. A key with text of its own is that text."""
    code = _number(fields[0])
    if _is_released(fields) or code in _LOCKS_AND_MODIFIERS or not _is_character(code):
        return []
    bits = _second_bits(fields) | alt
    if len(fields) > 2 and not bits & ~(SHIFT | ALT):
        codes = [_number(part) for part in fields[2].split(":")]
        text = "".join(chr(each) for each in codes if _is_character(each) and chr(each).isprintable())
        if text:
            return [Typed(text=text)]
    return _character_key(code, bits) if code else []


def _character_key(code: int, bits: int) -> list[Token]:
    """A key that stands for a character: with no more than shift it types it."""
    character = chr(code)
    if not bits & ~SHIFT and code not in _PRIVATE_USE and character.isprintable():
        shifted = character.upper() if bits else character
        return [Typed(text=shifted if len(shifted) == 1 else character)]
    return [key_sequence(code, bits)]


def _numbered_key(number: str, bits: int) -> list[Token]:
    number = number.partition(":")[0]
    return [Sequence(text=f"\x1b[{number};{bits + 1}~" if bits else f"\x1b[{number}~")]


def _lettered_key(final: str, bits: int) -> list[Token]:
    if bits == _SUPER:
        # iTerm2 calls Alt so, after xterm's Meta; nothing is bound to Super.
        bits = ALT
    if final == "R":
        # Spelled so, it could be taken for the position of the cursor.
        return _numbered_key("13", bits)
    return [Sequence(text=f"\x1b[1;{bits + 1}{final}" if bits else f"\x1b[1{final}")]


def _function_3_or_cursor(text: str, fields: list[str], alt: int, *, awaits_cursor_position: bool) -> list[Token]:
    """F3 with modifiers and the position of the cursor in the first row are spelled alike."""
    if awaits_cursor_position and len(fields) == 2:
        return [Sequence(text=text)]
    if len(fields) == 1 or (fields[0] == "1" and 2 <= _number(fields[1]) <= 16):
        return _numbered_key("13", _second_bits(fields) | alt)
    return [Report(text=text)]


def _numbered_mouse(fields: list[str]) -> list[Token]:
    """Urxvt's mouse (mode 1015) as xterm's (mode 1006)."""
    button = _number(fields[0]) - 32
    is_release = button & 3 == 3 and not button & 32
    return [
        Sequence(text=f"\x1b[<{button & ~3 if is_release else button};{fields[1]};{fields[2]}{'mM'[not is_release]}")
    ]


def _is_released(fields: list[str]) -> bool:
    return len(fields) > 1 and fields[1].partition(":")[2] == _RELEASED


def _second_bits(fields: list[str]) -> int:
    return _modifier_bits(fields[1]) if len(fields) > 1 else 0


def _modifier_bits(field: str) -> int:
    return max(0, _number(field) - 1) & _REAL_MODIFIERS


def _number(field: str) -> int:
    """The digits at its start; 0 when there are none, and for what no terminal says."""
    found = _NUMBER.match(field)
    return int(found[0]) if found and found[0] else 0


def _is_character(code: int) -> bool:
    return code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
