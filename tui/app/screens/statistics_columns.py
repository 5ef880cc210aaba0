"""The columns of a table of statistics: as many as there is room for, each as wide as what stands in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from tui.app.glyphs import Glyphs
from tui.app.widgets.parts import Parts
from tui.metrics.overview import levels
from tui.metrics.totals import UsageTotals
from tui.metrics.wording import seconds_text, speed_text, tokens_text

GAP_CELLS = 2
CURVE_CELLS = 17
LEAST_NAME_CELLS = 10


def _speed(one: UsageTotals) -> str:
    return "" if one.median_tokens_per_second is None else speed_text(one.median_tokens_per_second)


def _first(one: UsageTotals) -> str:
    return "" if one.median_first_token_seconds is None else seconds_text(one.median_first_token_seconds)


_ALL: tuple[tuple[str, Callable[[UsageTotals], str]], ...] = (
    ("answers", lambda one: f"{one.answers:,}"),
    ("failed", lambda one: f"{one.failed:,}" if one.failed else ""),
    ("tokens in", lambda one: tokens_text(one.prompt_tokens)),
    ("tokens out", lambda one: tokens_text(one.answer_tokens)),
    ("time", lambda one: seconds_text(one.answer_seconds)),
    ("tok/s", _speed),
    ("first token", _first),
)
_GO_FIRST = ("first token", "tokens in", "time", "failed", "tokens out", "answers", "tok/s")
"""In which order they go as the window narrows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    name_cells: int
    shown: tuple[tuple[str, int], ...]
    """Heading and cells of each."""
    has_curve: bool
    """Room is left at the right for a small curve."""

    @classmethod
    def for_totals(cls, totals: Sequence[UsageTotals], *, name_cells: int, room_cells: int) -> Self:
        """``room_cells`` is what is left beside a curve of ``CURVE_CELLS``; without it, that is used as well."""
        wide = {head: max([len(head), *(len(cell(one)) for one in totals)]) for head, cell in _ALL}
        beside = _fitting(wide, name_cells, room_cells)
        # The curve is worth one column: the marked row says what stood there.
        has_curve = len(wide) - len(beside) <= 1
        shown = beside if has_curve else _fitting(wide, name_cells, room_cells + CURVE_CELLS)
        return cls(name_cells=name_cells, shown=tuple(shown.items()), has_curve=has_curve)

    def heads(self, name: str) -> str:
        return f" {name:<{self.name_cells}}" + "".join(f"{'':{GAP_CELLS}}{head:>{cells}}" for head, cells in self.shown)

    def cells_of(self, one: UsageTotals) -> Parts:
        cell = dict(_ALL)
        return tuple(
            (f"{'':{GAP_CELLS}}{cell[head](one):>{cells}}", "warning" if head == "failed" else "foreground")
            for head, cells in self.shown
        )


def _fitting(wide: dict[str, int], name_cells: int, room_cells: int) -> dict[str, int]:
    kept = dict(wide)
    for head in _GO_FIRST:
        if _cells(name_cells, kept) <= room_cells:
            break
        del kept[head]
    return kept


def _cells(name_cells: int, wide: dict[str, int]) -> int:
    return 2 + max(LEAST_NAME_CELLS, name_cells) + sum(GAP_CELLS + cells for cells in wide.values())


def spark(values: Sequence[float | None], glyphs: Glyphs) -> str:
    """One cell for each value; a gap where there is none."""
    return "".join(" " if one is None else glyphs.spark[one] for one in levels(values, len(glyphs.spark)))
