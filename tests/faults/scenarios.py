"""What people do, as pieces of work that can be broken off at any call; and what must be there afterwards."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.storage.conftest import Clock
from tests.storage.events import EMPTY, ID, at, slowly, turn
from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.places import Places, places_below
from tui.storage.conversation_log import ConversationLog, LogEvent, LogTimes, SavingRefused, SavingResumed
from tui.storage.documents import DocumentFormat
from tui.storage.records import ChangedTitle, Event, encode_line
from tui.storage.shelf import Shelf

BY_HAND = LogTimes(sync_seconds=1e6, retry_seconds=1e6, idle_seconds=1e6)


@dataclass(slots=True)
class Run:
    """One run of a scenario: what was given to the log, and what the log said of it."""

    root: Path
    given: list[Event] = field(default_factory=list)
    written: int = 0
    """How many of them were in the file when that was said."""
    durable: int = 0
    """How many of them were on the disk when that was said."""
    heard: list[LogEvent] = field(default_factory=list)
    is_unsaved: bool = False
    stays_open: bool = False
    """Nothing is closed at the end."""
    acknowledge: Callable[[int], None] = lambda _count: None
    paused: Callable[[], AbstractContextManager[None]] = nullcontext
    """While this lasts the disk is sound, and nothing is counted."""

    @property
    def places(self) -> Places:
        return places_below(self.root)

    @property
    def journal(self) -> Path:
        return self.places.conversations / f"{ID}.journal"

    def shelf(self, document_format: DocumentFormat = "json") -> Shelf:
        return Shelf(self.places, format=document_format, now=Clock(), random_bytes=os.urandom)

    def new(self, shelf: Shelf, times: LogTimes = BY_HAND) -> ConversationLog:
        return shelf.new_log(EMPTY, tell=self.heard.append, times=times)

    async def opened(self, shelf: Shelf) -> ConversationLog:
        log = await shelf.open_log(ID, tell=self.heard.append, times=BY_HAND)
        assert log is not None
        return log

    async def give(self, log: ConversationLog, events: Iterable[Event], *, durable: bool = False) -> None:
        for event in events:
            waiting = log.append(event, durable=durable)
            self.given.append(event)
            await asyncio.shield(waiting)
            self.is_unsaved = log.is_unsaved
            if not log.is_unsaved:
                self.written = len(self.given)
                if durable:
                    self.durable = len(self.given)
                self.acknowledge(len(self.given))

    async def end(self, shelf: Shelf, log: ConversationLog) -> None:
        if self.stays_open:
            return
        await shelf.aclose()
        self.is_unsaved = log.is_unsaved
        if not log.is_unsaved:
            self.written = self.durable = len(self.given)

    def states(self) -> list[Conversation]:
        """The conversation after each of the events."""
        states = [EMPTY]
        for event in self.given:
            states.append(slowly(states[-1], [event]))
        return states


Scenario = Callable[[Run], Awaitable[None]]


async def first_prompt(run: Run) -> None:
    shelf = run.shelf()
    log = run.new(shelf)
    await run.give(log, turn(1)[:1], durable=True)
    await run.end(shelf, log)


async def one_turn(run: Run) -> None:
    shelf = run.shelf()
    log = run.new(shelf)
    events = turn(1)
    await run.give(log, events[:1], durable=True)
    await run.give(log, events[1:-1])
    await run.give(log, events[-1:], durable=True)
    await run.end(shelf, log)


async def turn_after_a_kill(run: Run) -> None:
    await _left_by_a_kill(run)
    shelf = run.shelf()
    log = await run.opened(shelf)
    await run.give(log, turn(2), durable=True)
    await run.end(shelf, log)


async def torn_tail(run: Run) -> None:
    await _left_by_a_kill(run)
    with run.paused(), run.journal.open("ab") as file:
        file.write(encode_line(99, ChangedTitle(title="never", at=at(0)))[:30])
    await _go_on(run)


async def zeros_in_the_middle(run: Run) -> None:
    """A whole record is overwritten, one that the end of the answer says again."""
    await _left_by_a_kill(run)
    lines = run.journal.read_bytes().splitlines(keepends=True)
    lines[5] = bytes(len(lines[5]) - 1) + b"\n"
    with run.paused():
        run.journal.write_bytes(b"".join(lines))
    await _go_on(run)


async def document_in_the_middle(run: Run) -> None:
    shelf = run.shelf()
    log = run.new(shelf)
    await run.give(log, turn(1))
    for number in (2, 3):
        writing = asyncio.create_task(_as_well_as_it_can(log.checkpoint()))
        await run.give(log, turn(number)[:2])
        await run.give(log, turn(number)[2:4], durable=True)
        await writing
        await run.give(log, turn(number)[4:], durable=True)
    await run.end(shelf, log)


async def other_format(run: Run) -> None:
    shelf = run.shelf()
    log = run.new(shelf)
    await run.give(log, turn(1), durable=True)
    await _as_well_as_it_can(log.checkpoint())
    await run.give(log, turn(2)[:1], durable=True)
    shelf.format = "toml"
    await _as_well_as_it_can(log.checkpoint())
    await run.give(log, turn(2)[1:], durable=True)
    await run.end(shelf, log)


async def journal_moved_away(run: Run) -> None:
    shelf = run.shelf()
    log = run.new(shelf)
    await run.give(log, turn(1), durable=True)
    if run.journal.exists():
        # Another program, on a disk of its own.
        elsewhere = run.root.with_name(f"{run.root.name}-elsewhere")
        with run.paused():
            run.journal.rename(elsewhere)
        run.written = run.durable = 0
    await run.give(log, turn(2), durable=True)
    await run.end(shelf, log)


async def many_at_once(run: Run) -> None:
    shelf = run.shelf()
    log = run.new(shelf)
    events = [event for number in (1, 2, 3) for event in turn(number)]
    waiting = [log.append(event, durable=number % 5 == 0) for number, event in enumerate(events)]
    run.given.extend(events)
    await asyncio.gather(*waiting)
    if not log.is_unsaved:
        run.written = len(events)
    await run.end(shelf, log)


async def closed_and_opened(run: Run) -> None:
    for number in (1, 2, 3):
        shelf = run.shelf()
        log = run.new(shelf) if not run.given else await run.opened(shelf)
        await run.give(log, turn(number), durable=True)
        await run.end(shelf, log)
        if run.is_unsaved:
            return


def long_talk_events() -> Iterator[Event]:
    for number in itertools.count(1):
        yield from turn(number, parts=["some words "] * (number * 7 % 40))


async def long_talk(run: Run) -> None:
    """Without an end, with documents written in between by the log itself."""
    shelf = run.shelf()
    log = run.new(shelf, LogTimes(sync_seconds=0.005, idle_seconds=0.002))
    for number, event in enumerate(long_talk_events()):
        await run.give(log, [event], durable=number % 9 == 0)
        if number % 40 == 0:
            # Nothing happens for long enough to write a document.
            await asyncio.sleep(0.004)


ALL: tuple[Scenario, ...] = (
    first_prompt,
    one_turn,
    turn_after_a_kill,
    torn_tail,
    zeros_in_the_middle,
    document_in_the_middle,
    other_format,
    journal_moved_away,
    many_at_once,
    closed_and_opened,
)


async def _go_on(run: Run) -> None:
    shelf = run.shelf()
    log = await run.opened(shelf)
    assert log.damage
    await run.give(log, turn(2), durable=True)
    await run.end(shelf, log)


async def _left_by_a_kill(run: Run) -> None:
    """A journal as it stands when a program is killed after one turn."""
    with run.paused():
        shelf = run.shelf()
        log = run.new(shelf)
        await run.give(log, turn(1), durable=True)
        await log.settled()
        for held in shelf._held.values():
            held.release()


async def _as_well_as_it_can(work: Awaitable[None]) -> None:
    try:
        await work
    except Failure:
        return


def heard_in_turn(run: Run) -> bool:
    """Each trouble was told once, and each end of one."""
    told = [type(event) for event in run.heard if isinstance(event, SavingRefused | SavingResumed)]
    return all(kind is (SavingRefused, SavingResumed)[number % 2] for number, kind in enumerate(told))


async def found_afterwards(run: Run) -> Conversation | None:
    """What the next start shows; None when there is nothing. Proves that it can be gone on with."""
    shelf = run.shelf()
    try:
        listing = await shelf.summaries()
        # A file of which nothing reached the disk is named; nothing that was acknowledged can be in it.
        assert not (listing.faults and run.written), listing.faults
        if not listing.summaries:
            return None
        log = await run.opened(shelf)
        found = log.conversation
        assert await run.shelf().load(ID) == found
        await log.keep(ChangedTitle(title="gone on", at=at(1)), durable=True)
        assert not log.is_unsaved
    finally:
        await shelf.aclose()
    assert (await run.shelf().load(ID)).title == "gone on"
    return found
