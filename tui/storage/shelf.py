"""The shelf of conversations: what the rest of the program saves to, loads from and lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from tui.conversations.edits import new_conversation, renamed
from tui.conversations.ids import new_id
from tui.conversations.values import Conversation, Summary
from tui.failures import Failure
from tui.places import Places
from tui.storage.conversation_files import ConversationFiles, Deleted, Fault, Saved
from tui.storage.documents import DocumentFormat
from tui.storage.locks import Held, hold_lock

_BATCH_SECONDS = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    summaries: tuple[Summary, ...] = ()
    """The one that was updated last comes first."""
    faults: tuple[Fault, ...] = ()
    """Files that could not be read, by name. They are left alone."""


@dataclass(slots=True, kw_only=True)
class _WaitingSave:
    conversation: Conversation
    durable: bool
    task: asyncio.Task[Saved] = field(init=False)


class Shelf:
    """One mutable owner of the folder of conversations, for one event loop. The disk is touched in threads only.

    Every method raises ``Failure`` for what the disk or a document refuses; nothing that is in memory changes then.
    """

    def __init__(
        self,
        places: Places,
        *,
        format: DocumentFormat = "json",  # noqa: A002
        now: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """``now()`` is the time in UTC; ``random_bytes(n)`` gives n bytes, as ``os.urandom`` does."""
        self.format: DocumentFormat = format
        """Which format the next save of each conversation has; both load."""
        self._now = now
        self._random_bytes = random_bytes
        self._files = ConversationFiles(places, now=now, random_bytes=random_bytes)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._waiting: dict[str, _WaitingSave] = {}
        self._at_work: set[asyncio.Task[Any]] = set()
        self._held: dict[str, Held] = {}

    def new(self, *, model: str = "") -> Conversation:
        """An empty conversation with an id of its own. Nothing is on disk before ``save``."""
        now = self._now()
        return new_conversation(new_id(now, self._random_bytes), now=now, model=model)

    async def save(self, conversation: Conversation, *, durable: bool = True) -> Saved:
        """Returns when this state, or a newer one, is in the file; with ``durable`` also when it is on the disk.

        Saves of one conversation come one after the other, and a newer one takes the place of one that still waits.
        A caller that is cancelled does not take the save with it. A conversation that was deleted is saved where it
        lies in the trash, so that undo brings all of it back.
        """
        waiting = self._waiting.get(conversation.id)
        if waiting is None:
            waiting = _WaitingSave(conversation=conversation, durable=durable)
            self._waiting[conversation.id] = waiting
            waiting.task = self._started(self._write_what_waits(conversation.id))
        else:
            waiting.conversation = conversation
            waiting.durable = waiting.durable or durable
        return await asyncio.shield(waiting.task)

    async def load(self, conversation_id: str) -> Conversation:
        """Raises ``FileMissing`` when there is none, ``UnreadableDocument`` when it is damaged or too new."""
        async with self._turn(conversation_id):
            return await asyncio.to_thread(self._files.read, conversation_id)

    async def summaries(self) -> Listing:
        """All conversations, and the files that could not be read. Only files that changed are read."""
        found = await asyncio.to_thread(self._files.find)
        summaries: dict[str, Summary] = {}
        faults: list[Fault] = []
        files = iter(found)
        while results := await asyncio.to_thread(self._files.summarize, files, for_seconds=_BATCH_SECONDS):
            for result in results:
                if isinstance(result, Fault):
                    faults.append(result)
                    continue
                other = summaries.get(result.id)
                if other is None or other.updated_at < result.updated_at:
                    summaries[result.id] = result
        await asyncio.to_thread(self._files.keep_summaries, found)
        return Listing(
            summaries=tuple(
                sorted(summaries.values(), key=lambda summary: (summary.updated_at, summary.id), reverse=True)
            ),
            faults=tuple(sorted(faults, key=lambda fault: fault.name)),
        )

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        """For a conversation that is not open: an open one is renamed by its owner, who saves it."""

        def read_and_write() -> Conversation:
            changed = renamed(self._files.read(conversation_id), title, now=self._now())
            self._files.write(changed, wished=self.format, sync=True)
            return changed

        return await asyncio.shield(self._started(self._alone(conversation_id, "rename", read_and_write)))

    async def delete(self, conversation_id: str) -> Deleted:
        """Moves it into the trash and returns the token for ``undo_delete``.

        A conversation that another chinwag has open is not deleted: ``Failure``.
        """

        def move() -> Deleted:
            return self._files.delete(conversation_id)

        return await asyncio.shield(self._started(self._alone(conversation_id, "delete", move)))

    async def undo_delete(self, deleted: Deleted) -> None:
        def move_back() -> None:
            self._files.undelete(deleted)

        await asyncio.shield(self._started(self._alone(deleted.id, "bring back", move_back)))

    async def empty_trash(self, now: datetime) -> int:
        """Removes for good what has been in the trash for 30 days; returns how many files went."""
        return await asyncio.to_thread(self._files.empty_trash, now)

    async def hold(self, conversation_id: str) -> Held | None:
        """The right to write this conversation, until ``release``; None: somebody else has it, so open it read-only.

        Load after holding: what was loaded before may be old. The system frees the lock when the process dies.
        It is held once in a process: a second call says None as well.
        """
        taking = self._started(asyncio.to_thread(self._take_lock, conversation_id))
        try:
            held = await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(_release_what_nobody_took)
            raise
        if held is not None:
            self._held[conversation_id] = held
        return held

    async def aclose(self) -> None:
        """Returns when every save that was asked for is done, and frees what is held."""
        while self._at_work:
            await asyncio.wait(self._at_work)
        for held in self._held.values():
            held.release()
        self._held.clear()

    def _started(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task of our own: whoever asked may be cancelled, the work goes on and ``aclose`` waits for it."""
        task = asyncio.create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._at_work.discard(task)
        if not task.cancelled():
            # When nobody is left to hear of a failure, it is no error of the event loop's.
            task.exception()

    async def _write_what_waits(self, conversation_id: str) -> Saved:
        async with self._lock_of(conversation_id):
            # From here on a newer state has to wait for its own turn.
            waiting = self._waiting.pop(conversation_id)
            return await asyncio.to_thread(
                self._files.write, waiting.conversation, wished=self.format, sync=waiting.durable
            )

    @asynccontextmanager
    async def _turn(self, conversation_id: str) -> AsyncIterator[None]:
        """No other coroutine has the conversation's files; every save that was asked for before is done."""
        if waiting := self._waiting.get(conversation_id):
            await asyncio.wait([waiting.task])
        async with self._lock_of(conversation_id):
            yield

    def _lock_of(self, conversation_id: str) -> asyncio.Lock:
        lock = self._turns.get(conversation_id)
        if lock is None:
            self._turns[conversation_id] = lock = asyncio.Lock()
        return lock

    async def _alone(self, conversation_id: str, verb: str, work: Callable[[], T]) -> T:
        """``work`` in a thread, while no other coroutine and no other process writes the conversation."""
        ours = self._held.get(conversation_id)
        is_ours = ours is not None and ours.is_held

        def locked() -> T:
            held = None if is_ours else self._take_lock(conversation_id)
            if held is None and not is_ours:
                raise Failure(f"cannot {verb} the conversation", "it is open in another chinwag", "close it there")
            with held or nullcontext():
                return work()

        async with self._turn(conversation_id):
            return await asyncio.to_thread(locked)

    def _take_lock(self, conversation_id: str) -> Held | None:
        return hold_lock(self._files.lock_path(conversation_id))


def _release_what_nobody_took(taking: asyncio.Task[Held | None]) -> None:
    if not taking.cancelled() and taking.exception() is None and (held := taking.result()) is not None:
        held.release()
