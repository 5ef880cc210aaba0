"""A model's window: how full it is, and what a person chooses when a prompt does not fit."""

from __future__ import annotations

import json
from typing import Any

from tests.app.running import Folders, Running
from tui.conversations.values import Role
from tui.demo import DemoServer

SMALL = "[generation]\ncontext_tokens = 512\n"
LONG = "tell me more about all of the trees that we have seen so far on our way " * 4


def chats(server: DemoServer) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in server.received if one.path == "/api/chat"]


async def ask(running: Running, text: str) -> None:
    """A prompt that is pasted, and the end of its answer."""
    session = running.chat.session
    before = len(session.conversation.messages)
    running.chat.prompt.load(text, is_restored=True)
    await running.press("enter")
    await running.until(lambda: len(session.conversation.messages) >= before + 2, told="an answer")
    await running.answered()


async def fill(running: Running) -> None:
    """Until the next long prompt does not fit."""
    await running.shows("write something")
    while True:
        use = running.chat.window_now()
        if use.limit is not None and use.used + 150 > use.limit:
            return
        await ask(running, LONG)


async def overflow(running: Running) -> None:
    await fill(running)
    running.chat.prompt.load(LONG + "the last one", is_restored=True)
    await running.press("enter")
    await running.shows("the prompt does not fit", "The oldest would fall out", "you: tell me more")
    running.clock.ahead_seconds += 1


async def choose(running: Running, words: str) -> None:
    rows = running.rows
    answers = [one for one in rows if any(word in one for word in ("do not send", "leave", "sum", "a window of"))]
    place = next(number for number, one in enumerate(answers[-6:]) if words in one)
    for _ in range(place):
        await running.press("down")
    await running.press("enter")


async def test_the_meter_says_what_the_next_prompt_adds(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[generation]\ncontext_tokens = 8192\n")
    async with folders.start(size=(200, 40)) as running:
        await running.shows("write something")
        await running.until(lambda: running.chat.session.conversation.model)
        await running.send("hello")
        await running.answered()
        await running.until(lambda: "of 8k" in running.status, told="the window")
        await running.until(lambda: "+~" not in running.status)
        used = running.chat.window_now().used
        await running.type("and then " * 8)
        await running.until(lambda: "+~22" in running.status, told="what it adds")
        await running.until(lambda: f"~{used + 22} of 8k" in running.status)


async def test_a_prompt_that_does_not_fit_is_not_sent_unasked(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", SMALL)
    async with folders.start() as running:
        await overflow(running)
        before = len(chats(server))
        await running.press("escape")
        await running.until(lambda: "the last one" in running.chat.prompt.text, told="the prompt again")
        assert len(chats(server)) == before


async def test_the_oldest_are_left_out_of_the_request_and_stay_here(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", SMALL)
    async with folders.start() as running:
        await overflow(running)
        count = len(running.chat.session.conversation.messages)
        await choose(running, "leave them out")
        await running.until(lambda: len(running.chat.session.conversation.messages) == count + 2)
        await running.answered()
        sent = chats(server)[-1]["messages"]
        assert sent[-1]["content"].endswith("the last one")
        assert len(sent) < count
        await running.send("/window")
        await running.shows("left out", "you are asked")


async def test_from_then_on_the_oldest_go_unasked(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", SMALL)
    async with folders.start() as running:
        await overflow(running)
        await choose(running, "in this conversation without asking")
        await running.until(lambda: running.chat.session.conversation.control.when_full == "drop")
        await running.answered()
        for _ in range(3):
            await ask(running, LONG)
        assert all(one["truncate"] is False for one in chats(server))
        assert running.chat.session.last_failure is None


async def test_a_summary_takes_the_place_of_the_oldest(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", SMALL)
    async with folders.start() as running:
        await overflow(running)
        count = len(running.chat.session.conversation.messages)
        await choose(running, "sum them up first")
        await running.until(lambda: len(running.chat.session.conversation.messages) == count + 3)
        await running.answered()
        asked, sent = chats(server)[-2:]
        assert "Sum up the conversation" in asked["messages"][0]["content"]
        assert "Person: tell me more" in asked["messages"][0]["content"]
        assert sent["messages"][0]["role"] == "system"
        assert sent["messages"][0]["content"].startswith("Summary of the conversation so far:")
        conversation = running.chat.session.conversation
        assert [one.role for one in conversation.messages].count(Role.system) == 1
        conversation_id = conversation.id
    async with folders.start() as running:
        # It is on the disk in its place.
        kept = await running.workspace.open_session(conversation_id)
        assert [one.id for one in kept.conversation.messages] == [one.id for one in conversation.messages]
        assert kept.conversation.control == conversation.control


async def test_a_larger_window_says_what_it_costs(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", SMALL)
    async with folders.start() as running:
        await overflow(running)
        await running.shows("a window of 4k: the model is loaded again")
        await choose(running, "a window of 4k")
        await running.until(lambda: running.chat.session.conversation.control.options)
        await running.answered()
        assert chats(server)[-1]["options"]["num_ctx"] == 4096


async def test_an_answer_ends_where_the_window_does_and_says_so(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", SMALL)
    async with folders.start(model="script-prose-900-0") as running:
        await ask(running, "go on and on")
        await running.shows("the window of 512 is full")
        last = running.chat.session.conversation.messages[-1]
        assert last.counts is not None
        assert last.counts.done_reason == "length"
        assert (last.counts.prompt_tokens or 0) + (last.counts.answer_tokens or 0) <= 512


async def test_what_the_server_refuses_as_too_long_can_be_chosen_about(folders: Folders, server: DemoServer) -> None:
    """Nothing was loaded, so nobody knew the window before."""
    async with folders.start() as running:
        await running.shows("write something")
        await running.until(lambda: running.chat.session.conversation.model)
        running.chat.prompt.load("trees and more " * 4000, is_restored=True)
        await running.press("enter")
        await running.shows("the prompt does not fit", "The prompt alone is too long", "do not send")
        assert not running.chat.session.conversation.messages
        running.clock.ahead_seconds += 1
        await running.press("escape")
        await running.until(lambda: running.chat.prompt.text.startswith("trees and more"), told="the prompt again")
