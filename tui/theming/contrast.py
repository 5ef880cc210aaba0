"""How well one colour reads on another, by WCAG 2."""

from __future__ import annotations

FOREGROUND_CONTRAST = 7.0
"""The least contrast of ``foreground`` on every ground."""
TEXT_CONTRAST = 4.5
"""The least contrast of every other text role on every ground."""

GROUND_ROLES = ("background", "surface", "overlay", "selection", "code_background")
"""The roles that lie behind text."""


def rgb_of(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255 each, of ``#rrggbb``. Raises ``ValueError`` for anything else."""
    digits = colour[1:]
    if len(colour) != 7 or colour[0] != "#" or not (digits.isascii() and digits.isalnum()):
        raise ValueError(f"{colour!r} is not #rrggbb")
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def hex_of(rgb: tuple[int, int, int]) -> str:
    """``#rrggbb`` of red, green and blue, 0 to 255 each."""
    red, green, blue = rgb
    return f"#{red:02x}{green:02x}{blue:02x}"


def relative_luminance(rgb: tuple[int, int, int]) -> float:
    """WCAG's relative luminance: 0 for black, 1 for white."""
    red, green, blue = (_linear(channel / 255) for channel in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two ``#rrggbb`` colours, 1 to 21; the order does not matter."""
    darker, lighter = sorted((relative_luminance(rgb_of(one)), relative_luminance(rgb_of(other))))
    return (lighter + 0.05) / (darker + 0.05)


def required_contrast(role: str) -> float | None:
    """The least contrast that ``role`` needs on every ground; None for ``border`` and the grounds, which are not text."""
    if role == "border" or role in GROUND_ROLES:
        return None
    return FOREGROUND_CONTRAST if role == "foreground" else TEXT_CONTRAST


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
