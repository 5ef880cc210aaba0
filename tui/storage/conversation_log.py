"""One conversation on disk while it is open for writing: what happens is in its journal before it is shown.

Threads touch the disk; everything else is on the event loop and waits for nothing but them. A record is written as soon
as it is given, and a write never waits for a sync: the two run side by side.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.storage.conversation_files import Saved
from tui.storage.disk_failures import disk_failure
from tui.storage.journal import JournalFile, make_lasting_folder, move_aside
from tui.storage.records import Began, Event, GrownAnswer, encode_line
from tui.storage.replay import ConversationBuilder, Damage

OUTGROWN_BYTES = 1024 * 1024
"""A journal of this size, and larger than its document, is turned into one while it is still written."""

_TITLE = "cannot save the conversation"
_ALWAYS_PAYS_BYTES = 4 * 1024 * 1024
_PAYS_FROM = 1 / 16


@dataclass(frozen=True, slots=True)
class SavingRefused:
    """The disk took nothing from here on: it is kept in memory, in its order, and tried again."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class SavingResumed:
    """All that was kept in memory is in the file."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Files that were not as this program left them, under the names that they have now."""

    paths: tuple[Path, ...]


LogEvent = SavingRefused | SavingResumed | SetAside
WriteDocument = Callable[[Conversation, int], Awaitable[Saved]]
"""Replaces the document by one that holds everything up to the record of that number, on the disk when it returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTimes:
    sync_seconds: float = 0.8
    """A part of an answer is on the disk after that, and the time that the disk takes."""
    retry_seconds: float = 5.0
    idle_seconds: float = 10.0
    """After that long without an event the document is written."""


@dataclass(slots=True, kw_only=True)
class _Waiting:
    sequence: int
    line: bytes
    is_durable: bool
    over: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


class ConversationLog:
    """See the module. Made by ``Shelf.new_log`` and ``Shelf.open_log``, for the holder of the conversation's lock."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        path: Path,
        write_document: WriteDocument,
        make_ready: Callable[[], Awaitable[JournalFile | None]],
        tell: Callable[[LogEvent], None],
        now: Callable[[], datetime],
        times: LogTimes,
        sequence: int = 0,
        document_bytes: int = 0,
        journal: JournalFile | None = None,
        has_unknown_kinds: bool = False,
        damage: Damage | None = None,
        refusal: Failure | None = None,
    ) -> None:
        """``make_ready`` makes sure, before anything is written, that nobody else writes; it raises ``Failure``.

        It gives the journal to go on with, where one is there that could not be opened before.
        """
        self._builder = ConversationBuilder(conversation)
        self.sequence = sequence
        """The number of the last event."""
        self.damage = damage or Damage()
        """What could not be read when it was opened."""
        self.refusal = refusal
        """Why the disk takes nothing, as far as that showed when it was opened."""
        self.failure: Failure | None = None
        """Why something is in memory only."""
        self._path = path
        self._write_document = write_document
        self._make_ready = make_ready
        self.tell = tell
        """Hears of the disk."""
        self.on_closed: Callable[[], None] = lambda: None
        self._now = now
        self._times = times
        self._document_bytes = document_bytes
        self._journal = journal
        self._has_unknown_kinds = has_unknown_kinds
        # What the next journal goes on from: the conversation as the document has it.
        self._before = Began.of(conversation)
        self._before_sequence = sequence
        self._has_records = journal is not None
        self._needs_document = journal is None and document_bytes == 0 and bool(conversation.messages)
        self._pending: deque[_Waiting] = deque()
        self._unsynced: list[_Waiting] = []
        self._since_snapshot: list[bytes] | None = None
        self._is_dirty = False
        self._is_closed = False
        self._closing: asyncio.Task[None] | None = None
        self._file_turn = asyncio.Lock()
        self._sync_turn = asyncio.Lock()
        self._document_turn = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self._syncer: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._sync_timer: asyncio.TimerHandle | None = None
        self._retry_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None

    @property
    def id(self) -> str:
        return self._before.id

    @property
    def conversation(self) -> Conversation:
        """After every event that was given."""
        return self._builder.build()

    @property
    def title(self) -> str:
        """Of this moment."""
        return self._builder.title

    @property
    def model(self) -> str:
        """Of this moment."""
        return self._builder.model

    @property
    def is_unsaved(self) -> bool:
        """Something is in memory only, since the disk refused it."""
        return self.failure is not None

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────

    def append(self, event: Event, *, durable: bool = False) -> asyncio.Future[None]:
        """Takes the event, now and in this order. The future is done when it is in the file, and on the disk with
        ``durable``, or when the disk refused it: then it is kept in memory, ``is_unsaved`` says so, and it is tried again.

        Wait for the future through ``keep`` or ``asyncio.shield``. Raises ``ValueError`` for an event that cannot
        happen to this conversation, and ``Failure`` for one that cannot be written or comes after ``aclose``.
        """
        if self._is_closed:
            raise Failure("nothing was kept", "this conversation is closed", "open it again")
        if refusal := self._builder.refusal(event):
            raise ValueError(refusal)
        if isinstance(event, GrownAnswer):
            event = replace(event, after=self._builder.length_of(event.message_id))
        line = encode_line(self.sequence + 1, event)
        self._builder.apply(event)
        self.sequence += 1
        waiting = _Waiting(sequence=self.sequence, line=line, is_durable=durable)
        self._pending.append(waiting)
        if self._since_snapshot is not None:
            self._since_snapshot.append(line)
        if self.failure is not None and not durable:
            waiting.end()
        else:
            self._write_soon()
        self._idle_timer = self._set_timer(self._idle_timer, self._times.idle_seconds, self._keep_document_soon)
        return waiting.over

    async def keep(self, event: Event, *, durable: bool = False) -> None:
        """``append``, and waits. A caller that is cancelled takes nothing with it."""
        await asyncio.shield(self.append(event, durable=durable))

    async def settled(self) -> None:
        """Returns when all that was given is on the disk, or the disk refused it."""
        while _is_at_work(self._writer) or _is_at_work(self._syncer) or self._is_dirty:
            if self._writer is not None and not self._writer.done():
                await asyncio.wait({self._writer})
            elif self._syncer is not None and not self._syncer.done():
                await asyncio.wait({self._syncer})
            elif self._needs_document:
                return
            else:
                self._sync_soon()

    async def checkpoint(self) -> None:
        """Writes the document now, and the journal anew. Raises ``Failure``; the journal then holds what it held."""
        if not self._has_unknown_kinds or self._needs_document:
            await asyncio.shield(self._started(self._checkpoint()))

    async def aclose(self) -> None:
        """Returns when all is on the disk, as far as the disk allows; ``is_unsaved`` says what became of it.

        Again, it tries again what was refused.
        """
        self._is_closed = True
        if self._closing is None or (self._closing.done() and self.is_unsaved):
            self._closing = self._started(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._stop_timers()
        if self._keeper is not None:
            await asyncio.wait({self._keeper})
        if self.failure is not None:
            self._write_soon()
        await self.settled()
        self._stop_timers()
        if self._pays():
            # The journal holds it all already; what it does not hold was told.
            with suppress(Failure):
                await self.checkpoint()
        if self._journal is not None:
            self._journal.close()
        self.on_closed()

    # ── into the file ────────────────────────────────────────────────────────────────────────────────────────────

    def _write_soon(self) -> None:
        if not _is_at_work(self._writer):
            self._writer = self._started(self._write_pending())

    async def _write_pending(self) -> None:
        try:
            while self._pending or self._needs_document:
                if self._needs_document:
                    await self._checkpoint()
                else:
                    await self._write_batch()
            self._resume()
        except Failure as failure:
            self._refuse(failure)
        except Exception as error:
            self._refuse(_own_fault(error))
            raise
        finally:
            self._writer = None

    async def _write_batch(self) -> None:
        """Raises ``Failure`` for what the disk did not take; it stays pending."""
        async with self._file_turn:
            batch = tuple(self._pending)
            if self._journal is None:
                await self._get_ready()
            count, error, aside = await asyncio.to_thread(self._put_into_file, [one.line for one in batch])
            if count:
                self._written(batch[:count])
        if aside is not None:
            self.tell(SetAside((aside,)))
        if error is not None:
            raise disk_failure(error, _TITLE) from error

    async def _get_ready(self) -> None:
        journal = await self._make_ready()
        if journal is not None:
            self._journal, self._has_records = journal, True

    def _put_into_file(self, lines: list[bytes]) -> tuple[int, OSError | None, Path | None]:
        """In a thread: how many are in the file, what the system said to the next, and what stood in the way."""
        aside = None
        if self._journal is None:
            try:
                make_lasting_folder(self._path.parent)
                if os.path.lexists(self._path):
                    aside = move_aside(self._path, self.id, now=self._now())
                head = encode_line(self._before_sequence, self._before)
                self._journal = JournalFile.create(self._path, [head, *lines], sync=False)
            except OSError as error:
                return 0, error, aside
            return len(lines), None, aside
        if not self._journal.is_as_it_was_left():
            self._needs_document = True
            return 0, None, None
        return *self._journal.append(lines), None

    def _written(self, batch: tuple[_Waiting, ...]) -> None:
        self._is_dirty = self._has_records = True
        for waiting in batch:
            self._pending.popleft()
            if waiting.is_durable:
                self._unsynced.append(waiting)
            else:
                waiting.end()
        if self._unsynced:
            self._sync_soon()
        elif self._sync_timer is None:
            self._sync_timer = asyncio.get_running_loop().call_later(self._times.sync_seconds, self._sync_soon)
        if self._journal is not None and self._journal.length_bytes > max(OUTGROWN_BYTES, self._document_bytes):
            self._keep_document_soon()

    # ── onto the disk ────────────────────────────────────────────────────────────────────────────────────────────

    def _sync_soon(self) -> None:
        if self._sync_timer is not None:
            self._sync_timer.cancel()
            self._sync_timer = None
        if not _is_at_work(self._syncer):
            self._syncer = self._started(self._sync())

    async def _sync(self) -> None:
        try:
            while self._is_dirty:
                async with self._sync_turn:
                    if self._needs_document:
                        return
                    batch, self._unsynced, self._is_dirty = self._unsynced, [], False
                    try:
                        if self._journal is not None:
                            await asyncio.to_thread(self._journal.sync)
                    except OSError as error:
                        # What the system could not write it may have dropped; a second try would say that all is well.
                        self._unsynced = [*batch, *self._unsynced]
                        self._needs_document = self._is_dirty = True
                        self._refuse(disk_failure(error, _TITLE), is_over=False)
                        self._write_soon()
                        return
                for waiting in batch:
                    waiting.end()
        finally:
            self._syncer = None

    # ── into the document ────────────────────────────────────────────────────────────────────────────────────────

    def _pays(self) -> bool:
        """Whether the journal is worth a new document: a large one is not written again for a few lines."""
        if self._has_unknown_kinds or not (self._has_records or self._needs_document):
            return False
        journal_bytes = 0 if self._journal is None else self._journal.length_bytes
        return self._document_bytes <= _ALWAYS_PAYS_BYTES or journal_bytes >= self._document_bytes * _PAYS_FROM

    def _keep_document_soon(self) -> None:
        if not _is_at_work(self._keeper) and self._pays() and self.failure is None:
            self._keeper = self._started(self._keep_document())

    async def _keep_document(self) -> None:
        """By itself: what is refused is in the journal, so nothing is lost, and the next time comes."""
        try:
            with suppress(Failure):
                await self._checkpoint()
        finally:
            self._keeper = None

    async def _checkpoint(self) -> None:
        async with self._document_turn:
            async with self._file_turn:
                conversation, sequence = self._builder.build(), self.sequence
                self._since_snapshot = []
            try:
                await self._get_ready()
                saved = await self._write_document(conversation, sequence)
                self._document_bytes = saved.size_bytes
                async with self._sync_turn, self._file_turn:
                    taken = self._take_what_is_in_document(sequence)
                    try:
                        await self._change_journal(conversation, sequence)
                        self._resume()
                    finally:
                        for waiting in taken:
                            waiting.end()
            finally:
                self._since_snapshot = None
        if saved.set_aside:
            self.tell(SetAside(saved.set_aside))

    def _take_what_is_in_document(self, sequence: int) -> list[_Waiting]:
        """What the document holds needs no journal."""
        taken: list[_Waiting] = []
        while self._pending and self._pending[0].sequence <= sequence:
            taken.append(self._pending.popleft())
        taken += [waiting for waiting in self._unsynced if waiting.sequence <= sequence]
        self._unsynced = [waiting for waiting in self._unsynced if waiting.sequence > sequence]
        return taken

    async def _change_journal(self, conversation: Conversation, sequence: int) -> None:
        """A journal of what came since the document was begun; none when nothing did."""
        lines, head = list(self._since_snapshot or ()), Began.of(conversation)
        try:
            journal, aside = await asyncio.to_thread(self._replace_file, encode_line(sequence, head), lines)
        except OSError as error:
            if not self._needs_document:
                return  # The one that is there goes on: nothing in it counts twice.
            raise disk_failure(error, _TITLE) from error
        if self._journal is not None:
            self._journal.close()
        self._journal, self._before, self._before_sequence = journal, head, sequence
        self._needs_document = self._has_unknown_kinds = self._is_dirty = False
        self._has_records = journal is not None
        if lines:
            # What came meanwhile is in the new file, as far as it was given before this moment.
            newer = self.sequence - (sequence + len(lines))
            self._written(tuple(self._pending)[: len(self._pending) - newer])
            self._sync_soon()
        if aside is not None:
            self.tell(SetAside((aside,)))

    def _replace_file(self, head: bytes, lines: list[bytes]) -> tuple[JournalFile | None, Path | None]:
        aside = None
        is_ours = self._journal is not None and self._journal.is_as_it_was_left() and not self._has_unknown_kinds
        if not is_ours and os.path.lexists(self._path):
            aside = move_aside(self._path, self.id, now=self._now())
        if lines:
            return JournalFile.create(self._path, [head, *lines], sync=True), aside
        self._path.unlink(missing_ok=True)
        return None, aside

    # ── when the disk refuses ────────────────────────────────────────────────────────────────────────────────────

    def _refuse(self, failure: Failure, *, is_over: bool = True) -> None:
        is_news = self.failure is None
        self.failure = failure
        if is_over:
            for waiting in (*self._pending, *self._unsynced):
                waiting.end()
            if not self._is_closed:
                self._retry_timer = self._set_timer(self._retry_timer, self._times.retry_seconds, self._write_soon)
        if is_news:
            self.tell(SavingRefused(failure))

    def _resume(self) -> None:
        if self.failure is not None and not self._pending and not self._needs_document:
            self.failure = None
            self.tell(SavingResumed())

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _set_timer(
        self, before: asyncio.TimerHandle | None, seconds: float, call: Callable[[], None]
    ) -> asyncio.TimerHandle:
        if before is not None:
            before.cancel()
        return asyncio.get_running_loop().call_later(seconds, call)

    def _stop_timers(self) -> None:
        for timer in (self._sync_timer, self._retry_timer, self._idle_timer):
            if timer is not None:
                timer.cancel()
        self._sync_timer = None

    def _started(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # Never eagerly, whatever the loop is set to: at its end a task forgets itself, so it has to be known by then.
        task = asyncio.Task(work, loop=asyncio.get_running_loop(), name="keeping a conversation")
        task.add_done_callback(_report_fault)
        return task


def _is_at_work(task: asyncio.Task[None] | None) -> bool:
    """One that was cancelled before it began has had no turn to say that it is over."""
    return task is not None and not task.done()


def _report_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, Failure):
        task.get_loop().call_exception_handler({"message": "a fault while keeping a conversation", "exception": error})


def _own_fault(error: Exception) -> Failure:
    return Failure(
        _TITLE,
        f"a fault in chinwag: {type(error).__name__}: {error}",
        "it is tried again by itself; copy what you need",
    )
