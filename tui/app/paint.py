"""From a theme's roles to what Textual and Rich draw with. Widgets ask for a role, never for a colour."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import Protocol, runtime_checkable

from rich.color import Color
from rich.style import Style
from textual.theme import Theme as TextualTheme

from tui.app.glyphs import Glyphs
from tui.theming.values import Palette, Theme


def css_name(role: str) -> str:
    """The variable of a role in Textual's CSS, without the dollar sign: ``role-code-background``."""
    return f"role-{role.replace('_', '-')}"


def textual_theme(theme: Theme) -> TextualTheme:
    """The theme as Textual knows it, with every role as a variable."""
    palette = theme.palette
    is_ansi = palette.background == "default"
    return TextualTheme(
        name=theme.name,
        primary=_css_colour(palette.accent),
        secondary=_css_colour(palette.thinking),
        accent=_css_colour(palette.accent),
        warning=_css_colour(palette.warning),
        error=_css_colour(palette.error),
        success=_css_colour(palette.success),
        foreground=_css_colour(palette.foreground),
        background=_css_colour(palette.background),
        surface=_css_colour(palette.surface),
        panel=_css_colour(palette.overlay),
        dark=theme.is_dark,
        ansi=is_ansi,
        variables=role_variables(theme) | (_ANSI_VARIABLES if is_ansi else {}),
    )


_ANSI_VARIABLES = {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "screen-selection-background": "ansi_cyan",
    "screen-selection-foreground": "ansi_black",
}
"""What Textual's own style sheets ask of a theme without colours of its own, and do not set themselves."""


def role_variables(theme: Theme) -> dict[str, str]:
    variables = {css_name(role): _css_colour(colour) for role, colour in asdict(theme.palette).items()}
    variables["scrollbar"] = variables["role-border"]
    return variables


@lru_cache(maxsize=512)
def style(
    foreground: str, background: str, *, bold: bool = False, italic: bool = False, reverse: bool = False
) -> Style:
    """A Rich style from two colours of a palette."""
    return Style(
        color=_rich_colour(foreground),
        bgcolor=_rich_colour(background),
        bold=bold or None,
        italic=italic or None,
        reverse=reverse or None,
    )


@runtime_checkable
class Themed(Protocol):
    """A widget that draws with a theme's values and has to be told of another one."""

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None: ...


class Ink:
    """The styles of one ground: ``ink = Ink(palette, "surface")``, then ``ink("muted")``."""

    def __init__(self, palette: Palette, ground: str) -> None:
        """``ground`` is a role: ``surface``. Where a theme has no colour of its own to select with, it is reversed."""
        self._palette = palette
        self._ground = getattr(palette, ground)
        self._is_reversed = ground == "selection" and palette.selection == palette.background

    def __call__(self, role: str, *, bold: bool = False, italic: bool = False) -> Style:
        colour = self._palette.foreground if self._is_reversed else getattr(self._palette, role)
        return style(colour, self._ground, bold=bold, italic=italic, reverse=self._is_reversed)


_ANSI_NAMES = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright_black",
    "bright_red",
    "bright_green",
    "bright_yellow",
    "bright_blue",
    "bright_magenta",
    "bright_cyan",
    "bright_white",
]


def _css_colour(colour: str) -> str:
    if colour == "default":
        return "ansi_default"
    if colour.startswith("ansi_"):
        return f"ansi_{_ANSI_NAMES[int(colour.removeprefix('ansi_'))]}"
    return colour


def _rich_colour(colour: str) -> Color:
    if colour == "default":
        return Color.default()
    if colour.startswith("ansi_"):
        return Color.from_ansi(int(colour.removeprefix("ansi_")))
    return Color.parse(colour)
