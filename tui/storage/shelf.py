"""The shelf of conversations: what the rest of the program saves to, loads from and lists."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from tui.conversations.edits import new_conversation, renamed, with_control
from tui.conversations.ids import new_id
from tui.conversations.values import Conversation, Summary
from tui.failures import Failure
from tui.places import Places
from tui.storage.attachments import collect_attachments_daily
from tui.storage.conversation_files import ConversationFiles, Deleted, Fault, Saved
from tui.storage.conversation_log import ConversationLog, LogEvent, LogTimes
from tui.storage.disk_failures import InMemoryOnly
from tui.storage.documents import DocumentFormat
from tui.storage.follow import Followed, follow
from tui.storage.hits import IndexState, SearchHit
from tui.storage.journal import JournalFile
from tui.storage.locks import Held, LockRefused, hold_lock
from tui.storage.records import ChangedControl, ChangedTitle

if TYPE_CHECKING:
    from tui.storage.index import SearchIndex

_BATCH_SECONDS = 0.05
_INDEX_PATIENCE_SECONDS = 0.1
_INDEX_BATCH_SECONDS = 1.0

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
        self._logs: dict[str, ConversationLog] = {}
        self._places = places
        self._index: SearchIndex | None = None
        self._indexing: asyncio.Task[None] | None = None
        self._is_closed = False
        self.index_state = IndexState()
        """How much of what there is ``search`` finds by now."""

    def new(self, *, model: str = "") -> Conversation:
        """An empty conversation with an id of its own. Nothing is on disk before ``save``."""
        now = self._now()
        return new_conversation(new_id(now, self._random_bytes), now=now, model=model)

    async def refusal(self) -> Failure | None:
        """Why nothing could be saved, as far as that shows without saving; makes no folder."""
        return await asyncio.to_thread(_refusal_of, self._places.conversations)

    async def save(self, conversation: Conversation, *, durable: bool = True) -> Saved:
        """Returns when this state, or a newer one, is in the file; with ``durable`` also when it is on the disk.

        Saves of one conversation come one after the other, and a newer one takes the place of one that still waits.
        A caller that is cancelled does not take the save with it. A conversation that was deleted is saved where it
        lies in the trash, so that undo brings all of it back.

        For a conversation without an open log: what happens to one that has it is given to the log (``ValueError``).
        """
        if conversation.id in self._logs:
            raise ValueError(f"conversation {conversation.id} is written by its log")
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
        if log := self._logs.get(conversation_id):
            return log.conversation
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

    async def search(self, text: str, limit: int = 50) -> tuple[SearchHit, ...]:
        """Conversations that have all the words of ``text`` in one message or in their title, the last word as far as
        it was typed. Titles come first, then what was updated last.

        What changed since the last search is read first, for a tenth of a second; the rest is read in the background,
        and ``index_state`` says how far that is.
        """
        found = await asyncio.to_thread(self._files.find)
        index = await self._opened_index()
        self.index_state, passages = await asyncio.to_thread(
            index.search, text, found, limit=limit, for_seconds=_INDEX_PATIENCE_SECONDS
        )
        if not self.index_state.is_complete and self._indexing is None and not self._is_closed:
            self._indexing = self._started(self._index_the_rest())
        by_id = {file.id: file for file in found}
        files = iter([by_id[passage.conversation_id] for passage in passages])
        summaries: dict[str, Summary] = {}
        while results := await asyncio.to_thread(self._files.summarize, files, for_seconds=_BATCH_SECONDS):
            summaries.update({one.id: one for one in results if isinstance(one, Summary)})
        return tuple(
            SearchHit(
                summary=summaries[passage.conversation_id],
                message_id=passage.message_id,
                before=passage.before,
                match=passage.match,
                after=passage.after,
            )
            for passage in passages
            if passage.conversation_id in summaries
        )

    async def update_index(self) -> IndexState:
        """Reads all that changed since the last search, and returns when ``search`` finds it. Searches go first."""
        index = await self._opened_index()
        found = await asyncio.to_thread(self._files.find)
        while not self._is_closed:
            self.index_state = await asyncio.to_thread(
                index.refresh, found, for_seconds=_INDEX_BATCH_SECONDS, gives_way=True
            )
            if self.index_state.is_complete:
                break
        return self.index_state

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        """For a conversation that is not open: an open one is renamed by its owner, who saves it."""
        if log := self._logs.get(conversation_id):
            title = renamed(log.conversation, title).title
            await log.keep(ChangedTitle(title=title, at=self._now()), durable=True)
            return log.conversation

        def read_and_write() -> Conversation:
            changed = renamed(self._files.read(conversation_id), title)
            self._files.write(changed, wished=self.format, sync=True)
            return changed

        return await asyncio.shield(self._started(self._alone(conversation_id, "rename", read_and_write)))

    async def pin(self, conversation_id: str, *, is_pinned: bool) -> Conversation:
        """Whether it stands first in lists; for a conversation that is not open, as ``rename``."""

        def with_pin(conversation: Conversation) -> Conversation:
            return with_control(conversation, replace(conversation.control, is_pinned=is_pinned))

        if log := self._logs.get(conversation_id):
            control = with_pin(log.conversation).control
            await log.keep(ChangedControl(control=control, at=self._now()), durable=True)
            return log.conversation

        def read_and_write() -> Conversation:
            changed = with_pin(self._files.read(conversation_id))
            self._files.write(changed, wished=self.format, sync=True)
            return changed

        return await asyncio.shield(self._started(self._alone(conversation_id, "pin", read_and_write)))

    async def delete(self, conversation_id: str) -> Deleted:
        """Moves it into the trash and returns the token for ``undo_delete``.

        A conversation that another chinwag has open is not deleted: ``Failure``. Its log, if there is one, is closed.
        """
        await self.close_log(conversation_id)

        def move() -> Deleted:
            return self._files.delete(conversation_id)

        return await asyncio.shield(self._started(self._alone(conversation_id, "delete", move)))

    async def undo_delete(self, deleted: Deleted) -> None:
        def move_back() -> None:
            self._files.undelete(deleted)

        await asyncio.shield(self._started(self._alone(deleted.id, "bring back", move_back)))

    async def empty_trash(self, now: datetime) -> int:
        """Removes for good what has been in the trash for 30 days; returns how many files went.

        What was attached goes with the last conversation that names it.
        """

        def empty() -> int:
            removed = self._files.empty_trash(now)
            return removed + collect_attachments_daily(self._places, now=now, is_due=removed > 0)

        return await asyncio.to_thread(empty)

    def new_log(
        self,
        conversation: Conversation,
        *,
        tell: Callable[[LogEvent], None] | None = None,
        times: LogTimes | None = None,
    ) -> ConversationLog:
        """The log of a conversation that is not on the disk yet, and is not before something happens to it.

        Whoever takes it over may put another listener into its ``tell``.
        """
        return self._adopted(
            ConversationLog(
                conversation,
                path=self._files.journal_path(conversation.id),
                write_document=self._write_document,
                make_ready=lambda: self._hold_for_log(conversation.id),
                tell=tell or _unheard,
                now=self._now,
                times=times or LogTimes(),
            )
        )

    async def open_log(
        self, conversation_id: str, *, tell: Callable[[LogEvent], None] | None = None, times: LogTimes | None = None
    ) -> ConversationLog | None:
        """The conversation to be gone on with; None: somebody else writes it, so ``follow`` it.

        ``log.damage`` says what could not be read; it is kept beside the journal. Raises as ``load`` does. The lock is
        held until ``close_log`` or ``aclose``. Where the disk refuses even that, ``log.refusal`` says why, and what
        happens is in memory only until the disk takes it.
        """
        if conversation_id in self._logs:
            return self._logs[conversation_id]
        held, taken = self._held.get(conversation_id), None
        if held is None or not held.is_held:
            try:
                taken = await self.hold(conversation_id)
            except Failure as refusal:
                return await self._opened_without_lock(conversation_id, refusal, tell=tell, times=times)
            if taken is None:
                return None
        try:
            async with self._turn(conversation_id):
                kept, journal = await asyncio.to_thread(self._files.open_journal, conversation_id)
        except BaseException:
            if taken is not None:
                taken.release()
            raise
        return self._adopted(
            ConversationLog(
                kept.conversation,
                path=self._files.journal_path(conversation_id),
                write_document=self._write_document,
                make_ready=lambda: self._hold_for_log(conversation_id),
                tell=tell or _unheard,
                now=self._now,
                times=times or LogTimes(),
                sequence=kept.sequence,
                document_bytes=kept.document_bytes,
                journal=journal,
                has_unknown_kinds=kept.has_unknown_kinds,
                damage=kept.damage,
            )
        )

    async def _opened_without_lock(
        self,
        conversation_id: str,
        refusal: Failure,
        *,
        tell: Callable[[LogEvent], None] | None,
        times: LogTimes | None,
    ) -> ConversationLog:
        """On a disk that takes nothing, such as a read-only one: all of it can be read and gone on with in memory."""
        async with self._turn(conversation_id):
            found = await asyncio.to_thread(self._files.stamp_all, conversation_id)
            kept = await asyncio.to_thread(self._files.read_kept, conversation_id)
        is_ready = False

        async def make_ready() -> JournalFile | None:
            nonlocal is_ready
            await self._hold_for_log(conversation_id)
            if is_ready:
                return None
            try:
                async with self._turn(conversation_id):
                    journal = await asyncio.to_thread(self._files.open_journal_as_found, conversation_id, found)
            except Failure:
                self._release(conversation_id)
                raise
            is_ready = True
            return journal

        return self._adopted(
            ConversationLog(
                kept.conversation,
                path=self._files.journal_path(conversation_id),
                write_document=self._write_document,
                make_ready=make_ready,
                tell=tell or _unheard,
                now=self._now,
                times=times or LogTimes(),
                sequence=kept.sequence,
                document_bytes=kept.document_bytes,
                has_unknown_kinds=kept.has_unknown_kinds,
                damage=kept.damage,
                refusal=refusal,
            )
        )

    async def close_log(self, conversation_id: str) -> None:
        """Returns when all of it is on the disk, as far as the disk allows. The lock stays held."""
        log = self._logs.get(conversation_id)
        if log is not None:
            await asyncio.shield(self._started(log.aclose()))

    async def let_go(self, conversation_id: str) -> None:
        """``close_log``, and somebody else may write the conversation."""
        await self.close_log(conversation_id)
        self._release(conversation_id)

    def follow(self, conversation_id: str) -> AsyncGenerator[Followed, None]:
        """The conversation as it is, and then what happens to it, for as long as it is there and somebody listens.

        See ``follow.follow``; close it with ``aclosing``.
        """
        return follow(
            conversation_id,
            path=self._files.journal_path(conversation_id),
            read_kept=self._files.read_kept,
            stamp_document=self._files.stamp_document,
        )

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

    async def has_writer(self, conversation_id: str) -> bool:
        """Whether some chinwag has the right to write this conversation. Raises ``Failure``."""
        if conversation_id in self._held:
            return True

        def is_locked() -> bool:
            held = self._take_lock(conversation_id)
            if held is None:
                return True
            held.release()
            return False

        return await asyncio.to_thread(is_locked)

    async def aclose(self) -> None:
        """Returns when every save that was asked for is done and every log is closed, and frees what is held."""
        self._is_closed = True
        for conversation_id in tuple(self._logs):
            await self.close_log(conversation_id)
        while self._at_work:
            await asyncio.wait(self._at_work)
        if self._index is not None:
            await asyncio.to_thread(self._index.close)
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

    async def _opened_index(self) -> SearchIndex:
        if self._index is None:
            # SQLite is not loaded before somebody searches.
            kind = await asyncio.to_thread(_index_kind)
            self._index = self._index or kind(
                self._places.index_file, folder=self._places.conversations, read=self._files.peek
            )
        return self._index

    async def _index_the_rest(self) -> None:
        try:
            await self.update_index()
        finally:
            self._indexing = None

    def _adopted(self, log: ConversationLog) -> ConversationLog:
        self._logs[log.id] = log
        log.on_closed = lambda: self._closed(log)
        return log

    def _closed(self, log: ConversationLog) -> None:
        if self._logs.get(log.id) is log:
            del self._logs[log.id]

    async def _hold_for_log(self, conversation_id: str) -> None:
        held = self._held.get(conversation_id)
        if held is not None and await asyncio.to_thread(held.is_in_place):
            return
        self._release(conversation_id)
        try:
            taken = await self.hold(conversation_id)
        except LockRefused as refusal:
            raise Failure("cannot save the conversation", refusal.message, refusal.advice) from refusal
        if taken is None:
            raise Failure("cannot save the conversation", "it is open in another chinwag", "close it there")

    def _release(self, conversation_id: str) -> None:
        held = self._held.pop(conversation_id, None)
        if held is not None:
            held.release()

    async def _write_document(self, conversation: Conversation, sequence: int) -> Saved:
        async with self._turn(conversation.id):
            return await asyncio.to_thread(
                self._files.write, conversation, wished=self.format, sync=True, sequence=sequence
            )

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


def _unheard(_event: LogEvent) -> None:
    """For a log whose listener comes later."""


def _index_kind() -> type[SearchIndex]:
    from tui.storage.index import SearchIndex

    return SearchIndex


def _refusal_of(folder: Path) -> Failure | None:
    """Of the folder, or of the one above it in which it would be made."""
    wished = folder
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if folder == wished and folder.stat().st_uid != os.geteuid():
            because, advice = "it belongs to somebody else", "start chinwag as its owner, or name another folder"
            return InMemoryOnly(f"conversations cannot be kept in {folder}", because, advice)
        if not os.access(folder, os.W_OK | os.X_OK):
            number = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(number, os.strerror(number))
    except OSError as error:
        because = (error.strerror or str(error)).lower()
        advice = "make it writable, or name another folder with CHINWAG_DATA_DIR"
        return InMemoryOnly(f"conversations cannot be kept in {folder}", because, advice)
    return None


def _release_what_nobody_took(taking: asyncio.Task[Held | None]) -> None:
    if not taking.cancelled() and taking.exception() is None and (held := taking.result()) is not None:
        held.release()
