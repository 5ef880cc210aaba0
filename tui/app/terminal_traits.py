"""What a terminal says of itself when it is asked, and what it said the last time.

It is asked after the first picture, so nobody waits for the answer; most of it serves the next start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tui.atomic import make_private_folder, read_bounded, write_atomically
from tui.cleaning import clean_line
from tui.environment import Colour, Environment, Multiplexer
from tui.failures import Failure
from tui.theming.contrast import relative_luminance

FILE_NAME = "terminals.json"
KEPT = 20
"""Terminals that are remembered, the last one asked last."""
LIMIT_BYTES = 64 * 1024
LIGHT_FROM_LUMINANCE = 0.18
"""Where black and white stand out from a ground alike."""

ASK_BACKGROUND = "\x1b]11;?\x1b\\"
_ASK_CAPABILITY = "\x1bP+q524742\x1b\\"
"""XTGETTCAP, for ``RGB``."""
_ASK_PEN = "\x1b7\x1b[48;2;1;2;3m\x1bP$qm\x1b\\\x1b8"
"""DECRQSS after a colour that only a terminal with all of them keeps as it is; cursor and pen are put back."""

_BACKGROUND = re.compile(r"\x1b\]11;(?:rgba?:([0-9a-fA-F/]{5,24})|#([0-9a-fA-F]{6}))(?:\x07|\x1b\\)?\Z")
_PEN = re.compile(r"\x1bP1\$r[0-9;:]*m(?:\x1b\\)?\Z")
_OUR_PEN = re.compile(r"48[:;]2[:;]+(?:\d*[:;])?1[:;]2[:;]3(?!\d)")
_CAPABILITY = re.compile(r"\x1bP1\+r524742(?:=|\x1b|\Z)", re.IGNORECASE)
_NEVER_ASKED = ("", "dumb", "unknown", "linux", "cons", "vt", "sun")
"""Terminals that write out what they do not understand, by how their name begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalTraits:
    """None is what nobody knows."""

    is_dark: bool | None = None
    has_truecolor: bool | None = None


def terminal_name(environ: Mapping[str, str]) -> str:
    """What it is remembered by: another program, or another multiplexer around it, is another terminal."""
    names = ("TERM", "TERM_PROGRAM", "COLORTERM", "KONSOLE_VERSION", "VTE_VERSION", "WT_PROFILE_ID")
    inside = "tmux" if environ.get("TMUX") else ""
    return clean_line(" ".join(filter(None, (*(environ.get(name, "") for name in names), inside))), 200)


def guessed_traits(environ: Mapping[str, str]) -> TerminalTraits:
    """From ``COLORFGBG``, which some terminals set: ``15;0`` is white on black."""
    background = environ.get("COLORFGBG", "").rpartition(";")[2].strip()
    if not (background.isascii() and background.isdecimal() and len(background) <= 2):
        return TerminalTraits()
    return TerminalTraits(is_dark=int(background) not in (7, *range(9, 16)))


def questions(environment: Environment, environ: Mapping[str, str]) -> str:
    """What to write to the terminal; empty for one that would show the questions."""
    term = environment.term.lower()
    if environment.is_dumb or any(term.startswith(name) if name else not term for name in _NEVER_ASKED):
        return ""
    asks_for_colours = (
        environment.colour in (Colour.colours_256, Colour.colours_16)
        # GNU screen hands such questions on as they are, and Apple's terminal writes them out.
        and environment.multiplexer is not Multiplexer.screen
        and not (term.startswith("screen") and environment.multiplexer is Multiplexer.none)
        and environ.get("TERM_PROGRAM") != "Apple_Terminal"
    )
    return ASK_BACKGROUND + (_ASK_CAPABILITY + _ASK_PEN if asks_for_colours else "")


def with_answer(traits: TerminalTraits, report: str) -> TerminalTraits:
    """``traits`` with what a report of the terminal adds; any other report adds nothing."""
    if found := _BACKGROUND.match(report):
        rgb = _rgb(found[1] or "/".join((found[2][:2], found[2][2:4], found[2][4:])))
        if rgb is not None:
            return replace(traits, is_dark=relative_luminance(rgb) < LIGHT_FROM_LUMINANCE)
    elif _CAPABILITY.match(report):
        return replace(traits, has_truecolor=True)
    elif _PEN.match(report):
        has_truecolor = _OUR_PEN.search(report) is not None
        return replace(traits, has_truecolor=has_truecolor or bool(traits.has_truecolor))
    return traits


def with_known_colours(environment: Environment, traits: TerminalTraits) -> Environment:
    """With all colours, where the terminal has said that it has them and nobody said to use fewer."""
    if traits.has_truecolor and environment.colour in (Colour.colours_256, Colour.colours_16):
        return replace(environment, colour=Colour.truecolor)
    return environment


def remembered_traits(file: Path, name: str) -> TerminalTraits:
    """What this terminal said in an earlier start. A file that is missing or damaged remembers nothing. Blocks."""
    said = _remembered(file).get(name)
    if not isinstance(said, dict):
        return TerminalTraits()
    values = {key: value for key, value in said.items() if key in asdict(TerminalTraits())}
    return TerminalTraits(**{key: value for key, value in values.items() if isinstance(value, bool)})


def remember_traits(file: Path, name: str, traits: TerminalTraits) -> None:
    """For the next start. A disk that refuses costs a question more, and is not worth a word. Blocks."""
    known = _remembered(file)
    if known.get(name) == asdict(traits):
        return
    known.pop(name, None)
    known[name] = asdict(traits)
    data = json.dumps(dict(list(known.items())[-KEPT:]), indent=1).encode("ascii")
    try:
        make_private_folder(file.parent)
        write_atomically(file, data, sync=False)
    except (OSError, Failure):
        return


def _remembered(file: Path) -> dict[str, object]:
    try:
        said = json.loads(read_bounded(file, LIMIT_BYTES))
    except (OSError, Failure, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _rgb(channels: str) -> tuple[int, int, int] | None:
    """Red, green and blue of ``ffff/8080/0000``: one to four digits each, of which a fourth channel may follow."""
    parts = channels.split("/")[:3]
    if len(parts) != 3 or not all(1 <= len(part) <= 4 for part in parts):
        return None
    red, green, blue = (round(255 * int(part, 16) / (16 ** len(part) - 1)) for part in parts)
    return red, green, blue
