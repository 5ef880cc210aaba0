"""When something is drawn that changes more often than anybody could see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class FrameClock:
    """Calls ``draw`` for what was asked for, not more often than every ``interval_seconds`` on the whole.

    Who asks about as often as that is answered at once each time, without a wake-up in between: two may follow each
    other closely after a pause. Nothing runs while nothing is asked for. On the event loop only.
    """

    def __init__(
        self, draw: Callable[[], None], *, interval_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._draw = draw
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._paid_until_seconds = float("-inf")
        """Each drawing pays for an interval; one of them may be paid in advance."""
        self._due: asyncio.TimerHandle | None = None

    @property
    def is_due(self) -> bool:
        """Something was asked for and is not drawn yet."""
        return self._due is not None

    def ask(self) -> None:
        if self._due is not None:
            return
        wait_seconds = self._paid_until_seconds - self._interval_seconds - self._clock()
        if wait_seconds <= 0:
            self._draw_now()
        else:
            self._due = asyncio.get_running_loop().call_later(wait_seconds, self._time_has_come)

    def stop(self) -> None:
        """What was asked for is not drawn any more."""
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _time_has_come(self) -> None:
        self._due = None
        self._draw_now()

    def _draw_now(self) -> None:
        self._paid_until_seconds = max(self._paid_until_seconds, self._clock()) + self._interval_seconds
        self._draw()
