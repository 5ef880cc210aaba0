"""A turn with tools: both ways in which servers deliver calls lead to the same turn."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay import Visit, recordings, serving
from tui.engine import ChatMessage, ChatRequest, Chunk, FinalCounts, ToolCall
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.tools import tool
from tui.tools.permissions import Permissions
from tui.tools.rounds import GatheredAnswer, chat_with_tools
from tui.tools.running import CallOutcome, RunLimits, ToolResult, offered, run_tool_calls

DONE = FinalCounts(done_reason="stop")
FIRST, SECOND = ToolCall(name="f", arguments={"a": 1}, id="call_1"), ToolCall(name="f", arguments={"a": 2}, id="")
REQUEST = ChatRequest(
    model="m", messages=(ChatMessage(role="user", text="?"),), tools=({"type": "function", "function": {"name": "f"}},)
)


class Model:
    """Gives one scripted answer after the other, and keeps what it was asked."""

    def __init__(self, *answers: Sequence[Chunk]) -> None:
        self.answers = list(answers)
        self.asked: list[ChatRequest] = []
        self.closed = 0

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk | FinalCounts, None]:
        self.asked.append(request)
        try:
            for chunk in self.answers[min(len(self.asked), len(self.answers)) - 1]:
                yield chunk
            yield DONE
        finally:
            self.closed += 1


async def run_calls(calls: tuple[ToolCall, ...], round_number: int) -> tuple[ToolResult, ...]:
    return tuple(ToolResult(call=call, outcome=CallOutcome.done, text=f"round {round_number}") for call in calls)


async def turn(model: Model, **given_limits: int) -> list[Chunk | FinalCounts | ToolResult]:
    async with aclosing(chat_with_tools(model.chat, REQUEST, run_calls, limits=RunLimits(**given_limits))) as events:
        return [event async for event in events]


@pytest.mark.parametrize(
    "chunks",
    [
        [Chunk(text="wait"), Chunk(tool_calls=(FIRST, SECOND))],  # all in the last object
        [Chunk(text="wa", tool_calls=(FIRST,)), Chunk(tool_calls=(SECOND,)), Chunk(text="it")],  # one by one, before
        [Chunk(tool_calls=(FIRST,)), Chunk(text="wait"), Chunk(thinking="hm", tool_calls=(SECOND,))],
    ],
)
async def test_calls_are_run_and_told_however_they_are_delivered(chunks: list[Chunk]) -> None:
    model = Model(chunks, [Chunk(text="answer")])
    events = await turn(model)
    assert [event.text for event in events if isinstance(event, ToolResult)] == ["round 1", "round 1"]
    assert model.asked[1].messages == (
        *REQUEST.messages,
        ChatMessage(role="assistant", text="wait", tool_calls=(FIRST, SECOND)),
        ChatMessage(role="tool", text="round 1", tool_name="f", tool_call_id="call_1"),
        ChatMessage(role="tool", text="round 1", tool_name="f"),
    )
    assert events[-2:] == [Chunk(text="answer"), DONE]


async def test_an_answer_without_calls_is_one_round() -> None:
    model = Model([Chunk(text="hello")])
    assert await turn(model) == [Chunk(text="hello"), DONE]
    assert len(model.asked) == model.closed == 1


async def test_a_model_that_only_calls_is_at_last_asked_without_tools() -> None:
    model = Model([Chunk(tool_calls=(FIRST,))])
    events = await turn(model, rounds=3)
    assert [len(request.tools) for request in model.asked] == [1, 1, 1, 0]
    assert sum(isinstance(event, ToolResult) for event in events) == 3
    assert events[-1] == DONE


async def test_leaving_early_closes_the_answer_under_way() -> None:
    model = Model([Chunk(text="a"), Chunk(text="b")])
    async with aclosing(chat_with_tools(model.chat, REQUEST, run_calls)) as events:
        async for _ in events:
            break
    assert model.closed == 1


@given(st.lists(st.one_of(st.text(max_size=3), st.sampled_from([FIRST, SECOND])), max_size=10), st.data())
def test_an_answer_is_the_same_however_it_is_cut(parts: list[str | ToolCall], data: st.DataObject) -> None:
    whole, cut = GatheredAnswer(), GatheredAnswer()
    text = "".join(part for part in parts if isinstance(part, str))
    calls = tuple(part for part in parts if isinstance(part, ToolCall))
    whole.add(Chunk(text=text, tool_calls=calls))
    rest_text, rest_calls = text, calls
    while rest_text or rest_calls:
        letters = data.draw(st.integers(0, len(rest_text)))
        some = data.draw(st.integers(0 if letters else min(1, len(rest_calls)), len(rest_calls)))
        letters = letters if letters or some else 1
        cut.add(Chunk(text=rest_text[:letters], tool_calls=rest_calls[:some]))
        rest_text, rest_calls = rest_text[letters:], rest_calls[some:]
    assert whole.message == cut.message


@tool(harmless=True)
def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Weather of a city."""
    return f"rain in {city}, {unit}"


@pytest.mark.parametrize(
    ("name", "cities"),
    [
        ("tools-native-two-calls", ["Paris", "Rome"]),  # both in the object that ends the answer
        ("tools-rendered-two-calls", ["Paris", "Rome"]),  # each in an object before it
        ("tools-gotemplate-two-calls", ["Paris", "Rome"]),
        ("tools-harmony", ["Paris"]),
        ("chat-tools-native", ["Paris", "Paris"]),  # complete calls in an answer that was cut
    ],
)
async def test_recorded_servers_get_their_results_back(name: str, cities: list[str]) -> None:
    called, answered = recordings()[name], recordings()["chat-tool-result"]

    async def answer(visit: Visit) -> None:
        is_second = any(message["role"] == "tool" for message in visit.json()["messages"])
        await visit.stream(*(answered if is_second else called).chunks)

    run = partial(run_recorded, Permissions(allowed=frozenset({"get_weather"})))
    request = ChatRequest(model="m", messages=REQUEST.messages, tools=offered([get_weather]))
    async with serving(answer) as server:
        client = OllamaClient(parse_host(server.url, source="test"), environ={}, read_interval_seconds=0.001)
        async with aclosing(chat_with_tools(client.chat, request, run)) as events:
            results = [event async for event in events if isinstance(event, ToolResult)]
        await client.aclose()
    assert [result.text for result in results] == [f"rain in {city}, celsius" for city in cities]
    told = [message for message in server.visits[1].json()["messages"] if message["role"] == "tool"]
    assert [message["tool_call_id"] for message in told] == [result.call.id for result in results]
    assert {message["tool_name"] for message in told} == {"get_weather"}
    assert server.visits[1].json()["tools"] == [get_weather.declaration]


async def run_recorded(
    permissions: Permissions, calls: tuple[ToolCall, ...], round_number: int
) -> tuple[ToolResult, ...]:
    return await run_tool_calls(calls, [get_weather], permissions, round_number=round_number)
