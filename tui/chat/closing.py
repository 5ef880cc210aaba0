"""Closing one thing after the other, none of which keeps the next, or the process, from ending."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from tui.chat.faults import report_fault

LAST_CHANCE_SECONDS = 0.1
"""What is closed after the patience is over has this long; most of it needs no more."""
THREADS_END_WITHIN_SECONDS = 0.5


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


class ThreadsLeftBehind(ThreadPoolExecutor):
    """For an event loop whose end does not wait for a thread that waits for a name server.

    What has to be on the disk was waited for by then; ``end_process`` does what the interpreter's end would do.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + (THREADS_END_WITHIN_SECONDS if wait else 0.0)
        for thread in tuple(self._threads):
            thread.join(max(0.0, until - time.monotonic()))


def end_process(code: int) -> int:
    """The exit code, for whoever ends the process; where a thread would keep it, it ends here."""
    if any(one is not threading.main_thread() and not one.daemon for one in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code
