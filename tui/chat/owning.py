"""What other chinwags ask of the conversations that are written here: end the answer, or let go of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from tui.chat.faults import report_fault_of
from tui.chat.session import Session
from tui.failures import Failure
from tui.storage.control import Request

LOOK_SECONDS = 0.2
"""While an answer runs, which is when somebody is in a hurry."""
IDLE_LOOK_SECONDS = 2.0


class Owner:
    """Looks for requests while there is a conversation that somebody else could want; ``close`` ends that."""

    def __init__(
        self,
        *,
        sessions: Callable[[], Mapping[str, Session]],
        take_requests: Callable[[Collection[str]], Sequence[tuple[str, Request]]],
        hand_over: Callable[[Session], Awaitable[None]],
        report: Callable[[Failure], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``take_requests`` blocks and is called in a thread; ``hand_over`` raises ``Failure``."""
        self._sessions = sessions
        self._take_requests = take_requests
        self._hand_over = hand_over
        self._report = report
        self._sleep = sleep
        self._leaving: set[str] = set()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._looking = asyncio.create_task(self._look(), name="looking for what other chinwags ask")
        self._looking.add_done_callback(report_fault_of)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    async def _look(self) -> None:
        while True:
            answering = any(session.is_answering for session in self._sessions().values())
            await self._sleep(LOOK_SECONDS if answering else IDLE_LOOK_SECONDS)
            owned = {key: session for key, session in self._sessions().items() if _can_be_wanted(session)}
            if not owned:
                continue
            for key, request in await asyncio.to_thread(self._take_requests, frozenset(owned)):
                if request is Request.stop:
                    owned[key].stop()
                else:
                    self._leaving.add(key)
            for key in tuple(self._leaving):
                await self._let_go_of(key)

    async def _let_go_of(self, key: str) -> None:
        session = self._sessions().get(key)
        if session is not None and session.is_answering:
            return
        self._leaving.discard(key)
        if session is None or session.is_read_only:
            return
        try:
            await self._hand_over(session)
        except Failure as failure:
            self._report(failure)


def _can_be_wanted(session: Session) -> bool:
    return not (session.is_read_only or session.is_private or session.is_empty)
