"""What is open while chinwag runs: who was asked, who may write, and how all of it ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import SLOW, Folders
from tui.chat.connection import Link
from tui.chat.events import AnswerBegan, SavingFailed, SessionEvent
from tui.chat.keeping import NothingKept
from tui.chat.open_sessions import MOST_UNWATCHED
from tui.chat.session import Session
from tui.conversations.values import MessageState
from tui.demo import DemoServer
from tui.metrics.usage import UsageRecord, decode_usage
from tui.storage.shelf import Shelf
from tui.workspace import StartOptions, Workspace

MODEL = "tour:8b"


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer(speed=0, accept_scripts=True) as demo:
        yield demo


@pytest.fixture
def folders(tmp_path: Path, server: DemoServer) -> Folders:
    return Folders(tmp_path / "person", server.url)


def prepared(folders: Folders, **options: Any) -> Workspace:
    asked = StartOptions(**({"host": folders.url} | options))
    return Workspace.prepare(asked, environ=folders.environ(), random_bytes=os.urandom)


@asynccontextmanager
async def opened(folders: Folders, **options: Any) -> AsyncIterator[Workspace]:
    workspace = prepared(folders, **options)
    await workspace.start()
    try:
        yield workspace
    finally:
        await workspace.close()


async def connected(workspace: Workspace) -> None:
    up = asyncio.Event()
    workspace.on_connection = lambda state: up.set() if state.link is Link.up else None
    if workspace.connection.state.link is not Link.up:
        await asyncio.wait_for(up.wait(), 10)


async def heard(session: Session, wanted: Callable[[SessionEvent], bool]) -> None:
    happened = asyncio.Event()
    unsubscribe = session.subscribe(lambda event: happened.set() if wanted(event) else None)
    await asyncio.wait_for(happened.wait(), 10)
    unsubscribe()


def kept_usage(workspace: Workspace) -> tuple[UsageRecord, ...]:
    file = workspace.places.usage_file
    return decode_usage(file.read_bytes()) if file.exists() else ()


# Who was asked


async def test_an_answer_counts_for_the_server_that_was_asked(folders: Folders, server: DemoServer) -> None:
    async with DemoServer(speed=1, accept_scripts=True) as other:
        async with opened(folders, host=other.url) as workspace:
            session = workspace.new_session(model=SLOW)
            begins = asyncio.create_task(heard(session, lambda event: isinstance(event, AnswerBegan)))
            await session.ask("hello")
            await begins
            await workspace.connect_to(server.url)
            session.stop()
            await session.settled()
        answers = [one for one in kept_usage(workspace) if one.model == SLOW]
        assert [one.host for one in answers] == [other.url]


async def test_a_connection_without_an_answer_is_remembered(folders: Folders, server: DemoServer) -> None:
    async with opened(folders) as workspace:
        was_before = workspace.was_ever_connected
        await connected(workspace)
        assert (was_before, workspace.was_ever_connected) == (False, True)
        assert not workspace.usage.last_used()
    await server.close()
    async with opened(folders) as workspace:
        assert workspace.was_ever_connected
        assert not workspace.usage.last_used()
    assert len(kept_usage(workspace)) == 1


async def test_an_answer_that_failed_proves_no_connection_and_no_use(folders: Folders, server: DemoServer) -> None:
    await server.close()
    async with opened(folders) as workspace:
        session = workspace.new_session(model=MODEL)
        await session.ask("hello")
        await session.settled()
        assert session.last_failure is not None
        assert not workspace.was_ever_connected
        assert not workspace.usage.last_used()
    async with opened(folders) as workspace:
        assert not workspace.was_ever_connected
        assert not workspace.usage.last_used()


async def test_an_answer_that_came_is_a_use(folders: Folders) -> None:
    async with opened(folders) as workspace:
        session = workspace.new_session(model=MODEL)
        await session.ask("hello")
        await session.settled()
        assert list(workspace.usage.last_used()) == [MODEL]


# Who may write


async def test_what_another_chinwag_has_open_is_not_written(folders: Folders) -> None:
    async with opened(folders) as workspace:
        session = workspace.new_session(model=MODEL)
        other = Shelf(workspace.places, now=workspace.now, random_bytes=os.urandom)
        assert await other.hold(session.id) is not None
        failures: list[str] = []
        session.subscribe(
            lambda event: failures.append(event.failure.message) if isinstance(event, SavingFailed) else None
        )
        await session.ask("hello")
        await session.settled()
        assert failures == ["it is open in another chinwag"]
        assert not list(workspace.places.conversations.glob("*.json"))
        await other.aclose()


async def test_opened_twice_at_once_is_still_ours(folders: Folders) -> None:
    async with opened(folders) as workspace:
        session = workspace.new_session(model=MODEL)
        await session.ask("hello")
        await session.settled()
    async with opened(folders) as workspace:
        one, two = await asyncio.gather(workspace.open_session(session.id), workspace.open_session(session.id))
        assert not one.is_read_only
        assert one is two


async def test_what_nobody_looks_at_rests_and_opens_again(folders: Folders) -> None:
    async with opened(folders) as workspace:
        begun = []
        for number in range(MOST_UNWATCHED + 3):
            session = workspace.new_session(model=MODEL)
            await session.ask(f"hello {number}")
            await session.settled()
            begun.append(session)
        private = workspace.new_session(model=MODEL, is_private=True)
        await private.ask("between us")
        await private.settled()
        assert await workspace.open_session(begun[0].id) is begun[0]
        await workspace.open_sessions.rest(shown=begun[1])
        rests = [one for one in begun if one.id not in workspace.sessions]
        assert rests == begun[2:4], "those that were looked at least lately, without what is shown"
        assert workspace.sessions[private.id] is private
        other = Shelf(workspace.places, now=workspace.now, random_bytes=os.urandom)
        assert await other.hold(rests[0].id) is not None, "another chinwag may write it"
        assert await other.hold(begun[0].id) is None
        await other.aclose()
        again = await workspace.open_session(rests[0].id)
        assert again.conversation.messages == rests[0].conversation.messages
        await again.ask("and on")
        await again.settled()
        assert [one.state for one in again.conversation.messages][-1] is MessageState.complete


async def test_what_is_in_memory_alone_never_rests(folders: Folders) -> None:
    async with opened(folders) as workspace:
        failed = workspace.new_session(model="no-such-model")
        await failed.ask("hello")
        await failed.settled()
        assert failed.last_failure is not None
        unsaved = workspace.new_session(model=MODEL)
        other = Shelf(workspace.places, now=workspace.now, random_bytes=os.urandom)
        assert await other.hold(unsaved.id) is not None
        await unsaved.ask("hello")
        await unsaved.settled()
        for number in range(MOST_UNWATCHED + 1):
            session = workspace.new_session(model=MODEL)
            await session.ask(f"hello {number}")
            await session.settled()
        await workspace.open_sessions.rest(shown=session)
        assert workspace.sessions[unsaved.id] is unsaved
        assert workspace.sessions[failed.id] is failed
        await other.aclose()


# How it ends


class Unruly(Session):
    """Its end fails, or does not come before ``may_end``."""

    may_end: asyncio.Event | None = None
    was_closed = False

    async def close(self) -> None:
        if self.may_end is None:
            raise RuntimeError("cannot end")
        await self.may_end.wait()
        await super().close()
        self.was_closed = True


def add_unruly(workspace: Workspace, *, may_end: asyncio.Event | None = None) -> Unruly:
    unruly = Unruly(workspace.shelf.new(), workspace._session_tools(), log=NothingKept())
    unruly.may_end = may_end
    workspace.sessions[unruly.id] = unruly
    return unruly


@pytest.fixture
async def faults() -> AsyncIterator[list[str]]:
    found: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: found.append(f"{context.get('message')}: {context.get('exception')}"))
    yield found
    loop.set_exception_handler(None)


async def test_a_step_that_fails_does_not_keep_the_others_from_closing(folders: Folders, faults: list[str]) -> None:
    workspace = prepared(folders, is_private=True)
    await workspace.start()
    add_unruly(workspace)
    assert workspace.places.data.parent.exists()
    assert not await workspace.close()
    assert any("cannot end" in one for one in faults)
    assert not workspace.places.data.parent.exists()


async def test_a_step_that_hangs_is_left_behind(folders: Folders, faults: list[str]) -> None:
    workspace = prepared(folders, is_private=True)
    await workspace.start()
    add_unruly(workspace, may_end=asyncio.Event())
    assert not await workspace.close(patience_seconds=0.2)
    assert any("closing the conversations" in one for one in faults)
    assert not workspace.places.data.parent.exists()


async def test_closing_well_says_so(folders: Folders, faults: list[str]) -> None:
    workspace = prepared(folders)
    await workspace.start()
    await connected(workspace)
    assert await workspace.close()
    assert not faults


async def test_the_app_ends_though_closing_fails(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        add_unruly(chinwag.workspace)
        await chinwag.press("ctrl+q")
        await chinwag.until(lambda: chinwag.app.return_value is not None, told="the end")
        assert any("cannot end" in str(one["exception"]) for one in chinwag.faults)
        chinwag.faults.clear()


async def test_asking_twice_to_quit_waits_for_the_disk_once(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        may_end = asyncio.Event()
        unruly = add_unruly(chinwag.workspace, may_end=may_end)
        await chinwag.press("ctrl+q")
        await chinwag.until(lambda: chinwag.app._is_leaving, told="leaving")
        await chinwag.press("ctrl+q")
        await chinwag.pilot.pause()
        assert chinwag.app.return_value is None
        may_end.set()
        await chinwag.until(lambda: chinwag.app.return_value is not None, told="the end")
        assert unruly.was_closed
