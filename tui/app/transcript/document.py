"""One text on the screen: its units, how many rows each takes, and the rows of those that were looked at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Protocol

from tui.app.transcript.code import CodeShape
from tui.app.transcript.prefix_sums import PrefixSums
from tui.app.transcript.rendering import UnitRenderer
from tui.app.transcript.rows import Row
from tui.app.transcript.units import Fence, Unit


class Cutter(Protocol):
    """What cuts a growing text into units: ``Segmenter`` or ``PlainSegmenter``."""

    units: list[Unit]
    references: dict[str, str]

    def feed(self, text: str) -> None: ...

    def finish(self) -> None: ...

    def open_units(self) -> list[Unit]: ...


class Part:
    """A unit and its rows, if they are at hand."""

    __slots__ = ("height", "is_exact", "rows", "unit")

    def __init__(self, unit: Unit | None, height: int) -> None:
        self.unit = unit
        self.height = height
        """In rows; an estimate until ``is_exact``."""
        self.is_exact = False
        self.rows: list[Row] | None = None


class Section(Protocol):
    """Some rows of a message, in parts."""

    @property
    def height(self) -> int: ...

    @property
    def count(self) -> int:
        """How many parts there are."""
        ...

    def part(self, index: int) -> Part: ...

    def before(self, index: int) -> int:
        """Rows in front of a part."""
        ...

    def find(self, row: int) -> tuple[int, int]:
        """The part that a row belongs to, and which of its rows it is."""
        ...

    def rows(self, index: int) -> list[Row]:
        """The rows of a part; its height is exact from then on."""
        ...


class FixedRows:
    """A section of rows that are always at hand."""

    def __init__(self, rows: list[Row]) -> None:
        self._part = Part(None, len(rows))
        self._part.rows = rows
        self._part.is_exact = True
        self.height = len(rows)
        self.count = 1 if rows else 0

    def part(self, index: int) -> Part:
        return self._part

    def before(self, index: int) -> int:
        return self.height if index else 0

    def find(self, row: int) -> tuple[int, int]:
        return 0, row

    def rows(self, index: int) -> list[Row]:
        return self._part.rows or []


class Document:
    """A text that may still grow. Only what is asked for is rendered, apart from what is open at its end."""

    def __init__(self, cutter: Cutter, make_renderer: Callable[[dict[str, str]], UnitRenderer]) -> None:
        self._cutter = cutter
        self._make_renderer = make_renderer
        self._renderer = make_renderer(cutter.references)
        self._parts: list[Part] = []
        self._heights = PrefixSums()
        self._open: list[Part] = []
        self._open_height = 0
        self._open_fence: tuple[Fence, CodeShape | None] | None = None
        self.is_finished = False

    @property
    def height(self) -> int:
        return self._heights.total + self._open_height

    @property
    def count(self) -> int:
        return len(self._parts) + len(self._open)

    def append(self, text: str) -> int:
        """More text. From the row that is given back on, rows may look different."""
        first_changed = self._heights.total
        self._cutter.feed(text)
        self._take_closed()
        self._render_open()
        return self._outdated_code(first_changed)

    def finish(self) -> None:
        """The text is complete."""
        if self.is_finished:
            return
        self.is_finished = True
        self._cutter.finish()
        self._open = []
        self._open_height = 0
        self._take_closed()
        self._outdated_code(0)
        if self._cutter.references:
            # Text above a definition may refer to it: rendered anew it looks different and is as high as before.
            self._renderer = self._make_renderer(self._cutter.references)
            for part in self._parts:
                part.rows = None

    def use(self, make_renderer: Callable[[dict[str, str]], UnitRenderer]) -> None:
        """Render everything anew, in another width or theme."""
        self._make_renderer = make_renderer
        self._renderer = make_renderer(self._cutter.references)
        units = [part.unit for part in self._parts if part.unit is not None]
        self._parts = []
        self._heights = PrefixSums()
        self._add(units)
        if not self.is_finished:
            self._render_open()

    def part(self, index: int) -> Part:
        closed = len(self._parts)
        return self._parts[index] if index < closed else self._open[index - closed]

    def before(self, index: int) -> int:
        closed = len(self._parts)
        if index <= closed:
            return self._heights.before(index)
        return self._heights.total + sum(part.height for part in self._open[: index - closed])

    def find(self, row: int) -> tuple[int, int]:
        index, offset = self._heights.find(row)
        if index < len(self._parts):
            return index, offset
        for part in self._open:
            if offset < part.height:
                break
            offset -= part.height
            index += 1
        return index, offset

    def offset_of(self, index: int) -> int:
        """Where the source of a part begins in the text."""
        unit = self.part(index).unit
        return unit.offset if unit is not None else 0

    def unit_at(self, offset: int) -> tuple[int, int, int | None]:
        """The part whose source holds an offset of the text, and where that source begins and ends; None: the end."""
        index = max(0, bisect_right(range(self.count), offset, key=self.offset_of) - 1)
        end = self.offset_of(index + 1) if index + 1 < self.count else None
        return index, self.offset_of(index) if self.count else 0, end

    def rows(self, index: int) -> list[Row]:
        part = self.part(index)
        if part.rows is None:
            assert part.unit is not None
            part.rows = self._renderer.rows(part.unit, is_first=index == 0)
            part.is_exact = True
            if index < len(self._parts):
                self._heights[index] = len(part.rows)
            part.height = len(part.rows)
        return part.rows

    def _take_closed(self) -> None:
        self._add(self._cutter.units[len(self._parts) :])

    def _add(self, units: list[Unit]) -> None:
        for unit in units:
            part = Part(unit, self._renderer.estimate(unit, is_first=not self._parts))
            self._parts.append(part)
            self._heights.append(part.height)

    def _render_open(self) -> None:
        self._open = []
        self._open_height = 0
        for unit in self._cutter.open_units():
            part = Part(unit, 0)
            self._open.append(part)
            part.rows = self._renderer.rows(unit, is_first=self.count == 1)
            part.height = len(part.rows)
            part.is_exact = True
            self._open_height += part.height

    def _outdated_code(self, first_changed: int) -> int:
        """Forget finished rows of the open code when its lines are set otherwise or its colours are final; the first such row."""
        fence = self._open[-1].unit.fence if self._open and self._open[-1].unit else None
        before = self._open_fence
        self._open_fence = None if fence is None else (fence, self._renderer.shape(fence))
        if before is None or before == self._open_fence:
            return first_changed
        index = len(self._parts)
        while index > 0 and not self._shows(index - 1, before[0]):
            index -= 1
        while index > 0 and self._shows(index - 1, before[0]):
            index -= 1
            self._parts[index].rows = None
        return min(first_changed, self._heights.before(index))

    def _shows(self, index: int, fence: Fence) -> bool:
        unit = self._parts[index].unit
        return unit is not None and unit.fence is fence
