"""The settings of the server hold at once: where it is, and how often it is asked again."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator

import pytest

from tests.app.running import Folders, Running
from tui.demo import DemoServer
from tui.failures import Failure


@pytest.fixture
async def other() -> AsyncIterator[DemoServer]:
    async with DemoServer(speed=0) as server:
        yield server


def kept(folders: Folders) -> object:
    text = (folders.root / "config/settings.toml").read_text(encoding="utf-8")
    return tomllib.loads(text).get("server", {}).get("host")


def chosen(folders: Folders) -> None:
    """The address stands in the settings, not on the command line."""
    folders.write("config/settings.toml", f'[server]\nhost = "{folders.url}"\n')
    folders.url = ""


async def change(chinwag: Running, name: str, value: str | None) -> None:
    """As the form of the settings does."""
    await chinwag.app._change_setting(name, value)


async def test_another_host_in_the_settings_is_gone_to_at_once(folders: Folders, other: DemoServer) -> None:
    chosen(folders)
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await change(chinwag, "server.host", other.url)
        await chinwag.until(lambda: chinwag.workspace.host.url == other.url, told="the other server")
        await chinwag.shows("Ask tour:8b", str(other.port))
        await chinwag.send("hello")
        await chinwag.answered()
        assert chinwag.workspace.usage.last_used().keys() == {"tour:8b"}
        assert chinwag.workspace.usage.known_hosts()[0] == other.url


async def test_the_name_of_a_server_stays_in_the_settings_as_it_is(folders: Folders, other: DemoServer) -> None:
    folders.write("config/hosts.toml", f'[attic]\naddress = "{other.url}"\n')
    chosen(folders)
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await change(chinwag, "server.host", "attic")
        await chinwag.shows("· attic", "Ask tour:8b")
        await chinwag.until(lambda: chinwag.workspace.was_ever_connected, told="the attic")
    assert kept(folders) == "attic"


async def test_the_old_server_does_not_come_back_into_the_settings(folders: Folders, other: DemoServer) -> None:
    chosen(folders)
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.chat.action_connect(other.url)
        await chinwag.until(lambda: kept(folders) == other.url, told="kept as it was gone to")
        await other.close()
        chinwag.workspace.connection.try_now()
        await chinwag.shows("no answer from")
        await chinwag.workspace.change_setting("server.host", "http://127.0.0.1:1")
        await other.start()
        chinwag.workspace.connection.try_now()
        await chinwag.shows("connected to")
    assert kept(folders) == "http://127.0.0.1:1"


async def test_the_default_put_back_is_gone_to_at_once(folders: Folders, other: DemoServer) -> None:
    chosen(folders)
    async with folders.start(environ={"OLLAMA_HOST": other.url}) as chinwag:
        await chinwag.shows("Ask tour:8b")
        await change(chinwag, "server.host", None)
        await chinwag.until(lambda: chinwag.workspace.host.url == other.url, told="where OLLAMA_HOST points")
        await chinwag.shows("Ask tour:8b", str(other.port))
        await chinwag.until(lambda: chinwag.workspace.was_ever_connected, told="the other server")
    assert kept(folders) is None


async def test_what_is_no_address_is_refused_before_it_is_kept(folders: Folders) -> None:
    chosen(folders)
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        before = chinwag.workspace.host.url
        with pytest.raises(Failure, match="gpu box is not an address"):
            await change(chinwag, "server.host", "gpu box")
        assert chinwag.workspace.host.url == before
    assert kept(folders) == before


async def test_how_often_is_asked_again_holds_for_the_next_request(folders: Folders, server: DemoServer) -> None:
    folders.write(
        "config/settings.toml", "[server]\nattempts = 1\nretry_base_seconds = 0.05\nretry_cap_seconds = 1.0\n"
    )
    async with folders.start(model="tour:8b") as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.app._change_setting("server.attempts", 20)
        await server.close()
        await chinwag.send("hello")
        await chinwag.shows("tour:8b: nothing listens there", "again in")
        await server.start()
        await chinwag.answered()
        await chinwag.shows("Hello, and welcome.")
