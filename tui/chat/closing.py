"""Closing one thing after the other, none of which keeps the next from being closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from tui.chat.faults import report_fault

LAST_CHANCE_SECONDS = 0.1
"""What is closed after the patience is over has this long; most of it needs no more."""


async def close_within(until: float, work: Coroutine[Any, Any, object], name: str) -> bool:
    """Whether it ended well before ``until``, in monotonic seconds; else that is reported and it is left behind."""
    task = asyncio.create_task(work, name=name)
    await asyncio.wait({task}, timeout=max(LAST_CHANCE_SECONDS, until - time.monotonic()))
    if not task.done():
        task.cancel()
        report_fault(TimeoutError("it took too long"), during=name)
        return False
    if task.cancelled() or (error := task.exception()) is None:
        return not task.cancelled()
    report_fault(error, during=name)
    return False
