"""Whether the server answers, asked again and again while it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from tui.chat.faults import report_fault, report_fault_of
from tui.engine import Engine, EngineError, ErrorKind


class Link(StrEnum):
    trying = "trying"
    """Nothing is known yet."""
    up = "up"
    down = "down"
    starting = "starting"
    """It takes the connection and says nothing, as a server does that is coming up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionState:
    link: Link
    version: str = ""
    failure: EngineError | None = None
    next_try_at: float | None = None
    """On the clock that the connection was given."""
    down_since: float | None = None
    was_ever_up: bool = False


class Connection:
    """Looks after one engine. Waits 1, 2, 4 … 30 seconds between tries, and tries at once when told to.

    While the server answers nothing is asked: whoever notices otherwise calls ``try_now``. ``on_change`` hears every
    state that differs from the one before.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], float],
        on_change: Callable[[ConnectionState], None],
        first_wait_seconds: float = 1.0,
        longest_wait_seconds: float = 30.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._on_change = on_change
        self._first_wait_seconds = first_wait_seconds
        self._longest_wait_seconds = longest_wait_seconds
        self._sleep = sleep
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.state = ConnectionState(link=Link.trying, down_since=clock())

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._look_after(), name="looking after the connection")
            self._task.add_done_callback(report_fault_of)

    def try_now(self) -> None:
        """Also to be called when a request failed: the next look says whether the server is still there."""
        self._wake.set()

    async def close(self) -> None:
        """Ends it for good; ``on_change`` hears nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _look_after(self) -> None:
        wait_seconds = self._first_wait_seconds
        while True:
            self._wake.clear()
            try:
                health = await self._engine.health_check()
            except EngineError as failure:
                self._became_down(failure, wait_seconds)
                was_told = await self._woken_within(wait_seconds)
                # Who asks for a try has reason to think that something changed: the waits begin anew.
                longer_seconds = min(wait_seconds * 2, self._longest_wait_seconds)
                wait_seconds = self._first_wait_seconds if was_told else longer_seconds
            else:
                wait_seconds = self._first_wait_seconds
                self._become(ConnectionState(link=Link.up, version=health.version, was_ever_up=True))
                await self._wake.wait()

    def _became_down(self, failure: EngineError, wait_seconds: float) -> None:
        before = self.state
        at = self._clock()
        self._become(
            ConnectionState(
                link=Link.starting if failure.kind is ErrorKind.silent else Link.down,
                failure=failure,
                next_try_at=at + wait_seconds,
                down_since=at if before.down_since is None else before.down_since,
                was_ever_up=before.was_ever_up,
            )
        )

    def _become(self, state: ConnectionState) -> None:
        if state == self.state:
            return
        self.state = state
        try:
            self._on_change(state)
        except Exception as error:  # noqa: BLE001  whoever shows the state must not end the looking
            report_fault(error, during="telling of the connection")

    async def _woken_within(self, seconds: float) -> bool:
        """Whether ``try_now`` ended the wait."""
        waking = asyncio.ensure_future(self._wake.wait())
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait({waking, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
            sleeping.cancel()
        return self._wake.is_set()
