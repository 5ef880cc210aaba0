"""Work for whoever changes their mind while it is done: typing, and a mark that moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from tui.chat.faults import report_fault_of
from tui.failures import Failure

AT_ONCE = 2
"""A disk that hangs holds up so many threads and no more; what is wished next still gets its chance."""

Wish = TypeVar("Wish")
Result = TypeVar("Result")


class Latest(Generic[Wish, Result]):
    """Does what was wished last, once the wishes pause. What an older wish brings is not told to anybody."""

    def __init__(
        self,
        work: Callable[[Wish], Awaitable[Result]],
        *,
        tell: Callable[[Wish, Result], None],
        refused: Callable[[Wish, Failure], None],
        clock: Callable[[], float],
        pause_seconds: float,
    ) -> None:
        """``clock`` gives monotonic seconds. ``look`` is to be called from time to time while ``is_waiting``."""
        self._work = work
        self._tell = tell
        self._refused = refused
        self._clock = clock
        self._pause_seconds = pause_seconds
        self._wish: Wish | None = None
        self._wished_at = float("-inf")
        self._is_begun = True
        self._tasks: dict[asyncio.Task[None], object] = {}
        self._turn: object = None
        """Of the newest wish: whoever has another one is late."""

    def wish(self, wish: Wish | None, *, at_once: bool = False) -> None:
        """Only this from here on, and not what was wished before; None: nothing. ``at_once`` leaves out the pause."""
        self._wish = wish
        self._turn = object()
        self._wished_at = float("-inf") if at_once else self._clock()
        self._is_begun = wish is None

    @property
    def is_waiting(self) -> bool:
        """What was wished last is not begun."""
        return not self._is_begun

    @property
    def is_done(self) -> bool:
        """What was wished last was told; or nothing is wished."""
        return self._is_begun and self._turn not in self._tasks.values()

    @property
    def wished_seconds(self) -> float:
        """How long ago the last wish was."""
        return self._clock() - self._wished_at

    def look(self) -> None:
        """Begins what waits, when it is time."""
        if self._wish is None or self._is_begun or self.wished_seconds < self._pause_seconds:
            return
        if len(self._tasks) >= AT_ONCE:
            return
        self._is_begun = True
        task = asyncio.create_task(self._do(self._wish, self._turn), name="the latest wish")
        self._tasks[task] = self._turn
        task.add_done_callback(self._forget)
        task.add_done_callback(report_fault_of)

    def close(self) -> None:
        """Nothing is told any more."""
        self.wish(None)
        for task in tuple(self._tasks):
            task.cancel()

    async def _do(self, wish: Wish, turn: object) -> None:
        try:
            result = await self._work(wish)
        except Failure as failure:
            if turn is self._turn:
                self._settle()
                self._refused(wish, failure)
            return
        if turn is self._turn:
            self._settle()
            self._tell(wish, result)

    def _settle(self) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._forget(task)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
