"""Time in the demo server: how long things take, and the waiting for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

LONGEST_CATCH_UP_SECONDS = 0.25


class Pace:
    """Waits, divided by ``speed``. Speed 2 is twice as fast; speed 0 waits for nothing but lets other tasks run."""

    def __init__(
        self, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]], speed: float = 1.0
    ) -> None:
        if speed < 0:
            raise ValueError(f"speed is {speed}; 0 means as fast as possible, 1 the models' own speed")
        self.clock = clock
        self._sleep = sleep
        self._speed = speed

    async def wait(self, seconds: float) -> None:
        await self._sleep(seconds / self._speed if self._speed else 0.0)

    def beat(self, per_second: float) -> Beat:
        """A steady rhythm from here on; ``per_second`` 0 is as fast as possible."""
        return Beat(self.clock, self._sleep, per_second * self._speed)


class Beat:
    """Keeps a rate over many waits, so that the clock's coarse steps and the work between them do not add up."""

    def __init__(
        self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]], per_second: float
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._interval_seconds = 1 / per_second if per_second else 0.0
        self._due = clock()

    async def next(self) -> None:
        if not self._interval_seconds:
            await self._sleep(0.0)
            return
        self._due += self._interval_seconds
        now = self._clock()
        # A reader that was slow gets the rate again, not everything that it missed in one burst.
        self._due = max(self._due, now - LONGEST_CATCH_UP_SECONDS)
        await self._sleep(max(0.0, self._due - now))
