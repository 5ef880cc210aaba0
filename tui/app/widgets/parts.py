"""Text with roles: what lines and rows are made of before a theme gives them colours."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment

from tui.app.paint import Ink

Parts = tuple[tuple[str, str], ...]
"""Text and role, cleaned already; a role that ends in ``!`` is bold."""


def cells_of(parts: Iterable[tuple[str, str]]) -> int:
    return sum(cell_len(text) for text, _ in parts)


def drawn(parts: Iterable[tuple[str, str]], ink: Ink) -> list[Segment]:
    return [Segment(text, ink(role.rstrip("!"), bold=role.endswith("!"))) for text, role in parts]


def cut(parts: Parts, cells: int, ellipsis: str) -> Parts:
    """``parts`` in at most ``cells`` cells; what had to go is marked with ``ellipsis``."""
    if cells_of(parts) <= cells:
        return parts
    kept: list[tuple[str, str]] = []
    left = max(0, cells - cell_len(ellipsis))
    for text, role in parts:
        text_cells = cell_len(text)
        if text_cells <= left:
            kept.append((text, role))
            left -= text_cells
            continue
        kept.append(
            (set_cell_size(set_cell_size(text, left).rstrip() + ellipsis, min(cells, left + len(ellipsis))), role)
        )
        break
    return tuple(kept)
