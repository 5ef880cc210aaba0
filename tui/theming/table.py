"""The themes as rows, for the README and for lists."""

from __future__ import annotations

from dataclasses import dataclass

from tui.theming.load import ThemeShelf
from tui.theming.read import kind_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeRow:
    name: str
    kind: str
    """``dark``, ``light`` or ``terminal``."""
    about: str


def themes_rows(shelf: ThemeShelf) -> tuple[ThemeRow, ...]:
    """One row a theme, in the shelf's order."""
    return tuple(ThemeRow(name=name, kind=kind_of(theme), about=theme.about) for name, theme in shelf.themes.items())
