"""Starting without a server, and what can be done about it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from textual import events

from tests.app.running import SLOW, Folders, served
from tui.app.screens.connect import ConnectScreen
from tui.app.screens.shield import Shield
from tui.demo import DemoModel, DemoServer


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def alone(tmp_path: Path, free_port: int) -> Folders:
    """Somebody for whom no server listens."""
    return Folders(tmp_path / "person", f"http://127.0.0.1:{free_port}")


@pytest.fixture
async def silent_port() -> AsyncIterator[int]:
    """Takes connections and says nothing, as a server does that is coming up."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def test_it_starts_and_says_what_was_tried_and_why_it_failed(alone: Folders) -> None:
    async with alone.start() as chinwag:
        await chinwag.shows(
            "no answer from Ollama at " + alone.url, "by --host", "nothing listens there", "next try in"
        )
        await chinwag.shows("› enter  take a look with the demo", "another address", "try again now", "ctrl+q quit")


async def test_enter_takes_the_demo(alone: Folders) -> None:
    async with alone.start() as chinwag:
        await chinwag.shows("take a look with the demo")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("enter")
        await chinwag.shows("scripted answers", "Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.shows("Hello, and welcome.")
        assert not list((alone.root / "data").rglob("*.json"))


async def test_the_first_moment_ignores_keys(alone: Folders) -> None:
    async with alone.start() as chinwag:
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ConnectScreen), told="Connect")
        chinwag.clock.ahead_seconds -= 5  # as if it had opened this very moment
        await chinwag.press("enter", "d", "a", "r", "escape", "down")
        await chinwag.pilot.pause()
        assert isinstance(chinwag.app.screen, ConnectScreen)
        await chinwag.until(lambda: "› enter  take a look with the demo" in chinwag.text)
        chinwag.clock.ahead_seconds += 6
        assert not chinwag.app.screen._shield.is_up
        await chinwag.press("escape")
        await chinwag.shows("write something and press enter")


async def test_whoever_writes_is_not_interrupted(alone: Folders) -> None:
    async with alone.start() as chinwag:
        await chinwag.type("I was about to say")
        await chinwag.shows("no answer from " + alone.url, "/connect shows what can be done")
        await chinwag.type(" something")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "I was about to say something", told="every letter")
        assert not isinstance(chinwag.app.screen, ConnectScreen)


async def test_it_notices_by_itself_that_a_server_came(alone: Folders, free_port: int) -> None:
    async with alone.start() as chinwag:
        await chinwag.shows("no answer from Ollama")
        async with DemoServer(port=free_port, speed=0):
            await chinwag.shows("Ask tour:8b", "connected to 127.0.0.1")
            assert chinwag.chat.prompt.is_active
            await chinwag.send("hello")
            await chinwag.shows("Hello, and welcome.")


async def test_another_address(alone: Folders, server: DemoServer) -> None:
    async with alone.start() as chinwag:
        await chinwag.shows("another address")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("a")
        await chinwag.shows("go there")
        await chinwag.type("gpu box")
        await chinwag.press("enter")
        await chinwag.shows("gpu box is not an address", "write it like")
        await chinwag.press("ctrl+u")
        await chinwag.hides("is not an address")
        await chinwag.type(server.url)
        await chinwag.press("enter")
        await chinwag.shows("Ask tour:8b", "connected to")
        await chinwag.until(lambda: f"{server.port}" in chinwag.header)
    alone.url = ""
    async with alone.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        assert chinwag.workspace.host.source == "chosen"


async def test_letters_are_letters_while_an_address_is_written(alone: Folders) -> None:
    async with alone.start() as chinwag:
        await chinwag.shows("another address")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("a")
        await chinwag.shows("go there")
        await chinwag.type("dear")
        await chinwag.shows("dear")
        await chinwag.press("escape")
        await chinwag.hides("go there")
        await chinwag.press("escape")
        await chinwag.shows("write something and press enter")


async def test_trying_again_now(alone: Folders, free_port: int) -> None:
    async with alone.start() as chinwag:
        await chinwag.shows("next try in")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("r")
        await chinwag.shows("› enter  try again now")
        async with DemoServer(port=free_port, speed=0):
            await chinwag.press("enter")
            await chinwag.shows("Ask tour:8b")


async def test_a_server_that_says_nothing_is_starting(alone: Folders, silent_port: int) -> None:
    alone.url = f"http://127.0.0.1:{silent_port}"
    async with alone.start() as chinwag:
        await chinwag.shows("asking for Ollama at " + alone.url)
        await chinwag.shows("Ollama is starting at " + alone.url)


async def test_a_prompt_written_before_the_server_came_is_given_back(alone: Folders) -> None:
    async with alone.start() as chinwag:
        await chinwag.type("hello")
        await chinwag.press("enter")
        await chinwag.shows("nothing listens there")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "hello", told="the prompt given back")


async def test_another_server_by_command_while_an_answer_comes(folders: Folders, tmp_path: Path) -> None:
    async with DemoServer(speed=1, accept_scripts=True) as first, DemoServer(speed=0) as second:
        folders.url = first.url
        async with folders.start(model="script-prose-120-60") as chinwag:
            await chinwag.send("go on")
            await chinwag.shows("● answering")
            await chinwag.send(f"/connect {second.url}")
            await chinwag.until(lambda: f":{second.port}" in chinwag.header, told="the other server")
            await chinwag.shows("ENDMARK", "✓ done")


async def test_a_lost_server_is_a_line_not_a_screen(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await server.close()
        chinwag.workspace.connection.try_now()
        await chinwag.shows("no answer from " + server.url, "◌ waiting for " + server.url)
        assert chinwag.chat.prompt.is_active
        await chinwag.send("/connect")
        await chinwag.shows("› enter  try again now")
        await server.start()
        await chinwag.shows("connected to", "Ask tour:8b")


def test_whoever_types_on_keeps_the_shield_up() -> None:
    at_seconds = [0.0, 0.25, 0.25, 0.5, 0.5, 0.75, 1.06]  # made, then each look and each prolonging
    shield = Shield(lambda: at_seconds.pop(0), is_up=True)
    assert [shield.takes_key() for _ in range(2)] == [True, True]
    assert shield.is_up
    assert not shield.takes_key()


async def test_letters_typed_as_it_opens_go_to_the_prompt(alone: Folders) -> None:
    async with alone.start() as chinwag:
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ConnectScreen), told="Connect")
        chinwag.clock.ahead_seconds -= 5  # as if it had opened this very moment
        await chinwag.press("d", "a")
        chinwag.clock.ahead_seconds += 6
        await chinwag.type("ily news")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "daily news", told="every letter")
        assert not isinstance(chinwag.app.screen, ConnectScreen)


async def test_a_line_typed_in_one_go_is_whole_in_the_prompt(alone: Folders) -> None:
    async with alone.start() as chinwag:
        await chinwag.shows("take a look with the demo")
        chinwag.clock.ahead_seconds += 1
        for letter in "hello bard":
            chinwag.app.post_message(events.Key({" ": "space"}.get(letter, letter), letter))
        await chinwag.until(lambda: len(chinwag.chat.prompt.text) >= 10, told="ten letters")
        assert chinwag.chat.prompt.text == "hello bard"
        assert not chinwag.workspace.is_demo


async def test_a_model_that_is_not_known_yet_is_looked_up_before_it_is_asked(tmp_path: Path) -> None:
    models = [DemoModel(name="sneaky:7b", remote_host="https://ollama.com", remote_model="sneaky")]
    async with served(tmp_path, models=models) as (folders, _), folders.start(model="sneaky:7b") as chinwag:
        await chinwag.shows("Ask sneaky:7b")
        chinwag.workspace.catalog.models = None
        await chinwag.send("a secret")
        await chinwag.shows("a model in the cloud", "do not ask again for 127.0.0.1")
        assert not chinwag.chat.session.conversation.messages


async def test_what_is_queued_asks_again_before_it_goes_to_a_cloud_elsewhere(folders: Folders, tmp_path: Path) -> None:
    cloud = DemoModel(name=SLOW, remote_host="https://ollama.com", remote_model="other")
    async with DemoServer(speed=1, accept_scripts=True) as first, DemoServer(speed=0, models=[cloud]) as second:
        folders.url = first.url
        async with folders.start(model=SLOW) as chinwag:
            await chinwag.send("go on")
            await chinwag.shows("● answering")
            await chinwag.send("one")
            await chinwag.send("two")
            await chinwag.shows("queued · one", "queued · two")
            await chinwag.send(f"/connect {second.url}")
            await chinwag.shows("a model in the cloud")
            assert chinwag.chat.session.is_answering
            assert not chinwag.chat.session.queue
            chinwag.clock.ahead_seconds += 1
            await chinwag.press("enter")
            await chinwag.until(lambda: chinwag.chat.prompt.text == "one\ntwo", told="both given back")
            assert not any(one.path == "/api/chat" for one in second.received)
