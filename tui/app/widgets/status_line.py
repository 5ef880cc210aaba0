"""The one line under the prompt: left what happens, right the keys of this moment."""

from __future__ import annotations

from dataclasses import replace

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui.app.glyphs import Glyphs
from tui.app.paint import Ink
from tui.app.widgets.parts import cells_of, cut, drawn
from tui.app.widgets.status_fields import DROP_CONTEXT, Field, StatusView, status_fields
from tui.theming.values import Theme

__all__ = ["StatusLine", "StatusView", "status_strip"]


FIRST_KEY_CELLS = 15
"""Kept free of fields for any first key as it is declared, so that another key moves none of them."""
NARROW_GAP_CELLS = 1
LEAST_CUT_CELLS = 8
"""A field of which less is left says nothing; then the key goes."""


def keys_at_most(width: int) -> int:
    return 6 if width >= 160 else 3 if width >= 120 else 1


def status_strip(view: StatusView, *, width: int, theme: Theme, glyphs: Glyphs) -> Strip:
    """The whole line, exactly ``width`` cells. Fields go before the first key does, further keys before any field."""
    ink = Ink(theme.palette, "surface")
    blank = ink("muted")
    room = width - max(FIRST_KEY_CELLS, _key_cells(view.keys[:1]))
    fields = _fitting(status_fields(view, glyphs), room, glyphs, most=max(room, width - _key_cells(view.keys[:1])))
    keys = view.keys[: keys_at_most(width)]
    while keys and _cells(fields) + _key_cells(keys) > width:
        keys = keys[:-1]
    segments = [Segment(" ", blank)]
    for field in fields:
        segments += drawn(field.parts, ink)
        segments.append(Segment(" " * (field.cells - cells_of(field.parts)), blank))
    right = [Segment("  ", blank)] if keys else []
    for index, (key, word) in enumerate(keys):
        gap = "   " if index else ""
        right += drawn(((gap, "muted"), (key, "accent"), (f" {word}", "muted")), ink)
    right.append(Segment(" ", blank))
    left = Strip(segments).adjust_cell_length(max(0, width - Strip(right).cell_length), blank)
    return Strip.join([left, Strip(right)]).adjust_cell_length(width, blank)


def _fitting(fields: list[Field], room: int, glyphs: Glyphs, *, most: int) -> list[Field]:
    """First what may be missing goes, then what stays moves together and is said shorter, and at last it is cut.

    ``most`` is what there is beside the key of this moment; only what would be cut takes it.
    """
    fields = _without(fields, room, below=DROP_CONTEXT)
    if _cells(fields) > room:
        fields = [replace(field, gap=min(field.gap, NARROW_GAP_CELLS)) for field in fields]
    if _cells(fields) > room:
        fields = [replace(field, parts=field.short or field.parts) for field in fields]
    fields = _without(fields, room, below=DROP_CONTEXT + 1)
    too_much = _cells(fields) - most
    if too_much > 0 and fields and room > 0:
        widest = max(range(len(fields)), key=lambda at: fields[at].cells)
        field = fields[widest]
        left = max(LEAST_CUT_CELLS, field.cells - field.gap - too_much)
        fields[widest] = replace(field, parts=cut(field.parts, left, glyphs.ellipsis), width=0)
    return fields


def _without(fields: list[Field], room: int, *, below: int) -> list[Field]:
    """As many of those that are dropped before ``below`` as there is room for."""
    fields = list(fields)
    while _cells(fields) > room:
        droppable = [field for field in fields if field.drop is not None and field.drop < below]
        if not droppable:
            break
        fields.remove(min(droppable, key=lambda field: field.drop or 0))
    return fields


def _cells(fields: list[Field]) -> int:
    """One cell before them; the gap behind the last one is that before the keys."""
    return 1 + sum(field.cells for field in fields) - (fields[-1].gap if fields else 0)


def _key_cells(keys: tuple[tuple[str, str], ...]) -> int:
    """With the gaps before and between, and one cell behind."""
    return (
        1 + sum(cells_of(((key, ""), (word, ""))) + 1 for key, word in keys) + (2 + 3 * (len(keys) - 1) if keys else 0)
    )


class StatusLine(Widget):
    """Draws a ``StatusView``; whoever owns the facts gives it a new one when they change."""

    DEFAULT_CSS = "StatusLine { height: 1; width: 1fr; background: $role-surface; }"

    def __init__(self, view: StatusView, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._view = view
        self._theme = theme
        self._glyphs = glyphs
        self._drawn: Strip | None = None

    def show(self, view: StatusView) -> None:
        """Refreshes only when the line really differs, so that a quiet line sends nothing."""
        self._view = view
        strip = self._strip()
        if strip != self._drawn:
            self._drawn = strip
            self.refresh()

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self.show(self._view)
        self.refresh()

    def render_line(self, _y: int) -> Strip:
        self._drawn = self._strip()
        return self._drawn

    def _strip(self) -> Strip:
        return status_strip(self._view, width=self.size.width, theme=self._theme, glyphs=self._glyphs)
