"""Rows of messages that can be looked through: what is found is marked, and brought into view."""

from __future__ import annotations

from textual.strip import Strip

from tui.app.transcript.find_in_view import FindInView
from tui.app.transcript.finding import FindState
from tui.app.transcript.posted import FindChanged
from tui.app.transcript.rows_view import RowsView

_ROWS_UNDER_FIND_BAR = 2
"""At the lower end: the bar, and one to see what follows."""


class SearchedView(RowsView):
    """One search at a time; it goes through a long conversation in slices, behind what else there is to do."""

    _find: FindInView | None = None
    _find_origin: tuple[int, int] | None = None
    """Message and offset in it where a person was when the search began."""

    @property
    def is_finding(self) -> bool:
        """Something is looked for, and marked where it was found."""
        return self._find is not None

    @property
    def find_state(self) -> FindState:
        return self._find.state if self._find is not None else FindState()

    def find(self, text: str) -> FindState:
        """Look for ``text`` from where the person is; what is found is marked, and the first hit is brought into view.

        More is looked through in the background, which ``FindChanged`` tells of. An empty text ends the search.
        """
        if not text:
            self._find = self._find_origin = None
            self._repaint()
            return FindState()
        first, offset = self._where_to_find_from()
        self._find = FindInView(text, self._rows, first=first, offset=offset)
        self._repaint()
        self._find_more()
        return self.find_state

    def _find_from(self, message: int) -> None:
        """The next search begins with the message at this index."""
        self._find, self._find_origin = None, (message, 0)

    def find_next(self) -> FindState:
        """Go to the next hit; behind the last comes the first."""
        return self._find_step(1)

    def find_previous(self) -> FindState:
        return self._find_step(-1)

    def _find_step(self, hits: int) -> FindState:
        if self._find is not None:
            self._find.step(hits)
            self._show_hit()
        return self.find_state

    def _where_to_find_from(self) -> tuple[int, int]:
        """Message and offset of the hit that was gone to so far, else of what was at the top of the view."""
        found = self._find.current_offset() if self._find is not None else None
        if found is not None:
            return found
        if self._find_origin is None:
            place = self._rows.place(self._top) if self._rows.look is not None else None
            offset = 0
            if place is not None:
                entry = self._rows.entries[place.message]
                if place.part in entry.text_parts:
                    offset = entry.offset_of(place.part)
            self._find_origin = (place.message, offset) if place is not None else (0, 0)
        return self._find_origin

    def _find_more(self) -> None:
        """Look through one slice, and go to the first hit when it is found by that."""
        find = self._find
        if find is None:
            return
        before, hit = find.state, find.current
        find.search()
        state = find.state
        if find.current != hit:
            self._show_hit()
        if not state.is_complete:
            self.call_later(self._go_on_finding, find)
        if state != before:
            self.post_message(FindChanged(self, state))

    def _go_on_finding(self, find: FindInView) -> None:
        if find is self._find and not find.state.is_complete:
            self._find_more()

    def _find_in(self, index: int) -> None:
        """The text of a message has changed: it is looked through again."""
        if self._find is not None:
            self._find.changed(index)
            self._find_more()

    def _find_again(self) -> None:
        """Other messages are there: everything is looked through again."""
        if self._find is not None:
            text = self._find.text
            self._find = self._find_origin = None
            self.find(text)

    def _show_hit(self) -> None:
        """Bring the current hit into view."""
        if self._find is None or self._rows.look is None:
            return
        place = self._find.locate()
        if place is not None:
            self._bring_into_view(place, covered_rows=_ROWS_UNDER_FIND_BAR)
        self._repaint()

    # Painting

    def _use_look(self) -> None:
        super()._use_look()
        self._show_hit()

    def _draw_under_selection(self, strips: list[Strip], first: int) -> None:
        if self._find is not None:
            self._find.draw(strips, first, self._theme.palette)
