"""The pulls: how far each model is, how fast, and how it ended. A name that is typed is pulled."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.chat.pulls import Pull, Pulls, PullState
from tui.cleaning import clean_line
from tui.engine import ProgressPhase
from tui.metrics.wording import seconds_text, size_text
from tui.theming.values import Theme

LOOK_SECONDS = 0.25
"""Numbers that change more often cannot be read."""
NAME_CELLS = 60
BAR_CELLS = 20
HOST_CELLS = 24

_PHASE_WORDS = {
    ProgressPhase.preparing: "asking",
    ProgressPhase.transferring: "pulling",
    ProgressPhase.checking: "checking",
    ProgressPhase.finishing: "finishing",
    ProgressPhase.done: "finishing",
}


def speed_words(bytes_per_second: float) -> str:
    """``212 MB/s``, ``0.4 MB/s``."""
    megabytes = bytes_per_second / 1e6
    return f"{megabytes:.0f} MB/s" if megabytes >= 10 else f"{megabytes:.1f} MB/s"


def bytes_words(pull: Pull) -> str:
    """``2.2 of 5.2 GB``; a model that is a few kB is not worth its numbers."""
    if pull.total_bytes <= 0:
        return ""
    total = size_text(pull.total_bytes)
    if not total.endswith(" GB"):
        return f"{pull.completed_bytes / 1e6:.1f} of {total}"
    return f"{pull.completed_bytes / 1e9:.1f} of {total}"


def percent_words(pull: Pull) -> str:
    """Rounded down: 100 % is said when nothing is missing."""
    return "" if pull.share is None else f"{int(pull.share * 100)} %"


def bar(pull: Pull, glyphs: Glyphs, cells: int = BAR_CELLS) -> Parts:
    full = int((pull.share or 0.0) * cells)
    role = "error" if pull.state is PullState.failed else "success" if pull.state is PullState.done else "accent"
    return ((glyphs.meter_full * full, role), (glyphs.meter_empty * (cells - full), "muted"))


class PullsScreen(ListScreen):
    """Enter pulls what is typed, or goes on with the marked one; Escape leaves them all to go on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("alt+x", "stop", show=False, priority=True, id="pulls.stop")]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        host_name: str,
        pulls: Pulls,
        begin: Callable[[str], None],
        typed: str = "",
    ) -> None:
        """``begin`` starts a pull on the server of this moment; ``typed`` stands in the line already."""
        super().__init__(
            title=f"Pull a model to {clean_line(host_name, HOST_CELLS)}",
            theme=theme,
            glyphs=glyphs,
            placeholder="a name such as qwen3:8b, or hf.co/owner/model",
        )
        self._pulls = pulls
        self._begin = begin
        self._typed_before = typed

    def on_mount(self) -> None:
        super().on_mount()
        if self._typed_before:
            entry = self.query_one(FilterInput)
            entry.value = self._typed_before
            entry.cursor_position = len(self._typed_before)
        self.set_interval(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        rows = self.rows_for("")
        if rows != self.list.rows:
            self.refresh_rows()

    @on(Input.Changed)
    def on_input_changed(self, event: Input.Changed) -> None:
        """What is typed filters nothing here."""
        event.stop()
        self.refresh_note()

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        pulls = self._pulls.all
        running = len(self._pulls.running)
        self.show_counts(f"{running} under way" if running else "")
        return tuple(self._row(pull) for pull in reversed(pulls))

    def _row(self, pull: Pull) -> Row:
        width = self.app.size.width
        dot = {
            PullState.running: (f" {self.glyphs.busy} ", "accent"),
            PullState.done: (f" {self.glyphs.done} ", "success"),
            PullState.failed: (f" {self.glyphs.stopped} ", "error"),
            PullState.stopped: (f" {self.glyphs.stopped} ", "muted"),
        }[pull.state]
        left = pull.left_seconds
        columns: tuple[tuple[int, Parts], ...] = (
            (70, (("  ", "muted"), *bar(pull, self.glyphs, BAR_CELLS if width >= 110 else BAR_CELLS // 2))),
            (0, ((f"{percent_words(pull):>7}", "foreground"),)),
            (62, ((f"{bytes_words(pull):>17}", "muted"),)),
            (80, ((f"{speed_words(pull.bytes_per_second) if pull.bytes_per_second else '':>11}", "muted"),)),
            (100, ((f"{f'~{seconds_text(left)} left' if left is not None else '':>14}", "muted"),)),
            (0, ((f"  {self._state_word(pull):<9} ", "muted"),)),
        )
        right = tuple(part for least, parts in columns if width >= least for part in parts)
        return Row(key="\n".join(pull.key), left=(dot, (clean_line(pull.model, NAME_CELLS), "foreground")), right=right)

    def _state_word(self, pull: Pull) -> str:
        return _PHASE_WORDS[pull.phase] if pull.is_running else str(pull.state)

    @property
    def _marked(self) -> Pull | None:
        url, _, model = self.list.marked.partition("\n")
        return self._pulls.find((url, model))

    def note_for(self, key: str) -> Parts:
        pull, dot = self._marked, self.glyphs.separator
        if pull is None:
            return (("write the name of a model and press enter", "muted"),)
        where = f" {dot} on {clean_line(pull.host.name, HOST_CELLS)}"
        if pull.failure is not None:
            why = pull.failure.message or pull.failure.title
            advice = f" {dot} {clean_line(pull.failure.advice, 100)}" if pull.failure.advice else ""
            return ((clean_line(why, 120), "error"), (advice, "muted"))
        if pull.state is PullState.stopped:
            return (("stopped", "foreground"), (f"{where} {dot} what came is kept for about an hour", "muted"))
        if pull.state is PullState.done:
            return (("it is there", "success"), (where, "muted"))
        if pull.phase is ProgressPhase.checking:
            return (("the server reads it once more, which takes a while", "muted"), (where, "muted"))
        return ((f"goes on in the background{where}", "muted"),)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        pull = self._marked
        enter: tuple[tuple[str, str], ...] = ()
        if self.typed.strip():
            enter = (("enter", "pull it"),)
        elif pull is not None and pull.can_go_on:
            enter = (("enter", "go on"),)
        stop = (("alt+x", "stop" if pull.is_running else "take off the list"),) if pull is not None else ()
        return (*enter, *stop, ("esc", "back"))

    def action_use(self) -> None:
        name = self.typed.strip()
        if name:
            self.query_one(FilterInput).value = ""
            self._begin(name)
            # What was just asked for is what the line under the list tells of.
            begun = next((one for one in reversed(self._pulls.all) if one.model == name), None)
            if begun is not None:
                self.refresh_rows(keep="\n".join(begun.key))
                return
        elif (pull := self._marked) is not None and pull.can_go_on:
            self._pulls.go_on(pull.key)
        self.refresh_rows()

    def choose(self, key: str) -> None:
        """A click only marks."""
        self.refresh_note()

    def action_stop(self) -> None:
        pull = self._marked
        if pull is not None:
            (self._pulls.stop if pull.is_running else self._pulls.forget)(pull.key)
            self.refresh_rows()
