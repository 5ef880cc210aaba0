"""Servers that send too much, too little, or something else."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.ollama.meeting import CALLS, REQUEST, answers, meeting, never, piece, texts
from tests.replay import Visit, serving
from tui.engine import EngineError, ErrorKind
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.errors import (
    OllamaConnectionError,
    OllamaError,
    OllamaResponseError,
    OllamaTimeoutError,
)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_named_and_not_followed(call: Callable[[OllamaClient], Any], status: int) -> None:
    async with serving(never) as elsewhere:
        target = elsewhere.url.replace("http://", "http://anna:geheim@") + "/api"
        async with meeting(answers(b"", status, ("Location", target))) as (client, _):
            with pytest.raises(OllamaResponseError) as error:
                await call(client)
        assert elsewhere.visits == []
    assert (error.value.kind, error.value.status) == (ErrorKind.unreadable, status)
    assert elsewhere.url.removeprefix("http://") in error.value.message
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "nonsense"])
async def test_a_compressed_answer_is_refused_unread(call: Callable[[OllamaClient], Any], encoding: str) -> None:
    bomb = gzip.compress(b"\0" * 1_000_000)
    async with meeting(answers(bomb, 200, ("Content-Encoding", encoding))) as (client, server):
        with pytest.raises(OllamaResponseError) as error:
            await call(client)
        assert server.visits[0].headers["accept-encoding"] == "identity"
    assert error.value.kind is ErrorKind.unreadable
    assert encoding in error.value.message


async def test_an_answer_may_say_that_it_is_not_compressed() -> None:
    async with meeting(answers(b'{"version":"1"}', 200, ("Content-Encoding", "identity"))) as (client, _):
        assert await client.version() == "1"


async def flood(visit: Visit) -> None:
    await visit.begin(200, ("Content-Type", "application/x-ndjson"))
    try:
        while True:
            await visit.raw(b"x" * 1_000_000)
    except ConnectionError:
        visit.hung_up.set()


async def test_a_line_without_end_is_given_up_and_hung_up_on() -> None:
    async with meeting(flood, read_interval_seconds=0) as (client, server):
        with pytest.raises(OllamaError) as error:
            await texts(client)
        assert error.value.kind is ErrorKind.unreadable
        await asyncio.wait_for(server.visits[0].hung_up.wait(), 5)


async def test_a_list_without_end_is_given_up_and_hung_up_on() -> None:
    async with meeting(flood) as (client, server):
        with pytest.raises(OllamaResponseError) as error:
            await client.list_models()
        assert "16 MB" in error.value.message
        await asyncio.wait_for(server.visits[0].hung_up.wait(), 5)


async def test_a_reader_who_does_not_come_does_not_fill_the_memory() -> None:
    sent_bytes = 0
    has_begun = asyncio.Event()

    async def answer(visit: Visit) -> None:
        nonlocal sent_bytes
        await visit.begin(200, ("Content-Type", "application/x-ndjson"))
        try:
            while True:
                await visit.raw(piece("x" * 100_000))
                sent_bytes += 100_000
                if sent_bytes > 2_000_000:
                    has_begun.set()
        except ConnectionError:
            visit.hung_up.set()

    async with meeting(answer, read_interval_seconds=0) as (client, server):
        async with aclosing(client.chat(REQUEST)) as answering:
            await anext(answering)
            await has_begun.wait()
            before_bytes = -1
            while before_bytes != sent_bytes:  # until the server stands still, since nobody takes what it sends
                before_bytes = sent_bytes
                await asyncio.sleep(0.03)
            assert sent_bytes < 64_000_000
        await asyncio.wait_for(server.visits[0].hung_up.wait(), 5)


async def test_a_list_of_very_many_models_is_read_beside_the_event_loop() -> None:
    body = json.dumps({"models": [{"name": f"m:{number}"} for number in range(20_000)]}).encode()
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with meeting(answers(body)) as (client, _):
        turning = asyncio.create_task(turn())
        assert len(await client.list_models()) == 20_000
        turning.cancel()
    assert turns > 10


async def test_headers_without_end_are_given_up() -> None:
    async def answer(visit: Visit) -> None:
        await visit.raw(b"HTTP/1.1 200 OK\r\n")
        while True:
            await visit.raw(b"X-Header: " + b"x" * 1000 + b"\r\n")

    async with meeting(answer) as (client, _):
        with pytest.raises(OllamaConnectionError) as error:
            await client.version()
        assert error.value.kind is ErrorKind.unreachable
        with pytest.raises(EngineError):
            await texts(client)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"3", b"<html></html>", b'{"version":3}', b'{"version":NaN}', b"[" * 99_999]
)
async def test_what_is_not_ollama_is_told_as_that(body: bytes) -> None:
    async with meeting(answers(body)) as (client, _):
        for call in (client.version, client.list_models, client.list_running):
            with pytest.raises(OllamaResponseError) as error:
                await call()
            assert error.value.kind is ErrorKind.unreadable
            assert "does not answer like ollama" in error.value.title


async def test_another_protocol_on_the_port_is_an_error_in_words() -> None:
    async def answer(visit: Visit) -> None:
        await visit.raw(b"SSH-2.0-OpenSSH_9.6\r\n")
        visit.writer.close()

    async with meeting(answer) as (client, _):
        with pytest.raises(OllamaConnectionError):
            await client.version()


async def test_a_list_with_strange_entries_is_read_as_far_as_it_goes() -> None:
    body = {"models": [{"name": "a:1", "size": -3}, None, {"digest": "x"}, "b", {"model": "c:1", "details": []}]}
    async with meeting(answers(json.dumps(body).encode())) as (client, _):
        models = await client.list_models()
        assert [(model.name, model.size_bytes) for model in models] == [("a:1", 0), ("c:1", None)]
        assert client.misfit_fields == 6
    async with meeting(answers(b'{"models":null}')) as (client, _):
        assert await client.list_models() == ()
        assert await client.list_running() == ()


async def test_a_server_that_drips_does_not_hold_a_short_question_for_ever() -> None:
    async def drip(visit: Visit) -> None:
        await visit.begin(200, ("Content-Type", "application/json"))
        while True:
            await visit.raw(b" ")
            await asyncio.sleep(0.01)

    async with meeting(drip, version_timeout_seconds=0.1, connect_timeout_seconds=0.1) as (client, _):
        with pytest.raises(OllamaTimeoutError):
            await client.version()


class Strange(Exception):
    """What no library has announced."""


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("x"),
        httpx.ReadError(""),
        httpx.PoolTimeout("x"),
        httpx.InvalidURL("x"),
        httpx.UnsupportedProtocol("x"),
        httpx.LocalProtocolError("x"),
        httpx.StreamClosed(),
        OSError("x"),
        UnicodeError("x"),
        RuntimeError("x"),
        Strange("x"),
    ],
)
@pytest.mark.parametrize("call", CALLS)
async def test_whatever_the_library_raises_becomes_our_error(
    call: Callable[[OllamaClient], Any], fault: Exception
) -> None:
    def raising(request: httpx.Request) -> httpx.Response:
        raise fault

    client = OllamaClient(parse_host("gpu-box", source="test"), environ={}, transport=httpx.MockTransport(raising))
    with pytest.raises(OllamaError) as error:
        await call(client)
    assert error.value.title
    assert error.value.advice
    await client.aclose()
