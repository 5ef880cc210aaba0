"""How what happens in a session gets into its log, and how a disk that refuses or falls behind is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tui.chat.events import SavedAgain, SavingFailed
from tui.chat.faults import report_fault
from tui.failures import Failure
from tui.storage.conversation_log import LogEvent, SavingRefused, SavingResumed, SetAside
from tui.storage.records import Event

FALLS_BEHIND = Failure("this is not saved yet", "the disk does not answer", "it is kept in memory until it does")


class Log(Protocol):
    """What a session writes to. ``storage.conversation_log.ConversationLog`` is one, ``NothingKept`` another."""

    tell: Callable[[LogEvent], None]
    """Hears of the disk."""

    @property
    def title(self) -> str:
        """As the log has it."""
        ...

    @property
    def model(self) -> str:
        """As the log has it."""
        ...

    @property
    def is_unsaved(self) -> bool:
        """Something is in memory only, since the disk refused it; the log tries again by itself."""
        ...

    def append(self, event: Event, *, durable: bool = False) -> asyncio.Future[None]:
        """Takes the event, in this order. The future is done when the disk has it or refused it.

        Raises ``ValueError`` for an event that cannot happen, ``Failure`` for one that cannot be written.
        """
        ...

    async def settled(self) -> None:
        """Returns when the disk has all that was given, or refused it."""
        ...

    async def aclose(self) -> None: ...


class NothingKept:
    """The log of a conversation that leaves nothing behind, or that somebody else writes."""

    is_unsaved = False

    def __init__(self) -> None:
        self.tell: Callable[[LogEvent], None] = lambda _event: None

    title = ""
    model = ""

    def append(self, event: Event, *, durable: bool = False) -> asyncio.Future[None]:
        return _done()

    async def settled(self) -> None:
        return

    async def aclose(self) -> None:
        return


class Keeper:
    """Gives events to the log, and tells the session's listeners when what they see is in memory only.

    That is told once, however it came about: refused by the disk, or with the disk for longer than
    ``behind_seconds``. That it is over is told as well.
    """

    def __init__(
        self,
        log: Log,
        *,
        tell: Callable[[SavingFailed | SavedAgain], None],
        set_aside: Callable[[tuple[Path, ...]], None],
        show_patience_seconds: float,
        behind_seconds: float,
    ) -> None:
        self._log = log
        self._tell = tell
        self._set_aside = set_aside
        self._show_patience_seconds = show_patience_seconds
        self._behind_seconds = behind_seconds
        self._is_refused = log.is_unsaved
        self._is_behind = False
        self._is_told = False
        self._under_way: dict[asyncio.Future[None], float] = {}
        self._overtaken: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        log.tell = self._heard

    @property
    def is_unsaved(self) -> bool:
        """Something that was told is in memory only."""
        return self._is_refused or self._is_behind

    @property
    def title(self) -> str:
        return self._log.title

    @property
    def model(self) -> str:
        return self._log.model

    def keep(self, event: Event, *, durable: bool = False) -> asyncio.Future[None]:
        """Done when the disk has the event or refused it; nothing is raised. Wait for it through ``asyncio.wait``."""
        if self._is_closed:
            return _done()
        try:
            over = self._log.append(event, durable=durable)
        except Failure as failure:
            self._refused(failure)
            return _done()
        except ValueError as error:
            # The session and its log do not agree on what there is: a fault, and no reason to lose the answer.
            report_fault(error, during="keeping a conversation")
            self._refused(_own_fault(error))
            return _done()
        if not over.done():
            self._watch(over)
        return over

    async def keep_before_it_is_shown(self, event: Event) -> None:
        """Waits for the disk, but only so long, and not at all while something older still waits."""
        kept = self.keep(event)
        if kept.done() or (self._overtaken is not None and not self._overtaken.done()):
            return
        await asyncio.wait({kept}, timeout=self._show_patience_seconds)
        self._overtaken = None if kept.done() else kept

    async def settled(self) -> None:
        await self._log.settled()

    async def close(self) -> None:
        """Waits for what was given, tries once more what was refused, and takes nothing from then on."""
        if self._is_closed:
            return
        self._is_closed = True
        await self._log.aclose()
        if self._timer is not None:
            self._timer.cancel()

    def _heard(self, event: LogEvent) -> None:
        match event:
            case SavingRefused(failure=failure):
                self._refused(failure)
            case SavingResumed():
                self._is_refused = False
                self._tell_when_over()
            case SetAside(paths=paths):
                self._set_aside(paths)

    def _refused(self, failure: Failure) -> None:
        self._is_refused = True
        self._tell_once(failure)

    def _watch(self, over: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        self._under_way[over] = loop.time()
        over.add_done_callback(self._arrived)
        if self._timer is None:
            self._timer = loop.call_later(self._behind_seconds, self._look)

    def _arrived(self, over: asyncio.Future[None]) -> None:
        self._under_way.pop(over, None)
        if self._under_way:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_behind:
            self._is_behind = False
            self._tell_when_over()

    def _look(self) -> None:
        self._timer = None
        oldest = next(iter(self._under_way.values()), None)
        if oldest is None:
            return
        loop = asyncio.get_running_loop()
        rest_seconds = oldest + self._behind_seconds - loop.time()
        if rest_seconds > 0:
            self._timer = loop.call_later(rest_seconds, self._look)
        elif not self.is_unsaved:
            self._is_behind = True
            self._tell_once(FALLS_BEHIND)

    def _tell_once(self, failure: Failure) -> None:
        if not self._is_told:
            self._is_told = True
            self._tell(SavingFailed(failure))

    def _tell_when_over(self) -> None:
        if self._is_told and not self.is_unsaved:
            self._is_told = False
            self._tell(SavedAgain())


def _done() -> asyncio.Future[None]:
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over.set_result(None)
    return over


def _own_fault(error: Exception) -> Failure:
    return Failure(
        "the conversation could not be saved",
        f"a fault in chinwag: {type(error).__name__}: {error}",
        "copy what you need",
    )
