"""What a terminal of 256 or 16 colours makes of a colour.

The mapping is the one that Rich applies when it draws, so that a theme can be checked for what will be on the screen.
"""

from __future__ import annotations

from colorsys import rgb_to_hls
from dataclasses import replace

from tui.theming.contrast import hex_of, rgb_of
from tui.theming.values import Palette, Theme

_CUBE_LEVELS = (0, 95, 135, 175, 215, 255)
_CUBE_START, _GREY_START = 16, 232
_SIXTEEN = (
    *((0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0), (0, 0, 170), (170, 0, 170), (0, 170, 170), (170, 170, 170)),
    *((85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 85, 255), (255, 85, 255), (85, 255, 255)),
    (255, 255, 255),
)


def nearest_of_256(colour: str) -> int:
    """The colour number, 16 to 255, that ``#rrggbb`` becomes in a 256-colour terminal."""
    rgb = rgb_of(colour)
    _hue, lightness, saturation = rgb_to_hls(*(channel / 255 for channel in rgb))
    if saturation < 0.15:
        grey = round(lightness * 25.0)
        return {0: 16, 25: 231}.get(grey, _GREY_START - 1 + grey)
    red, green, blue = (round(c / 95 if c < 95 else 1 + (c - 95) / 40) for c in rgb)
    return _CUBE_START + 36 * red + 6 * green + blue


def nearest_of_16(colour: str) -> int:
    """The colour number, 0 to 15, that ``#rrggbb`` becomes in a 16-colour terminal."""
    rgb = rgb_of(colour)
    return min(range(16), key=lambda number: _weighted_distance(_SIXTEEN[number], rgb))


def colour_of_256(number: int) -> str:
    """``#rrggbb`` of a colour number from 16 to 255 as xterm shows it. Raises ``ValueError`` for other numbers.

    Numbers below 16 are the terminal's own: what they look like is not known.
    """
    if not _CUBE_START <= number <= 255:
        raise ValueError(f"{number} is not a colour number from 16 to 255")
    if number >= _GREY_START:
        level = 8 + 10 * (number - _GREY_START)
        return hex_of((level, level, level))
    red, rest = divmod(number - _CUBE_START, 36)
    green, blue = divmod(rest, 6)
    return hex_of((_CUBE_LEVELS[red], _CUBE_LEVELS[green], _CUBE_LEVELS[blue]))


def request_for_256(number: int) -> str:
    """The ``#rrggbb`` to draw with so that exactly colour ``number`` (16 to 255) comes out of the mapping.

    Raises ``ValueError`` for a number that no colour maps to: those below 16, and the cube's four greys between black
    and white, which have near twins from 232 on.
    """
    colour = colour_of_256(number)
    if number >= _GREY_START:
        # The mapping counts greys in twenty-fifths of white, xterm in steps of ten from eight: the brighter ones drift.
        level = round((number - _GREY_START + 1) * 255 / 25)
        colour = hex_of((level, level, level))
    if nearest_of_256(colour) != number:
        raise ValueError(f"no colour becomes {number}; use {nearest_of_256(colour)}")
    return colour


def palette_in_256(theme: Theme) -> Palette:
    """The palette to draw with in a 256-colour terminal: the theme's own choices where it gives some, else as it is."""
    return replace(theme.palette, **{role: request_for_256(number) for role, number in theme.ansi256})


def _weighted_distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> int:
    # The usual "redmean" weighting; its square root would not change which colour is nearest.
    red_mean = (one[0] + other[0]) // 2
    red, green, blue = (a - b for a, b in zip(one, other, strict=True))
    return (((512 + red_mean) * red * red) >> 8) + 4 * green * green + (((767 - red_mean) * blue * blue) >> 8)
