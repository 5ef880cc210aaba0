"""The first prompt needs no configuration, an answer streams, and nothing of it is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.app.running import SLOW, UNHURRIED, Folders, served
from tui.conversations.values import MessageState, Role
from tui.demo import Answer, DemoModel, DemoServer, Script


def says(text: str) -> Script:
    return lambda _prompt: Answer(text=text)


async def test_first_prompt_needs_no_configuration(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("tour:8b", "write something and press enter", "Ask tour:8b")
        assert chinwag.chat.prompt.is_active
        await chinwag.until(lambda: chinwag.header.startswith(" tour:8b · 127.0.0.1"))
        await chinwag.send("hello")
        await chinwag.shows("▌ hello", "Hello, and welcome.", "✓ done", "tok/s", "first", "of 8k")
        await chinwag.until(lambda: "~" not in chinwag.status)


async def test_the_loaded_model_answers_when_nobody_chose(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model="thinker:8b") as chinwag:
        await chinwag.shows("Ask thinker:8b")
        await chinwag.send("think")
        await chinwag.answered()
    async with folders.start() as chinwag:
        await chinwag.shows("Ask thinker:8b", "thinker:8b loaded")


async def test_neither_cloud_nor_embeddings_are_chosen_unasked(tmp_path: Path) -> None:
    models = [
        DemoModel(name="newest:cloud", script=says("?"), remote_host="https://ollama.com", remote_model="newest"),
        DemoModel(name="vectors:1b", capabilities=("embedding",), age=timedelta(days=1)),
        DemoModel(name="plain:7b", script=says("hm"), age=timedelta(days=2)),
        DemoModel(name="older:7b", script=says("hm"), age=timedelta(days=3)),
    ]
    async with served(tmp_path, models=models) as (folders, _), folders.start() as chinwag:
        await chinwag.shows("Ask plain:7b")
        await chinwag.until(lambda: chinwag.header.startswith(" plain:7b"))


async def test_nothing_that_can_chat_is_said_with_the_next_step(tmp_path: Path) -> None:
    models = [DemoModel(name="vectors:1b", capabilities=("embedding",))]
    async with served(tmp_path, models=models) as (folders, _), folders.start() as chinwag:
        await chinwag.shows("that can chat", "/pull qwen3:8b")
        await chinwag.type("anybody?")
        await chinwag.press("enter")
        prompt = chinwag.chat.prompt
        await chinwag.until(lambda: prompt.history and prompt.text == "anybody?", told="the prompt given back")


@UNHURRIED
async def test_escape_stops_and_keeps_what_came(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.send("go on and on")
        await chinwag.until(lambda: server.tokens_sent > 3, told="the first words")
        await chinwag.shows("● answering", "~", "esc stop")
        await chinwag.press("escape")
        await chinwag.shows("■ stopped", "kept")
        await server.until(lambda one: one.hang_ups == 1)
        last = chinwag.chat.session.conversation.messages[-1]
        assert last.state is MessageState.stopped
        assert last.text
        await chinwag.until(lambda: last.text.split()[0] in chinwag.text)


@UNHURRIED
async def test_second_enter_queues_and_escape_pauses(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.send("one")
        await chinwag.until(lambda: server.tokens_sent > 3, told="the first words")
        await chinwag.send("two")
        await chinwag.send("three")
        await chinwag.shows("queued · two", "queued · three", "2 queued")
        await chinwag.press("up")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "three", told="the queued prompt")
        await chinwag.shows("1 queued")
        await chinwag.press("ctrl+u", "escape")
        await chinwag.shows("■ stopped", "1 paused", "enter send")
        chinwag.chat.session.use_model("fast:1b")
        await chinwag.press("enter")
        await chinwag.shows("✓ done")
        prompts = [one.text for one in chinwag.chat.session.conversation.messages if one.role is Role.user]
        assert prompts == ["one", "two"]


async def test_after_a_failure_enter_tries_again(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model="breaks:3b") as chinwag:
        await chinwag.send("tell me")
        await chinwag.shows("■ broken off", "enter try again")
        kept = chinwag.chat.session.conversation.messages[-1].text
        assert kept
        chinwag.chat.session.use_model("fast:1b")
        await chinwag.press("enter")
        await chinwag.shows("✓ done")
        messages = chinwag.chat.session.conversation.messages
        assert [one.text for one in messages if one.role is Role.user] == ["tell me"]
        assert messages[1].text == kept
        assert messages[-1].state is MessageState.complete


async def test_a_server_that_goes_costs_no_word(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await server.close()
        await chinwag.send("are you there")
        await chinwag.shows("▌ are you there", "nothing listens there", "enter again")
        await server.start()
        await chinwag.press("enter")
        await chinwag.shows("✓ done")


async def test_what_was_said_is_found_again(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
    async with folders.start() as chinwag:
        await chinwag.press("ctrl+o")
        await chinwag.shows("Today", "hello", "tour:8b", "1 conversation")
        await chinwag.press("enter")
        await chinwag.shows("▌ hello", "Hello, and welcome.", "last ")
        await chinwag.until(lambda: "hello" in chinwag.header)


@UNHURRIED
async def test_an_answer_goes_on_where_nobody_looks(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model="script-prose-300-100") as chinwag:
        await chinwag.send("write much")
        await chinwag.until(lambda: server.tokens_sent > 3, told="the first words")
        first = chinwag.chat.session
        await chinwag.press("ctrl+n")
        await chinwag.shows("write something and press enter")
        assert first.is_answering
        await chinwag.press("ctrl+o")
        await chinwag.until(
            lambda: any("●" in row and "write much" in row for row in chinwag.rows), told="the busy mark"
        )
        await chinwag.until(
            lambda: any("•" in row and "write much" in row for row in chinwag.rows), told="the unread mark"
        )
        await chinwag.press("escape")
        await chinwag.shows("write much: an answer is there")
        await chinwag.press("ctrl+o")
        await chinwag.shows("write much")
        await chinwag.press("enter")
        await chinwag.shows("ENDMARK")
        await chinwag.press("ctrl+o")
        await chinwag.until(
            lambda: any("write much" in row and "•" not in row for row in chinwag.rows[2:]), told="read"
        )


@UNHURRIED
async def test_two_answers_at_once(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.send("first")
        await chinwag.shows("● answering")
        await chinwag.press("ctrl+n")
        await chinwag.send("second")
        await chinwag.shows("▌ second", "or queued")
        assert sum(one.is_answering for one in chinwag.workspace.sessions.values()) == 2
        await chinwag.press("escape")
        await chinwag.shows("■ stopped")
        assert sum(one.is_answering for one in chinwag.workspace.sessions.values()) == 1


@UNHURRIED
@pytest.mark.parametrize("state", ["idle", "answering"])
async def test_a_full_disk_is_said_and_what_was_typed_stays(folders: Folders, server: DemoServer, state: str) -> None:
    async with folders.start(model=SLOW if state == "answering" else "script-count-20-0") as chinwag:
        await chinwag.send("before")
        await (chinwag.shows("● answering") if state == "answering" else chinwag.answered())
        conversations = folders.root / "data" / "conversations"
        moved = conversations.rename(folders.root / "data" / "aside")
        conversations.write_text("in the way", encoding="utf-8")
        await chinwag.press("escape")
        chinwag.chat.session.use_model("script-count-20-0")
        await chinwag.send("after")
        await chinwag.shows("not saved")
        conversations.unlink()
        moved.rename(conversations)
        await asyncio.wait_for(chinwag.chat.session.settled(), 10)
        await chinwag.hides("not saved")
        assert "after" in "".join(file.read_text() for file in conversations.iterdir() if file.suffix == ".json")


async def test_demo_says_what_it_is_and_keeps_nothing(folders: Folders) -> None:
    async with folders.start(is_demo=True) as chinwag:
        await chinwag.shows("scripted answers", "the demo", "Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.shows("Hello, and welcome.")
    assert not folders.root.exists() or not any(folders.root.rglob("*"))
