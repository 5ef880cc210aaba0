"""Sessions on a real disk: what an earlier version wrote goes on, what a crash left is found, what is private is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chat.test_following import Chinwag, running
from tests.storage.samples import VERSION_1
from tui.conversations.values import MessageState, Role
from tui.places import Places, places_below
from tui.storage.documents import DocumentFormat, encode


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_below(tmp_path)


def files(places: Places) -> list[str]:
    return sorted(path.name.partition(".")[2] for path in places.conversations.iterdir())


@pytest.mark.parametrize("written", ["json", "toml"])
async def test_document_of_an_earlier_version_is_gone_on_with(places: Places, written: DocumentFormat) -> None:
    places.conversations.mkdir(parents=True)
    (places.conversations / f"{VERSION_1.id}.{written}").write_bytes(encode(VERSION_1, format=written))
    async with running(places) as chinwag:
        chinwag.shelf.format = written
        session = await chinwag.sessions.open(VERSION_1.id)
        await session.ask("and today?")
        call = await chinwag.engine.next_call()
        call.say("still here")
        call.finish()
        await session.settled()
        assert files(places) == sorted(["journal", "lock", written])
    assert files(places) == [written]
    async with running(places) as chinwag:
        found = (await chinwag.sessions.open(VERSION_1.id)).conversation
    assert [one.text for one in found.messages[-2:]] == ["and today?", "still here"]
    before = [one.text for one in VERSION_1.messages if one.state is not MessageState.not_sent]
    assert [one.text for one in found.messages][: len(before)] == before


async def test_answer_that_a_crash_cut_short_is_settled_on_the_disk_when_it_is_opened(places: Places) -> None:
    async with running(places) as chinwag:
        session = chinwag.sessions.new(model="fast:1b")
        await session.ask("hello")
        call = await chinwag.engine.next_call()
        call.say("half")
        await call.all_read()
        journal = places.conversations / f"{session.id}.journal"
        as_at_the_crash = journal.read_bytes()
    for path in places.conversations.iterdir():
        path.unlink()
    journal.write_bytes(as_at_the_crash)
    async with running(places) as chinwag:
        found = await chinwag.sessions.open(session.id)
        assert found.can_try_again()
        await found.settled()
    async with running(places) as chinwag:
        kept = await chinwag.shelf.load(session.id)
    assert (kept.messages[1].text, kept.messages[1].state) == ("half", MessageState.broken_off)


async def test_private_conversation_leaves_nothing(places: Places) -> None:
    async with running(places) as chinwag:
        session = chinwag.sessions.new(model="fast:1b", is_private=True)
        await session.ask("a secret")
        call = await chinwag.engine.next_call()
        call.say("kept by nobody")
        call.finish()
        await session.settled()
        session.rename("mine")
        assert [one.role for one in session.conversation.messages] == [Role.user, Role.assistant]
        assert not session.is_unsaved
    assert not places.data.exists()


async def test_session_that_was_forgotten_can_be_opened_again(places: Places) -> None:
    async with running(places) as chinwag:
        session = await _asked(chinwag)
        await chinwag.sessions.forget(session)
        again = await chinwag.sessions.open(session)
        assert [one.text for one in again.conversation.messages] == ["hello", ""]
        assert not again.is_read_only


async def _asked(chinwag: Chinwag) -> str:
    session = chinwag.sessions.new(model="fast:1b")
    await session.ask("hello")
    (await chinwag.engine.next_call()).finish()
    await session.settled()
    return session.id
