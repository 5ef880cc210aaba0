"""Writing that holds nobody up: in order, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

_Item = tuple[int, bytes] | asyncio.Future[None] | None


class Outlet:
    """Takes text for file descriptors and writes it in the order in which it came.

    A terminal that takes nothing for a while, or a pipe that is full, stops the thread and not the event loop. Made
    inside a running loop. ``on_broken`` is called on it, once for each descriptor that cannot be written to any more;
    what comes for that one later is dropped. The thread ends with the process, whatever it waits for.
    """

    def __init__(self, *, encoding: str, on_broken: Callable[[int, OSError], None]) -> None:
        self._encoding = encoding
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        threading.Thread(target=self._write_all, name="writing", daemon=True).start()

    def put(self, descriptor: int, text: str) -> None:
        """``text`` is clean; what the encoding lacks becomes a question mark."""
        if text:
            self._queue.put((descriptor, text.encode(self._encoding, "replace")))

    async def drained(self, patience_seconds: float) -> bool:
        """Whether everything so far was written, or given up, within that time."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(done)
        finished, _ = await asyncio.wait({done}, timeout=patience_seconds)
        return bool(finished)

    def close(self) -> None:
        """Ends the thread when all is written."""
        self._queue.put(None)

    def _write_all(self) -> None:
        broken: set[int] = set()
        while (item := self._queue.get()) is not None:
            if isinstance(item, asyncio.Future):
                self._tell(_set_done, item)
                continue
            descriptor, data = item
            if descriptor in broken:
                continue
            try:
                _write_whole(descriptor, data)
            except OSError as error:
                broken.add(descriptor)
                self._tell(self._on_broken, descriptor, error)

    def _tell(self, call: Callable[..., None], *values: Any) -> None:
        # The loop may be closed by the time that a slow terminal has taken the last bytes.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *values)


def _write_whole(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            # Whoever shares the descriptor made it non-blocking.
            select.select([], [descriptor], [])


def _set_done(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
