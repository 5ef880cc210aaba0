"""What was said, the newest first. Enter copies the marked one as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui.app.glyphs import Glyphs
from tui.app.sayings import Saying
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.cleaning import clean_line
from tui.metrics.wording import plural
from tui.theming.values import Theme

NOTE_CELLS = 400


class Said(ListScreen):
    """A list of ``sayings``, which come the newest last."""

    def __init__(
        self, *, theme: Theme, glyphs: Glyphs, sayings: Sequence[Saying], copy: Callable[[str, str], object]
    ) -> None:
        """``copy`` takes a text and what it is called."""
        super().__init__(title="What was said", theme=theme, glyphs=glyphs)
        self._sayings = {str(number): saying for number, saying in enumerate(sayings)}
        self._copy = copy

    def on_mount(self) -> None:
        super().on_mount()
        self.show_counts(plural(len(self._sayings), "message"))

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        words = typed.casefold().split()
        newest_first = reversed(tuple(self._sayings.items()))
        return tuple(
            self._row(key, saying, typed.strip())
            for key, saying in newest_first
            if all(word in _all_words(saying) for word in words)
        )

    def _row(self, key: str, saying: Saying, typed: str) -> Row:
        role = "foreground" if saying.role == "muted" else saying.role
        more = f" {self.glyphs.separator} {saying.more}" if saying.more else ""
        return Row(
            key=key,
            left=(
                (f" {saying.at.astimezone():%H:%M:%S}  ", "muted"),
                *highlight(saying.words, typed, role),
                (more, "muted"),
            ),
            right=((f"  {saying.times} times ", "muted"),) if saying.times > 1 else (),
        )

    def note_for(self, key: str) -> Parts:
        saying = self._sayings.get(key)
        if saying is None:
            return (("nothing was said yet" if not self._sayings else "nothing that was said fits", "muted"),)
        return ((clean_line(saying.more or saying.details or saying.words, NOTE_CELLS), "muted"),)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return (("enter", "copy all of it"), ("esc", "back")) if self.list.marked else (("esc", "back"),)

    def choose(self, key: str) -> None:
        self.dismiss(None)
        self._copy(self._sayings[key].whole, "what was said")


def _all_words(saying: Saying) -> str:
    return f"{saying.words} {saying.more} {saying.details}".casefold()
