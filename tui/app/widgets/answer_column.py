"""One of several answers to the same prompt: who gives it, how far it is, and its text."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message as Posted

from tui.app.glyphs import Glyphs
from tui.app.transcript.view import Transcript
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts, cells_of, cut
from tui.chat.events import Phase
from tui.chat.live import Progress
from tui.conversations.values import Message, MessageState
from tui.metrics.wording import (
    first_token_words,
    running_seconds_text,
    speed_words,
    token_count_words,
    tokens_text,
)
from tui.theming.values import Theme

PHASE_CELLS, SPEED_CELLS, TOKENS_CELLS = 18, 12, 13
"""So that a figure that grows moves nothing behind it."""
GAP = "  "
_ENDED = {
    MessageState.complete: ("done", "success"),
    MessageState.stopped: ("stopped", "warning"),
    MessageState.broken_off: ("broken off", "error"),
    MessageState.failed: ("no answer", "error"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnView:
    """Everything that stands over an answer, at one moment."""

    number: int
    """From 1; the key that marks it."""
    name: str
    """Clean."""
    is_cloud: bool = False
    is_marked: bool = False
    is_waiting: bool = False
    """For its turn."""
    progress: Progress | None = None
    answer: Message | None = None
    """As it ended."""
    note: str = ""
    """What else is done for it, clean; in the place of all figures."""


def state_mark(view: ColumnView, glyphs: Glyphs) -> tuple[str, str]:
    """A glyph and its role: how far this answer is."""
    if view.note or view.is_waiting:
        return glyphs.waiting, "muted"
    if view.progress is not None:
        is_coming = view.progress.phase in (Phase.thinking, Phase.answering)
        return (glyphs.busy, _phase_role(view.progress.phase)) if is_coming else (glyphs.waiting, "accent")
    if view.answer is None:
        return glyphs.stopped, "muted"
    _, role = _ENDED.get(view.answer.state, ("", "error"))
    return (glyphs.done if view.answer.state is MessageState.complete else glyphs.stopped), role


def state_figures(view: ColumnView, glyphs: Glyphs) -> tuple[Parts, Parts]:
    """What happens with its seconds and its speed; and how many tokens there are, and when the first came."""
    glyph, role = state_mark(view, glyphs)
    if view.note:
        return ((f"{glyph} {view.note}", "accent"),), ()
    if view.is_waiting:
        return ((f"{glyph} waits for its turn", "muted"),), ()
    if view.progress is not None:
        return _running_figures(view.progress, glyph, role)
    if view.answer is None:
        return ((f"{glyph} not asked", "muted"),), ()
    return _ended_figures(view.answer, glyph, role)


def _running_figures(progress: Progress, glyph: str, role: str) -> tuple[Parts, Parts]:
    seconds = running_seconds_text(progress.phase_seconds)
    match progress.phase:
        case Phase.thinking | Phase.answering:
            speed = progress.pieces_per_second
            return (
                _phase(f"{glyph} {progress.phase}", seconds, role),
                *(() if speed is None else _speed(speed_words(speed, is_estimate=True))),
            ), _counts(f"~{tokens_text(progress.pieces)} tokens", progress.first_token_seconds)
        case Phase.reading:
            return ((f"{glyph} reading or queued ", role), (seconds, "foreground")), ()
        case _:
            return (_phase(f"{glyph} {progress.phase}", seconds, role),), ()


def _ended_figures(answer: Message, glyph: str, role: str) -> tuple[Parts, Parts]:
    word, _ = _ENDED.get(answer.state, ("interrupted", ""))
    counts = answer.counts
    if counts is not None and counts.done_reason == "length":
        word = "cut off"
    seconds = "" if answer.seconds is None else running_seconds_text(answer.seconds)
    speed = None if counts is None else counts.tokens_per_second
    if counts is not None and counts.answer_tokens is not None:
        tokens = token_count_words(counts.answer_tokens)
    else:
        tokens = "" if not answer.pieces else f"~{tokens_text(answer.pieces)} tokens"
    now: Parts = (
        _phase(f"{glyph} {word}", seconds, role),
        *(() if speed is None else _speed(speed_words(speed))),
    )
    return now, _counts(tokens, answer.first_token_seconds)


def _phase(words: str, seconds: str, role: str) -> tuple[str, str]:
    return f"{words:<12}{seconds:>{PHASE_CELLS - 12}}", role


def _speed(words: str) -> Parts:
    return ((f"{GAP}{words:>{SPEED_CELLS}}", "foreground!"),)


def _counts(tokens: str, first_token_seconds: float | None) -> Parts:
    first = "" if first_token_seconds is None else first_token_words(first_token_seconds)
    return ((f"{tokens:<{TOKENS_CELLS}}{GAP}{first}".rstrip(), "muted"),) if tokens or first else ()


def _phase_role(phase: Phase) -> str:
    return "thinking" if phase is Phase.thinking else "success"


class AnswerColumn(Vertical, can_focus=False):
    """Draws a ``ColumnView`` over a transcript; whoever owns the facts gives it a new one when they change."""

    DEFAULT_CSS = """
    AnswerColumn { width: 1fr; height: 1fr; }
    AnswerColumn Transcript { height: 1fr; }
    AnswerColumn #counts { display: none; }
    AnswerColumn.-two-rows #counts { display: block; }
    AnswerColumn.-nameless #who { display: none; }
    """

    class Clicked(Posted):
        def __init__(self, column: AnswerColumn) -> None:
            super().__init__()
            self.column = column

    def __init__(
        self, *, theme: Theme, glyphs: Glyphs, view: ColumnView, prose_width_columns: int, wraps_code: bool
    ) -> None:
        super().__init__()
        self._theme, self._glyphs = theme, glyphs
        self._view = view
        self._prose_width_columns, self._wraps_code = prose_width_columns, wraps_code

    def compose(self) -> ComposeResult:
        yield Line(theme=self._theme, glyphs=self._glyphs, ground="surface", name="who")
        yield Line(theme=self._theme, glyphs=self._glyphs, name="now")
        yield Line(theme=self._theme, glyphs=self._glyphs, name="counts")
        yield Transcript(
            theme=self._theme,
            glyphs=self._glyphs,
            prose_width_columns=self._prose_width_columns,
            wraps_code=self._wraps_code,
            has_free_row=True,
        )

    def on_mount(self) -> None:
        self.show(self._view)

    @property
    def transcript(self) -> Transcript:
        return self.query_one(Transcript)

    @property
    def text(self) -> str:
        """What stands over the answer."""
        return "\n".join(line.text for line in self.query(Line) if line.display)

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self.show(self._view)

    def on_resize(self, event: events.Resize) -> None:
        self.show(self._view)

    def on_click(self) -> None:
        self.post_message(self.Clicked(self))

    def show(self, view: ColumnView) -> None:
        self._view = view
        if not self.is_mounted:
            return
        self.query_one("#who", Line).show(self._who(view))
        now, counts = state_figures(view, self._glyphs)
        margin = ("  ", "muted")
        is_wide = self.size.width >= 4 + PHASE_CELLS + SPEED_CELLS + TOKENS_CELLS + 16
        self.set_class(not is_wide, "-two-rows")
        if is_wide:
            now = (*now, *((GAP, "muted") for _ in counts[:1]), *counts)
        self.query_one("#now", Line).show((margin, *now))
        self.query_one("#counts", Line).show((margin, *counts))

    def _who(self, view: ColumnView) -> Parts:
        mark = (f"{self._glyphs.prompt} " if view.is_marked else "  ", "accent")
        number = (f"{view.number} ", "accent" if view.is_marked else "muted")
        cloud: Parts = ((f" {self._glyphs.separator} cloud", "warning"),) if view.is_cloud else ()
        name: Parts = ((view.name, "foreground!" if view.is_marked else "foreground"),)
        room = max(1, self.size.width - cells_of((mark, number, *cloud)))
        return (mark, number, *cut(name, room, self._glyphs.ellipsis), *cloud)
