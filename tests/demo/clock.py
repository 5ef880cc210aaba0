"""Time that a test holds in its hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


class ManualTime:
    """A clock that goes on only by what is waited for. While ``gate`` is closed, waiting waits for the gate."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await self.gate.wait()
        self.seconds += seconds
        await asyncio.sleep(0)
