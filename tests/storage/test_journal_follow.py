"""A second program watches what the first one writes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from tests.storage.conftest import OpenShelf
from tests.storage.events import EMPTY, ID, answer, at, slowly, turn
from tests.storage.samples import VERSION_1
from tui.atomic import FileMissing
from tui.conversations.values import Branch, Conversation
from tui.places import Places
from tui.storage.conversation_log import ConversationLog, LogTimes
from tui.storage.follow import POLL_SECONDS, Followed, Happened, Snapshot, follow
from tui.storage.records import (
    Began,
    BranchedOff,
    ChangedTitle,
    Event,
    GrownAnswer,
    InsertedMessage,
    RemovedBranch,
    RestoredBranches,
    SteppedTo,
    encode_line,
)
from tui.storage.replay import ConversationBuilder
from tui.storage.shelf import Shelf

NEVER = LogTimes(sync_seconds=1e6, retry_seconds=1e6, idle_seconds=1e6)


class Watcher:
    """What somebody sees who follows, and a way to wait for it."""

    def __init__(self) -> None:
        self.heard: list[Followed] = []
        self._builder = ConversationBuilder(EMPTY)
        self._came = asyncio.Condition()

    async def watch(self, shelf: Shelf) -> None:
        async with aclosing(shelf.follow(ID)) as news:
            async for one in news:
                if isinstance(one, Snapshot):
                    self._builder = ConversationBuilder(one.conversation)
                else:
                    assert self._builder.refusal(one.event) == ""
                    self._builder.apply(one.event)
                async with self._came:
                    self.heard.append(one)
                    self._came.notify_all()

    @property
    def conversation(self) -> Conversation:
        return self._builder.build()

    async def sees(self, conversation: Conversation) -> None:
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: self.conversation == conversation)

    @property
    def snapshots(self) -> int:
        return sum(isinstance(one, Snapshot) for one in self.heard)


@asynccontextmanager
async def _watching(shelf: Shelf) -> AsyncIterator[Watcher]:
    watcher = Watcher()
    watching = asyncio.create_task(watcher.watch(shelf))
    yield watcher
    watching.cancel()
    await asyncio.wait({watching})
    if not watching.cancelled():
        watching.result()


async def _give(log: ConversationLog, events: list[Event]) -> None:
    for event in events:
        await log.keep(event)


@pytest.fixture
async def log(shelf: Shelf) -> ConversationLog:
    return shelf.new_log(EMPTY, tell=lambda _event: None, times=NEVER)


async def test_follower_hears_every_event_once(log: ConversationLog, open_shelf: OpenShelf) -> None:
    await _give(log, turn(1))
    async with _watching(open_shelf()) as watcher:
        await watcher.sees(slowly(EMPTY, turn(1)))
        await _give(log, turn(2))
        await watcher.sees(log.conversation)
    heard = [one for one in watcher.heard if isinstance(one, Happened)]
    assert [one.sequence for one in heard] == list(range(len(turn(1)) + 1, log.sequence + 1))
    plainly = [replace(one.event, after=None) if isinstance(one.event, GrownAnswer) else one.event for one in heard]
    assert plainly == turn(2)
    assert watcher.snapshots == 1


async def test_follower_goes_on_over_new_documents_and_journals(
    shelf: Shelf, log: ConversationLog, open_shelf: OpenShelf
) -> None:
    await _give(log, turn(1))
    async with _watching(open_shelf()) as watcher:
        for number in range(2, 8):
            await _give(log, turn(number)[:4])
            if number % 2:
                await watcher.sees(log.conversation)
            await log.checkpoint()
            await _give(log, turn(number)[4:])
            await watcher.sees(log.conversation)
        await shelf.aclose()
        other = open_shelf()
        again = await other.open_log(ID, tell=lambda _event: None, times=NEVER)
        assert again is not None
        await _give(again, turn(8))
        await watcher.sees(again.conversation)


async def test_follower_is_not_fooled_by_a_line_that_is_half_written_and_taken_back(
    log: ConversationLog, open_shelf: OpenShelf, places: Places
) -> None:
    await _give(log, turn(1))
    path = places.conversations / f"{ID}.journal"
    size = path.stat().st_size
    line = encode_line(99, ChangedTitle(title="never said", at=at(0)))
    async with _watching(open_shelf()) as watcher:
        await watcher.sees(log.conversation)
        with path.open("ab") as file:
            file.write(line[:-20])
        await asyncio.to_thread(lambda: None)
        os.truncate(path, size)
        await _give(log, turn(2))
        await watcher.sees(log.conversation)
    assert watcher.conversation.title != "never said"


async def test_follower_hears_of_whole_saves_too(open_shelf: OpenShelf) -> None:
    writer = open_shelf()
    first = replace(VERSION_1, id=ID)
    await writer.save(first)
    async with _watching(open_shelf()) as watcher:
        await watcher.sees(first)
        second = replace(first, title="other", updated_at=at(3))
        await writer.save(second)
        await watcher.sees(second)
    assert watcher.snapshots == 2


async def test_follower_of_nothing_is_told(open_shelf: OpenShelf) -> None:
    with pytest.raises(FileMissing):
        await anext(open_shelf().follow(ID))


async def test_follower_of_a_deleted_conversation_is_told(
    shelf: Shelf, log: ConversationLog, open_shelf: OpenShelf
) -> None:
    await _give(log, turn(1))
    async with aclosing(open_shelf().follow(ID)) as news:
        assert isinstance(await anext(news), Snapshot)
        await shelf.delete(ID)
        async with asyncio.timeout(20):
            with pytest.raises(FileMissing):
                await _to_the_end(news)


async def _to_the_end(news: AsyncGenerator[Followed, None]) -> None:
    async for _ in news:
        pass


async def test_follower_that_looks_late_misses_nothing(
    shelf: Shelf, log: ConversationLog, open_shelf: OpenShelf, places: Places
) -> None:
    """Between two looks whole journals come and go."""
    await _give(log, turn(1))
    files = open_shelf()._files
    news = follow(
        ID,
        path=places.conversations / f"{ID}.journal",
        read_kept=files.read_kept,
        stamp_document=files.stamp_document,
        sleep=lambda _seconds: asyncio.sleep(0),
    )
    async with aclosing(news), asyncio.timeout(20):
        first = await anext(news)
        assert isinstance(first, Snapshot)
        builder = ConversationBuilder(first.conversation)
        for number in range(2, 6):
            await _give(log, turn(number))
            await log.checkpoint()
            await _give(log, turn(number + 10)[:4])
            await log.checkpoint()
            await _give(log, turn(number + 10)[4:6])
            while builder.build() != log.conversation:
                one = await anext(news)
                if isinstance(one, Snapshot):
                    builder = ConversationBuilder(one.conversation)
                    continue
                assert builder.refusal(one.event) == ""
                builder.apply(one.event)
                assert not builder.incomplete


async def test_follower_reads_a_shorter_journal_from_its_start(open_shelf: OpenShelf, places: Places) -> None:
    places.conversations.mkdir(parents=True)
    path = places.conversations / f"{ID}.journal"
    events = turn(1)
    lines = [encode_line(0, Began.of(EMPTY)), *(encode_line(n, event) for n, event in enumerate(events, start=1))]
    path.write_bytes(b"".join(lines[:5]))
    async with _watching(open_shelf()) as watcher:
        await watcher.sees(slowly(EMPTY, events[:4]))
        with path.open("ab") as file:
            file.write(lines[5])
        await watcher.sees(slowly(EMPTY, events[:5]))
        os.truncate(path, len(b"".join(lines[:2])))
        with path.open("ab") as file:
            file.write(encode_line(6, ChangedTitle(title="short", at=at(6))))
        # What somebody took away is not there any more.
        await watcher.sees(slowly(EMPTY, [*events[:1], ChangedTitle(title="short", at=at(6))]))


async def test_follower_of_a_silent_answer_keeps_looking(
    log: ConversationLog, open_shelf: OpenShelf, places: Places
) -> None:
    await _give(log, turn(1)[:3])
    files = open_shelf()._files
    slept: list[float] = []
    is_over = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) > 200:
            is_over.set()
        await asyncio.sleep(0)

    news = follow(
        ID,
        path=places.conversations / f"{ID}.journal",
        read_kept=files.read_kept,
        stamp_document=files.stamp_document,
        sleep=sleep,
    )
    async with aclosing(news), asyncio.timeout(60):
        await anext(news)
        following = asyncio.ensure_future(anext(news))
        await is_over.wait()
        following.cancel()
        await asyncio.wait({following})
    assert max(slept) <= 0.25, "what may come at any moment is seen within half a second"


async def test_follower_looks_less_often_where_nothing_happens(
    log: ConversationLog, open_shelf: OpenShelf, places: Places
) -> None:
    await _give(log, turn(1))
    files = open_shelf()._files
    slept: list[float] = []
    minute_over, go_on, is_awake = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) > 70 and not minute_over.is_set():
            minute_over.set()
            await go_on.wait()
        elif minute_over.is_set() and seconds == POLL_SECONDS:
            is_awake.set()
        await asyncio.sleep(0)

    news = follow(
        ID,
        path=places.conversations / f"{ID}.journal",
        read_kept=files.read_kept,
        stamp_document=files.stamp_document,
        sleep=sleep,
    )
    async with aclosing(news), asyncio.timeout(60):
        await anext(news)
        following = asyncio.ensure_future(anext(news))
        await minute_over.wait()
        assert slept[0] == POLL_SECONDS
        assert slept == sorted(slept)
        assert slept[-1] >= 1
        await _give(log, turn(2))
        go_on.set()
        await following
        for _ in range(len(turn(2)) - 1):
            await anext(news)
        following = asyncio.ensure_future(anext(news))
        await is_awake.wait()
        following.cancel()
        await asyncio.wait({following})


async def test_follower_sees_versions_as_they_are_made_and_stepped_through(
    log: ConversationLog, open_shelf: OpenShelf
) -> None:
    await _give(log, turn(1))
    async with _watching(open_shelf()) as watcher:
        await watcher.sees(slowly(EMPTY, turn(1)))
        left = log.conversation.messages[1]
        events: list[Event] = [
            BranchedOff(message_id="a1", at=at(20)),
            *answer(2, ["otherwise"]),
            SteppedTo(message_id="a1", at=at(30)),
            BranchedOff(message_id="a1", at=at(31)),
            RemovedBranch(message_id="a2", at=at(32)),
            RestoredBranches(branches=(Branch(after="p1", messages=(replace(left, id="a3"),)),), at=at(33)),
            InsertedMessage(message=replace(left, id="a4"), after="p1", carried=("a3",), at=at(34)),
        ]
        for event in events:
            await _give(log, [event])
            await watcher.sees(log.conversation)
        assert watcher.snapshots == 1
        assert [one.after for one in log.conversation.branches] == ["p1", "a4"]
        await log.checkpoint()
        await _give(log, turn(5))
        await watcher.sees(log.conversation)
