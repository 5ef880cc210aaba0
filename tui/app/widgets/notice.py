"""The line above the prompt that says what just happened."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from textual.timer import Timer

from tui.app.glyphs import Glyphs
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts
from tui.cleaning import clean_line
from tui.failures import Failure
from tui.theming.values import Theme

SAID_SECONDS = 6.0
WORDS_CELLS = 160
MORE_CELLS = 200


class Notice(Line):
    """Says one thing for some seconds. It always takes its one row, so nothing moves when it speaks."""

    def __init__(self, *, theme: Theme, glyphs: Glyphs, name: str | None = None) -> None:
        super().__init__(theme=theme, glyphs=glyphs, name=name)
        self._waiting: deque[tuple[str, str]] = deque()
        self._timer: Timer | None = None

    def say(self, words: str, *, role: str = "muted", more: str = "", seconds: float | None = SAID_SECONDS) -> None:
        """Foreign words included, for they are cleaned here; the next one takes its place. None: until then."""
        parts: Parts = ((f"  {clean_line(words, WORDS_CELLS)}", role),)
        if more := clean_line(more, MORE_CELLS):
            parts = (*parts, (f" {self._glyphs.separator} {more}", "muted"))
        self.show(parts)
        if self._timer is not None:
            self._timer.stop()
        self._timer = None if seconds is None else self.set_timer(seconds, self._go_on)

    def say_failure(self, failure: Failure) -> None:
        rest = f" {self._glyphs.separator} ".join(part for part in (failure.message, failure.advice) if part)
        self.say(failure.title, role="error", more=rest, seconds=SAID_SECONDS * 2)

    def say_each(self, words: Iterable[str], *, role: str = "warning") -> None:
        """One after the other, each as long as it takes to read."""
        self._waiting.extend((one, role) for one in words)
        if self._timer is None:
            self._go_on()

    def _go_on(self) -> None:
        self._timer = None
        if not self._waiting:
            self.show()
            return
        words, role = self._waiting.popleft()
        more = f"and {len(self._waiting)} more" if self._waiting else ""
        self.say(words, role=role, more=more, seconds=SAID_SECONDS * 1.5)
