"""Listing, copying, deleting and pulling models; vectors for texts."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.demo.clock import ManualTime
from tests.demo.rawhttp import ask, connected, soon, user
from tui.demo import DemoServer


async def names(server: DemoServer) -> list[str]:
    return [model["name"] for model in (await ask(server, "GET", "/api/tags")).json["models"]]


async def test_newest_model_is_first_and_can_talk(server: DemoServer) -> None:
    models = (await ask(server, "GET", "/api/tags")).json["models"]
    times = [datetime.fromisoformat(model["modified_at"]) for model in models]
    assert times == sorted(times, reverse=True)
    assert models[0]["name"] == "tour:8b"
    assert models[0]["capabilities"] == ["completion"]


async def test_every_listed_model_can_be_shown(server: DemoServer) -> None:
    for name in await names(server):
        shown = await ask(server, "POST", "/api/show", {"model": name})
        assert shown.status == 200, name
        assert shown.json["capabilities"], name


async def test_names_are_found_in_any_case_and_without_latest(server: DemoServer) -> None:
    await ask(server, "POST", "/api/copy", {"source": "tour:8b", "destination": "mine"})
    assert "mine:latest" in await names(server)
    for name in ("mine", "MINE:latest", "registry.ollama.ai/library/mine"):
        assert (await ask(server, "POST", "/api/show", {"model": name})).status == 200, name
    answer = await ask(server, "POST", "/api/chat", {"model": "mine", "messages": user("hello"), "stream": False})
    assert answer.json["model"] == "mine"


async def test_copy_shares_the_place_in_memory(server: DemoServer) -> None:
    await ask(server, "POST", "/api/copy", {"source": "tour:8b", "destination": "me/twin:v1"})
    await ask(server, "POST", "/api/chat", {"model": "me/twin:v1", "messages": []})
    await ask(server, "POST", "/api/chat", {"model": "tour:8b", "messages": []})
    loaded = (await ask(server, "GET", "/api/ps")).json["models"]
    assert [model["name"] for model in loaded] == ["me/twin:v1"]


async def test_deleted_model_is_gone_but_stays_in_memory(server: DemoServer) -> None:
    await ask(server, "POST", "/api/chat", {"model": "tour:8b", "messages": []})
    assert (await ask(server, "DELETE", "/api/delete", {"model": "tour:8b"})).body == b""
    assert "tour:8b" not in await names(server)
    assert (await ask(server, "DELETE", "/api/delete", {"model": "tour:8b"})).json == {
        "error": "model 'tour:8b' not found"
    }
    assert (await ask(server, "POST", "/api/chat", {"model": "tour:8b", "messages": user("hi")})).status == 404
    assert [model["name"] for model in (await ask(server, "GET", "/api/ps")).json["models"]] == ["tour:8b"]


async def test_pulled_model_is_listed_and_talks(server: DemoServer) -> None:
    assert "guest:4b" not in await names(server)
    lines = (await ask(server, "POST", "/api/pull", {"model": "guest:4b"})).lines
    assert lines[0] == {"status": "pulling manifest"}
    assert lines[-1] == {"status": "success"}
    assert (await names(server))[0] == "guest:4b"
    answer = await ask(server, "POST", "/api/chat", {"model": "guest:4b", "messages": user("hi"), "stream": False})
    assert "guest:4b" in answer.json["message"]["content"]


async def test_progress_comes_every_sixty_milliseconds_and_adds_up(timed: DemoServer, time: ManualTime) -> None:
    lines = (await ask(timed, "POST", "/api/pull", {"model": "guest:4b"})).lines
    weights = [line for line in lines if line.get("total", 0) > 1_000_000]
    assert [line["completed"] for line in weights] == sorted({line["completed"] for line in weights})
    assert weights[-1]["completed"] == weights[-1]["total"]
    assert time.waits[: len(weights)] == [0.06] * len(weights)
    assert 5 < time.seconds < 15
    totals = {line["digest"]: line["total"] for line in lines if "digest" in line}
    assert sum(totals.values()) == 2_600_000_000


async def cut_pull(server: DemoServer, time: ManualTime, lines: int) -> dict[str, Any]:
    """Reads some lines of a pull, then hangs up."""
    line: dict[str, Any] = {}
    hang_ups = server.hang_ups
    async with connected(server) as client:
        await client.send("POST", "/api/pull", {"model": "guest:4b"})
        await client.head()
        pieces = client.pieces()
        for _ in range(lines):
            line = await anext(pieces)
        time.gate.clear()
    await soon(server, lambda server: server.hang_ups > hang_ups)
    time.gate.set()
    return line


async def test_cut_pull_goes_on_where_it_was(timed: DemoServer, time: ManualTime) -> None:
    last = await cut_pull(timed, time, 20)
    assert "guest:4b" not in await names(timed)
    again = (await ask(timed, "POST", "/api/pull", {"model": "guest:4b"})).lines
    assert again[1]["completed"] > last["completed"] > 0
    assert again[-1] == {"status": "success"}


async def test_two_pulls_share_their_progress(timed: DemoServer, time: ManualTime) -> None:
    async with connected(timed) as first, connected(timed) as second:
        for client in (first, second):
            await client.send("POST", "/api/pull", {"model": "guest:4b"})
            await client.head()
        one, two = first.pieces(), second.pieces()
        both = [(await anext(one), await anext(two)) for _ in range(10)]
        rest = [line async for line in one]
        also = [line async for line in two]
    assert rest[-1] == also[-1] == {"status": "success"}
    steps = [line["completed"] for line in (*(line for line, _ in both[1:]), *rest) if line.get("total", 0) > 1_000_000]
    assert {later - earlier for earlier, later in pairwise(steps[:-1])} == {24_000_000}, "only the first moves it"
    assert also[0]["completed"] > 24_000_000


async def test_installed_model_is_pulled_in_a_moment(timed: DemoServer, time: ManualTime) -> None:
    lines = (await ask(timed, "POST", "/api/pull", {"model": "tour:8b"})).lines
    assert all(line["completed"] == line["total"] for line in lines if "total" in line)
    assert time.seconds == 0


async def embed(server: DemoServer, texts: list[str] | str, **more: Any) -> list[list[float]]:
    answer = await ask(server, "POST", "/api/embed", {"model": "embed:small", "input": texts, **more})
    vectors: list[list[float]] = answer.json["embeddings"]
    return vectors


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dimensions", [None, 32, 4])
async def test_vectors_have_length_one_and_the_asked_dimensions(server: DemoServer, dimensions: int | None) -> None:
    for vector in await embed(server, ["The sea is blue.", "", "\x00 \U0001f30a"], dimensions=dimensions):
        assert len(vector) == (dimensions or 384)
        assert likeness(vector, vector) == pytest.approx(1, abs=1e-5)


async def test_texts_that_share_words_are_closer(server: DemoServer) -> None:
    question, near, far = await embed(
        server,
        [
            "How does a B-tree split a full node?",
            "A full node of a B-tree is split around its median key.",
            "The lighthouse keeper writes his letters in the evening.",
        ],
    )
    assert likeness(question, near) > likeness(question, far) + 0.3


async def test_same_text_has_the_same_vector_on_every_server(server: DemoServer) -> None:
    one = await embed(server, "The sea is blue.")
    async with DemoServer(speed=0) as other:
        assert await embed(other, "The sea is blue.") == one


async def test_long_text_is_cut_silently_and_counted_as_cut(server: DemoServer) -> None:
    answer = await ask(server, "POST", "/api/embed", {"model": "embed:small", "input": ["word " * 3000, "two words"]})
    assert answer.json["prompt_eval_count"] == 2048 + count("two words")


def count(text: str) -> int:
    return len(text.split())


async def test_cloud_model_asks_to_sign_in(server: DemoServer) -> None:
    for stream in (True, False):
        body = {"model": "cloudy:120b-cloud", "messages": user("hi"), "stream": stream}
        answer = await ask(server, "POST", "/api/chat", body)
        assert answer.status == 401
        assert json.loads(answer.body)["signin_url"].startswith("https://ollama.com/connect?")
