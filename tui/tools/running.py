"""Calls that a model made, run one after the other: each gets exactly one result, whatever happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tui.cleaning import clean_line
from tui.engine import ChatMessage, ToolCall
from tui.failures import Failure
from tui.tools.arguments import BadArguments, checked_arguments
from tui.tools.declared import Tool
from tui.tools.permissions import Permissions
from tui.tools.shown import RESULT_CHARACTERS, result_text, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    rounds: int = 8
    """How often in one turn a model may call tools and see their results."""
    calls_in_a_round: int = 16
    call_seconds: float = 120.0
    """Of one call, the question before it not counted."""
    result_characters: int = RESULT_CHARACTERS


class CallOutcome(StrEnum):
    done = "done"
    refused = "refused"
    invalid = "invalid"
    """There is no such tool, or its arguments do not fit."""
    failed = "failed"
    timed_out = "timed out"
    over_limit = "over the limit"
    not_run = "not run"
    """It was stopped before its turn came, or nobody was there to allow it."""
    stopped = "stopped"
    """It was ended while it ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What came of one call."""

    call: ToolCall
    outcome: CallOutcome
    text: str
    """For the model; bounded and clean."""
    shown: str = ""
    """The call as it was made or asked about; clean. Empty when it never came so far."""
    seconds: float = field(default=0.0, compare=False)
    """How long it ran."""

    @property
    def message(self) -> ChatMessage:
        """As the server gets it: the name for older servers and models, the id for the others."""
        return ChatMessage(role="tool", text=self.text, tool_name=self.call.name, tool_call_id=self.call.id)


def offered(tools: Iterable[Tool], *, choice: str = "auto") -> tuple[Mapping[str, Any], ...]:
    """What a server is told of, for ``ChatRequest.tools``.

    ``choice`` is ``auto``, ``none``, or the name of the only tool that is offered. Servers have no way to demand a call,
    so a model may still answer without one. Raises ``Failure`` when there is no such tool.
    """
    listed = by_name(tools)
    if choice == "auto":
        return tuple(tool.declaration for tool in listed.values())
    if choice == "none":
        return ()
    if choice not in listed:
        there = ", ".join(listed) or "none"
        raise Failure(
            f"there is no tool {clean_line(choice, 80)}", f"there are: {there}", "choose auto, none or one of them"
        )
    return (listed[choice].declaration,)


def by_name(tools: Iterable[Tool]) -> dict[str, Tool]:
    """Raises ``Failure`` when two have the same name: a model, and a rule, could mean either."""
    listed: dict[str, Tool] = {}
    for tool in tools:
        if tool.name in listed:
            causes = f"one is {listed[tool.name].source}, one is {tool.source}"
            raise Failure(f"two tools are called {tool.name}", clean_line(causes, 200), "rename one of them")
        listed[tool.name] = tool
    return listed


async def run_tool_calls(
    calls: Sequence[ToolCall],
    tools: Iterable[Tool],
    permissions: Permissions,
    *,
    round_number: int = 1,
    limits: RunLimits | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[ToolResult, ...]:
    """A result for each call, in their order. ``round_number`` counts from 1 within a turn.

    Nothing a model or a tool does makes this raise: it becomes a result that tells the model. Raises what ``ask`` raises,
    and ``CancelledError``, with which what runs is ended.
    """
    bounds = limits or RunLimits()
    listed = by_name(tools)
    results: list[ToolResult] = []
    for index, call in enumerate(calls):
        why = over_limit(bounds, round_number=round_number, index=index)
        results.append(not_run(call, why) if why else await run_tool_call(call, listed, permissions, bounds, clock))
    return tuple(results)


def over_limit(limits: RunLimits, *, round_number: int, index: int) -> str:
    """Why the call at ``index`` of a round is not made, for the model; empty when it may be."""
    if round_number > limits.rounds:
        return f"tools may be called {limits.rounds} times in a row; answer with what is there"
    if index >= limits.calls_in_a_round:
        return f"at most {limits.calls_in_a_round} calls at once are made"
    return ""


def not_run(call: ToolCall, why: str, outcome: CallOutcome = CallOutcome.over_limit) -> ToolResult:
    return ToolResult(call=call, outcome=outcome, text=f"not run: {why}")


async def run_tool_call(
    call: ToolCall,
    tools: Mapping[str, Tool],
    permissions: Permissions,
    limits: RunLimits,
    clock: Callable[[], float] = time.monotonic,
) -> ToolResult:
    """What comes of one call of ``tools``, which are by name; see ``run_tool_calls``."""
    shown = ""

    def result(outcome: CallOutcome, value: object, seconds: float = 0.0) -> ToolResult:
        text = result_text(value, limits.result_characters)
        return ToolResult(call=call, outcome=outcome, text=text, shown=shown, seconds=seconds)

    tool = tools.get(call.name)
    if tool is None:
        there = ", ".join(tools) or "none"
        return result(CallOutcome.invalid, f"there is no tool {clean_line(call.name, 80)}; there are: {there}")
    try:
        prepared = await tool.prepare(checked_arguments(tool.parameters, call.arguments))
    except BadArguments as error:
        return result(CallOutcome.invalid, f"{tool.name} was not run: {error}")
    except Failure as failure:
        return result(CallOutcome.failed, f"{tool.name} was not run: {failure}")
    except Exception as error:  # noqa: BLE001  like the tool itself, what prepares it is anybody's code
        return result(CallOutcome.failed, f"{tool.name} was not run: {_words(error)}")
    shown = visible(prepared.shown)
    if why := await permissions.refusal(tool, prepared.shown):
        return result(CallOutcome.refused, why)
    started = clock()
    try:
        async with asyncio.timeout(limits.call_seconds) as timer:
            value = await prepared.run()
    except TimeoutError as error:
        seconds = clock() - started
        if timer.expired():
            return result(CallOutcome.timed_out, f"{tool.name} took over {limits.call_seconds:g} s", seconds)
        return result(CallOutcome.failed, f"{tool.name} failed: {_words(error)}", seconds)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a tool is anybody's code, and the model is told what came of it
        return result(CallOutcome.failed, f"{tool.name} failed: {_words(error)}", clock() - started)
    return result(CallOutcome.done, value, clock() - started)


def _words(error: BaseException) -> str:
    return str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
