"""Models made of files, loaded, unloaded, and who the server is signed in as."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ollama.meeting import DONE, answers, every, meeting, never
from tests.replay import Visit
from tui.engine import ChatMessage, ChatRequest, ErrorKind, FinalCounts, Progress, ProgressPhase
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaError, OllamaModelError, OllamaResponseError
from tui.ollama.replies import Account
from tui.ollama.requests import CreateRequest, GenerateRequest

SUCCESS = b'{"status":"success"}\n'


class Store:
    """A server that keeps files as Ollama does."""

    def __init__(self, *known: bytes) -> None:
        self.files = {f"sha256:{hashlib.sha256(data).hexdigest()}": data for data in known}
        self.uploads = 0
        self.created: Any = None

    async def __call__(self, visit: Visit) -> None:
        digest = visit.path.rpartition("/")[2]
        if visit.path == "/api/create":
            self.created = visit.json()
            await visit.stream(b'{"status":"parsing GGUF"}\n', SUCCESS)
        elif visit.method == "HEAD":
            await visit.answer(b"", 200 if digest in self.files else 404)
        else:
            self.uploads += 1
            found = f"sha256:{hashlib.sha256(visit.body).hexdigest()}"
            self.files[found] = visit.body
            await visit.answer(b"", 201 if found == digest else 400)


async def test_a_model_is_made_of_files_that_are_uploaded_first(tmp_path: Path) -> None:
    weights, adapter = os.urandom(2_500_000), b"GGUF adapter"
    (tmp_path / "model.gguf").write_bytes(weights)
    (tmp_path / "adapter.gguf").write_bytes(adapter)
    known = f"sha256:{'1' * 64}"
    store = Store(adapter)
    request = CreateRequest(
        model="mine",
        files={"model.gguf": tmp_path / "model.gguf", "vision.gguf": known},
        adapters={"adapter.gguf": str(tmp_path / "adapter.gguf")},
        quantize="Q4_K_M",
        template="{{ .Prompt }}",
        system="Be brief.",
        license=("MIT",),
        parameters={"temperature": 0, "num_ctx": None},
        messages=(ChatMessage(role="user", text="Hello"),),
        requires="0.30.0",
    )
    async with meeting(store) as (client, _):
        parts: list[Progress] = await every(client.create_model(request))
    assert store.uploads == 1  # the adapter was there
    digest = f"sha256:{hashlib.sha256(weights).hexdigest()}"
    assert store.files[digest] == weights
    assert store.created == {
        "model": "mine",
        "stream": True,
        "files": {"model.gguf": digest, "vision.gguf": known},
        "adapters": {"adapter.gguf": f"sha256:{hashlib.sha256(adapter).hexdigest()}"},
        "quantize": "Q4_K_M",
        "template": "{{ .Prompt }}",
        "system": "Be brief.",
        "license": ["MIT"],
        "parameters": {"temperature": 0},
        "messages": [{"role": "user", "content": "Hello"}],
        "requires": "0.30.0",
    }
    uploading = [part for part in parts if part.status == "uploading model.gguf"]
    assert {part.total_bytes for part in uploading} == {2_500_000}
    sent = [part.completed_bytes for part in uploading]
    assert sent == sorted(sent, key=lambda count: count or 0)
    assert [part.is_done for part in parts] == [False] * (len(parts) - 1) + [True]


async def test_a_file_that_is_there_is_not_sent_again(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"x" * 100)
    store = Store(b"x" * 100)
    async with meeting(store) as (client, server):
        parts = await every(client.upload_file(tmp_path / "m.gguf"))
        assert [visit.method for visit in server.visits] == ["HEAD"]
    assert (parts[-1].phase, parts[-1].digest) == (ProgressPhase.done, next(iter(store.files)))


async def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").touch()
    store = Store()
    async with meeting(store) as (client, _):
        await every(client.upload_file(tmp_path / "m.gguf"))
    assert list(store.files.values()) == [b""]


@pytest.mark.parametrize("what", ["missing", "folder", "pipe", "nul\0"])
async def test_a_file_that_cannot_be_read_is_named(what: str, tmp_path: Path) -> None:
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    async with meeting(never) as (client, server):
        for ask in (client.upload_file(path), client.create_model(CreateRequest(model="m", files={"m.gguf": path}))):
            with pytest.raises(OllamaResponseError, match="cannot be read") as error:
                await every(ask)
            assert error.value.advice
        assert server.visits == []


async def test_a_file_that_shrinks_on_its_way_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"x" * 3_000_000)

    async def answer(visit: Visit) -> None:
        path.write_bytes(b"y")
        await visit.answer(b"", 404)

    async with meeting(answer) as (client, _):
        with pytest.raises(OllamaResponseError, match="became shorter"):
            await every(client.upload_file(path))


async def test_leaving_an_upload_hangs_up(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    uploading = asyncio.Event()
    hung_up = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"HEAD"):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            return
        uploading.set()
        try:
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass
        hung_up.set()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        client = OllamaClient(parse_host(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", source="test"), environ={})
        async with aclosing(client.upload_file(path)) as parts:
            async for part in parts:
                if part.phase is ProgressPhase.transferring:
                    break
        assert uploading.is_set()
        await asyncio.wait_for(hung_up.wait(), 10)
        await client.aclose()


async def test_a_slow_upload_is_no_silence(tmp_path: Path) -> None:
    """The clock is played: each megabyte takes 20 s, and a server that only listens answers no probe beside it."""
    path = tmp_path / "m.gguf"
    with path.open("wb") as file:
        file.truncate(12_000_000)
    now = 0.0
    moved = asyncio.Condition()
    watch_sleeps = asyncio.Event()

    async def sleep(seconds: float) -> None:
        until = now + seconds
        watch_sleeps.set()
        async with moved:
            await moved.wait_for(lambda: now >= until)
        watch_sleeps.clear()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"HEAD"):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif head.startswith(b"GET"):
            await reader.read()
        else:
            for megabyte in range(12):
                await reader.readexactly(1_000_000)
                if megabyte < 8:
                    await asyncio.wait_for(watch_sleeps.wait(), 5)
                    async with moved:
                        now += 20
                        moved.notify_all()
                    await asyncio.sleep(0)
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # so that no megabyte waits in the kernel
        listening.bind(("127.0.0.1", 0))
        async with await asyncio.start_server(connected, sock=listening) as server:
            client = OllamaClient(
                parse_host(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", source="test"),
                environ={},
                clock=lambda: now,
                sleep=sleep,
                connect_timeout_seconds=0.05,
                version_timeout_seconds=0.05,
            )
            parts = await every(client.upload_file(path))
            await client.aclose()
    assert parts[-1].is_done
    assert now == 160


@pytest.mark.parametrize("digest", ["", "x", "sha256:", f"sha256:{'g' * 64}", "../../etc", f"sha256:{'0' * 64}/../x"])
async def test_what_is_no_digest_never_becomes_a_path(digest: str) -> None:
    async with meeting(never) as (client, server):
        with pytest.raises(OllamaResponseError, match="is not a digest"):
            await client.has_file(digest)
        assert server.visits == []


# ---------------------------------------------------------------------- in memory and out of it


async def test_a_model_is_warmed_with_the_options_of_the_chat_and_nothing_else() -> None:
    request = ChatRequest(
        model="m",
        messages=(ChatMessage(role="user", text="hello"),),
        options={"num_ctx": 8192, "temperature": 0},
        think=True,
        format="json",
        tools=({"type": "function"},),
        keep_alive="10m",
    )
    body = b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}'
    async with meeting(answers(body)) as (client, server):
        assert await client.prewarm(request) == FinalCounts(done_reason="load")
        await client.load_model("m", options={"num_ctx": 8192}, keep_alive=-1)
        await client.unload_model("m")
    warmed, loaded, unloaded = (visit.json() for visit in server.visits)
    assert warmed == {
        "model": "m",
        "messages": [],
        "stream": True,
        "options": {"num_ctx": 8192, "temperature": 0},
        "keep_alive": "10m",
        "truncate": False,
    }
    assert loaded["options"] == {"num_ctx": 8192}
    assert loaded["keep_alive"] == -1
    assert (unloaded["messages"], unloaded["keep_alive"]) == ([], 0)


async def test_a_model_that_only_makes_vectors_is_loaded_in_its_own_way() -> None:
    async def answer(visit: Visit) -> None:
        if visit.path == "/api/chat":
            await visit.answer(b'{"error":"\\"nomic\\" does not support chat"}', 400)
        else:
            await visit.answer(b'{"model":"nomic","embeddings":[],"load_duration":2000000000}')

    async with meeting(answer) as (client, server):
        assert (await client.load_model("nomic", keep_alive=60)).load_seconds == 2.0
        assert server.visits[1].json() == {"model": "nomic", "input": [], "truncate": False, "keep_alive": 60}
        with pytest.raises(OllamaModelError, match="cannot chat"):
            await client.prewarm(ChatRequest(model="nomic", messages=(ChatMessage(role="user", text="a"),)))


@pytest.mark.parametrize("keep_alive", ["", "soon", "5 minutes", True, float("nan"), float("inf"), 1e11, [5]])
async def test_a_keep_alive_that_no_server_takes_is_refused_before_anything_is_sent(keep_alive: Any) -> None:
    async with meeting(never) as (client, server):
        with pytest.raises(OllamaResponseError, match="keep_alive is"):
            await client.load_model("m", keep_alive=keep_alive)
        assert server.visits == []


async def test_a_keep_alive_of_digits_is_sent_as_a_number() -> None:
    async with meeting(lambda visit: visit.stream(DONE)) as (client, server):
        for value in ("-1", "300", "0", "1.5"):
            await client.load_model("m", keep_alive=value)
    assert [visit.json()["keep_alive"] for visit in server.visits] == [-1, 300, 0, 1.5]
    assert b'"keep_alive":-1' in server.visits[0].body


# ---------------------------------------------------------------------- who it is


async def test_signing_in_shows_where_and_then_who() -> None:
    bodies = iter(
        [
            (401, {"error": "unauthorized", "signin_url": "https://ollama.com/connect?name=box&key=abc"}),
            (200, {"id": "1", "name": "anna", "email": "a@example.com", "plan": "pro", "bio": 3}),
        ]
    )

    async def answer(visit: Visit) -> None:
        status, body = next(bodies)
        await visit.answer(json.dumps(body).encode(), status)

    async with meeting(answer) as (client, server):
        with pytest.raises(OllamaResponseError) as error:
            await client.account()
        assert await client.account() == Account(id="1", name="anna", email="a@example.com", plan="pro")
        assert [visit.method for visit in server.visits] == ["POST", "POST"]
    assert error.value.kind is ErrorKind.unauthorized
    assert error.value.signin_url == "https://ollama.com/connect?name=box&key=abc"


async def test_an_address_to_sign_in_at_is_a_web_address_or_none() -> None:
    async with meeting(answers(b'{"error":"unauthorized","signin_url":"file:///etc/passwd"}', 401)) as (client, _):
        with pytest.raises(OllamaError) as error:
            await client.account()
    assert isinstance(error.value, OllamaResponseError)
    assert error.value.signin_url == ""


async def test_signing_out_takes_null_for_a_yes() -> None:
    async with meeting(answers(b"null")) as (client, server):
        await client.sign_out()
        assert (server.visits[0].method, server.visits[0].path) == ("POST", "/api/signout")
    async with meeting(answers(b'{"error":"x"}', 500)) as (client, _):
        with pytest.raises(OllamaResponseError):
            await client.sign_out()


async def test_a_text_is_asked_for_with_all_that_a_server_takes_and_without_what_it_no_longer_wants() -> None:
    request = GenerateRequest(
        model="m",
        prompt="def f(",
        suffix="return 1",
        system="be short",
        template="{{ .Prompt }}",
        raw=True,
        images=("aGk=",),
        options={"temperature": 0, "num_ctx": None},
        think=False,
        format={"type": "object"},
        keep_alive=timedelta(minutes=5),
        truncate=None,
        metadata={"mine": 1},
    )
    answer = b'{"response":"x","done":false}\n{"response":"","done":true,"done_reason":"stop","context":[1,2,3]}\n'
    async with meeting(answers(answer)) as (client, server):
        chunk, counts = await every(client.generate(request))
        assert server.visits[0].json() == {
            "model": "m",
            "prompt": "def f(",
            "stream": True,
            "suffix": "return 1",
            "system": "be short",
            "template": "{{ .Prompt }}",
            "raw": True,
            "images": ["aGk="],
            "options": {"temperature": 0},
            "format": {"type": "object"},
            "think": False,
            "keep_alive": 300.0,
        }
        assert client.misfit_fields == 0
    assert (chunk.text, counts.done_reason) == ("x", "stop")
