"""The line above the prompt that says what just happened."""

from __future__ import annotations

from textual.timer import Timer

from tui.app.glyphs import Glyphs
from tui.app.sayings import Saying, Sayings
from tui.app.widgets.line import GAP_CELLS, Line
from tui.app.widgets.parts import Parts, cells_of
from tui.cleaning import cell_width, clean_line
from tui.theming.values import Theme

LOOK_AGAIN_LEAST_SECONDS = 0.05
WHERE_ALL_IS = "/said"
LEAST_READ_CELLS = 16
"""Less of a sentence says nothing."""
_DOT_CELLS = 3


class Notice(Line):
    """Shows what is said. It always takes its one row, so nothing moves when it speaks."""

    def __init__(self, sayings: Sayings, *, theme: Theme, glyphs: Glyphs, name: str | None = None) -> None:
        super().__init__(theme=theme, glyphs=glyphs, name=name)
        self._sayings = sayings
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        self._sayings.on_change = self.look_again
        self.look_again()

    def look_again(self) -> None:
        """Shows what is to be shown at this moment, and comes back when that is over."""
        if not self.is_attached:
            return
        self._show_saying()
        if self._timer is not None:
            self._timer.stop()
        seconds = self._sayings.changes_in_seconds()
        self._timer = (
            None if seconds is None else self.set_timer(max(LOOK_AGAIN_LEAST_SECONDS, seconds), self.look_again)
        )

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        super().use_theme(theme, glyphs)
        self._show_saying()

    def _show_saying(self) -> None:
        saying, dot = self._sayings.shown(), self._glyphs.separator
        if saying is None:
            self.show()
            return
        waiting = self._sayings.waiting
        count = f"and {waiting} more, {WHERE_ALL_IS}" if waiting else ""
        sentences = saying.more.split(" · ") if saying.more else []
        whole = self._parts_for(saying, [*sentences, *filter(None, (count,))])
        if cells_of(whole) < self.size.width:
            self.show(whole)
            return
        # Something has to go, so it is said where it can be read.
        right = f" {dot} {count or WHERE_ALL_IS} "
        room = self.size.width - 2 - cell_width(saying.words) - cell_width(right) - GAP_CELLS
        self.show(self._parts_for(saying, fitting(sentences, room)), ((right, "muted"),))

    def _parts_for(self, saying: Saying, sentences: list[str]) -> Parts:
        dot = self._glyphs.separator
        return ((f"  {saying.words}", saying.role), *((f" {dot} {one}", "muted") for one in sentences))

    def on_resize(self) -> None:
        self._show_saying()


def fitting(sentences: list[str], room_cells: int) -> list[str]:
    """Without those in the middle for which there is no room: the first says why, the last what to do next.

    The first is cut before it goes, as long as something of it can be read.
    """
    kept = list(sentences)
    while len(kept) > 2 and sum(cell_width(one) + _DOT_CELLS for one in kept) > room_cells:
        kept.pop(-2)
    if len(kept) < 2 or sum(cell_width(one) + _DOT_CELLS for one in kept) <= room_cells:
        return kept
    left = room_cells - cell_width(kept[-1]) - 2 * _DOT_CELLS
    return [clean_line(kept[0], left), kept[-1]] if left >= LEAST_READ_CELLS else kept[1:]
