"""A turn in which the model may call tools: asked, called, told, asked again, until it answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from tui.engine import ChatMessage, ChatRequest, Chunk, FinalCounts, ToolCall
from tui.tools.running import RunLimits, ToolResult

Chat = Callable[[ChatRequest], AsyncGenerator[Chunk | FinalCounts, None]]
RunCalls = Callable[[tuple[ToolCall, ...], int], Awaitable[tuple[ToolResult, ...]]]
"""Calls and the number of the round, from 1: ``run_tool_calls`` with its tools and permissions."""


class GatheredAnswer:
    """What one answer said and called, however its chunks are cut.

    Servers deliver calls in two ways: all of them in the last object, or one after the other before it. So calls are
    taken from every chunk, in the order in which they come.
    """

    __slots__ = ("_calls", "_text")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: list[ToolCall] = []

    def add(self, chunk: Chunk) -> None:
        self._text.append(chunk.text)
        self._calls += chunk.tool_calls

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple(self._calls)

    @property
    def message(self) -> ChatMessage:
        return ChatMessage(role="assistant", text="".join(self._text), tool_calls=self.calls)


async def chat_with_tools(
    chat: Chat, request: ChatRequest, run_calls: RunCalls, *, limits: RunLimits | None = None
) -> AsyncGenerator[Chunk | FinalCounts | ToolResult, None]:
    """Everything that every round brings, in order; the last ``FinalCounts`` ends the turn.

    After ``limits.rounds`` rounds the model is asked once more without tools, so that it answers with what it has.
    Raises what ``chat`` and ``run_calls`` raise.
    """
    rounds = (limits or RunLimits()).rounds
    for round_number in range(1, rounds + 2):
        answer = GatheredAnswer()
        async with aclosing(chat(request)) as events:
            async for event in events:
                if isinstance(event, Chunk):
                    answer.add(event)
                yield event
        if not answer.calls or round_number > rounds:
            return
        results = await run_calls(answer.calls, round_number)
        for result in results:
            yield result
        told = (*request.messages, answer.message, *(result.message for result in results))
        request = replace(request, messages=told, tools=() if round_number == rounds else request.tools)
