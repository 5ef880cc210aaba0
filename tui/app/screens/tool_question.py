"""The questions about tools: all that would be run can be read, and the answer that comes without thinking is no."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer

from tui.app.glyphs import Glyphs
from tui.app.screens import question as plain
from tui.app.screens.list_screen import key_parts
from tui.app.screens.shield import SHIELD_SECONDS
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import RowList
from tui.app.widgets.text_rows import TextRows
from tui.metrics.wording import plural
from tui.theming.values import Theme
from tui.tools.declared import Effect
from tui.tools.own import OwnToolFile
from tui.tools.permissions import Question
from tui.tools.shown import SPELLED_OUT, visible

NO, YES, ALWAYS, STOP = "no", "yes", "always", "stop"
SETTLE_SECONDS = 0.1
MOST_TEXT_ROWS = 12
MOST_PERCENT = 94
"""Of the window's height, for the whole question."""
FRAME_ROWS = 8
"""What it has around its lines, its text and its answers."""
EFFECT_WORDS = {
    Effect.harmless: "it only reads or computes",
    Effect.reaches_out: "it asks another machine, which learns what is asked",
    Effect.acts: "it may change anything on this machine",
}


def question_of_call(
    asked: Question, *, model: str, theme: Theme, glyphs: Glyphs, clock: Callable[[], float]
) -> ReadQuestion:
    """Gives back ``no``, ``yes``, ``always`` or ``stop``. ``model`` is a clean line."""
    answers = [(NO, "no"), (STOP, "no, and stop the answer"), (YES, "yes, this once")]
    if asked.effect is Effect.harmless:
        answers.append((ALWAYS, f"yes, and {asked.tool} in this conversation without asking"))
    return ReadQuestion(
        title=f"may {model or 'the model'} call {asked.tool}?",
        lines=(f"{asked.tool} {glyphs.separator} {asked.source}", EFFECT_WORDS[asked.effect]),
        text=asked.text,
        answers=tuple(answers),
        back="no, and stop",
        theme=theme,
        glyphs=glyphs,
        clock=clock,
    )


def question_of_file(file: OwnToolFile, *, theme: Theme, glyphs: Glyphs, clock: Callable[[], float]) -> ReadQuestion:
    """Gives back ``no`` or ``yes``."""
    return ReadQuestion(
        title=f"may {file.path.name} be run for its tools?",
        lines=(
            f"{file.path} {glyphs.separator} {plural(len(file.content), 'byte')}",
            "It runs as you do, and may do what you may. You are asked again when it changes.",
        ),
        # Tabs and the line ends of Windows are the layout of a file, not something hidden in it.
        text=visible(file.text.replace("\r\n", "\n").expandtabs(4)),
        answers=((NO, "no"), (YES, "yes, run it to learn of its tools")),
        back="no",
        theme=theme,
        glyphs=glyphs,
        clock=clock,
    )


class ReadQuestion(plain.Question):
    """A question about a text that is to be read first; Escape gives None, the first answer is no.

    A key that was pressed before all of this could be seen answers nothing, however late it comes: the screen takes
    keys once the loop has run for a moment with the question on the screen and without a key. Yes is taken only when
    the end of the text has been in view.
    """

    DEFAULT_CSS = """
    ReadQuestion > Vertical { width: 96; max-width: 96%; max-height: 94%; }
    ReadQuestion TextRows { height: auto; margin: 1 0 0 0; }
    ReadQuestion RowList { margin: 1 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "read(-1)", show=False),
        Binding("pagedown", "read(1)", show=False),
        Binding("ctrl+end", "read(100000)", show=False),
    ]

    def __init__(
        self,
        *,
        title: str,
        lines: tuple[str, ...],
        text: str,
        answers: tuple[tuple[str, str], ...],
        back: str,
        theme: Theme,
        glyphs: Glyphs,
        clock: Callable[[], float],
    ) -> None:
        """``text`` is clean, with its hidden characters spelled out; ``back`` says what Escape means."""
        hidden = text.count(SPELLED_OUT)
        warning = (f"careful: {plural(hidden, 'hidden character')} in it, spelled out below",) if hidden else ()
        super().__init__(
            title=title, lines=(*lines, *warning), answers=answers, theme=theme, glyphs=glyphs, clock=clock
        )
        self._back = back
        self._text: tuple[Parts, ...] = tuple(((line, "foreground!"),) for line in text.split("\n"))
        self._has_hidden = bool(hidden)
        self._is_up = True
        self._takes_from = float("inf")
        """Keys read before this moment, of Textual's clock, answer nothing."""
        self._waiting: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content(self._heading)
            for _ in self._lines:
                yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay")
            yield TextRows(theme=self.theme, glyphs=self.glyphs)
            rows = RowList(theme=self.theme, glyphs=self.glyphs)
            rows.styles.height = len(self._answers)
            yield rows
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="keys")

    def on_mount(self) -> None:
        super().on_mount()
        if self._has_hidden:
            warning = self.query(Line)[len(self._lines) - 1]
            warning.show(((self._lines[-1], "warning!"),))
        self.query_one(TextRows).show(self._text)
        # How many rows the text has is known with the first layout, and changes with the window.
        self.watch(self.query_one(TextRows), "virtual_size", self._fit, init=False)
        self.call_after_refresh(self._wait)

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """As many rows of the call as there is room for, what stands around it left in view."""
        if not self.is_mounted:
            return
        text = self.query_one(TextRows)
        around = len(self._lines) + len(self._answers) + FRAME_ROWS
        room = max(1, min(MOST_TEXT_ROWS, self.app.size.height * MOST_PERCENT // 100 - around))
        text.styles.height = min(room, max(1, text.virtual_size.height))
        self.refresh_keys()

    # When keys count

    def _wait(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
        self._waiting = self.set_timer(SHIELD_SECONDS, self._look_again)

    def _look_again(self) -> None:
        """What waited in the terminal while the loop stood still is read before this second time is over."""
        self._waiting = self.set_timer(SETTLE_SECONDS, self._take_keys)

    def _take_keys(self) -> None:
        if self._is_terminal_behind():
            # The terminal has not read the picture yet, so nobody has seen it.
            self._wait()
            return
        self._is_up = False
        self._takes_from = events.Event().time
        self.refresh_keys()

    @property
    def takes_keys(self) -> bool:
        """Whether a key pressed at this moment would count."""
        return not self._is_up

    def _forward_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.MouseDown | events.MouseUp | events.Click) and (
            self._is_up or event.time < self._takes_from
        ):
            if self._is_up:
                self._wait()
            return
        super()._forward_event(event)

    # Reading and answering

    @property
    def is_read(self) -> bool:
        """The end of the call has been in view."""
        text = self.query_one(TextRows)
        self._was_read = self._was_read or text.scroll_offset.y + text.size.height >= text.virtual_size.height
        return self._was_read

    _was_read = False

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        if self._is_up:
            return (("", "a moment"),)
        more = () if self.is_read else (("pgdn", "read on, before a yes"),)
        return (*more, ("enter", "choose"), ("esc", self._back))

    def refresh_keys(self) -> None:
        if self.is_mounted:
            self.query_one("#keys", Line).show(key_parts(self.keys_line()))

    def action_read(self, direction: int) -> None:
        self.query_one(TextRows).page(direction)
        self.call_after_refresh(self.refresh_keys)

    def on_row_list_marked(self, event: RowList.Marked) -> None:
        self.refresh_keys()

    def _answer(self, key: str | None) -> None:
        if self._is_up:
            return
        if key in (YES, ALWAYS) and not self.is_read:
            self.action_read(1)
            return
        words = next((words for one, words in self._answers if one == key), "")
        self.app.post_message(self.Answered(self._heading, words))
        self.dismiss(key)

    def action_move(self, steps: int) -> None:
        if not self._is_up:
            self.query_one(RowList).move(steps)
