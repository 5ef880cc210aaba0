"""A server that does everything wrong, over and over: no crash, no memory that grows, no pause of the event loop."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress

import pytest

from tests.ollama.meeting import DONE, REQUEST, every, meeting, piece
from tests.replay import Visit
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaError
from tui.ollama.requests import EmbedRequest

STREAM = ("Content-Type", "application/x-ndjson")
LONGEST_TURN_CPU_SECONDS = 1.5
"""Of the event loop's own thread, which a busy machine does not make longer; a slow one may, hence so much."""


async def for_ever(visit: Visit, data: bytes, *, status: int = 200, most_bytes: int = 40_000_000) -> None:
    await visit.begin(status, STREAM)
    for _ in range(most_bytes // len(data)):
        await visit.raw(data)


async def endless_line(visit: Visit) -> None:
    await for_ever(visit, b"a" * 200_000)


async def endless_small_lines(visit: Visit) -> None:
    await for_ever(visit, piece("") * 2000, most_bytes=4_000_000)


async def endless_blank_lines(visit: Visit) -> None:
    await for_ever(visit, b"\n" * 100_000, most_bytes=4_000_000)


async def endless_text(visit: Visit) -> None:
    await for_ever(visit, piece("x" * 500_000), most_bytes=80_000_000)


async def endless_thinking_tag(visit: Visit) -> None:
    await for_ever(visit, piece("<think>" + "</thin" * 2000), most_bytes=3_000_000)


async def endless_layers(visit: Visit) -> None:
    await visit.begin(200, STREAM)
    for number in range(4000):
        line = {"status": "pulling", "digest": f"sha256:{number:064x}", "total": 9, "completed": 1}
        visit.writer.write(json.dumps(line).encode() + b"\n")
    await visit.writer.drain()


async def endless_calls(visit: Visit) -> None:
    call = {"function": {"name": "f", "arguments": {str(number): number for number in range(200)}}}
    line = json.dumps({"message": {"content": "", "tool_calls": [call] * 20}, "done": False}).encode() + b"\n"
    await for_ever(visit, line, most_bytes=4_000_000)


async def nested_without_end(visit: Visit) -> None:
    await visit.begin(200, STREAM)
    await visit.raw(b'{"message":' + b"[" * 1_000_000 + b"\n")


async def half_surrogates(visit: Visit) -> None:
    await visit.begin(200, STREAM)
    await visit.raw(b'{"message":{"content":"' + b"\\ud800" * 100_000 + b'"}}\n' + DONE)


async def numbers_of_many_digits(visit: Visit) -> None:
    await visit.begin(200, STREAM)
    await visit.raw(b'{"eval_count":' + b"9" * 1_000_000 + b',"done":true}\n')


async def wrong_types(visit: Visit) -> None:
    line = {"message": {"content": [1], "thinking": {}, "tool_calls": "x"}, "done": "true", "eval_count": "9"}
    await visit.begin(200, STREAM)
    await visit.raw((json.dumps(line).encode() + b"\n") * 500)
    await visit.raw(DONE)


async def endless_refusal(visit: Visit) -> None:
    await for_ever(visit, b'{"error":"' + b"no " * 50_000, status=500)


async def refusal_in_refusals(visit: Visit) -> None:
    text = "no"
    for _ in range(12):
        text = json.dumps({"error": text})
    await visit.answer(text.encode(), 500)


async def patterns_that_backtrack(visit: Visit) -> None:
    await visit.answer(
        json.dumps({"error": "map[message:" * 3000 + "model requires " * 3000 + "<title>" * 3000}).encode(), 500
    )


async def endless_headers(visit: Visit) -> None:
    await visit.raw(b"HTTP/1.1 200 OK\r\n")
    while True:
        await visit.raw(b"X-Header: " + b"x" * 1000 + b"\r\n")


async def wrong_length(visit: Visit) -> None:
    await visit.begin(200, STREAM, ("Content-Length", "99999"))
    await visit.raw(piece("a"))
    visit.writer.close()


async def broken_chunks(visit: Visit) -> None:
    await visit.begin(200, STREAM, ("Transfer-Encoding", "chunked"))
    await visit.raw(b"5\r\nhello\r\nnonsense\r\n")


async def another_protocol(visit: Visit) -> None:
    await visit.raw(b"SSH-2.0-OpenSSH_9.6\r\n" * 50)
    visit.writer.close()


async def reset_in_the_middle(visit: Visit) -> None:
    await visit.begin(200, STREAM)
    await visit.raw(piece("a"))
    visit.reset()


async def hang_up_at_once(visit: Visit) -> None:
    visit.reset()


async def a_million_vectors(visit: Visit) -> None:
    await visit.answer(b'{"embeddings":[' + b",".join([b"[0.1,0.2]"] * 100_000) + b"]}")


async def many_models(visit: Visit) -> None:
    entry = b'{"name":"m","digest":"d","details":{"family":"f"},"modified_at":"2026-11-21T10:00:00.123456789Z"}'
    await visit.answer(b'{"models":[' + b",".join([entry] * 20_000) + b"]}")


HOSTILITIES = [
    endless_line, endless_small_lines, endless_blank_lines, endless_text, endless_thinking_tag, endless_layers,
    endless_calls, nested_without_end, half_surrogates, numbers_of_many_digits, wrong_types, endless_refusal,
    refusal_in_refusals, patterns_that_backtrack, endless_headers, wrong_length, broken_chunks, another_protocol,
    reset_in_the_middle, hang_up_at_once, a_million_vectors, many_models,
]  # fmt: skip

QUESTIONS: list[Callable[[OllamaClient], Awaitable[object]]] = [
    lambda client: last_of(client.chat(REQUEST)),
    lambda client: last_of(client.pull_model("m")),
    lambda client: client.embed(EmbedRequest(model="m", texts=("a",))),
    OllamaClient.list_models,
    lambda client: client.show_model("m"),
]


async def last_of(parts: AsyncGenerator[object, None]) -> object:
    """Read to the end and kept by nobody."""
    last = None
    async with aclosing(parts):
        async for part in parts:
            last = part
    return last


class Turns:
    """How long the event loop was held up, in its own thread's time."""

    def __init__(self) -> None:
        self.longest_cpu_seconds = 0.0
        self.number = 0

    async def watch(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest_cpu_seconds = max(self.longest_cpu_seconds, now - before)
            self.number += 1
            before = now


@asynccontextmanager
async def watched() -> AsyncGenerator[Turns, None]:
    turns = Turns()
    watching = asyncio.create_task(turns.watch())
    try:
        yield turns
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def storm(hostility: Callable[[Visit], Awaitable[None]]) -> None:
    """Every question once; each ends by itself, in an answer or in an error of ours."""

    async def answer(visit: Visit) -> None:
        with suppress(ConnectionError):
            await hostility(visit)
            visit.writer.close()

    async with meeting(answer, read_interval_seconds=0, connect_timeout_seconds=30, list_timeout_seconds=30) as (
        client,
        _,
    ):
        for ask in QUESTIONS:
            try:
                await ask(client)
            except OllamaError as error:
                assert error.title
                assert len(str(error)) < 2000
                assert error.request_id


@pytest.mark.parametrize("hostility", HOSTILITIES)
async def test_nothing_that_a_server_does_stops_the_loop_or_leaves_more_than_our_error(
    hostility: Callable[[Visit], Awaitable[None]],
) -> None:
    async with watched() as turns:
        await storm(hostility)
    assert turns.number > 0
    assert turns.longest_cpu_seconds < LONGEST_TURN_CPU_SECONDS


async def test_a_storm_leaves_no_memory_behind() -> None:
    cheap = [
        wrong_types, refusal_in_refusals, endless_headers, wrong_length, broken_chunks,
        another_protocol, reset_in_the_middle, hang_up_at_once,
    ]  # fmt: skip

    async def once() -> int:
        for hostility in cheap:
            await storm(hostility)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        await once()
        before = await once()
        after = await once()
    finally:
        tracemalloc.stop()
    assert after - before < 300_000


async def test_a_flood_that_is_read_stays_small_in_memory() -> None:
    async def answer(visit: Visit) -> None:
        with suppress(ConnectionError):
            await for_ever(visit, piece("x" * 4000) * 50, most_bytes=50_000_000)
            await visit.raw(DONE)
            visit.writer.close()

    async with meeting(answer, read_interval_seconds=0) as (client, _):
        tracemalloc.start()
        try:
            await last_of(client.chat(REQUEST))
            most_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert most_bytes < 25_000_000


async def test_a_client_that_met_a_storm_still_asks_others() -> None:
    has_stormed = False

    async def answer(visit: Visit) -> None:
        if has_stormed:
            await visit.stream(piece("hello"), DONE)
        else:
            with suppress(ConnectionError):
                await wrong_length(visit)

    async with meeting(answer, read_interval_seconds=0) as (client, _):
        for _ in range(20):
            with pytest.raises(OllamaError):
                await every(client.chat(REQUEST))
        has_stormed = True
        assert len(await every(client.chat(REQUEST))) == 2
