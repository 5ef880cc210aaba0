"""What lies under a screen without a ground of its own, kept by the row.

Textual draws the whole screen beneath anew for every change that shows through; here only the rows that changed are.
"""

from __future__ import annotations

from collections.abc import Collection

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip

_STRIPS_KEPT = 512
_NO_STYLE = Style.null()


class RowsBehind:
    """The rows of one screen, as one on top of it shows them: nothing there can be clicked."""

    def __init__(self) -> None:
        self._rows: list[Strip | None] = []
        self._size = Size(0, 0)
        self._plain: dict[int, tuple[Strip, Strip]] = {}

    def forget(self, regions: Collection[Region] = ()) -> None:
        """These regions are to be drawn anew; without any, all is."""
        if not regions:
            self._rows = []
        for region in regions:
            for row in range(max(0, region.y), min(region.bottom, len(self._rows))):
                self._rows[row] = None

    def rows(self, screen: Screen[object], size: Size) -> list[Strip]:
        """The whole ``screen``, of ``size``; what is still known of it is not drawn again."""
        if size != self._size or len(self._rows) != size.height:
            self._size = size
            self._rows = [None] * size.height
        missing = {row for row, strip in enumerate(self._rows) if strip is None}
        if missing:
            first, last = min(missing), max(missing)
            crop = Region(0, first, size.width, last - first + 1)
            chops = screen._compositor._render_chops(crop, missing.__contains__)
            for row in missing:
                strips = [strip for strip in chops[row].values() if strip is not None] if row < len(chops) else []
                joined = strips[0] if len(strips) == 1 else Strip.join(strips)
                self._rows[row] = self._without_meta(joined).adjust_cell_length(size.width)
        return [strip for strip in self._rows if strip is not None]

    def _without_meta(self, strip: Strip) -> Strip:
        """The same strip for the same strip, so that whoever keeps something by its identity finds it again."""
        made = self._plain.get(id(strip))
        if made is not None:
            return made[1]
        plain = strip
        if any(style is not None and (style._meta or style._link) for _, style, _ in strip._segments):
            plain = Strip([_plain_segment(segment) for segment in strip._segments], strip.cell_length)
        if len(self._plain) >= _STRIPS_KEPT:
            self._plain.clear()
        self._plain[id(strip)] = strip, plain
        return plain


def _plain_segment(segment: Segment) -> Segment:
    text, style, control = segment
    if style is None or not (style._meta or style._link):
        return segment
    return Segment(text, style.clear_meta_and_links() if style else _NO_STYLE, control)
