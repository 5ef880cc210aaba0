"""What is set about answers reaches the server, with the next prompt at the latest."""

from __future__ import annotations

import json
from typing import Any

from tests.app.running import Folders, Running
from tui.demo import DemoServer


def last_chat(server: DemoServer) -> dict[str, Any]:
    body = next(one.body for one in reversed(server.received) if one.path == "/api/chat")
    told: dict[str, Any] = json.loads(body)
    return told


async def test_what_nobody_set_is_left_to_the_server(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await running.shows("write something")
        await running.send("hello")
        await running.answered()
        assert {"options", "think", "keep_alive"} & last_chat(server).keys() == set()


async def test_what_is_set_goes_along_with_the_next_prompt(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[generation]\ntemperature = 0\nstop = ['###']\nkeep_alive = '-1'\n")
    async with folders.start(environ={"CHINWAG_GENERATION_SEED": "7"}) as running:
        await running.shows("write something")
        await running.send("hello")
        await running.answered()
        assert last_chat(server)["options"] == {"temperature": 0, "seed": 7, "stop": ["###"]}
        assert last_chat(server)["keep_alive"] == -1
        await running.app._change_setting("generation.temperature", None)
        await running.app._change_setting("generation.context_tokens", 4096)
        await running.send("again")
        await running.until(lambda: len(running.chat.session.conversation.messages) == 4)
        await running.answered()
        # An answer ends where the window does.
        options = last_chat(server)["options"]
        assert 3000 < options.pop("num_predict") < 4096
        assert options == {"num_ctx": 4096, "seed": 7, "stop": ["###"]}


async def test_a_model_that_cannot_think_is_not_asked_to(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[generation]\nthinking = 'on'\n")
    async with folders.start() as running:
        await running.shows("write something")
        await running.press("ctrl+t")
        await running.shows("think")
        await running.press("escape")
        models = running.workspace.catalog.models or ()
        names = {
            ("thinking" in one.capabilities): one.name
            for one in models
            if one.capabilities and "completion" in one.capabilities and not one.is_cloud
        }
        assert [await asked_to_think(running, server, names[can_think]) for can_think in (True, False)] == [True, None]


async def asked_to_think(running: Running, server: DemoServer, model: str) -> bool | None:
    """What a prompt to the model says about thinking."""
    await running.send(f"/model {model}")
    session = running.chat.session
    await running.until(lambda: session.conversation.model == model)
    before = len(session.conversation.messages)
    await running.send("hello")
    await running.until(lambda: len(session.conversation.messages) == before + 2)
    await running.answered()
    asked: bool | None = last_chat(server).get("think")
    return asked
