"""Recordings damaged in every way: what leaves the client is what it promises, or its own error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ollama.meeting import CALLS, every
from tests.ollama.test_chat_stream import WRECKS
from tests.ollama.test_wire import ANYTHING
from tests.replay import recordings
from tui.engine import Progress
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaError
from tui.ollama.requests import CreateRequest, EmbedRequest, GenerateRequest
from tui.ollama.retries import RetryPolicy

HOST = parse_host("gpu-box", source="test")
RECORDINGS = {name: recording for name, recording in recordings().items() if len(recording.data) < 20_000}
STATUSES = [200, 201, 204, 400, 401, 403, 404, 429, 500, 501, 502, 503, 299, 599]


class Damaged(httpx.AsyncByteStream):
    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        for part in self._parts:
            yield part


async def sleep(seconds: float) -> None:
    if seconds >= 1:  # the watch over a silent server
        await asyncio.Event().wait()
    await asyncio.sleep(0)


def what_leaves(call: Callable[[OllamaClient], Awaitable[Any]], status: int, parts: list[bytes]) -> Any:
    """What a call gives, or its error; anything else is raised."""

    async def run() -> Any:
        client = OllamaClient(
            HOST,
            environ={},
            transport=httpx.MockTransport(lambda _: httpx.Response(status, stream=Damaged(parts))),
            retries=RetryPolicy(attempts=2, base_seconds=0, cap_seconds=0.5),
            sleep=sleep,
            read_interval_seconds=0,
        )
        try:
            return await call(client)
        except OllamaError as error:
            return error
        finally:
            await client.aclose()

    return asyncio.run(run())


def check(left: Any) -> None:
    if isinstance(left, OllamaError):
        assert left.title
        assert left.kind
        str(left).encode("utf-8")
    elif isinstance(left, list) and left and isinstance(left[-1], Progress):
        assert [part.is_done for part in left] == [False] * (len(left) - 1) + [True]
        for part in left:
            assert 0 <= part.seen_completed_bytes <= part.seen_total_bytes


@settings(max_examples=250)
@given(st.data())
def test_damaged_bytes_are_an_answer_or_our_error(data: st.DataObject) -> None:
    damaged = bytearray(RECORDINGS[data.draw(st.sampled_from(sorted(RECORDINGS)))].data)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        length = data.draw(st.integers(0, 40))
        damaged[at : at + length] = data.draw(st.sampled_from(WRECKS) | st.binary(max_size=6))
    cut = data.draw(st.integers(0, len(damaged)))
    status = data.draw(st.just(200) | st.sampled_from(STATUSES))
    call = data.draw(st.sampled_from(CALLS))
    check(what_leaves(call, status, [bytes(damaged[:cut]), bytes(damaged[cut:])]))


@settings(max_examples=250)
@given(st.data())
def test_wrong_types_anywhere_are_an_answer_or_our_error(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(n for n, r in RECORDINGS.items() if r.data.startswith(b"{"))))
    lines = [json.loads(line) for line in RECORDINGS[name].data.split(b"\n") if line.strip()]
    for _ in range(data.draw(st.integers(1, 3))):
        entry = data.draw(st.sampled_from(lines))
        key = data.draw(st.sampled_from([*entry, "error", "status", "digest", "total", "completed", "done"]))
        entry[key] = data.draw(ANYTHING)
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    check(what_leaves(data.draw(st.sampled_from(CALLS)), 200, [body]))


WHOLE: dict[str, Callable[[OllamaClient], Awaitable[Any]]] = {
    "pull-cached": lambda client: every(client.pull_model("m")),
    "push-error-denied": lambda client: every(client.push_model("m")),
    "create-from-model": lambda client: every(client.create_model(CreateRequest(model="m"))),
    "generate-raw": lambda client: every(client.generate(GenerateRequest(model="m", prompt="a"))),
    "generate-unload": lambda client: every(client.generate(GenerateRequest(model="m", prompt=""))),
    "embed-many": lambda client: client.embed(EmbedRequest(model="m", texts=("a", "b", "c"))),
    "status-cloud-enabled": OllamaClient.cloud_status,
}


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_cut_at_any_byte_is_our_error(name: str) -> None:
    recording = RECORDINGS[name]
    ends_at = recording.data.rindex(b"}") + 1
    step = 1 if ends_at < 1500 else 7
    for cut in [*range(0, ends_at, step), ends_at - 1]:
        left = what_leaves(WHOLE[name], recording.status, [recording.data[:cut]])
        check(left)
        assert isinstance(left, OllamaError)
    whole = what_leaves(WHOLE[name], recording.status, [recording.data])
    assert isinstance(whole, OllamaError) == ("error" in name)
