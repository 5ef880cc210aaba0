"""The answer under way, as the status line reads it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tui.chat.events import Phase
from tui.chat.tool_turns import NO_TOOLS, Toolbox, ToolTurn
from tui.conversations.values import Message
from tui.engine import Chunk, ToolCall
from tui.metrics.rate import LiveRate
from tui.ollama.slot_leak import StuckSlot


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A reading of an answer under way, at one moment. Everything counted here is an estimate."""

    phase: Phase
    model: str
    seconds: float
    """Since it was asked."""
    phase_seconds: float
    first_token_seconds: float | None
    pieces: int
    pieces_per_second: float | None
    speeds: tuple[float, ...]
    """Pieces per second in each of the last half seconds, oldest first."""
    silent_seconds: float
    """Since anything arrived, or since it was asked."""
    prompt_characters: int
    """How long everything is that was sent."""
    tool: str = ""
    """Of the call that waits for a yes or runs; raw."""


@dataclass(slots=True, kw_only=True)
class LiveAnswer:
    """One answer while it arrives; the session owns it. All times are of one monotonic clock, in seconds."""

    message: Message
    """As it began: without what has come since."""
    asked_at: float
    prompt_characters: int = 0
    toolbox: Toolbox = NO_TOOLS
    """What the model was told that it may call."""
    phase: Phase = Phase.waiting
    phase_at: float
    first_at: float | None = None
    """When the first text or thinking came."""
    last_at: float | None = None
    """When anything came."""
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    tool_calls: list[ToolCall] = field(default_factory=list)
    rate: LiveRate = field(default_factory=LiveRate)
    unshown: tuple[Chunk, float] | None = None
    """What came last, with its time, while it is on its way to the disk."""
    stuck: StuckSlot | None = None
    """The guess that nothing will come, until something does."""
    going_on: Message | None = None
    """The answer as it was, where this goes on with it; what it had is in ``text`` from the beginning."""
    extra_context: str = ""
    """What goes before the prompt in this request alone."""
    ended: Message | None = None
    """The whole answer, once it has ended."""
    brought: Message | None = None
    """Of an answer that was gone on with, the numbers of this request alone, once it has ended."""
    ended_at: float | None = None
    is_stopped: bool = False
    """The person wants nothing more of it, though all of it has come."""
    _thinking_at: float | None = None
    _thought_seconds: float = 0.0
    _thinking_pieces: float = 0.0

    @property
    def has_come(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.text or self.thinking or self.tool_calls)

    def enter(self, phase: Phase, at: float) -> bool:
        """Whether the phase is a new one."""
        if phase is self.phase:
            return False
        self.phase, self.phase_at, self.stuck = phase, at, None
        return True

    def arrived(self, chunk: Chunk, at: float) -> Phase:
        """Takes the chunk and gives the phase that it tells of."""
        self.last_at, self.stuck = at, None
        self.rate.add(chunk.pieces, at)
        if self.first_at is None and (chunk.text or chunk.thinking):
            self.first_at = at
        if chunk.thinking:
            self.thinking.append(chunk.thinking)
            # A chunk of both says only together how many pieces it had.
            self._thinking_pieces += chunk.pieces * len(chunk.thinking) / (len(chunk.thinking) + len(chunk.text))
            if self._thinking_at is None:
                self._thinking_at = at
        if chunk.text:
            self.text.append(chunk.text)
        if chunk.tool_calls:
            self.tool_calls += chunk.tool_calls
        if chunk.text or chunk.tool_calls:
            self._thought_seconds = self._seconds_thought(at)
            self._thinking_at = None
            return Phase.answering
        return Phase.thinking if chunk.thinking else self.phase

    def so_far(self) -> Message:
        """The message with everything that has come."""
        thought_seconds = self._seconds_thought(self.asked_at if self.last_at is None else self.last_at)
        message = replace(
            self.message,
            text="".join(self.text),
            thinking="".join(self.thinking),
            # All of it in one read: how long it took was over before anything could be measured.
            thinking_seconds=thought_seconds if thought_seconds > 0 else None,
            thinking_pieces=max(1, round(self._thinking_pieces)) if self.thinking else None,
            tool_calls=tuple(self.tool_calls),
            first_token_seconds=self._first_token_seconds,
            pieces=self.rate.pieces,
        )
        if (before := self.going_on) is not None:
            seconds, pieces = before.thinking_seconds, before.thinking_pieces
            message = replace(message, thinking_seconds=seconds, thinking_pieces=pieces)
        return message

    def progress(self, at: float) -> Progress:
        at = at if self.ended_at is None else self.ended_at
        return Progress(
            phase=self.phase,
            model=self.message.model,
            seconds=at - self.asked_at,
            phase_seconds=at - self.phase_at,
            first_token_seconds=self._first_token_seconds,
            pieces=self.rate.pieces + self._pieces_before,
            pieces_per_second=self.rate.per_second(at),
            speeds=self.rate.samples(at),
            silent_seconds=at - (self.asked_at if self.last_at is None else self.last_at),
            prompt_characters=self.prompt_characters,
        )

    @property
    def _pieces_before(self) -> int:
        """Of an answer that is gone on with, what it had."""
        if self.going_on is None:
            return 0
        counts = self.going_on.counts
        return (counts.answer_tokens if counts is not None else None) or self.going_on.pieces or 0

    @property
    def _first_token_seconds(self) -> float | None:
        return None if self.first_at is None else self.first_at - self.asked_at

    def _seconds_thought(self, at: float) -> float:
        running = 0.0 if self._thinking_at is None else at - self._thinking_at
        return self._thought_seconds + running


def progress_of_tools(turn: ToolTurn, at: float) -> Progress:
    """As that of an answer; no token arrives."""
    return Progress(
        phase=Phase.asking if turn.is_asking else Phase.calling,
        model=turn.answer.model,
        seconds=at - turn.asked_at,
        phase_seconds=at - turn.phase_at,
        first_token_seconds=None,
        pieces=0,
        pieces_per_second=None,
        speeds=(),
        silent_seconds=0.0,
        prompt_characters=0,
        tool="" if turn.call is None else turn.call.name,
    )
