"""Every glyph that chinwag draws itself, once for Unicode and once for ASCII."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """Each glyph is one cell wide in every terminal that knows it; ``ellipsis`` alone may be longer."""

    rail: str
    busy: str
    waiting: str
    done: str
    stopped: str
    folded: str
    unfolded: str
    prompt: str
    down: str
    unread: str
    bullet: str
    meter_full: str
    meter_empty: str
    spark: tuple[str, ...]
    separator: str
    ellipsis: str
    horizontal: str
    vertical: str


UNICODE = Glyphs(
    rail="▌",
    busy="●",
    waiting="◌",
    done="✓",
    stopped="■",
    folded="▸",
    unfolded="▾",
    prompt="›",
    down="↓",
    unread="•",
    bullet="•",
    meter_full="▰",
    meter_empty="▱",
    spark=("▁", "▂", "▃", "▄", "▅", "▆", "▇"),
    separator="·",
    ellipsis="…",
    horizontal="─",
    vertical="│",
)

ASCII = Glyphs(
    rail="|",
    busy="*",
    waiting="o",
    done="+",
    stopped="#",
    folded=">",
    unfolded="v",
    prompt=">",
    down="v",
    unread="*",
    bullet="-",
    meter_full="#",
    meter_empty="-",
    spark=("_", "_", ".", ".", "-", "-", "="),
    separator="-",
    ellipsis="...",
    horizontal="-",
    vertical="|",
)
