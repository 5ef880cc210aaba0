from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.demo.clock import ManualTime
from tui.demo import DemoServer


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    """The standard models, as fast as possible."""
    async with DemoServer(speed=0, accept_scripts=True) as server:
        yield server


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
async def timed(time: ManualTime) -> AsyncIterator[DemoServer]:
    """The standard models at their own speed, on a clock that jumps instead of waiting."""
    async with DemoServer(accept_scripts=True, clock=time.clock, now=time.now, sleep=time.sleep) as server:
        yield server
