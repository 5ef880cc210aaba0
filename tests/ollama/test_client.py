"""Talking, leaving in the middle, and what is sent."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import aclosing
from typing import Any

import pytest

from tests.ollama.meeting import DONE, REQUEST, answers, meeting, never, piece, texts
from tests.replay import Visit
from tui.engine import ChatMessage, ChatRequest, Chunk, Engine, ErrorKind, FinalCounts, ToolCall
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.errors import (
    OllamaConnectionError,
    OllamaResponseError,
    OllamaStreamError,
)


def test_it_is_an_engine() -> None:
    engine: Engine = OllamaClient(parse_host("gpu-box", source="test"))
    assert engine.host.name == "gpu-box"


async def test_the_first_chunk_comes_at_once_and_the_rest_on_a_clock() -> None:
    pauses: list[float] = []
    go_on = asyncio.Event()

    async def sleep(seconds: float) -> None:
        if seconds > 1:
            await asyncio.Event().wait()
        pauses.append(seconds)
        await go_on.wait()

    async def answer(visit: Visit) -> None:
        await visit.begin(200, ("Content-Type", "application/x-ndjson"), ("Transfer-Encoding", "chunked"))
        await visit.chunk(piece("first"))
        await first_heard.wait()
        for word in ("a", "b", "c"):
            await visit.chunk(piece(word))
        go_on.set()
        await visit.chunk(DONE)
        await visit.raw(b"0\r\n\r\n")

    first_heard = asyncio.Event()
    async with meeting(answer, sleep=sleep, read_interval_seconds=0.033) as (client, _):
        heard: list[Chunk] = []
        async for part in client.chat(REQUEST):
            if isinstance(part, Chunk):
                heard.append(part)
                first_heard.set()
    assert heard[0].text == "first"
    assert "".join(chunk.text for chunk in heard) == "firstabc"
    assert sum(chunk.pieces for chunk in heard) == 4
    assert set(pauses) <= {0.033}


async def test_an_answer_under_way_can_be_read_less_often() -> None:
    pauses: list[float] = []
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        if seconds > 1:
            await asyncio.Event().wait()
        pauses.append(seconds)
        await asyncio.sleep(0)

    async def answer(visit: Visit) -> None:
        await visit.begin(200, ("Content-Type", "application/x-ndjson"), ("Transfer-Encoding", "chunked"))
        for word in ("a", "b", "c"):
            await visit.chunk(piece(word))
            assert await heard.get() == word
        await visit.chunk(DONE)
        await visit.raw(b"0\r\n\r\n")

    async with meeting(answer, sleep=sleep, read_interval_seconds=0.033) as (client, _):
        async for part in client.chat(REQUEST):
            if isinstance(part, Chunk) and part.text:
                if part.text == "b":
                    assert set(pauses) <= {0.033}
                    client.read_every(0.1)
                heard.put_nowait(part.text)
    assert pauses[-1] == 0.1


async def test_many_small_pieces_cost_few_reads() -> None:
    async def answer(visit: Visit) -> None:
        await visit.begin(200, ("Content-Type", "application/x-ndjson"), ("Transfer-Encoding", "chunked"))
        for number in range(400):
            await visit.chunk(piece(f"{number} "))
            await asyncio.sleep(0)
        await visit.chunk(DONE)
        await visit.raw(b"0\r\n\r\n")

    async with meeting(answer, read_interval_seconds=0.01) as (client, _):
        chunks = [part async for part in client.chat(REQUEST) if isinstance(part, Chunk)]
    assert "".join(chunk.text for chunk in chunks) == "".join(f"{number} " for number in range(400))
    assert sum(chunk.pieces for chunk in chunks) == 400
    assert len(chunks) < 100


async def test_what_one_read_brought_is_not_held_back_when_the_server_falls_silent() -> None:
    heard = asyncio.Event()

    async def answer(visit: Visit) -> None:
        await visit.begin(200, ("Content-Type", "application/x-ndjson"), ("Transfer-Encoding", "chunked"))
        await visit.chunk(piece("0"))
        await asyncio.sleep(0.02)
        await visit.raw(b"".join(b"%x\r\n%b\r\n" % (len(piece(w)), piece(w)) for w in "123"))
        await asyncio.wait_for(heard.wait(), 5)
        await visit.chunk(DONE)
        await visit.raw(b"0\r\n\r\n")

    async with meeting(answer, read_interval_seconds=0.005) as (client, _):
        text = ""
        async for part in client.chat(REQUEST):
            text += part.text if isinstance(part, Chunk) else ""
            if text == "0123":
                heard.set()
    assert heard.is_set()


async def test_escape_while_the_model_loads_hangs_up_at_once() -> None:
    async with meeting(never) as (client, server):

        async def ask() -> None:
            async with aclosing(client.chat(REQUEST)) as answer:
                async for _ in answer:
                    pass

        asking = asyncio.create_task(ask())
        visit = await server.visit()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        # Nothing but the hang-up of whoever asked ends this: the server never answers, and no time runs out.
        await asyncio.wait_for(visit.hung_up.wait(), 30)


async def test_escape_while_the_answer_streams_hangs_up_at_once() -> None:
    async def answer(visit: Visit) -> None:
        await visit.begin(200, ("Content-Type", "application/x-ndjson"), ("Transfer-Encoding", "chunked"))
        await visit.chunk(piece("half"))
        await visit.until_hung_up()

    async with meeting(answer) as (client, server):
        async with aclosing(client.chat(REQUEST)) as answering:
            part = await anext(answering)
            assert isinstance(part, Chunk)
            assert part.text == "half"
        await asyncio.wait_for(server.visits[0].hung_up.wait(), 5)


async def test_escape_while_connecting_ends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):  # takes the only place in the queue
            host = parse_host(f"127.0.0.1:{port}", source="test")
            client = OllamaClient(host, environ={}, connect_timeout_seconds=600)
            asking = asyncio.create_task(texts(client))
            await asyncio.wait({asking}, timeout=0.05)
            asking.cancel()
            done, _ = await asyncio.wait({asking}, timeout=30)
            assert done
            assert asking.cancelled()
            await client.aclose()


async def test_closing_the_client_ends_an_answer_under_way() -> None:
    async with meeting(never) as (client, server):
        asking = asyncio.create_task(texts(client))
        await server.visit()
        await client.aclose()
        with pytest.raises(OllamaConnectionError, match="closed"):
            await asyncio.wait_for(asking, 5)
        with pytest.raises(OllamaConnectionError, match="closed"):
            await client.version()
        with pytest.raises(OllamaConnectionError, match="closed"):
            await texts(client)
        await client.aclose()


async def test_one_connection_serves_one_question_after_the_other() -> None:
    ports: set[int] = set()

    async def answer(visit: Visit) -> None:
        ports.add(visit.writer.get_extra_info("peername")[1])
        if visit.path == "/api/chat":
            await visit.stream(piece("a"), DONE)
        else:
            await visit.answer(b'{"version":"0.33.0"}')

    async with meeting(answer, read_interval_seconds=0.001) as (client, _):
        await client.version()
        assert await texts(client) == ["a"]
        assert await texts(client) == ["a"]
        await client.version()
    assert len(ports) == 1


async def test_an_answer_that_is_not_streamed_comes_through_the_same_door() -> None:
    body = {"message": {"content": "all", "thinking": "hm"}, "done": True, "done_reason": "stop", "eval_count": 7}
    pretty = json.dumps(body, indent=2).encode()
    request = ChatRequest(model="m", messages=(), stream=False)
    async with meeting(answers(pretty)) as (client, server):
        parts = [part async for part in client.chat(request)]
        assert server.visits[0].json()["stream"] is False
    assert parts == [Chunk(text="all", thinking="hm"), FinalCounts(done_reason="stop", answer_tokens=7)]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"message":{"content":"half"},"done":false}'])
async def test_an_answer_that_is_not_streamed_may_be_incomplete_too(body: bytes) -> None:
    async with meeting(answers(body)) as (client, _):
        with pytest.raises(OllamaStreamError) as error:
            await texts(client, ChatRequest(model="m", messages=(), stream=False))
    assert error.value.kind is ErrorKind.broken_off


async def test_a_large_answer_that_is_not_streamed_is_read() -> None:
    text = "word " * 2_000_000
    body = json.dumps({"message": {"content": text}, "done": True}).encode()
    assert len(body) > 8 * 1024 * 1024
    async with meeting(answers(body)) as (client, _):
        assert await texts(client, ChatRequest(model="m", messages=(), stream=False)) == [text]


async def test_zero_and_false_are_sent_and_what_is_unset_is_not() -> None:
    request = ChatRequest(
        model="m",
        messages=(
            ChatMessage(role="assistant", text="", tool_calls=(ToolCall(name="f", arguments={"a": 0}, id="c1"),)),
            ChatMessage(role="tool", text="4", tool_name="f", tool_call_id="c1"),
            ChatMessage(role="user", text="\ud800 and é", images=("aGk=",)),
        ),
        options={"temperature": 0, "num_ctx": None},
        think=False,
        keep_alive=0,
        format="json",
    )
    async with meeting(lambda visit: visit.stream(DONE)) as (client, server):
        await texts(client, request)
        await texts(client, ChatRequest(model="m", messages=(), truncate=None))
    full, bare = (visit.json() for visit in server.visits)
    assert full == {
        "model": "m",
        "messages": [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c1", "function": {"index": 0, "name": "f", "arguments": {"a": 0}}}],
            },
            {"role": "tool", "content": "4", "tool_name": "f", "tool_call_id": "c1"},
            {"role": "user", "content": "\ud800 and é", "images": ["aGk="]},
        ],
        "stream": True,
        "options": {"temperature": 0},
        "think": False,
        "keep_alive": 0,
        "truncate": False,
        "format": {"type": "object"},
    }
    assert bare == {"model": "m", "messages": [], "stream": True}
    assert server.visits[0].body.isascii()


@pytest.mark.parametrize("options", [{"temperature": float("nan")}, {"x": object()}, {"x": {1, 2}}])
async def test_options_that_json_cannot_say_are_our_error(options: dict[str, Any]) -> None:
    async with meeting(never) as (client, _):
        with pytest.raises(OllamaResponseError, match="cannot be sent"):
            await texts(client, ChatRequest(model="m", messages=(), options=options))


@pytest.mark.parametrize("tool", [3, "abc", {"f": object()}])
async def test_tools_that_are_no_objects_are_our_error(tool: Any) -> None:
    async with meeting(never) as (client, server):
        with pytest.raises(OllamaResponseError, match="cannot be sent"):
            await texts(client, ChatRequest(model="m", messages=(), tools=(tool,)))
        assert server.visits == []


async def test_a_large_prompt_is_sent_whole() -> None:
    text = "é" * 1_000_000
    request = ChatRequest(model="m", messages=(ChatMessage(role="user", text=text),))
    async with meeting(lambda visit: visit.stream(DONE)) as (client, server):
        await texts(client, request)
    assert server.visits[0].json()["messages"][0]["content"] == text
