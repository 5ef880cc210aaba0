"""Every message to the person goes through here: cleaned, one at a time, each long enough to be read, and kept in a log."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from tui.cleaning import cell_width, clean, clean_line
from tui.engine import EngineError
from tui.failures import Failure

SAID_SECONDS = 6.0
WORDS_CELLS = 320
MORE_CELLS = 320
KEPT = 200
"""Sayings in the log."""
DETAILS_CHARACTERS = 20_000
IMPORTANT = frozenset({"warning", "error"})
LEAST_READING_SECONDS = 2.5
MOST_READING_SECONDS = 10.0
CELLS_READ_A_SECOND = 16.0
WAITING = 50
"""Important sayings that wait for their turn; more of them are only in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One message, clean. ``words`` and ``more`` are one line each."""

    at: datetime
    words: str
    role: str = "muted"
    more: str = ""
    details: str = ""
    """What else is known, for whoever copies it: the whole of a failure, of any number of lines."""
    times: int = 1
    """How often it was said, one after the other."""

    @property
    def is_important(self) -> bool:
        return self.role in IMPORTANT

    @property
    def reading_seconds(self) -> float:
        """How long it stays at least, when it is important."""
        cells = cell_width(self.words) + cell_width(self.more)
        return min(MOST_READING_SECONDS, max(LEAST_READING_SECONDS, 1.0 + cells / CELLS_READ_A_SECOND))

    @property
    def whole(self) -> str:
        """Everything of it, to be copied."""
        what = self.details or "\n".join(part for part in (self.words, self.more) if part)
        return f"{self.at.astimezone():%Y-%m-%d %H:%M:%S}\n{what}"


@dataclass(slots=True)
class _Turn:
    """A saying with the time that it asks for."""

    saying: Saying
    seconds: float | None
    """How long it is shown when nothing else is said; None: for good."""
    asked_at: float
    about: str = ""
    is_reply: bool = False
    """Said because of what the person just did; of no use once something else was done."""
    shown_at: float | None = None

    def is_unread(self, now: float) -> bool:
        if not self.saying.is_important:
            return False
        return self.shown_at is None or now - self.shown_at < self.reading_seconds

    @property
    def reading_seconds(self) -> float:
        wanted = self.saying.reading_seconds
        return wanted if self.seconds is None else min(wanted, self.seconds)

    def ends_at(self) -> float | None:
        return None if self.seconds is None else (self.shown_at or self.asked_at) + self.seconds


class Sayings:
    """What is shown at this moment, and what was said before.

    What is important stays until it could be read, whatever else is said meanwhile: something important waits behind
    it, anything else is shown afterwards if its own time is not over by then. What is said ``at_once`` is shown at once
    and gives back the place that it took. A reply is, too, and takes the place of the reply to what was done before.
    """

    def __init__(self, *, now: Callable[[], datetime], clock: Callable[[], float]) -> None:
        """``clock`` gives monotonic seconds."""
        self._now = now
        self._clock = clock
        self._shown: _Turn | None = None
        self._waiting: deque[_Turn] = deque()
        self._log: deque[Saying] = deque(maxlen=KEPT)
        self.on_change: Callable[[], None] = lambda: None
        """Hears that ``shown`` may be something else."""

    @property
    def log(self) -> tuple[Saying, ...]:
        """The newest last."""
        return tuple(self._log)

    # Saying

    def say(
        self,
        words: str,
        *,
        role: str = "muted",
        more: str = "",
        details: str = "",
        seconds: float | None = SAID_SECONDS,
        at_once: bool = False,
        about: str = "",
    ) -> None:
        """Foreign words included, for they are cleaned here. ``seconds`` None: until something else is said.

        What was said ``about`` the same before is no longer true: it gives way at once.
        """
        saying = self._clean(words, role=role, more=more, details=details)
        self._keep(saying)
        self._take_turn(_Turn(saying, seconds, self._clock(), about), at_once=at_once)
        self.on_change()

    def reply(
        self,
        words: str,
        *then: str,
        role: str = "muted",
        more: str = "",
        details: str = "",
        seconds: float | None = SAID_SECONDS,
        about: str = "",
    ) -> None:
        """To what the person just did: shown at once, in the place of the reply to what was done before.

        ``then`` are more sentences of an important reply, each shown when the one before was read.
        """
        now = self._clock()
        self._forget(now, lambda one: one.is_reply)
        for place, sentence in enumerate((words, *then)):
            is_first = place == 0
            saying = self._clean(
                sentence, role=role, more=more if is_first else "", details=details if is_first else ""
            )
            self._keep(saying)
            self._take_turn(_Turn(saying, seconds, now, about if is_first else "", is_reply=True), at_once=is_first)
        # What was there before comes back after the whole reply.
        self._waiting = deque(sorted(self._waiting, key=lambda one: not one.is_reply))
        self.on_change()

    def over(self, about: str) -> None:
        """What was said ``about`` this is no longer true, and nothing is to be said in its place."""
        self._forget(self._clock(), lambda one: one.about == about)
        self.on_change()

    def _forget(self, now: float, is_meant: Callable[[_Turn], bool]) -> None:
        self._waiting = deque(one for one in self._waiting if not is_meant(one))
        if self._shown is not None and is_meant(self._shown):
            self._shown = None
            self._show_next(now)

    def say_failure(self, failure: Failure, *, details: str = "", about: str = "", is_reply: bool = False) -> None:
        """A failure with its cause and its advice; all of it can be copied from the log."""
        parts = [part for part in (failure.title, failure.message, failure.advice) if part]
        details = "\n".join(part for part in (request_words(failure), details) if part)
        (self.reply if is_reply else self.say)(
            failure.title or "something went wrong",
            role="error",
            more=" · ".join(parts[1:]),
            details="\n".join((*parts, *((details,) if details else ()))),
            seconds=SAID_SECONDS * 2,
            about=about,
        )

    def say_each(self, words: Iterable[str], *, role: str = "warning") -> None:
        """One after the other, each as long as it takes to read."""
        for one in words:
            self.say(one, role=role, seconds=SAID_SECONDS * 1.5)

    def note_failure(self, failure: Failure) -> None:
        """For the log alone: one that is told in another place."""
        parts = [part for part in (failure.title, failure.message, failure.advice) if part]
        details = "\n".join((*parts, *filter(None, (request_words(failure),))))
        self.note(failure.title, role="error", more=" · ".join(parts[1:]), details=details)

    def note(self, words: str, *, role: str = "muted", more: str = "", details: str = "") -> None:
        """For the log alone: something that was said in another place, such as a question and its answer."""
        self._keep(self._clean(words, role=role, more=more, details=details))

    def _clean(self, words: str, *, role: str, more: str, details: str) -> Saying:
        return Saying(
            at=self._now(),
            words=clean_line(words, WORDS_CELLS),
            role=role,
            more=clean_line(more, MORE_CELLS),
            details=clean(details[:DETAILS_CHARACTERS]),
        )

    def _keep(self, saying: Saying) -> None:
        last = self._log[-1] if self._log else None
        if last is not None and replace(last, at=saying.at, times=1) == saying:
            self._log[-1] = replace(saying, times=last.times + 1)
        else:
            self._log.append(saying)

    def _take_turn(self, turn: _Turn, *, at_once: bool) -> None:
        now = self._clock()
        self._go_on(now)
        if turn.about:
            self._waiting = deque(one for one in self._waiting if one.about != turn.about)
            if self._shown is not None and self._shown.about == turn.about:
                self._shown = None
        before = self._shown
        if before is not None and (before.saying.words, before.saying.more) == (turn.saying.words, turn.saying.more):
            # The same again: it only stays longer.
            turn.shown_at = now
            self._shown = turn
        elif before is None or at_once or not (before.is_unread(now) or self.waiting):
            if before is not None and at_once and before.is_unread(now):
                before.shown_at = None
                self._waiting.appendleft(before)
            turn.shown_at = now
            self._shown = turn
        elif turn.saying.is_important:
            if sum(one.saying.is_important for one in self._waiting) < WAITING:
                self._waiting.append(turn)
        else:
            # Of what is not important the newest is enough.
            self._waiting = deque(one for one in self._waiting if one.saying.is_important)
            self._waiting.append(turn)

    # Showing

    def shown(self) -> Saying | None:
        """What stands there at this moment."""
        self._go_on(self._clock())
        return None if self._shown is None else self._shown.saying

    @property
    def waiting(self) -> int:
        """Important sayings behind the one that is shown."""
        return sum(one.saying.is_important for one in self._waiting)

    def changes_in_seconds(self) -> float | None:
        """When to look at ``shown`` again, at the latest; None when nothing will change by itself."""
        now = self._clock()
        if self._shown is None:
            return None
        ends = [] if (end := self._shown.ends_at()) is None else [end]
        if self._waiting and self._shown.saying.is_important and self._shown.shown_at is not None:
            ends.append(self._shown.shown_at + self._shown.reading_seconds)
        return max(0.0, min(ends) - now) if ends else None

    def _go_on(self, now: float) -> None:
        shown = self._shown
        if shown is None:
            return
        end = shown.ends_at()
        is_over = end is not None and now >= end
        if not is_over and (not self._waiting or not shown.saying.is_important or shown.is_unread(now)):
            return
        if not self._show_next(now) and is_over:
            self._shown = None

    def _show_next(self, now: float) -> bool:
        """Whether something waited that is still worth it. A trifle never stands between two that are important."""
        self._waiting = deque(sorted(self._waiting, key=lambda turn: not turn.saying.is_important))
        while self._waiting:
            turn = self._waiting.popleft()
            if turn.saying.is_important or turn.seconds is None or now < turn.asked_at + turn.seconds:
                turn.shown_at = now
                self._shown = turn
                return True
        return False


def request_words(failure: Failure) -> str:
    """By which its line is found in the log of requests; empty for what was never sent."""
    request_id = failure.request_id if isinstance(failure, EngineError) else ""
    return f"request {request_id}" if request_id else ""
