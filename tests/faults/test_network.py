"""The line to the server breaks in every way: what came is kept and marked, and one key asks again.

The whole workspace with its files on one side, the demo server on the other, and between them a line in the test's hands.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.app.running import Folders
from tests.chat.rig import START
from tests.faults.proxy import WAIT_SECONDS, End, Fate, Proxy
from tui.chat.connection import Link
from tui.chat.keeping import NothingKept
from tui.chat.session import Session, SessionTools
from tui.conversations.edits import new_conversation
from tui.conversations.values import Message, MessageState, Role
from tui.demo import DemoServer
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.workspace import StartOptions, Workspace

FAST = "script-count-400-0"
"""One number a line, as fast as possible; every number and every line break is a token."""
STEADY = "script-count-100000-200"
LAST_WORD = "ENDMARK"
WORDS_OF_A_BREAK = ("hung up", "broke off", "connection")


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer(accept_scripts=True) as demo:
        yield demo


@pytest.fixture
async def proxy(server: DemoServer) -> AsyncIterator[Proxy]:
    async with Proxy(server.port) as line:
        yield line


@asynccontextmanager
async def opened(proxy: Proxy, folder: Path, model: str) -> AsyncIterator[tuple[Workspace, Session]]:
    folders = Folders(folder, proxy.url)
    options = StartOptions(host=proxy.url)
    workspace = Workspace.prepare(options, environ=folders.environ(), random_bytes=os.urandom)
    await workspace.start()
    try:
        yield workspace, workspace.new_session(model=model)
    finally:
        proxy.is_dead = False
        await workspace.close()


async def settled(session: Session) -> Message:
    """The last message, when nothing is under way any more."""
    await asyncio.wait_for(session.settled(), WAIT_SECONDS)
    return session.conversation.messages[-1]


async def until_it_says(session: Session, words: str) -> None:
    came = asyncio.Event()

    def look(_event: object) -> None:
        if words in (session.live_text() or ("", ""))[0]:
            came.set()

    unsubscribe = session.subscribe(look)
    look(None)
    await asyncio.wait_for(came.wait(), WAIT_SECONDS)
    unsubscribe()


async def the_whole(folder: Path, server: DemoServer) -> str:
    """What the fast model says over a good line."""
    async with Proxy(server.port) as line, opened(line, folder / "good", FAST) as (_, session):
        await session.ask("count")
        answer = await settled(session)
        assert answer.state is MessageState.complete
        return answer.text


async def on_disk(workspace: Workspace, session: Session) -> list[Message]:
    return list((await workspace.shelf.load(session.id)).messages)


@pytest.mark.parametrize("end", [End.closed, End.reset])
@pytest.mark.parametrize("after_bytes", [0, 40, 800, 3001, 9000])
async def test_what_came_before_the_cut_is_kept_and_marked_and_can_be_asked_again(
    end: End, after_bytes: int, server: DemoServer, proxy: Proxy, tmp_path: Path
) -> None:
    whole = await the_whole(tmp_path, server)
    proxy.fate = Fate(end=end, after_bytes=after_bytes)
    async with opened(proxy, tmp_path / "bad", FAST) as (workspace, session):
        await session.ask("count")
        answer = await settled(session)
        assert answer.role is Role.assistant
        assert whole.startswith(answer.text)
        assert answer.state is (MessageState.broken_off if answer.text else MessageState.failed)
        assert any(words in answer.failure for words in WORDS_OF_A_BREAK), answer.failure
        assert session.last_failure is not None
        assert proxy.chats == 1, "nothing is asked twice by itself"
        kept = await on_disk(workspace, session)
        assert [(one.text, one.state) for one in kept] == [
            ("count", MessageState.complete),
            (answer.text, answer.state),
        ]
        proxy.fate = Fate()
        assert session.can_try_again()
        session.try_again()
        again = await settled(session)
        assert (again.text, again.state) == (whole, MessageState.complete)
        assert server.received[-1].body.count(b'"role":"user"') == 1


async def test_a_cut_behind_the_last_line_takes_nothing(server: DemoServer, proxy: Proxy, tmp_path: Path) -> None:
    whole = await the_whole(tmp_path, server)
    proxy.fate = Fate(end=End.reset, after_bytes=10_000_000)
    async with opened(proxy, tmp_path / "bad", FAST) as (_, session):
        await session.ask("count")
        answer = await settled(session)
    assert (answer.text, answer.state) == (whole, MessageState.complete)


@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
async def test_the_same_text_comes_in_pieces_of_any_size(
    piece_bytes: int, server: DemoServer, proxy: Proxy, tmp_path: Path
) -> None:
    model = "script-mixed-150-0"
    texts = []
    for fate in (Fate(), Fate(piece_bytes=piece_bytes)):
        proxy.fate = fate
        async with opened(proxy, tmp_path / str(fate.piece_bytes), model) as (_, session):
            await session.ask("everything")
            answer = await settled(session)
            assert answer.state is MessageState.complete
            texts.append((answer.text, answer.thinking))
    assert texts[0] == texts[1]


async def test_escape_ends_the_wait_in_every_phase(server: DemoServer, proxy: Proxy, tmp_path: Path) -> None:
    """The line is held for ever, so that nothing but Escape can end it; how long it takes is printed, too."""
    took: dict[str, float] = {}
    for phase, fate in {
        "before the head": Fate(end=End.held, after_bytes=0),
        "in the head": Fate(end=End.held, after_bytes=40),
        "in the answer": Fate(end=End.held, after_bytes=3001),
    }.items():
        proxy.fate = fate
        async with opened(proxy, tmp_path / phase, FAST) as (_, session):
            met, hung_up = proxy.fates_met, proxy.hang_ups
            await session.ask("count")
            await proxy.until(lambda met=met: proxy.fates_met > met)  # type: ignore[misc]
            if phase == "in the answer":
                await until_it_says(session, "1")
            began = time.perf_counter()
            assert session.stop()
            answer = await settled(session)
            took[phase] = time.perf_counter() - began
            assert answer.state is MessageState.stopped
            assert bool(answer.text) is (phase == "in the answer")
            await proxy.until(lambda hung_up=hung_up: proxy.hang_ups > hung_up)  # type: ignore[misc]
    sys.stdout.write(f"\nEscape took {', '.join(f'{one * 1000:.0f} ms {phase}' for phase, one in took.items())}\n")


async def test_a_line_that_died_without_a_word_ends_the_answer_and_keeps_it(server: DemoServer, proxy: Proxy) -> None:
    client = OllamaClient(parse_host(proxy.url, source="flag"), environ={}, silence_probe_seconds=0.2)
    conversation = new_conversation("0" * 26, now=START, model=STEADY)
    ids = itertools.count()
    tools = SessionTools(
        engine=lambda: client,
        is_cloud=lambda _name: False,
        now=lambda: START,
        clock=time.monotonic,
        new_message_id=lambda: f"m{next(ids)}",
    )
    session = Session(conversation, tools, log=NothingKept())
    try:
        await session.ask("count")
        await until_it_says(session, "10")
        proxy.is_dead = True
        answer = await settled(session)
        assert answer.state is MessageState.broken_off
        assert "said nothing for" in answer.failure
        assert answer.text.startswith("1\n2\n3")
        proxy.is_dead = False
        session.try_again()
        await until_it_says(session, "10")
    finally:
        await session.close()
        await client.aclose()


async def test_a_server_that_comes_back_is_seen_again(server: DemoServer, proxy: Proxy, tmp_path: Path) -> None:
    async with opened(proxy, tmp_path / "back", STEADY) as (workspace, session):
        up, lost = asyncio.Event(), asyncio.Event()
        workspace.on_connection = lambda state: (up if state.link is Link.up else lost).set()
        await session.ask("count")
        await until_it_says(session, "10")
        await server.close()
        answer = await settled(session)
        assert answer.state is MessageState.broken_off
        await asyncio.wait_for(lost.wait(), WAIT_SECONDS)
        up.clear()
        await server.start()
        workspace.connection.try_now()
        await asyncio.wait_for(up.wait(), WAIT_SECONDS)
        session.try_again()
        await until_it_says(session, "10")
        assert session.stop()
        await settled(session)


async def test_prompts_that_wait_do_not_follow_one_that_broke_off(
    server: DemoServer, proxy: Proxy, tmp_path: Path
) -> None:
    async with opened(proxy, tmp_path / "queue", STEADY) as (_, session):
        await session.ask("count")
        await until_it_says(session, "10")
        await session.ask("and then this")
        await server.close()
        await settled(session)
        assert session.conversation.messages[1].state is MessageState.broken_off
        assert session.queue == ("and then this",)
        assert proxy.chats == 1


async def test_on_the_screen_a_cut_is_told_and_one_key_asks_again(
    server: DemoServer, proxy: Proxy, tmp_path: Path
) -> None:
    async with Folders(tmp_path / "person", proxy.url).start(model=FAST) as running:
        proxy.fate = Fate(end=End.reset, after_bytes=3001)
        await running.send("count")
        await running.shows("broke off", "enter")
        proxy.fate = Fate(end=End.held, after_bytes=3001)
        await running.press("enter")
        await proxy.until(lambda: proxy.fates_met == 2)
        await running.shows("answering")
        hung_up = proxy.hang_ups
        await running.press("escape")
        await running.shows("stopped")
        await proxy.until(lambda: proxy.hang_ups > hung_up)
        proxy.fate = Fate()
        await running.send("once more")
        await running.shows(LAST_WORD, "done")
        messages = running.chat._session.conversation.messages
        states = [one.state for one in messages if one.role is Role.assistant]
        assert states == [MessageState.broken_off, MessageState.stopped, MessageState.complete]
