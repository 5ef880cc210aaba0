"""A conversation that somebody else writes, watched as it grows."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tui.conversations.values import Conversation, MessageState
from tui.storage.journal import scan
from tui.storage.kept import Kept
from tui.storage.records import Began, BegunAnswer, EndedAnswer, Event, UnknownKind
from tui.storage.replay import ConversationBuilder
from tui.storage.summaries import Stamp

POLL_SECONDS = 0.05
_WHILE_ANSWERING, _WHILE_NOT = ((10.0, 0.25),), ((10.0, 1.5), (1.0, 0.5))
"""After so long without news, so long between two looks."""
_READ_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole conversation: the first thing that is told, and again where single events are not to be had."""

    conversation: Conversation
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event, as its writer gave it to the log."""

    event: Event
    sequence: int


Followed = Snapshot | Happened


async def follow(
    conversation_id: str,
    *,
    path: Path,
    read_kept: Callable[[str], Kept],
    stamp_document: Callable[[str], tuple[Stamp, ...]],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[Followed, None]:
    """Yields a ``Snapshot``, then what happens, for ever. ``path`` is the journal's.

    Looks each ``POLL_SECONDS``, and less often when nothing happened for a while. Raises ``FileMissing`` when the
    conversation is gone, and ``Failure`` when it cannot be read.
    """
    follower = _Follower(conversation_id, path, read_kept, stamp_document)
    quiet_seconds, pause_seconds, is_answering = 0.0, POLL_SECONDS, False
    try:
        while True:
            news = await asyncio.to_thread(follower.look)
            for one in news:
                is_answering = _is_answering_after(one, is_answering)
                yield one
            quiet_seconds = 0.0 if news else quiet_seconds + pause_seconds
            less_often = _WHILE_ANSWERING if is_answering else _WHILE_NOT
            pause_seconds = next((pause for after, pause in less_often if quiet_seconds >= after), POLL_SECONDS)
            await sleep(pause_seconds)
    finally:
        follower.close()


def _is_answering_after(one: Followed, before: bool) -> bool:
    if isinstance(one, Snapshot):
        return any(message.state is MessageState.answering for message in one.conversation.messages)
    match one.event:
        case BegunAnswer():
            return True
        case EndedAnswer():
            return False
        case _:
            return before


class _Follower:
    """Blocks; for one thread at a time."""

    def __init__(
        self,
        conversation_id: str,
        path: Path,
        read_kept: Callable[[str], Kept],
        stamp_document: Callable[[str], tuple[Stamp, ...]],
    ) -> None:
        self._id = conversation_id
        self._path = path
        self._read_kept = read_kept
        self._stamp_document = stamp_document
        self._builder: ConversationBuilder | None = None
        self._sequence = 0
        self._document: tuple[Stamp, ...] = ()
        self._descriptor = -1
        self._offset = 0

    def look(self) -> list[Followed]:
        """What is new since the last look."""
        document = self._stamp_document(self._id)
        if self._builder is None:
            self._document = document
            self._reopen_when_replaced()
            return self._snapshot()
        news, misses_some = self._read_on()
        has_changed = self._reopen_when_replaced()
        if has_changed and not misses_some:
            more, misses_some = self._read_on()
            news += more
        if misses_some or has_changed or document != self._document:
            # A new document begins a new journal; what was between the two may be in the document only.
            self._document = document
            news += self._snapshot()
        return news

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _snapshot(self) -> list[Followed]:
        kept = self._read_kept(self._id)
        if self._builder is not None and (
            kept.sequence < self._sequence
            or (kept.sequence == self._sequence and kept.conversation == self._builder.build())
        ):
            return []
        self._builder = ConversationBuilder(kept.conversation)
        self._sequence = kept.sequence
        return [Snapshot(conversation=kept.conversation, sequence=kept.sequence)]

    def _read_on(self) -> tuple[list[Followed], bool]:
        """The whole lines that came, and whether something before the next one is missing.

        A line that is being written is read when it has its end.
        """
        data = self._read()
        end = data.rfind(b"\n") + 1
        news: list[Followed] = []
        for record in scan(data[:end]).records:
            is_head = isinstance(record.value, Began)
            if record.sequence > self._sequence + (0 if is_head else 1):
                return news, True
            if is_head or record.sequence <= self._sequence or self._builder is None:
                continue
            self._sequence = record.sequence
            if not isinstance(record.value, UnknownKind | Began):
                self._builder.apply(record.value)
                news.append(Happened(event=record.value, sequence=record.sequence))
        self._offset += end
        return news, False

    def _read(self) -> bytes:
        parts: list[bytes] = []
        place = self._offset
        while self._descriptor >= 0 and (part := os.pread(self._descriptor, _READ_BYTES, place)):
            parts.append(part)
            place += len(part)
        return b"".join(parts)

    def _reopen_when_replaced(self) -> bool:
        """Whether another file has the journal's name now, or the file became shorter; it is then read from its start."""
        try:
            named = os.lstat(self._path)
        except OSError:
            had_one = self._descriptor >= 0
            self.close()
            return had_one
        if self._descriptor >= 0:
            opened = os.fstat(self._descriptor)
            if os.path.samestat(named, opened) and opened.st_size >= self._offset:
                return False
        self.close()
        self._offset = 0
        if stat.S_ISREG(named.st_mode):
            with suppress(OSError):
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        return True
