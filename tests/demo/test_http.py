"""The HTTP underneath: connections that stay, limits, and whatever else may come in through a socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.demo.clock import ManualTime
from tests.demo.rawhttp import ask, connected, soon, user
from tui.demo import DemoServer
from tui.demo.connection import BODY_LIMIT_BYTES, HEADER_LIMIT_BYTES
from tui.failures import Failure

POSTED = ("/api/chat", "/api/generate", "/api/embed", "/api/show", "/api/pull", "/api/copy")
HELLO = json.dumps({"model": "tour:8b", "messages": user("hello"), "options": {"num_predict": 1}}).encode()


@pytest.fixture(autouse=True)
def no_mistakes(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever comes in, the server never makes a mistake of its own: those are logged."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/api/version"), ("GET", "/api/tags")])
async def test_head_has_the_headers_of_get_and_no_body(server: DemoServer, method: str, path: str) -> None:
    async with connected(server) as client:
        full = await client.ask(method, path)
        bare = await client.ask("HEAD", path)
        again = await client.ask(method, path)
    assert (bare.status, bare.body, again.body) == (200, b"", full.body)
    assert [name for name, _ in bare.headers] == [name for name, _ in full.headers]


async def test_root_says_that_ollama_is_running(server: DemoServer) -> None:
    exchange = await ask(server, "GET", "/?x=1")
    assert exchange.body == b"Ollama is running"
    assert exchange.header("Content-Type") == "text/plain; charset=utf-8"
    assert exchange.header("Server") == "chinwag-demo"


async def test_unknown_path_and_wrong_method_are_plain_text(server: DemoServer) -> None:
    missing = await ask(server, "GET", "/api/nope")
    assert (missing.status, missing.body) == (404, b"404 page not found")
    wrong = await ask(server, "GET", "/api/chat")
    assert (wrong.status, wrong.body, wrong.header("Allow")) == (405, b"405 method not allowed", "POST")
    assert missing.header("Content-Type") == wrong.header("Content-Type") == "text/plain"


async def test_one_connection_serves_many_requests(server: DemoServer) -> None:
    async with connected(server) as client:
        for _ in range(3):
            assert (await client.ask("GET", "/api/version")).json == {"version": "0.33.0"}
            assert (await client.ask("POST", "/api/chat", HELLO)).lines[-1]["done"]
            assert (await client.ask("GET", "/api/nope")).status == 404
    assert server.hang_ups == 0


async def test_requests_sent_ahead_are_answered_in_order(server: DemoServer) -> None:
    async with connected(server) as client:
        await client.send("POST", "/api/chat", HELLO)
        await client.send("GET", "/api/version")
        await client.send("GET", "/")
        chat = await client.rest(await client.head())
        version = await client.rest(await client.head())
        root = await client.rest(await client.head())
    assert chat.lines[-1]["done"]
    assert version.json == {"version": "0.33.0"}
    assert root.body == b"Ollama is running"


async def test_request_sent_while_an_answer_comes_is_kept_for_later(timed: DemoServer, time: ManualTime) -> None:
    async with connected(timed) as client:
        await client.send("POST", "/api/chat", {"model": "tour:8b", "messages": user("long")})
        await client.head()
        time.gate.clear()
        await client.send("GET", "/api/version")
        async with connected(timed) as other:
            assert (await other.ask("GET", "/")).status == 200
        await soon(timed, lambda server: server.open_requests == 1)
        time.gate.set()
        async for piece in client.pieces():
            assert piece["model"] == "tour:8b"
        assert (await client.rest(await client.head())).json == {"version": "0.33.0"}


async def test_connection_closes_when_the_client_asks_for_it(server: DemoServer) -> None:
    async with connected(server) as client:
        assert (await client.ask("GET", "/", headers=("Connection: close",))).status == 200
        assert await client.reader.read() == b""


async def test_old_http_is_answered_to_the_end_of_the_connection(server: DemoServer) -> None:
    async with connected(server) as client:
        client.writer.write(b"POST /api/chat HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(HELLO), HELLO))
        head, _, body = (await client.reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body.splitlines()[-1])["done"]


async def test_client_that_waits_for_leave_to_send_gets_it(server: DemoServer) -> None:
    async with connected(server) as client:
        client.writer.write(
            b"POST /api/show HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 19\r\n\r\n"
        )
        assert (await client.reader.readline()).startswith(b"HTTP/1.1 100")
        await client.reader.readline()
        client.writer.write(b'{"model":"tour:8b"}')
        assert (await client.rest(await client.head())).json["details"]["family"] == "demo"


async def test_body_in_chunks_is_put_together(server: DemoServer) -> None:
    async with connected(server) as client:
        client.writer.write(b"POST /api/show HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for byte in b'{"model":"tour:8b"}':
            client.writer.write(b"1\r\n%c\r\n" % byte)
        client.writer.write(b"0\r\n\r\n")
        assert (await client.rest(await client.head())).status == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello over TLS\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * (2 * HEADER_LIMIT_BYTES), 431),
        (b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
    ids=["tls", "no host", "negative length", "endless header", "no chunk"],
)
async def test_what_is_no_http_is_turned_away(server: DemoServer, head: bytes, status: int) -> None:
    async with connected(server) as client:
        client.writer.write(head)
        client.writer.write_eof()
        answer = await client.reader.read()
    assert answer.startswith(b"HTTP/1.1 %d " % status)


async def test_client_that_is_turned_away_may_be_gone_already(
    server: DemoServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    # Whoever comes after them is answered; a fault of theirs would be in the log by then.
    assert (await ask(server, "GET", "/")).status == 200


async def test_body_over_the_limit_is_turned_away(server: DemoServer) -> None:
    async with connected(server) as client:
        client.writer.write(b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"1000000\r\n%s\r\n" % (b" " * 0x1000000)
        with contextlib.suppress(ConnectionError):
            for _ in range(BODY_LIMIT_BYTES // 0x1000000 + 1):
                client.writer.write(piece)
                await client.writer.drain()
        assert (await client.head()).status == 413


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "http://[", "http://localhost.evil.com"])
async def test_page_from_elsewhere_may_not_ask(server: DemoServer, origin: str) -> None:
    evil = await ask(server, "GET", "/api/tags", headers=(f"Origin: {origin}",))
    assert (evil.status, evil.body) == (403, b"")


async def test_only_names_of_this_machine_are_answered(server: DemoServer) -> None:
    page = await ask(server, "GET", "/api/tags", headers=("Origin: http://localhost:3000",))
    assert page.status == 200
    async with connected(server) as client:
        for host, status in (("rebound.example.com:11434", 403), ("[", 403), ("127.0.0.1:1", 200), ("[::1]:1", 200)):
            client.writer.write(f"GET /api/version HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert (await client.rest(await client.head())).status == status


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "missing request body"),
        (b'{"model": "gemma3:270m", "messages": [}', "invalid character '}' looking for beginning of value"),
        (b'{"model": ', "unexpected EOF"),
        (b"\xff\xfe", "invalid character '\ufffd' looking for beginning of value"),
        (b"[" * 100_000, "exceeded max depth"),
        (b'{"options": {"seed": ' + b"9" * 5000 + b"}}", None),
        (b'{"model": NaN}', "invalid character 'N' looking for beginning of value"),
        (b"[]", "json: cannot unmarshal array into Go value of type api.ChatRequest"),
        (b"{'model': 1}", "invalid character '\\'' looking for beginning of object key string"),
        (b'{"model": "tour:8b", "keep_alive": true}', "Unsupported type: 'bool'"),
        (b'{"model": 5}', "json: cannot unmarshal number into Go struct field ChatRequest.model of type string"),
    ],
    ids=["empty", "broken", "cut", "bytes", "deep", "digits", "nan", "list", "quote", "bool", "number"],
)
async def test_what_is_no_request_is_explained(server: DemoServer, raw: bytes, text: str | None) -> None:
    exchange = await ask(server, "POST", "/api/chat", raw)
    assert exchange.status == 400
    assert text is None or exchange.json == {"error": text}


async def test_trailing_words_and_unknown_fields_are_ignored(server: DemoServer) -> None:
    assert (await ask(server, "POST", "/api/show", b'{"model":"tour:8b","wat":[1]} and more')).status == 200


async def test_lone_surrogates_come_back_as_replacement_characters(server: DemoServer) -> None:
    raw = b'{"model":"tour:8b","stream":false,"messages":[{"role":"user","content":"x\\ud800longestword\\udfff?"}]}'
    assert "character" in (await ask(server, "POST", "/api/chat", raw)).json["message"]["content"]
    named = await ask(server, "POST", "/api/copy", b'{"source":"\\ud800","destination":"x"}')
    assert named.json == {"error": 'source "\ufffd" is invalid'}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["tour:8b", "5m"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=8,
)
KNOWN_FIELDS = (
    "model name messages prompt input stream format keep_alive tools options think truncate shift images raw suffix "
    "dimensions source destination system verbose"
)
fields = st.sampled_from(KNOWN_FIELDS.split())
models = st.sampled_from(["tour:8b", "thinker:8b", "toolsmith:8b", "embed:small", "hungry:405b", "guest:4b"])
option_names = st.sampled_from(["num_ctx", "num_predict", "stop", "seed", "num_gpu", "temperature", "use_mmap", "x"])
bodies = st.builds(
    lambda loose, options, model: {"model": model, **loose, **({"options": options} if options else {})},
    st.dictionaries(fields, values, max_size=5),
    st.none() | st.dictionaries(option_names, values, max_size=3),
    models,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTED), body=bodies | values)
def test_any_json_gets_an_answer(path: str, body: Any) -> None:
    async def story() -> None:
        async with DemoServer(speed=0) as server, connected(server) as client:
            exchange = await client.ask("POST", path, json.dumps(body).encode())
            assert exchange.status in (200, 400, 401, 404, 500, 501)
            assert b"made a mistake" not in exchange.body
            assert (await ask(server, "GET", "/api/version")).status == 200

    asyncio.run(story())


async def test_httpx_reads_a_stream_to_its_end(server: DemoServer) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        body = {"model": "script-mixed-300-0", "messages": user("x")}
        async with client.stream("POST", "/api/chat", json=body) as response:
            lines = [json.loads(line) async for line in response.aiter_lines()]
        assert (await client.request("DELETE", "/api/delete", json={"model": "fast:1b"})).content == b""
    assert lines[-1]["eval_count"] == 300


async def test_client_that_does_not_read_holds_its_answer_up_and_nobody_else(server: DemoServer) -> None:
    async with connected(server) as client:
        body = {"model": "script-prose-500000-0", "messages": user("x")}
        await client.send("POST", "/api/chat", body)
        await client.head()
        assert (await ask(server, "GET", "/api/version")).status == 200
    await soon(server, lambda server: server.open_requests == 0)
    assert server.tokens_sent < 500_000
    assert server.hang_ups == 1


async def test_what_was_asked_is_remembered(server: DemoServer) -> None:
    await ask(server, "POST", "/api/show", {"model": "tour:8b"}, headers=("User-Agent: test",))
    asked = server.received[-1]
    assert (asked.method, asked.path, json.loads(asked.body)) == ("POST", "/api/show", {"model": "tour:8b"})
    assert asked.headers["user-agent"] == "test"


async def test_taken_port_is_named(server: DemoServer) -> None:
    with pytest.raises(Failure) as caught:
        await DemoServer(port=server.port).start()
    assert str(server.port) in caught.value.title
    assert "free one" in caught.value.advice


async def test_closing_twice_and_never_starting_are_harmless(time: ManualTime) -> None:
    server = DemoServer(clock=time.clock, sleep=time.sleep, now=time.now)
    await server.close()
    with pytest.raises(RuntimeError, match="does not listen"):
        _ = server.url
    await server.start()
    await server.close()
    await server.close()


def test_negative_speed_is_refused() -> None:
    with pytest.raises(ValueError, match="speed is -1"):
        DemoServer(speed=-1)
