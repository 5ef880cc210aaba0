"""How a conversation gets to the disk: one save after the other, each of the newest state, again after a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tui.chat.events import SavedAgain, SavingFailed
from tui.chat.faults import report_fault, report_fault_of
from tui.conversations.values import Conversation
from tui.failures import Failure

Save = Callable[[Conversation, bool], Awaitable[None]]
"""Keeps the document. The flag says whether it must outlive the machine, not only the process. Raises ``Failure``."""


@dataclass(slots=True)
class _Round:
    """One save that waits for its turn, and everybody who asked for it."""

    durable: bool = False
    over: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Keeper:
    """Saves ``document()`` as it is when a save begins, so a save that waited never brings back an older state.

    What is asked for while a save runs becomes one more save. A refusal is told once, and the save is tried again each
    ``save_again_seconds`` until it succeeds; that is told, too.
    """

    def __init__(
        self,
        *,
        document: Callable[[], Conversation],
        save: Save,
        tell: Callable[[SavingFailed | SavedAgain], None],
        sleep: Callable[[float], Awaitable[None]],
        save_again_seconds: float,
    ) -> None:
        self._document = document
        self._save = save
        self._tell = tell
        self._sleep = sleep
        self._save_again_seconds = save_again_seconds
        self._next: _Round | None = None
        self._writer: asyncio.Task[None] | None = None
        self._retrying: asyncio.Task[None] | None = None
        self._owes_durable = False
        self._is_closed = False
        self.is_unsaved = False
        """The last save was refused."""

    @property
    def is_busy(self) -> bool:
        """A save is under way."""
        return self._writer is not None

    def soon(self, *, durable: bool) -> asyncio.Future[None]:
        """Asks for a save of the state of this moment or a newer one. Done when it has ended, well or not.

        Several callers may share the future: wait for it through ``now``, which a cancelled caller does not break.
        """
        if self._next is None:
            self._next = _Round()
        asked = self._next
        if self._is_closed:
            self._next = None
            asked.over.set_result(None)
            return asked.over
        asked.durable = asked.durable or durable
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="saving a conversation")
            self._writer.add_done_callback(report_fault_of)
        return asked.over

    async def now(self, *, durable: bool) -> None:
        await asyncio.shield(self.soon(durable=durable))

    async def idle(self) -> None:
        """Returns when no save is under way. What the disk refused may still wait for the next try."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    async def close(self) -> None:
        """Waits for what was asked for, tries once more what was refused, and takes nothing from then on."""
        await self.idle()
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.wait({self._retrying})
        if self.is_unsaved:
            await self.now(durable=True)
        self._is_closed = True

    async def _write(self) -> None:
        try:
            while self._next is not None:
                asked, self._next = self._next, None
                try:
                    await self._save_once(durable=asked.durable or self._owes_durable)
                finally:
                    if not asked.over.done():
                        asked.over.set_result(None)
        finally:
            self._writer = None

    async def _save_once(self, *, durable: bool) -> None:
        try:
            await self._save(self._document(), durable)
        except Failure as failure:
            self._refused(failure, durable=durable)
        except Exception as error:  # noqa: BLE001  whatever it is, the conversation is only in memory, and that is said
            report_fault(error, during="saving a conversation")
            self._refused(_own_fault(error), durable=durable)
        else:
            self._owes_durable = False
            if self.is_unsaved:
                self.is_unsaved = False
                self._tell(SavedAgain())

    def _refused(self, failure: Failure, *, durable: bool) -> None:
        self._owes_durable = self._owes_durable or durable
        if self.is_unsaved:
            return
        self.is_unsaved = True
        self._tell(SavingFailed(failure))
        if self._retrying is None:
            self._retrying = asyncio.create_task(self._try_again(), name="saving a conversation again")
            self._retrying.add_done_callback(report_fault_of)

    async def _try_again(self) -> None:
        try:
            while self.is_unsaved:
                await self._sleep(self._save_again_seconds)
                if self.is_unsaved:
                    await self.now(durable=True)
        finally:
            self._retrying = None


def _own_fault(error: Exception) -> Failure:
    return Failure(
        "the conversation could not be saved",
        f"a fault in chinwag: {type(error).__name__}: {error}",
        "it is tried again by itself; copy what you need",
    )
