"""Connections that do not come about, break, fall silent or take another way."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import sys
from pathlib import Path

import httpx
import pytest

from tests.ollama.meeting import CALLS, DONE, REQUEST, SHORT_CALLS, answers, meeting, never, piece, texts
from tests.replay import Visit, serving
from tui.engine import Chunk, ErrorKind
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.errors import (
    OllamaConnectionError,
    OllamaStreamError,
    OllamaTimeoutError,
)
from tui.ollama.transport import keepalive_options


async def test_nothing_that_listens_is_told_with_how_to_start_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = OllamaClient(parse_host(f"127.0.0.1:{port}", source="test"), environ={})
    for call in CALLS:
        with pytest.raises(OllamaConnectionError) as error:
            await call(client)
        assert error.value.kind is ErrorKind.unreachable
        assert str(error.value) == (
            f"no connection to 127.0.0.1:{port} · nothing listens there (http://127.0.0.1:{port})"
            " · start it with: ollama serve"
        )
    await client.aclose()


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "there is no machine of this name"),
        (OSError(errno.EHOSTUNREACH, "x"), "there is no way to this machine"),
        (ExceptionGroup("several", [OSError(errno.ENETUNREACH, "x")]), "there is no way to its network"),
        (OSError("All connection attempts failed"), "All connection attempts failed"),
    ],
)
async def test_why_there_is_no_connection_is_said_in_plain_words(cause: Exception, words: str) -> None:
    def failing(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("All connection attempts failed") from cause

    client = OllamaClient(parse_host("gpu-box", source="test"), environ={}, transport=httpx.MockTransport(failing))
    with pytest.raises(OllamaConnectionError) as error:
        await client.version()
    assert error.value.title == "no connection to gpu-box"
    assert words in error.value.message
    assert error.value.advice == "check that it runs, and its address"
    await client.aclose()


async def test_plain_http_where_https_is_asked_is_told() -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent a TLS hello to an HTTP server.\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = OllamaClient(parse_host(f"https://127.0.0.1:{port}", source="test"), environ={})
        with pytest.raises(OllamaConnectionError, match="it does not speak https there"):
            await client.version()
        await client.aclose()


async def test_a_certificate_that_nobody_signed_is_told() -> None:
    """The certificate is made of the test's own key, for 127.0.0.1, and in no store."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).parent / "self-signed.pem")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        client = OllamaClient(parse_host(f"https://127.0.0.1:{port}", source="test"), environ={})
        with pytest.raises(OllamaConnectionError, match="its certificate is not trusted"):
            await client.version()
        await client.aclose()


async def test_certificates_that_cannot_be_read_are_told() -> None:
    environ = {"SSL_CERT_FILE": "/nowhere/ca.pem"}
    client = OllamaClient(parse_host("https://127.0.0.1:1", source="test"), environ=environ)
    with pytest.raises(OllamaConnectionError, match="SSL_CERT_FILE"):
        await client.version()
    await client.aclose()


async def test_a_server_that_is_starting_takes_the_connection_and_stays_silent() -> None:
    short = dict.fromkeys(
        ["version_timeout_seconds", "running_timeout_seconds", "list_timeout_seconds", "show_timeout_seconds"], 0.05
    )
    async with meeting(never, **short) as (client, _):
        for call in SHORT_CALLS:
            with pytest.raises(OllamaTimeoutError) as error:
                await call(client)
            assert error.value.kind is ErrorKind.silent


async def test_a_connection_that_breaks_before_the_answer_is_told() -> None:
    async def hang_up(visit: Visit) -> None:
        visit.reset()

    async with meeting(hang_up) as (client, _):
        for call in CALLS:
            with pytest.raises(OllamaConnectionError) as error:
                await call(client)
            assert error.value.kind is ErrorKind.unreachable
            assert "hung up" in error.value.title


async def test_a_silent_server_that_answers_the_probe_is_waited_for() -> None:
    answer_now = asyncio.Event()
    probes = 0

    async def answer(visit: Visit) -> None:
        nonlocal probes
        if visit.path == "/api/version":
            probes += 1
            await visit.answer(b'{"version":"1"}' if probes % 2 else b"busy", 200 if probes % 2 else 500)
            if probes >= 5:
                answer_now.set()
            return
        await answer_now.wait()
        await visit.stream(piece("at last"), DONE)

    async with meeting(answer, silence_probe_seconds=0.01) as (client, server):
        assert await texts(client) == ["at last"]
    assert probes >= 5
    addresses = {visit.writer.get_extra_info("peername") for visit in server.visits if visit.path == "/api/chat"}
    probed_from = {visit.writer.get_extra_info("peername") for visit in server.visits if visit.path == "/api/version"}
    assert not addresses & probed_from


async def test_a_server_that_is_gone_without_a_word_ends_the_answer_after_two_probes() -> None:
    probes = 0

    async def answer(visit: Visit) -> None:
        nonlocal probes
        if visit.path == "/api/version":
            probes += 1
            visit.reset()
            return
        await visit.begin(200, ("Content-Type", "application/x-ndjson"), ("Transfer-Encoding", "chunked"))
        await visit.chunk(piece("half"))
        await visit.until_hung_up()

    heard: list[str] = []

    async def listen(client: OllamaClient) -> None:
        async for part in client.chat(REQUEST):
            assert isinstance(part, Chunk)
            heard.append(part.text)

    async with meeting(answer, silence_probe_seconds=0.02, read_interval_seconds=0.001) as (client, server):
        with pytest.raises(OllamaStreamError) as error:
            await listen(client)
        await asyncio.wait_for(server.visits[0].hung_up.wait(), 5)
    assert heard == ["half"]
    assert probes == 2
    assert error.value.kind is ErrorKind.broken_off
    assert "said nothing for" in error.value.message


async def test_the_probe_waits_for_half_a_minute_of_silence_on_the_given_clock() -> None:
    """The clock and the sleep are played: what is slept passes, and nothing else does."""
    now = 0.0
    asked_at: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        await asyncio.sleep(0)

    async def answer(visit: Visit) -> None:
        if visit.path == "/api/version":
            asked_at.append(now)
            await visit.until_hung_up() if len(asked_at) in {1, 3, 4} else await visit.answer(b'{"version":"1"}')
            return
        await visit.until_hung_up()

    async with meeting(
        answer, clock=lambda: now, sleep=sleep, version_timeout_seconds=0.03, connect_timeout_seconds=0.03
    ) as (client, _):
        with pytest.raises(OllamaStreamError) as error:
            await texts(client)
    assert asked_at == [30.0, 60.0, 90.0, 120.0]
    assert error.value.kind is ErrorKind.broken_off
    assert "120 s" in error.value.message


async def test_loopback_never_goes_through_a_proxy() -> None:
    async with serving(never) as proxy:
        environ = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"), proxy.url)
        async with meeting(answers(b'{"version":"1"}'), environ=environ) as (client, _):
            assert await client.version() == "1"
        assert proxy.visits == []


async def test_a_far_server_is_asked_through_the_proxy() -> None:
    async with serving(answers(b'{"version":"1"}')) as proxy:
        host = parse_host("http://ollama.example.com:11434", source="test")
        client = OllamaClient(host, environ={"http_proxy": proxy.url})
        assert await client.version() == "1"
        assert proxy.visits[0].path == "http://ollama.example.com:11434/api/version"
        await client.aclose()


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://[broken", "nonsense://x"])
async def test_a_proxy_that_cannot_be_used_is_our_error(proxy: str) -> None:
    client = OllamaClient(parse_host("http://ollama.example.com", source="test"), environ={"ALL_PROXY": proxy})
    for call in CALLS:
        with pytest.raises(OllamaConnectionError, match="ALL_PROXY"):
            await call(client)
    await client.aclose()


async def test_a_path_in_the_address_comes_before_every_endpoint() -> None:
    async with serving(answers(b'{"version":"1"}')) as server:
        client = OllamaClient(parse_host(f"{server.url}/behind/nginx/", source="test"), environ={})
        await client.version()
        assert server.visits[0].path == "/behind/nginx/api/version"
        await client.aclose()


async def test_a_zone_is_for_this_machine_and_not_for_the_server() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.extend((request.url.host, request.headers["host"]))
        return httpx.Response(200, json={"version": "1"})

    host = parse_host("fe80::1%eth0", source="test")
    client = OllamaClient(host, environ={}, transport=httpx.MockTransport(answer))
    assert await client.version() == "1"
    assert seen == ["fe80::1%eth0", "[fe80::1]:11434"]
    await client.aclose()


async def test_ipv6_loopback_works() -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"version":"6"}')
        await writer.drain()
        writer.close()

    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        server = await asyncio.start_server(connected, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = OllamaClient(parse_host(f"[::1]:{port}", source="test"), environ={})
        assert await client.version() == "6"
        await client.aclose()


async def test_the_event_loop_runs_on_while_the_library_is_loaded() -> None:
    """A fresh process, since here the library is loaded already."""
    code = """
import asyncio, sys, time
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaConnectionError

async def main():
    client = OllamaClient(parse_host("127.0.0.1:1", source="test"), environ={})
    assert "httpx" not in sys.modules
    turns = 0
    async def turn():
        nonlocal turns
        while "httpcore" not in sys.modules:
            turns += 1
            await asyncio.sleep(0.001)
    turning = asyncio.create_task(turn())
    try:
        await client.version()
    except OllamaConnectionError:
        pass
    await turning
    await client.aclose()
    assert turns > 2, turns

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0


def test_a_dead_line_is_found_by_the_kernel() -> None:
    with socket.socket() as connection:
        for level, option, value in keepalive_options():
            connection.setsockopt(level, option, value)
            assert connection.getsockopt(level, option) == value
    options = {option: value for level, option, value in keepalive_options() if level == socket.IPPROTO_TCP}
    assert sorted(options.values()) == [4, 15, 15]
