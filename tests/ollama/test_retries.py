"""What is asked for again by itself, how often, and what never is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ollama.meeting import DIGEST, DONE, REQUEST, every, meeting, piece, texts
from tests.replay import Visit, recordings
from tui.engine import Chunk, ErrorKind, Progress, Retry
from tui.failures import Failure
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaError, OllamaStreamError, Repeating
from tui.ollama.request_log import Asking
from tui.ollama.requests import CreateRequest, EmbedRequest, GenerateRequest
from tui.ollama.retries import Retrying, RetryPolicy

RECORDINGS = recordings()
POLICY = RetryPolicy(attempts=4, base_seconds=1.0, cap_seconds=8.0)
BUSY = b'{"error":"server busy, please try again.  maximum pending requests exceeded"}'
OUT_OF_MEMORY = b'{"error":"llama-server reported out-of-memory during startup: cudaMalloc failed: out of memory"}'


class Waits:
    """Sleeps that take no time, and what was told of each retry."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.retries: list[Retry] = []

    async def sleep(self, seconds: float) -> None:
        if seconds == 30.0:  # the watch over a silent server
            await asyncio.Event().wait()
        self.slept.append(seconds)

    def settings(self, policy: RetryPolicy = POLICY) -> dict[str, Any]:
        return {
            "retries": policy,
            "on_retry": self.retries.append,
            "sleep": self.sleep,
            "random": lambda: 0.0,
            "clock": lambda: 0.0,
            "read_interval_seconds": 0,
        }


def failing_at_first(
    times: int, fail: Callable[[Visit], Awaitable[None]], then: Callable[[Visit], Awaitable[None]]
) -> Any:
    failures = 0

    async def answer(visit: Visit) -> None:
        nonlocal failures
        failures += 1
        await (fail(visit) if failures <= times else then(visit))

    return answer


async def busy(visit: Visit) -> None:
    await visit.answer(BUSY, 503)


async def told(visit: Visit) -> None:
    await visit.stream(piece("hello"), DONE)


ASKED_AGAIN: list[tuple[Callable[[OllamaClient], Any], bytes]] = [
    (texts, DONE),
    (lambda client: every(client.generate(GenerateRequest(model="m", prompt="a"))), b'{"response":"b","done":true}'),
    (lambda client: every(client.pull_model("m")), b'{"status":"success"}'),
    (lambda client: every(client.push_model("m")), b'{"status":"success"}'),
    (lambda client: every(client.create_model(CreateRequest(model="m"))), b'{"status":"success"}'),
    (lambda client: client.embed(EmbedRequest(model="m", texts=())), b'{"embeddings":[]}'),
    (lambda client: client.embed_as_before("m", "a"), b'{"embedding":[1]}'),
    (lambda client: client.copy_model("m", "n"), b""),
    (lambda client: client.delete_model("m"), b""),
    (lambda client: client.load_model("m"), DONE),
    (OllamaClient.list_models, b'{"models":[]}'),
    (OllamaClient.recommended_models, b'{"recommendations":[]}'),
    (OllamaClient.cloud_status, b'{"cloud":{}}'),
    (lambda client: client.show_model("m"), b"{}"),
    (lambda client: client.has_file(DIGEST), b""),
]


@pytest.mark.parametrize(("ask", "body"), ASKED_AGAIN)
@pytest.mark.parametrize("status", [502, 503])
async def test_a_busy_server_is_asked_again_with_longer_and_longer_waits(
    ask: Callable[[OllamaClient], Any], body: bytes, status: int
) -> None:
    waits = Waits()
    answering = failing_at_first(
        3, lambda visit: visit.answer(b"" if visit.method == "HEAD" else BUSY, status), lambda visit: visit.answer(body)
    )
    async with meeting(answering, **waits.settings()) as (client, server):
        await ask(client)
        assert len(server.visits) == 4
    assert waits.slept == [1.0, 2.0, 4.0]
    assert [(retry.attempt, retry.attempts, retry.wait_seconds) for retry in waits.retries] == [
        (2, 4, 1.0),
        (3, 4, 2.0),
        (4, 4, 4.0),
    ]
    assert all(retry.request and retry.error.status == status for retry in waits.retries)


async def test_after_the_last_attempt_the_error_is_the_servers() -> None:
    waits = Waits()
    async with meeting(busy, **waits.settings()) as (client, server):
        with pytest.raises(OllamaError) as error:
            await texts(client)
        assert len(server.visits) == 4
    assert error.value.kind is ErrorKind.busy
    assert len(waits.retries) == 3


async def test_nothing_is_asked_again_unless_that_was_wished() -> None:
    async with meeting(busy) as (client, server):
        with pytest.raises(OllamaError):
            await texts(client)
        with pytest.raises(OllamaError):
            await every(client.pull_model("m"))
        assert len(server.visits) == 2


async def test_a_server_that_does_not_listen_yet_is_tried_again() -> None:
    waits = Waits()
    attempts = 0

    def connect(request: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise httpx.ConnectError("All connection attempts failed") from ConnectionRefusedError(111, "refused")
        return httpx.Response(200, content=piece("hello") + DONE)

    client = OllamaClient(
        parse_host("gpu-box", source="test"), environ={}, transport=httpx.MockTransport(connect), **waits.settings()
    )
    assert await texts(client) == ["hello"]
    assert attempts == 3
    assert [retry.error.kind for retry in waits.retries] == [ErrorKind.unreachable] * 2
    assert waits.retries[0].request == "chat with qwen3:8b"
    await client.aclose()


@pytest.mark.parametrize(
    "cause",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        PermissionError(13, "x"),
    ],
)
async def test_what_would_fail_in_the_same_way_is_not_tried_again(cause: Exception) -> None:
    waits = Waits()

    def connect(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("All connection attempts failed") from cause

    client = OllamaClient(
        parse_host("gpu-box", source="test"), environ={}, transport=httpx.MockTransport(connect), **waits.settings()
    )
    with pytest.raises(OllamaError):
        await texts(client)
    assert waits.retries == []
    await client.aclose()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (OUT_OF_MEMORY, 500),
        (OUT_OF_MEMORY, 503),
        (b'{"error":"model is required"}', 400),
        (b"", 401),
        (b'{"error":"model \'m\' not found"}', 404),
        (b'{"error":"slow down"}', 429),
        (b'{"error":"x"}', 500),
        (b"", 504),
    ],
)
async def test_what_says_why_it_cannot_is_never_asked_again(body: bytes, status: int) -> None:
    waits = Waits()
    async with meeting(lambda visit: visit.answer(body, status), **waits.settings()) as (client, server):
        for ask in (texts, lambda client: every(client.pull_model("m")), lambda client: client.delete_model("m")):
            with pytest.raises(OllamaError):
                await ask(client)
        assert len(server.visits) == 3
    assert waits.retries == []


async def test_after_a_token_nothing_is_asked_again() -> None:
    async def broken(visit: Visit) -> None:
        await visit.begin(200, ("Content-Type", "application/x-ndjson"), ("Transfer-Encoding", "chunked"))
        await visit.chunk(piece("half"))
        await visit.chunk(b'{"error":{"code":503,"message":"busy"}}\n')
        await visit.raw(b"0\r\n\r\n")

    waits, heard = Waits(), []

    async def listen(client: OllamaClient) -> None:
        async for part in client.chat(REQUEST):
            assert isinstance(part, Chunk)
            heard.append(part.text)

    async with meeting(broken, **waits.settings()) as (client, server):
        with pytest.raises(OllamaError):
            await listen(client)
        assert len(server.visits) == 1
    assert heard == ["half"]
    assert waits.retries == []


async def test_after_a_part_nothing_is_asked_again_whatever_the_error_says() -> None:
    waits, asked = Waits(), 0

    async def answer() -> AsyncGenerator[str, None]:
        nonlocal asked
        asked += 1
        yield "half"
        raise OllamaStreamError("x", kind=ErrorKind.busy, repeating=Repeating.always)

    retrying = Retrying(policy=POLICY, sleep=waits.sleep, random=lambda: 0.0)
    with pytest.raises(OllamaStreamError):
        await every(retrying.stream(answer, request="x", asking=Asking(id="1")))
    assert asked == 1


async def test_a_question_that_may_have_been_heard_is_not_asked_twice() -> None:
    async def hang_up(visit: Visit) -> None:
        visit.reset()

    waits = Waits()
    async with meeting(failing_at_first(99, hang_up, told), **waits.settings()) as (client, server):
        for ask in (texts, lambda client: client.delete_model("m"), lambda client: every(client.push_model("m"))):
            with pytest.raises(OllamaError):
                await ask(client)
        assert len(server.visits) == 3
    assert waits.retries == []


async def test_a_question_that_changes_nothing_is_asked_again_after_a_hang_up() -> None:
    async def hang_up(visit: Visit) -> None:
        visit.reset()

    waits = Waits()
    answering = failing_at_first(2, hang_up, lambda visit: visit.answer(b'{"models":[]}'))
    async with meeting(answering, **waits.settings()) as (client, _):
        assert await client.list_models() == ()
    assert len(waits.retries) == 2


async def test_what_is_asked_in_passing_is_asked_once() -> None:
    waits = Waits()
    async with meeting(busy, **waits.settings()) as (client, server):
        for ask in (OllamaClient.version, OllamaClient.list_running, OllamaClient.account):
            with pytest.raises(OllamaError):
                await ask(client)
        assert len(server.visits) == 3


async def test_a_server_may_ask_for_a_longer_wait_but_not_for_any() -> None:
    waits = Waits()
    seconds = iter(["3", "100", "x"])

    async def answer(visit: Visit) -> None:
        await visit.answer(BUSY, 503, ("Retry-After", next(seconds)))

    async with meeting(failing_at_first(3, answer, told), **waits.settings()) as (client, _):
        assert await texts(client) == ["hello"]
    assert waits.slept == [3.0, 8.0, 4.0]


async def test_who_asks_hears_of_the_retries_beside_the_log() -> None:
    waits = Waits()
    mine: list[Retry] = []
    async with meeting(failing_at_first(1, busy, told), **waits.settings()) as (client, _):
        await every(client.chat(replace(REQUEST, metadata={"conversation": "c-1"}), on_retry=mine.append))
    assert mine == waits.retries
    assert [retry.metadata for retry in mine] == [{"conversation": "c-1"}]


async def test_leaving_during_the_wait_ends_it() -> None:
    is_waiting = asyncio.Event()

    async def sleep(seconds: float) -> None:
        if seconds == 1.0:
            is_waiting.set()
        await asyncio.Event().wait()

    async with meeting(busy, **{**Waits().settings(), "sleep": sleep}) as (client, server):
        asking = asyncio.create_task(texts(client))
        await asyncio.wait_for(is_waiting.wait(), 5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert len(server.visits) == 1


# ---------------------------------------------------------------------- pulls go on where they were


def layer(completed: int, digest: str = "sha256:a", total: int = 100) -> bytes:
    return b'{"status":"pulling a","digest":"%s","total":%d,"completed":%d}\n' % (digest.encode(), total, completed)


async def test_a_pull_that_breaks_off_goes_on_and_says_so() -> None:
    async def broken(visit: Visit) -> None:
        await visit.stream(b'{"status":"pulling manifest"}\n', layer(40))

    async def rest(visit: Visit) -> None:
        await visit.stream(
            b'{"status":"pulling manifest"}\n', layer(60), layer(7, "sha256:b", 7), b'{"status":"success"}\n'
        )

    waits = Waits()
    async with meeting(failing_at_first(1, broken, rest), **waits.settings()) as (client, _):
        parts: list[Progress] = await every(client.pull_model("m"))
    assert [part.seen_completed_bytes for part in parts] == [0, 40, 40, 60, 107, 107]
    assert [part.seen_total_bytes for part in parts] == [0, 100, 100, 100, 107, 107]
    assert parts[-1].is_done
    assert [retry.error.kind for retry in waits.retries] == [ErrorKind.broken_off]
    assert waits.retries[0].request == "pull m"


async def test_more_bytes_than_there_are_is_all_of_them() -> None:
    lines = layer(500), layer(-3, "sha256:b"), b'{"status":"success"}\n'
    async with meeting(lambda visit: visit.stream(*lines)) as (client, _):
        parts: list[Progress] = await every(client.pull_model("m"))
    assert [part.completed_bytes for part in parts] == [100, 0, None]
    assert parts[-1].seen_completed_bytes == 200


async def test_a_layer_that_broke_off_is_not_whole_because_the_next_pull_begins_with_another() -> None:
    async def broken(visit: Visit) -> None:
        await visit.stream(layer(7, "sha256:a", 7), layer(40, "sha256:b"))

    async def rest(visit: Visit) -> None:
        await visit.stream(layer(7, "sha256:a", 7), layer(45, "sha256:b"), b'{"status":"success"}\n')

    async with meeting(failing_at_first(1, broken, rest), **Waits().settings()) as (client, _):
        parts: list[Progress] = await every(client.pull_model("m"))
    assert [part.seen_completed_bytes for part in parts] == [7, 47, 47, 52, 107]


async def test_a_pull_that_goes_on_a_little_each_time_is_not_given_up() -> None:
    visits = 0

    async def answer(visit: Visit) -> None:
        nonlocal visits
        visits += 1
        done = [b'{"status":"success"}\n'] if visits == 20 else []
        await visit.stream(b'{"status":"pulling manifest"}\n', layer(visits * 5), *done)

    waits = Waits()
    async with meeting(answer, **waits.settings()) as (client, _):
        assert (await every(client.pull_model("m")))[-1].is_done
    assert {retry.attempt for retry in waits.retries} == {2}
    assert len(waits.retries) == 19


async def test_a_pull_that_stands_still_is_given_up() -> None:
    waits = Waits()
    async with meeting(lambda visit: visit.stream(layer(40)), **waits.settings()) as (client, server):
        with pytest.raises(OllamaError) as error:
            await every(client.pull_model("m"))
        assert len(server.visits) == 4
    assert error.value.kind is ErrorKind.broken_off
    assert "it goes on where it was" in error.value.advice


@pytest.mark.parametrize(
    ("name", "is_repeated"),
    [
        ("pull-error-503", True),
        ("pull-error-digest", True),
        ("pull-error-max-retries", True),
        ("pull-error-network", True),
        ("pull-error-missing-layer", False),
        ("pull-error-mlx", False),
        ("pull-error-newer-version", False),
        ("pull-error-not-found", False),
        ("pull-error-not-json", False),
        ("pull-error-unauthorized", False),
    ],
)
async def test_only_what_may_pass_is_pulled_again(name: str, is_repeated: bool) -> None:
    waits = Waits()
    recording = RECORDINGS[name]
    async with meeting(lambda visit: visit.stream(recording.data), **waits.settings()) as (client, _):
        with pytest.raises(OllamaError):
            await every(client.pull_model("m"))
    assert bool(waits.retries) is is_repeated


@pytest.mark.parametrize("name", ["push-error-network", "create-error-from-missing"])
async def test_what_does_not_go_on_where_it_was_is_not_repeated(name: str) -> None:
    waits = Waits()
    async with meeting(lambda visit: visit.stream(RECORDINGS[name].data), **waits.settings()) as (client, server):
        for ask in (client.push_model("m"), client.create_model(CreateRequest(model="m", source_model="n"))):
            with pytest.raises(OllamaError):
                await every(ask)
        assert len(server.visits) == 2
    assert waits.retries == []


# ---------------------------------------------------------------------- the policy


@given(
    st.builds(
        RetryPolicy,
        attempts=st.integers(1, 10**6),
        base_seconds=st.floats(0, 100),
        cap_seconds=st.floats(100, 10_000),
    ),
    st.integers(1, 10**6),
    st.floats(0, 1),
)
def test_a_wait_is_never_longer_than_the_cap_nor_less_than_half(
    policy: RetryPolicy, failures: int, random: float
) -> None:
    whole, wait = policy.wait_seconds(failures, 0), policy.wait_seconds(failures, random)
    assert 0 <= whole / 2 <= wait <= whole <= policy.cap_seconds
    assert policy.wait_seconds(failures + 1, 0) >= whole


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"base_seconds": -1.0}, {"base_seconds": float("nan")}, {"cap_seconds": 0.1}]
)
def test_a_policy_that_cannot_be_kept_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(Failure) as failure:
        RetryPolicy(**wrong)
    assert next(iter(wrong)) in failure.value.title
    assert failure.value.advice


async def test_a_policy_that_changes_holds_for_the_request_under_way() -> None:
    waits, policy = Waits(), RetryPolicy(attempts=2, base_seconds=1.0)
    asked = 0

    async def ask() -> str:
        nonlocal asked, policy
        asked += 1
        policy = RetryPolicy(attempts=4, base_seconds=1.0)
        if asked < 4:
            raise OllamaStreamError("x", kind=ErrorKind.busy, repeating=Repeating.always)
        return "there"

    retrying = Retrying(policy=lambda: policy, sleep=waits.sleep, random=lambda: 0.0)
    assert await retrying.call(ask, request="x", asking=Asking(id="1"), is_harmless=True) == "there"
    assert asked == 4
