"""How chinwag asks for attention: a bell or a notification after a long answer, and the title of the terminal.

Nothing here writes by itself: what is written follows from something that happened, and only when it differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tui.app.glyphs import Glyphs
from tui.chat.events import Phase
from tui.cleaning import clean_line
from tui.environment import Multiplexer
from tui.metrics.wording import seconds_text

Alert = Literal["off", "bell", "notification"]

BELL = "\a"
TITLE_CELLS = 60
MODEL_CELLS = 40
AWAY_SECONDS = 60.0
"""In a terminal that never says whether it has the focus, whoever has pressed nothing for so long is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionWishes:
    """What the person wants, as the settings have it."""

    alert: Alert = "bell"
    after_seconds: float = 10.0
    has_title: bool = True


class Focus:
    """Whether somebody looks at the terminal, as far as it tells."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """``clock`` gives monotonic seconds."""
        self._clock = clock
        self._is_reported: bool | None = None
        self._touched_at = clock()

    def reported(self, *, is_focused: bool) -> None:
        self._is_reported = is_focused
        if is_focused:
            self._touched_at = self._clock()

    def touched(self) -> None:
        """A key or the mouse came: whatever was reported before, somebody is here."""
        self._touched_at = self._clock()
        if self._is_reported is False:
            self._is_reported = True

    @property
    def is_away(self) -> bool:
        """The terminal said so. One that never says anything is taken to be looked at, for some time after a key."""
        if self._is_reported is not None:
            return not self._is_reported
        return self._clock() - self._touched_at >= AWAY_SECONDS


class Attention:
    """``write`` sends a text to the terminal beside its pictures, ``set_title`` a clean title; empty gives it back."""

    def __init__(
        self,
        *,
        wishes: Callable[[], AttentionWishes],
        focus: Focus,
        multiplexer: Multiplexer,
        write: Callable[[str], None],
        set_title: Callable[[str], None],
    ) -> None:
        self._wishes = wishes
        self._focus = focus
        self._multiplexer = multiplexer
        self.write = write
        self.set_title = set_title
        self._title = ""

    def answer_ended(self, model: str, *, took_seconds: float, is_whole: bool) -> None:
        """Rings when that took long and nobody looks. Of the conversation nothing is told: a desktop keeps what it shows."""
        self._ring(model, "has answered" if is_whole else "ended early", took_seconds)

    def answer_waits(self, model: str, *, took_seconds: float) -> None:
        """As ``answer_ended``: a tool is to be called, and the person has to say whether it may."""
        self._ring(model, "waits for you", took_seconds)

    def _ring(self, model: str, what: str, took_seconds: float) -> None:
        wishes = self._wishes()
        if wishes.alert == "off" or took_seconds <= wishes.after_seconds or not self._focus.is_away:
            return
        if wishes.alert == "bell":
            self.write(BELL)
            return
        name = clean_line(model, MODEL_CELLS) or "the model"
        self.write(notification_text(f"{name} {what} after {seconds_text(took_seconds)}", self._multiplexer))

    def show(self, model: str, phase: Phase, *, is_news: bool, glyphs: Glyphs) -> None:
        """Into the terminal's title, when it says something else than before."""
        title = title_text(model, phase, is_news=is_news, glyphs=glyphs) if self._wishes().has_title else ""
        if title != self._title:
            self._title = title
            self.set_title(title)


def title_text(model: str, phase: Phase, *, is_news: bool, glyphs: Glyphs) -> str:
    """Phase and model: ``◌ loading · qwen3:8b``, ``✓ done · qwen3:8b``, and ``qwen3:8b · chinwag`` when nothing happens."""
    name = clean_line(model, MODEL_CELLS)
    if phase is Phase.idle and not is_news:
        words = [name, "chinwag"] if name else ["chinwag"]
    else:
        busy = phase in (Phase.thinking, Phase.answering)
        mark = glyphs.done if phase is Phase.idle else glyphs.busy if busy else glyphs.waiting
        words = [f"{mark} {'done' if phase is Phase.idle else phase.value}", name or "chinwag"]
    return clean_line(f" {glyphs.separator} ".join(words), TITLE_CELLS)


def notification_text(words: str, multiplexer: Multiplexer) -> str:
    """OSC 9 with ``words``, wrapped so that the multiplexer hands it on.

    tmux does that only with ``allow-passthrough on``. The text begins with a name, never with a number: in some
    terminals ``9;4`` is a progress bar and other numbers are other commands.
    """
    text = f"\x1b]9;chinwag: {clean_line(words, 160)}\a"
    match multiplexer:
        case Multiplexer.tmux:
            return "\x1bPtmux;" + text.replace("\x1b", "\x1b\x1b") + "\x1b\\"
        case Multiplexer.screen:
            return f"\x1bP{text}\x1b\\"
        case _:
            return text
