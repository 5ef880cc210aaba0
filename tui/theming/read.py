"""One theme from the bytes of its file.

::

    about = "one line"            # may be left out
    kind = "dark"                 # dark, light, or terminal: only the terminal's own colours
    extends = "chinwag-dark"      # what is not given comes from this bundled theme; kind may then be left out, too
    [palette]                     # every role, one colour each
    background = "#14161a"        # kind terminal: default, ansi_0 to ansi_15
    [ansi256]                     # may be left out: roles with a colour number of their own in 256 colours
    muted = 248
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from itertools import islice
from typing import Any

from tui.cleaning import clean_line
from tui.failures import Failure
from tui.theming.nearest import nearest
from tui.theming.quantise import request_for_256
from tui.theming.values import Palette, Theme
from tui.toml import read_toml

LIMIT_BYTES = 64 * 1024
ROLES = tuple(field.name for field in fields(Palette))
AUTO = "auto"
"""Not a theme: our own dark or light one, by the terminal's background."""

_KEYS = ("about", "kind", "extends", "palette", "ansi256")
_KINDS = ("dark", "light", "terminal")
_NAME = re.compile(r"(?=.{1,40}\Z)[a-z0-9]+(-[a-z0-9]+)*")
_TRUE_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_TERMINAL_COLOUR = re.compile(r"default|ansi_([0-9]|1[0-5])")


def read_theme(name: str, data: bytes, *, parents: Mapping[str, Theme]) -> Theme:
    """The theme ``name`` as ``data`` says, which may extend one of ``parents``.

    Raises ``Failure`` whose message lists what is wrong, at most three things of it.
    """
    title = f"theme {clean_line(name, 60)}"
    if not _NAME.fullmatch(name) or name == AUTO:
        raise Failure(
            title, "a theme's file needs another name", "use lower case letters, digits and -, such as mine.toml"
        )
    try:
        table = read_toml(data, name="it", limit_bytes=LIMIT_BYTES)
    except Failure as failure:
        raise Failure(title, f"{failure.title}, {failure.message}", failure.advice) from failure
    # A file may hold thousands of wrong roles, and looking for each one's neighbour takes its time.
    complaints = list(islice(_complaints(table, parents), 4))
    if complaints:
        more = "; and more" if len(complaints) > 3 else ""
        raise Failure(title, "; ".join(complaints[:3]) + more, f"correct {name}.toml")
    parent = parents.get(table.get("extends", ""))
    colours = table.get("palette", {})
    kept = () if parent is None else ((role, number) for role, number in parent.ansi256 if role not in colours)
    inherited = {} if parent is None else asdict(parent.palette)
    numbers = dict(kept) | table.get("ansi256", {})
    return Theme(
        name=name,
        is_dark=_kind(table, parent) != "light",
        palette=Palette(**inherited | {role: colour.lower() for role, colour in colours.items()}),
        about=clean_line(table.get("about", "")),
        ansi256=tuple((role, numbers[role]) for role in ROLES if role in numbers),
    )


def kind_of(theme: Theme) -> str:
    """``dark``, ``light`` or ``terminal``."""
    if theme.palette.background == "default":
        return "terminal"
    return "dark" if theme.is_dark else "light"


def _complaints(table: Mapping[str, Any], parents: Mapping[str, Theme]) -> Iterator[str]:
    for key in table:
        if key in ROLES or key == "roles":
            yield f"{_quoted(key)} is unknown here: colours stand under [palette]"
        elif key not in _KEYS:
            yield f"{_quoted(key)} is unknown{nearest(key, _KEYS)}"
    if not isinstance(table.get("about", ""), str):
        yield "about needs a line of text"
    extends = table.get("extends", "")
    if not isinstance(extends, str) or (extends and extends not in parents):
        known = nearest(extends, parents) if isinstance(extends, str) else ""
        yield f"extends needs the name of a bundled theme{known}"
        return
    parent = parents.get(extends)
    kind = _kind(table, parent)
    if kind not in _KINDS:
        yield "kind needs to be dark, light or terminal"
        return
    yield from _palette_complaints(table.get("palette", {}), kind, parent)
    yield from _number_complaints(table.get("ansi256", {}), kind)


def _kind(table: Mapping[str, Any], parent: Theme | None) -> Any:
    return table.get("kind", "" if parent is None else kind_of(parent))


def _palette_complaints(palette: Any, kind: str, parent: Theme | None) -> Iterator[str]:
    if not isinstance(palette, dict):
        yield "palette needs to be a table of roles"
        return
    for role, colour in palette.items():
        if role not in ROLES:
            yield f"role {_quoted(role)} is unknown{nearest(role, ROLES)}"
        elif complaint := _colour_complaint(colour, kind):
            yield f"{role} {complaint}"
    if parent is None:
        missing = [role for role in ROLES if role not in palette]
        if missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            yield f"no colour for {', '.join(missing[:5])}{more}"
    elif (kind == "terminal") != (kind_of(parent) == "terminal"):
        yield f"a theme of kind {kind} cannot extend {parent.name}, whose kind is {kind_of(parent)}"
    if kind == "terminal" and palette.get("background", "default") != "default":
        yield "background needs to be default in a theme of kind terminal"


def _colour_complaint(colour: Any, kind: str) -> str:
    pattern = _TERMINAL_COLOUR if kind == "terminal" else _TRUE_COLOUR
    if isinstance(colour, str) and pattern.fullmatch(colour):
        return ""
    allowed = "default or ansi_0 to ansi_15" if kind == "terminal" else "#rrggbb"
    return f"needs {allowed}{f', not {_quoted(colour)}' if isinstance(colour, str) else ''}"


def _number_complaints(numbers: Any, kind: str) -> Iterator[str]:
    if not isinstance(numbers, dict):
        yield "ansi256 needs to be a table of roles"
        return
    if numbers and kind == "terminal":
        yield "ansi256 has no use in a theme of kind terminal"
        return
    for role, number in numbers.items():
        if role not in ROLES:
            yield f"role {_quoted(role)} in ansi256 is unknown{nearest(role, ROLES)}"
        elif isinstance(number, bool) or not isinstance(number, int) or not 16 <= number <= 255:
            yield f"{role} in ansi256 needs a colour number from 16 to 255"
        else:
            try:
                request_for_256(number)
            except ValueError as error:
                yield f"{role} in ansi256: {error}"


def _quoted(text: str) -> str:
    return f'"{clean_line(text, 40)}"'
