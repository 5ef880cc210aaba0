"""The nearest colour that reads well enough: what a failing contrast test proposes, and what our nudged colours are."""

from __future__ import annotations

from collections.abc import Iterable
from math import cbrt, dist

from tui.theming.contrast import contrast, hex_of, relative_luminance, rgb_of
from tui.theming.quantise import colour_of_256, request_for_256


def oklab(colour: str) -> tuple[float, float, float]:
    """Lightness 0 to 1 and the two colour axes of ``#rrggbb`` in OKLab, where distances look alike everywhere."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _unit(colour))
    long = cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def distance(one: str, other: str) -> float:
    return dist(oklab(one), oklab(other))


def nudge(colour: str, grounds: Iterable[str], ratio: float) -> str:
    """``colour`` with just enough lightness changed, hue kept, to have ``ratio`` on every one of ``grounds``.

    Raises ``ValueError`` where neither direction gets there.
    """
    grounds = tuple(grounds)
    if _reads(colour, grounds, ratio):
        return colour
    lightness, green_red, blue_yellow = oklab(colour)
    for step in range(1, 1001):
        ground_is_dark = relative_luminance(rgb_of(grounds[0])) < 0.18
        wanted = lightness + (step if ground_is_dark else -step) / 1000
        candidate = _from_oklch(min(1.0, max(0.0, wanted)), green_red, blue_yellow)
        if _reads(candidate, grounds, ratio):
            return candidate
    raise ValueError(f"no lightness of {colour} has {ratio}:1 on all of {', '.join(grounds)}")


def nearest_readable_of_256(colour: str, grounds: Iterable[str], ratio: float) -> int:
    """The number, 16 to 255, of the colour most like ``colour`` that has ``ratio`` on every one of ``grounds``."""
    grounds = tuple(grounds)
    readable = [n for n in range(16, 256) if _can_be_asked_for(n) and _reads(colour_of_256(n), grounds, ratio)]
    if not readable:
        raise ValueError(f"no colour of 256 has {ratio}:1 on all of {', '.join(grounds)}")
    return min(readable, key=lambda number: distance(colour_of_256(number), colour))


def _reads(colour: str, grounds: tuple[str, ...], ratio: float) -> bool:
    return all(contrast(colour, ground) >= ratio for ground in grounds)


def _can_be_asked_for(number: int) -> bool:
    try:
        request_for_256(number)
    except ValueError:
        return False
    return True


def _unit(colour: str) -> tuple[float, ...]:
    return tuple(channel / 255 for channel in rgb_of(colour))


def _from_oklch(lightness: float, green_red: float, blue_yellow: float) -> str:
    """The colour, with less chroma where the screen cannot show that much at this lightness."""
    for share in range(100, -1, -2):
        rgb = _srgb(lightness, green_red * share / 100, blue_yellow * share / 100)
        if all(-0.001 <= channel <= 1.001 for channel in rgb):
            break
    red, green, blue = (round(255 * min(1.0, max(0.0, channel))) for channel in rgb)
    return hex_of((red, green, blue))


def _srgb(lightness: float, green_red: float, blue_yellow: float) -> tuple[float, ...]:
    long = (lightness + 0.3963377774 * green_red + 0.2158037573 * blue_yellow) ** 3
    medium = (lightness - 0.1055613458 * green_red - 0.0638541728 * blue_yellow) ** 3
    short = (lightness - 0.0894841775 * green_red - 1.2914855480 * blue_yellow) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return tuple(12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in linear)
