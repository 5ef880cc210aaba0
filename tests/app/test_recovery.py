"""A model that runs out of memory, and one that is loaded and says nothing: what is offered, tried and said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Folders, Running
from tui.app.screens.question import Question
from tui.chat.recovery import MEMORY_OPTIONS
from tui.demo import DemoServer
from tui.engine import EngineError
from tui.ollama.slot_leak import PATIENCE_SECONDS

HUNGRY = "hungry:405b"
STEPS = ("1 use a context of 4096 tokens", "2 put 63 layers of it on the gpu", "3 run it on the cpu, which is slow")
ASKED = [{}, {"num_ctx": 4096}, {"num_ctx": 4096, "num_gpu": 63}, {"num_ctx": 4096, "num_gpu": 0}]


def asked_with(server: DemoServer, model: str = HUNGRY) -> list[dict[str, Any]]:
    """Of each prompt that a model was asked, the options that decide how much memory it takes."""
    bodies = [json.loads(one.body) for one in server.received if one.path == "/api/chat"]
    asked = [one.get("options", {}) for one in bodies if one["model"] == model and one["messages"]]
    return [{name: one[name] for name in MEMORY_OPTIONS if name in one} for one in asked]


async def choose(chinwag: Running, answer: str) -> None:
    """In the question on the screen, which ignores keys for its first moment."""
    await chinwag.until(lambda: isinstance(chinwag.app.screen, Question), told="a question")
    await chinwag.shows(answer)
    chinwag.clock.ahead_seconds += 1
    while f"› {answer}" not in chinwag.text:
        await chinwag.press("down")
        await chinwag.pilot.pause()
    await chinwag.press("enter")


async def load(chinwag: Running, model: str) -> None:
    await chinwag.workspace.client.load_model(model)
    await chinwag.workspace.catalog.refresh_running()


async def in_memory(chinwag: Running) -> list[str]:
    return [one.name for one in await chinwag.workspace.client.list_running()]


async def test_what_can_be_tried_is_asked_then_tried_until_it_fits(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=HUNGRY) as chinwag:
        await chinwag.shows(f"Ask {HUNGRY}")
        await chinwag.send("hello")
        await chinwag.shows(f"{HUNGRY} ran out of memory", *STEPS)
        assert asked_with(server) == ASKED[:1]
        await choose(chinwag, "try these")
        await chinwag.shows(
            "So this time I fitted", f"{HUNGRY} fits", "run it on the cpu, which is slow, until chinwag ends"
        )
        await chinwag.answered()
        assert asked_with(server) == ASKED
        said = [one.words for one in chinwag.app.sayings.log]
        assert f"{HUNGRY}: put 63 layers of it on the gpu" in said
        await chinwag.send("once more")
        await chinwag.answered()
        assert asked_with(server) == [*ASKED, ASKED[-1]]


async def test_what_is_left_can_be_tried_later(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=HUNGRY) as chinwag:
        await chinwag.shows(f"Ask {HUNGRY}")
        await chinwag.send("hello")
        await choose(chinwag, "leave it")
        await chinwag.hides("one after the other")
        assert asked_with(server) == ASKED[:1]
        await chinwag.send("/recover")
        await choose(chinwag, "try these")
        await chinwag.shows("So this time I fitted")


async def test_it_is_tried_unasked_where_the_settings_say_so(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", '[server]\nrecovers_from_memory = "auto"\n')
    async with folders.start(model=HUNGRY) as chinwag:
        await chinwag.shows(f"Ask {HUNGRY}")
        await chinwag.send("hello")
        await chinwag.shows("So this time I fitted")
        assert asked_with(server) == ASKED


async def test_nothing_is_offered_where_the_settings_say_so(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", '[server]\nrecovers_from_memory = "never"\n')
    async with folders.start(model=HUNGRY) as chinwag:
        await chinwag.shows(f"Ask {HUNGRY}")
        await chinwag.send("hello")
        await chinwag.shows("ran out of memory")
        await chinwag.answered()
        assert not isinstance(chinwag.app.screen, Question)
        assert asked_with(server) == ASKED[:1]


@pytest.mark.parametrize("server", [0.2], indirect=True, ids=["taking a while"])
async def test_no_question_takes_a_key_from_somebody_who_writes(folders: Folders) -> None:
    async with folders.start(model=HUNGRY) as chinwag:
        await chinwag.shows(f"Ask {HUNGRY}")
        await chinwag.send("hello")
        await chinwag.type("and")
        await chinwag.shows("ran out of memory", "/recover shows what can be tried")
        assert chinwag.chat.prompt.text == "and"


async def test_others_stay_in_memory_when_the_person_wants_that(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=HUNGRY) as chinwag:
        await chinwag.shows(f"Ask {HUNGRY}")
        await load(chinwag, "fast:1b")
        await chinwag.send("hello")
        await chinwag.shows("1 unload fast:1b", "Somebody else may be using what is unloaded.")
        await choose(chinwag, "try these, and unload nothing")
        await chinwag.shows("So this time I fitted")
        assert "fast:1b" in await in_memory(chinwag)


async def test_others_are_unloaded_with_leave(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=HUNGRY) as chinwag:
        await chinwag.shows(f"Ask {HUNGRY}")
        await load(chinwag, "fast:1b")
        await chinwag.workspace.client.copy_model("fast:1b", "twin:1b")
        await chinwag.send("hello")
        await chinwag.shows("1 unload fast:1b", "twin:1b shares its memory")
        await choose(chinwag, "try these")
        await chinwag.shows("So this time I fitted")
        assert await in_memory(chinwag) == [HUNGRY]


async def test_a_failure_can_be_found_in_the_log_of_requests(folders: Folders) -> None:
    folders.write("config/settings.toml", '[server]\nrecovers_from_memory = "never"\n[log]\nrequests = true\n')
    async with folders.start(model=HUNGRY) as chinwag:
        await chinwag.shows(f"Ask {HUNGRY}")
        await chinwag.send("hello")
        await chinwag.shows("ran out of memory")
        await chinwag.answered()
        failure = chinwag.chat.session.last_failure
        assert isinstance(failure, EngineError)
        (saying,) = [one for one in chinwag.app.sayings.log if "ran out of memory" in one.words]
        assert f"request {failure.request_id}" in saying.whole
        await chinwag.workspace.request_log.flush()
        assert failure.request_id in (chinwag.workspace.places.log / "requests.jsonl").read_text()


# Loaded and silent


class Gate:
    """The server's time: it runs until ``after`` waits, then stands still until it is opened."""

    def __init__(self, *, after: int) -> None:
        self.is_open = asyncio.Event()
        self._after = after
        self._waits = 0

    async def sleep(self, _seconds: float) -> None:
        self._waits += 1
        if self._waits > self._after:
            await self.is_open.wait()


@pytest.fixture
def gate() -> Gate:
    """Open until the model is loaded."""
    return Gate(after=1)


@pytest.fixture
async def silent(gate: Gate, tmp_path: Path) -> AsyncIterator[tuple[Folders, DemoServer]]:
    async with DemoServer(sleep=gate.sleep) as server:
        yield Folders(tmp_path / "person", server.url), server
        gate.is_open.set()


async def test_a_silent_model_is_unloaded_by_one_key_and_asked_again(
    silent: tuple[Folders, DemoServer], gate: Gate
) -> None:
    folders, server = silent
    async with folders.start(model="fast:1b") as chinwag:
        await chinwag.shows("Ask fast:1b")
        await chinwag.send("hello")
        await chinwag.shows("reading")
        await chinwag.until(lambda: "alt+u" not in chinwag.status)
        chinwag.clock.ahead_seconds += PATIENCE_SECONDS
        await chinwag.shows("fast:1b is loaded and silent", "alt+u unloads it and asks again", "alt+u unload, again")
        await chinwag.press("alt+u")
        await chinwag.until(lambda: len(asked_with(server, "fast:1b")) == 2, told="it is asked again")
        said = chinwag.app.sayings
        await chinwag.until(lambda: "unloaded fast:1b" in [one.words for one in said.log], told="it is unloaded")
        gate.is_open.set()
        await chinwag.shows("done")
        assert len(asked_with(server, "fast:1b")) == 2
        unloaded = [json.loads(one.body) for one in server.received if one.path == "/api/chat"]
        assert [one.get("keep_alive") for one in unloaded].count(0) == 1


async def test_nothing_is_unloaded_under_an_answer_that_comes(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model="fast:1b") as chinwag:
        await chinwag.shows("Ask fast:1b")
        await chinwag.send("/reload")
        await chinwag.shows("no answer is under way")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.press("alt+u")
        await chinwag.until(lambda: chinwag.app.sayings.log[-1].times == 2, told="the same again")
        assert await in_memory(chinwag) == ["fast:1b"]
