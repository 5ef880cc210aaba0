"""Nothing leaves for a model in the cloud unasked, in this start or a later one, by whichever way."""

from __future__ import annotations

import stat
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.app.running import Folders, Running
from tui.chat.cloud import CloudLeave, GuardedEngine
from tui.demo import DemoServer
from tui.engine import ChatMessage, ChatRequest, EngineError
from tui.failures import Failure
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.places import Places, places_below
from tui.storage.cloud_leave import keep_leave, read_leave, take_back_leave

CLOUD = "cloudy:120b-cloud"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE, THERE = "http://here:11434", "http://there:11434"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_below(tmp_path)


def chats(server: DemoServer) -> int:
    return sum(one.path == "/api/chat" for one in server.received)


async def answer(chinwag: Running, *keys: str) -> None:
    await chinwag.shows("a model in the cloud")
    chinwag.clock.ahead_seconds += 1
    await chinwag.press(*keys)
    await chinwag.hides("a model in the cloud")


# What is kept


def test_leave_is_by_server_private_and_can_be_taken_back(places: Places) -> None:
    assert not read_leave(places)
    keep_leave(places, HERE, at=NOW)
    keep_leave(places, THERE, at=NOW)
    assert read_leave(places) == {HERE, THERE}
    assert stat.S_IMODE(places.cloud_leave_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(places.state.stat().st_mode) == 0o700
    take_back_leave(places, [HERE])
    assert read_leave(places) == {THERE}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"cloud": true}', '{"cloud": ["http://here:11434"]}', '{"cloud": {"http://here:11434": true}}'],
)
def test_a_file_that_says_something_else_gives_no_leave(places: Places, text: str) -> None:
    places.state.mkdir(parents=True)
    places.cloud_leave_file.write_text(text)
    assert not read_leave(places)
    keep_leave(places, THERE, at=NOW)
    assert read_leave(places) == {THERE}


def test_a_link_gives_no_leave(places: Places, tmp_path: Path) -> None:
    keep_leave(places, HERE, at=NOW)
    moved = places.cloud_leave_file.rename(tmp_path / "elsewhere.json")
    places.cloud_leave_file.symlink_to(moved)
    assert not read_leave(places)


async def test_what_another_chinwag_took_back_does_not_hold(places: Places) -> None:
    def leave() -> CloudLeave:
        return CloudLeave(
            read=lambda: read_leave(places),
            keep=lambda url: keep_leave(places, url, at=NOW),
            take_back=lambda urls: take_back_leave(places, urls),
        )

    one, other = leave(), leave()
    await one.give(HERE, is_kept=True)
    assert await other.look(HERE)
    assert await other.take_back() == 1
    assert not await one.look(HERE)


async def test_a_disk_that_refuses_weakens_nothing() -> None:
    def refuse(*_: object) -> None:
        raise Failure("cannot keep the answer", "the disk is full", "make room")

    leave = CloudLeave(read=lambda: frozenset({THERE}), keep=refuse, take_back=refuse)
    with pytest.raises(Failure):
        await leave.give(HERE, is_kept=True)
    assert await leave.look(HERE), "it was said with yes, and holds until the end"
    with pytest.raises(Failure):
        await leave.take_back()
    assert not await leave.look(HERE)
    assert not await leave.look(THERE), "taken back here, whatever the disk still says"


async def test_the_last_gate_lets_nothing_through_unasked(server: DemoServer) -> None:
    leave = CloudLeave(read=frozenset, keep=lambda _: None, take_back=lambda _: None)
    async with OllamaClient(parse_host(server.url, source="test")) as client:
        engine = GuardedEngine(client, is_cloud=lambda name: name == CLOUD, leave=leave)
        request = ChatRequest(model=CLOUD, messages=(ChatMessage(role="user", text="a secret"),))
        with pytest.raises(EngineError, match="nothing was sent"):
            async with aclosing(engine.chat(request)) as stream:
                await anext(stream)
        assert not chats(server)
        await leave.give(server.url, is_kept=False)
        with pytest.raises(EngineError, match="sign-in"):  # the server itself refuses: it was asked
            async with aclosing(engine.chat(request)) as stream:
                await anext(stream)
        assert chats(server) == 1


# As a person meets it


async def test_asked_once_for_a_server_and_remembered(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=CLOUD) as chinwag:
        await chinwag.shows(f"Ask {CLOUD}")
        await chinwag.send("first")
        await answer(chinwag, "down", "enter")
        await chinwag.answered()
    async with folders.start(model=CLOUD) as chinwag:
        await chinwag.shows(f"Ask {CLOUD}")
        await chinwag.send("second")
        await chinwag.answered()
        assert chats(server) == 2
        await chinwag.send("/cloud")
        await chinwag.shows("taken back for 1 server")
        await chinwag.type("third")
        await chinwag.press("enter")
        await answer(chinwag, "enter")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "third", told="the prompt given back")
        assert chats(server) == 2


async def test_a_retry_and_another_model_ask(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model="breaks:3b") as chinwag:
        await chinwag.send("a secret")
        await chinwag.shows("enter try again")
        asked = chats(server)
        chinwag.chat.session.use_model(CLOUD)
        await chinwag.send("/again")
        await answer(chinwag, "enter")
        await chinwag.press("enter")
        await answer(chinwag, "escape")
        assert chats(server) == asked


async def test_leave_given_in_private_is_not_kept(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=CLOUD) as chinwag:
        await chinwag.shows(f"Ask {CLOUD}")
        await chinwag.send("/private")
        await chinwag.shows("private, nothing is kept")
        await chinwag.send("a secret")
        await chinwag.shows("until chinwag ends")
        await answer(chinwag, "down", "enter")
        await chinwag.answered()
        assert chats(server) == 1
        assert not read_leave(chinwag.workspace.places)
