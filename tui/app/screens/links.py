"""The links of an answer, for whoever has no mouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.transcript.links import Link
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.cleaning import clean_line
from tui.metrics.wording import plural
from tui.theming.values import Theme

LABEL_CELLS = 40
ADDRESS_CELLS = 400
COPY = "copy "
"""Before the number of a link that is to be copied; without it the link is to be followed."""


class LinkPicker(ListScreen):
    """Gives back the number of a link from 1, behind ``COPY`` when it is to be copied."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("alt+c", "copy_link", show=False, priority=True)]

    def __init__(self, *, theme: Theme, glyphs: Glyphs, links: Sequence[Link], reason_not_to_open: str) -> None:
        """``reason_not_to_open`` is empty where links can be opened; else following one means copying it."""
        super().__init__(title="Links", theme=theme, glyphs=glyphs)
        self._links = tuple(links)
        self._reason = reason_not_to_open

    def on_mount(self) -> None:
        super().on_mount()
        self.show_counts(plural(len(self._links), "link"))

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        rows: list[Row] = []
        for number, link in enumerate(self._links, start=1):
            label, address = clean_line(link.label, LABEL_CELLS), clean_line(link.address, ADDRESS_CELLS)
            if typed.casefold().strip() not in f"{number} {label} {address}".casefold():
                continue
            named = label if label and label != address else ""
            shown = highlight(named, typed.strip(), "foreground") if named else ()
            address_parts = highlight(address, typed.strip(), "muted" if named else "foreground")
            gap: Parts = (("  ", "muted"),) if named else ()
            rows.append(Row(key=str(number), left=((f" {number:>2}  ", "muted"), *shown, *gap, *address_parts)))
        return tuple(rows)

    def note_for(self, key: str) -> Parts:
        """The whole address: the row may be cut."""
        if not key:
            return (("nothing fits", "muted"),)
        return ((clean_line(self._links[int(key) - 1].address, ADDRESS_CELLS), "accent"),)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        if self._reason:
            return (("enter", f"copy {self.glyphs.separator} {self._reason}"), ("esc", "back"))
        return (("enter", "open"), ("alt+c", "copy"), ("esc", "back"))

    def action_copy_link(self) -> None:
        if key := self.list.marked:
            self.dismiss(f"{COPY}{key}")
