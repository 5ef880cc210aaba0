"""A theme: about twenty roles, each with one colour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """A colour for each role: ``#rrggbb``, or for a terminal's own colours ``default`` and ``ansi_0`` to ``ansi_15``."""

    background: str
    surface: str
    overlay: str
    border: str
    foreground: str
    muted: str
    accent: str
    selection: str
    user: str
    thinking: str
    success: str
    warning: str
    error: str
    code_background: str
    keyword: str
    string: str
    number: str
    comment: str
    function: str
    type: str
    operator: str
    constant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    name: str
    """What a person types and what the file is called: ``chinwag-dark``."""
    is_dark: bool
    palette: Palette
    about: str = ""
    """One line: whose palette it is and which colours were nudged."""
    ansi256: tuple[tuple[str, int], ...] = ()
    """Roles with a colour of their own in a 256-colour terminal: (role, colour number)."""
