"""Bars as SVG, to stand in a page that fetches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.conversations.pages import escaped
from tui.runs.tables import cell_text

BAR_PIXELS = 22
GAP_PIXELS = 8
LABEL_PIXELS = 240
WIDTH_PIXELS = 760
VALUE_PIXELS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    label: str
    value: float
    least: float | None = None
    most: float | None = None
    """With both, a line shows how far the figures lie apart."""


def bars(title: str, unit: str, values: Sequence[Bar]) -> str:
    """One bar a value, from 0 on, with its figure at the end."""
    largest = max((max(one.value, one.most or 0.0) for one in values), default=0.0)
    scale = (WIDTH_PIXELS - LABEL_PIXELS - VALUE_PIXELS) / largest if largest > 0 else 0.0
    height = len(values) * (BAR_PIXELS + GAP_PIXELS) + GAP_PIXELS
    drawn = "\n".join(
        _bar(one, top=GAP_PIXELS + number * (BAR_PIXELS + GAP_PIXELS), scale=scale, unit=unit)
        for number, one in enumerate(values)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH_PIXELS}" height="{height}" '
        f'viewBox="0 0 {WIDTH_PIXELS} {height}">\n<title>{escaped(title)}</title>\n{drawn}\n</svg>\n'
    )


def _bar(bar: Bar, *, top: int, scale: float, unit: str) -> str:
    width = max(0.0, bar.value) * scale
    middle = top + BAR_PIXELS * 0.7
    label = bar.label if len(bar.label) <= 34 else f"{bar.label[:33]}…"
    parts = [
        f'<text x="{LABEL_PIXELS - 8}" y="{middle:.1f}" text-anchor="end">{escaped(label)}</text>',
        f'<rect x="{LABEL_PIXELS}" y="{top}" width="{width:.1f}" height="{BAR_PIXELS}"/>',
    ]
    end = width
    if bar.least is not None and bar.most is not None and bar.most > bar.least:
        left, right = LABEL_PIXELS + bar.least * scale, LABEL_PIXELS + bar.most * scale
        y = top + BAR_PIXELS / 2
        parts.append(f'<line x1="{left:.1f}" y1="{y}" x2="{right:.1f}" y2="{y}"/>')
        end = max(width, right - LABEL_PIXELS)
    value = escaped(f"{cell_text(bar.value)} {unit}")
    parts.append(f'<text x="{LABEL_PIXELS + end + 8:.1f}" y="{middle:.1f}">{value}</text>')
    return "\n".join(parts)
