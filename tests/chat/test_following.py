"""Two chinwags and one conversation: one writes, the other sees it, asks for it and gets it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from tests.chat.scripted_engine import COUNTS, ScriptedEngine
from tui.chat.events import (
    AnswerEnded,
    AnswerGrew,
    ConversationChanged,
    HandedOver,
    MessageRemoved,
    PromptAdded,
    QueueChanged,
    SessionEvent,
    WriterLeft,
)
from tui.chat.following import FollowedSession
from tui.chat.open_sessions import OpenSessions
from tui.chat.session import Session, SessionTools
from tui.conversations.values import MessageState, Role
from tui.failures import Failure
from tui.places import Places, places_below
from tui.storage.shelf import Shelf

E = TypeVar("E")


class Chinwag:
    """Everything but the screen of a program that is open."""

    def __init__(self, places: Places) -> None:
        self.engine = ScriptedEngine()
        self.events: list[SessionEvent] = []
        self.failures: list[Failure] = []
        self._news = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()
        self.shelf = Shelf(places, now=lambda: datetime.now(UTC), random_bytes=os.urandom)
        self.sessions = OpenSessions(
            shelf=self.shelf, places=places, tools=self._tools, heard=self._heard, report=self.failures.append
        )
        self.sessions.start()

    def _tools(self) -> SessionTools:
        return SessionTools(
            engine=lambda: self.engine,
            is_cloud=lambda _name: True,
            now=lambda: datetime.now(UTC),
            clock=asyncio.get_running_loop().time,
            new_message_id=lambda: os.urandom(6).hex(),
        )

    def _heard(self, session: Session, event: SessionEvent) -> None:
        self.events.append(event)
        task = asyncio.ensure_future(self._tell())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def hears(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(condition)

    def heard(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def close(self) -> None:
        await self.sessions.close()
        await self.shelf.aclose()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_below(tmp_path)


@asynccontextmanager
async def running(places: Places) -> AsyncIterator[Chinwag]:
    chinwag = Chinwag(places)
    try:
        yield chinwag
    finally:
        await chinwag.close()


async def following(reader: Chinwag, session: Session) -> FollowedSession:
    followed = await reader.sessions.open(session.id)
    assert isinstance(followed, FollowedSession)
    return followed


async def test_answer_grows_in_the_other_chinwag_too(places: Places) -> None:
    async with running(places) as writer, running(places) as reader:
        session = writer.sessions.new(model="fast:1b")
        await session.ask("hello")
        call = await writer.engine.next_call()
        call.think("hm")
        call.say("half ")
        await call.all_read()
        followed = await following(reader, session)
        assert followed.is_answering
        assert followed.live_text() == ("half ", "hm")
        assert followed.conversation.messages[-1].text == ""
        call.say("an ")
        await reader.hears(lambda: followed.live_text() == ("half an ", "hm"))
        call.say("answer")
        await reader.hears(lambda: followed.live_text() == ("half an answer", "hm"))
        assert reader.heard(AnswerGrew)[-1].text == "answer"
        await session.ask("and then?")
        await reader.hears(lambda: followed.queue == ("and then?",))
        call.finish()
        await reader.hears(lambda: len(reader.heard(PromptAdded)) == 1)
        assert (
            reader.heard(AnswerEnded)[0].message
            == session.conversation.messages[1]
            == followed.conversation.messages[1]
        )
        assert followed.conversation.messages[1].counts == COUNTS
        (await writer.engine.next_call()).finish()
        await reader.hears(lambda: len(reader.heard(AnswerEnded)) == 2)
        await session.settled()
        assert followed.conversation.messages == session.conversation.messages
        assert followed.queue == ()


async def test_what_is_counted_here_is_what_the_other_chinwag_counts(places: Places) -> None:
    async with running(places) as writer, running(places) as reader:
        session = writer.sessions.new(model="fast:1b")
        await session.ask("hello")
        call = await writer.engine.next_call()
        call.say("a long word that came in one piece " * 5)
        await call.all_read()
        followed = await following(reader, session)
        before = session.progress()
        seen = followed.progress()
        assert before is not None
        assert seen is not None
        assert (seen.pieces, seen.prompt_characters) == (before.pieces, before.prompt_characters) == (1, len("hello"))
        call.say("and another one that is just as long " * 5)
        # It is on the disk before it is shown, so whoever follows may be the first to know.
        await reader.hears(lambda: "and another one" in (followed.live_text() or ("",))[0])
        after = followed.progress()
        assert after is not None
        assert after.pieces == 2
        call.finish()
        await reader.hears(lambda: bool(reader.heard(AnswerEnded)))


async def test_what_is_changed_elsewhere_is_changed_here(places: Places) -> None:
    async with running(places) as writer, running(places) as reader:
        session = writer.sessions.new(model="fast:1b")
        await session.ask("hello")
        (await writer.engine.next_call()).finish()
        await session.settled()
        followed = await following(reader, session)
        session.rename("mine")
        session.use_model("slow:70b")
        await reader.hears(lambda: (followed.conversation.title, followed.conversation.model) == ("mine", "slow:70b"))
        assert reader.engine.calls == []
        session.rename("still mine")
        await reader.hears(lambda: followed.conversation.title == "still mine")
        assert reader.heard(ConversationChanged)[-1].conversation == followed.conversation
        assert (given := session.give_back()) is not None
        assert given.text == "hello"
        await reader.hears(lambda: len(reader.heard(MessageRemoved)) == 2)
        assert followed.conversation.messages == ()
        assert not reader.heard(QueueChanged)


async def test_follower_asks_and_changes_nothing(places: Places) -> None:
    async with running(places) as writer, running(places) as reader:
        session = writer.sessions.new(model="fast:1b")
        await session.ask("hello")
        call = await writer.engine.next_call()
        followed = await following(reader, session)
        with pytest.raises(Failure, match="another chinwag"):
            await followed.ask("mine")
        followed.rename("mine")
        followed.use_model("other:1b")
        assert not followed.can_try_again()
        call.finish()
        await session.settled()
        assert session.conversation.title == "hello"


async def test_follower_stops_the_answer_of_the_writer(places: Places) -> None:
    async with running(places) as writer, running(places) as reader:
        session = writer.sessions.new(model="fast:1b")
        await session.ask("hello")
        call = await writer.engine.next_call()
        call.say("half")
        await call.all_read()
        followed = await following(reader, session)
        assert followed.stop()
        await call.hung_up()
        await reader.hears(lambda: not followed.is_answering)
        ended = followed.conversation.messages[-1]
        assert (ended.text, ended.state) == ("half", MessageState.stopped)
        assert not followed.stop()


async def test_conversation_of_a_writer_that_left_can_be_taken_over(places: Places) -> None:
    async with running(places) as reader:
        async with running(places) as writer:
            session = writer.sessions.new(model="fast:1b")
            await session.ask("hello")
            (await writer.engine.next_call()).finish()
            await session.settled()
            followed = await following(reader, session)
        await reader.hears(lambda: bool(reader.heard(WriterLeft)))
        mine = await reader.sessions.open(followed.id)
        assert not mine.is_read_only
        assert mine.conversation.messages == session.conversation.messages
        await mine.ask("and here")
        (await reader.engine.next_call()).finish()
        await mine.settled()
        assert [one.text for one in mine.conversation.messages if one.role is Role.user] == ["hello", "and here"]


async def test_conversation_is_handed_over_when_its_answer_has_ended(places: Places) -> None:
    async with running(places) as writer, running(places) as reader:
        session = writer.sessions.new(model="fast:1b")
        await session.ask("hello")
        call = await writer.engine.next_call()
        followed = await following(reader, session)
        followed.ask_for_hand_over()
        call.say("whole")
        await reader.hears(lambda: followed.live_text() == ("whole", ""))
        assert session.is_answering
        call.finish()
        await writer.hears(lambda: bool(writer.heard(HandedOver)))
        await reader.hears(lambda: bool(reader.heard(WriterLeft)))
        mine = await reader.sessions.open(session.id)
        assert not mine.is_read_only
        assert mine.conversation.messages[-1].text == "whole"
        theirs = writer.sessions.by_id[session.id]
        assert isinstance(theirs, FollowedSession)
        await mine.ask("and here")
        (await reader.engine.next_call()).finish()
        await writer.hears(lambda: any(one.text == "and here" for one in theirs.conversation.messages))
        assert not writer.heard(WriterLeft)


async def test_request_of_the_past_stops_no_answer_of_today(places: Places) -> None:
    async with running(places) as writer:
        session = writer.sessions.new(model="fast:1b")
        await session.ask("hello")
        call = await writer.engine.next_call()
        async with running(places) as reader:
            followed = await following(reader, session)
            call.finish()
            await session.settled()
            await writer.sessions.forget(session.id)
            followed.ask_for_hand_over()
            await followed.settled()
        again = await writer.sessions.open(session.id)
        assert not list(places.control.iterdir())
        assert not again.is_read_only
