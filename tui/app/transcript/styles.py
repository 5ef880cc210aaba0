"""Rich styles for the roles of a palette, each made once."""

from __future__ import annotations

from typing import NamedTuple

from rich.color import Color
from rich.style import Style
from textual.color import Color as TextualColor

from tui.theming.values import Palette


class Pen(NamedTuple):
    """What text is drawn with: roles of the palette and attributes."""

    role: str = "foreground"
    ground: str = "background"
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False


class Styles:
    """The styles of one palette. Equal pens give the same object, so that rows share them."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self._made: dict[Pen, Style] = {}

    def __getitem__(self, pen: Pen) -> Style:
        style = self._made.get(pen)
        if style is None:
            style = self._made[pen] = Style(
                color=rich_color(getattr(self.palette, pen.role)),
                bgcolor=rich_color(getattr(self.palette, pen.ground)),
                bold=pen.bold or None,
                italic=pen.italic or None,
                underline=pen.underline or None,
                strike=pen.strike or None,
            )
        return style


def rich_color(value: str) -> Color:
    """A palette's ``#rrggbb``, ``default`` or ``ansi_0`` to ``ansi_15`` as Rich names it."""
    if value == "default":
        return Color.default()
    if value.startswith("ansi_"):
        return Color.from_ansi(int(value.removeprefix("ansi_")))
    return Color.parse(value)


def textual_color(value: str) -> TextualColor:
    """A palette's colour as Textual names it."""
    if value == "default":
        return TextualColor.parse("ansi_default")
    if value.startswith("ansi_"):
        number = int(value.removeprefix("ansi_"))
        brightness = "bright_" if number >= len(_ANSI_NAMES) else ""
        return TextualColor.parse(f"ansi_{brightness}{_ANSI_NAMES[number % len(_ANSI_NAMES)]}")
    return TextualColor.parse(value)


_ANSI_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
