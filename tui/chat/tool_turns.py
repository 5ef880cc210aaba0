"""What follows an answer that calls tools: each call is made and told to the model, which is then asked again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import ToolCall
from tui.failures import Failure
from tui.tools.declared import Tool
from tui.tools.permissions import Permissions, Question
from tui.tools.running import (
    CallOutcome,
    RunLimits,
    ToolResult,
    by_name,
    not_run,
    offered,
    over_limit,
    run_tool_call,
)

AskPerson = Callable[[str, Question], Awaitable[bool]]
"""The id of the conversation, and what is asked about it. Raises ``NobodyThere``."""


class NobodyThere(Exception):
    """Whoever could have said yes is gone, and nothing is done without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What a model may call in one turn."""

    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    """``auto``, ``none``, or the name of the only tool that is offered."""
    limits: RunLimits = field(default_factory=RunLimits)
    missing: tuple[Failure, ...] = ()
    """One for each tool that the conversation wants and that is not offered, with why."""

    @property
    def usable(self) -> tuple[Tool, ...]:
        """Those that are offered: nothing else is run, whatever a model calls."""
        if self.choice == "none":
            return ()
        return tuple(tool for tool in self.tools if self.choice in ("auto", tool.name))

    def declarations(self, conversation: Conversation) -> tuple[Mapping[str, Any], ...]:
        """What the next request of the conversation tells of them: nothing once there were as many rounds as may be."""
        if rounds_of(conversation.messages) >= self.limits.rounds:
            return ()
        with suppress(Failure):
            return offered(self.usable)
        return ()


NO_TOOLS = Toolbox()


def rounds_of(messages: Sequence[Message]) -> int:
    """How often since the last prompt tools were called and answered."""
    rounds = 0
    after: Message | None = None
    for message in reversed(messages):
        if message.role is Role.user:
            break
        if message.role is Role.assistant and message.tool_calls and after is not None and after.role is Role.tool:
            rounds += 1
        after = message
    return rounds


def unanswered_calls(messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """The calls at the end of a conversation that nothing came of: those that would have been told to the model."""
    end = len(messages)
    while end and messages[end - 1].role is Role.tool:
        end -= 1
    if not end or messages[end - 1].role is not Role.assistant or messages[end - 1].state is not MessageState.complete:
        return ()
    return _told_calls(messages[end - 1].tool_calls, RunLimits())[len(messages) - end :]


def _told_calls(calls: Sequence[ToolCall], limits: RunLimits) -> tuple[ToolCall, ...]:
    """Those that get a result. A model may ask for any number: the first one too many stands for all the others."""
    return tuple(calls[: limits.calls_in_a_round + 1])


class ToolTurn:
    """The calls of one answer, made one after the other. All of it on the event loop."""

    def __init__(
        self,
        answer: Message,
        toolbox: Toolbox,
        *,
        round_number: int,
        permissions: Callable[[], Permissions],
        take: Callable[[ToolResult], None],
        changed: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """``round_number`` counts from 1 since the last prompt. ``permissions`` are those of the moment of each call.

        ``changed`` hears that a call waits for the person, or no longer does.
        """
        self.answer = answer
        self.asked_at = clock()
        self.is_asking = False
        """A call waits for the person's yes."""
        self.phase_at = self.asked_at
        self._toolbox = toolbox
        self._round_number = round_number
        self._permissions = permissions
        self._take = take
        self._changed = changed
        self._clock = clock
        self._calls = list(_told_calls(answer.tool_calls, toolbox.limits))
        self._left_out = len(answer.tool_calls) - len(self._calls)
        self._is_running = False

    @property
    def call(self) -> ToolCall | None:
        """The one that is under way; None when all are done."""
        return self._calls[0] if self._calls else None

    async def run(self) -> bool:
        """Whether the model is to be asked again. Raises ``NobodyThere``; what is left then is for ``give_up``."""
        limits, tools = self._toolbox.limits, by_name(self._toolbox.usable)
        index = 0
        while self._calls:
            call = self._calls[0]
            self.phase_at = self._clock()
            if why := over_limit(limits, round_number=self._round_number, index=index):
                more = f"; {self._left_out:,} more were not, either" if self._left_out and len(self._calls) == 1 else ""
                result = not_run(call, f"{why}{more}")
            else:
                self._is_running = True
                result = await run_tool_call(call, tools, self._watched(self._permissions()), limits, self._clock)
                self._is_running = False
            self._calls.pop(0)
            self._take(result)
            index += 1
        return self._round_number <= limits.rounds

    def give_up(self, why: str) -> None:
        """Ends what is left: each call gets its result, so that the model never waits for one."""
        was_running = self._is_running and not self.is_asking
        left, self._calls = self._calls, []
        for number, call in enumerate(left):
            if number == 0 and was_running:
                stopped = f"{why} while it ran; what it had done by then is not known"
                self._take(ToolResult(call=call, outcome=CallOutcome.stopped, text=f"stopped: {stopped}"))
            else:
                self._take(not_run(call, why, CallOutcome.not_run))

    def _enter(self, *, is_asking: bool) -> None:
        self.is_asking, self.phase_at = is_asking, self._clock()
        self._changed()

    def _watched(self, permissions: Permissions) -> Permissions:
        ask = permissions.ask
        if ask is None:
            return permissions

        async def watched(question: Question) -> bool:
            self._enter(is_asking=True)
            # Without an answer it stays a call that never ran.
            answer = await ask(question)
            self._enter(is_asking=False)
            return answer

        return replace(permissions, ask=watched)


def calls_told(calls: Sequence[ToolCall], results: Iterable[Message]) -> tuple[ToolCall, ...]:
    """Those of ``calls`` that have one of the ``results`` behind them, which come in the same order."""
    return tuple(call for call, _ in zip(calls, results, strict=False))
