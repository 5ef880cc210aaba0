"""Requests that are sent again: each of them is said, with the conversation that it is for."""

from __future__ import annotations

from tests.app.running import Folders, Running
from tui.conversations.values import MessageState
from tui.demo import DemoServer

ATTEMPTS = 4
SETTINGS = f"[server]\nattempts = {ATTEMPTS}\nretry_base_seconds = 0\nretry_cap_seconds = 0\n"


def announced(chinwag: Running) -> list[str]:
    """What is said of each retry of a prompt, the oldest first."""
    return [
        f"{one.words} · {one.more}"
        for one in chinwag.app.sayings.log
        if "chat with fast:1b" in one.words and one.more.startswith("again in ")
    ]


async def test_every_retry_is_said_and_the_last_failure_is_told(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", SETTINGS)
    async with folders.start(model="fast:1b") as chinwag:
        await chinwag.send("about the weather")  # with it, what the model can do is known
        await chinwag.answered()
        await server.close()
        await chinwag.send("hello")
        await chinwag.answered()
        assert [one.rpartition(", ")[2] for one in announced(chinwag)] == ["2 of 4", "3 of 4", "4 of 4"]
        assert all(one.startswith("chat with fast:1b: ") for one in announced(chinwag))
        assert chinwag.chat.session.conversation.messages[-1].state is MessageState.failed


async def test_a_retry_for_another_conversation_names_it(folders: Folders, server: DemoServer) -> None:
    waits = "[server]\nattempts = 20\nretry_base_seconds = 0.5\nretry_cap_seconds = 1.0\n"
    folders.write("config/settings.toml", waits)
    async with folders.start(model="fast:1b") as chinwag:
        await chinwag.send("about the weather")
        await chinwag.answered()
        await server.close()
        await chinwag.send("and tomorrow")
        asked = chinwag.chat.session
        await chinwag.until(lambda: announced(chinwag), told="a retry")
        await chinwag.press("ctrl+n")
        await chinwag.until(lambda: chinwag.chat.session is not asked, told="another conversation")
        count = len(announced(chinwag))
        await chinwag.until(lambda: len(announced(chinwag)) > count, told="one more retry")
        assert announced(chinwag)[-1].startswith("about the weather: chat with fast:1b: ")
        await server.start()
        await chinwag.until(lambda: not asked.is_answering, told="the answer")
        assert asked.conversation.messages[-1].state is MessageState.complete
