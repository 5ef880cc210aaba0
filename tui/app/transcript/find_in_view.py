"""A search and what is seen of it: where its current hit is, and the hits among the rows near the view."""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip

from tui.app.transcript.conversation_rows import ConversationRows, Place
from tui.app.transcript.finding import Finder, FindState, Hit, ShownHit, counterpart
from tui.app.transcript.rows import Row
from tui.app.transcript.selecting import with_marks
from tui.app.transcript.styles import rich_color
from tui.theming.values import Palette

_KEPT_PARTS = 200


class FindInView:
    """One search for one text."""

    def __init__(self, text: str, rows: ConversationRows, *, first: int, offset: int) -> None:
        """It begins at ``offset`` of message ``first``."""
        self._finder = Finder(text, rows.entries, first=first, offset=offset)
        self.text = text
        self._rows = rows
        self._shown: dict[int, tuple[list[Row], list[list[ShownHit]]]] = {}
        self._place: tuple[int, int] | None = None
        """Message and part that the current hit is in."""
        self._ordinal = 0
        """The how-manieth hit in the source of its part it is, from 0."""
        self._source_hits = 0

    @property
    def state(self) -> FindState:
        return self._finder.state

    @property
    def current(self) -> Hit | None:
        return self._finder.current

    def current_offset(self) -> tuple[int, int] | None:
        """Message of the current hit, and where in it that is."""
        hit = self._finder.current
        offset = self._finder.offset_of(hit) if hit is not None else None
        return None if hit is None or offset is None else (hit.message, offset)

    def search(self) -> None:
        self._finder.search()

    def step(self, hits: int) -> None:
        self._finder.step(hits)

    def changed(self, index: int) -> None:
        self._finder.changed(index)

    def locate(self) -> Place | None:
        """The row that the current hit is in. Code that hides it behind its edge is wrapped."""
        found = self.current_offset()
        if found is None:
            self._place = None
            return None
        index, offset = found
        entry = self._rows.open(index)
        part, start, end = entry.located(offset)
        places = list(self._finder.needle.places(entry.searched()[start:end]))
        self._ordinal, self._source_hits = sum(start + place < offset for place in places), len(places)
        self._place = (index, part)
        shown = self._hits_in(self._rows.rows_of(index, part))
        if len(shown) < len(places) and self._wrap_cut_code(index, part):
            shown = self._hits_in(self._rows.rows_of(index, part))
        rows = self._rows.rows_of(index, part)
        number = counterpart(self._ordinal, self._source_hits, len(shown))
        if number is None:
            return Place(index, part, (offset - start) * len(rows) // max(1, end - start))
        return Place(index, part, shown[number][0].row)

    def _wrap_cut_code(self, index: int, part: int) -> bool:
        """Wrap the code of a part if it is cut at the edge of the window."""
        entry, look = self._rows.entries[index], self._rows.look
        unit = entry.part(part).unit
        if look is None or look.wraps_code or unit is None or unit.fence is None:
            return False
        if unit.fence.number in entry.toggled_codes:
            return False
        entry.toggle_code(unit.fence.number)
        self._rows.take_height(index)
        return True

    def draw(self, strips: list[Strip], first: int, palette: Palette) -> None:
        """Mark the hits in strips, of which the first shows row ``first``."""
        hit_style, current_style = _hit_styles(palette)
        marks: dict[int, list[tuple[int, int, Style]]] = {}
        for part in self._rows.parts_between(first, first + len(strips)):
            hits = self._hits_in(part.rows)
            is_here = (part.message, part.part) == self._place
            current = counterpart(self._ordinal, self._source_hits, len(hits)) if is_here else None
            for number, hit in enumerate(hits):
                style = current_style if number == current else hit_style
                for row, start, end in hit:
                    place = part.number + row - part.inside - first
                    if 0 <= place < len(strips):
                        marks.setdefault(place, []).append((start, end, style))
        for place, found in marks.items():
            strips[place] = with_marks(strips[place], found)

    def _hits_in(self, rows: list[Row]) -> list[list[ShownHit]]:
        kept = self._shown.get(id(rows))
        if kept is None or kept[0] is not rows:
            if len(self._shown) >= _KEPT_PARTS:
                self._shown.clear()
            kept = self._shown[id(rows)] = (rows, self._finder.needle.shown_in(rows))
        return kept[1]


def _hit_styles(palette: Palette) -> tuple[Style, Style]:
    """For what was found, and for the current one of it; neither is told by colour alone."""
    if not palette.selection.startswith("#"):
        return Style(reverse=True), Style(reverse=True, bold=True, underline=True)
    tinted = Style(color=rich_color(palette.warning), bgcolor=rich_color(palette.selection), underline=True)
    filled = Style(color=rich_color(palette.background), bgcolor=rich_color(palette.warning), bold=True)
    return tinted, filled
