"""Answers that come to their end with nobody looking: how long that may take, and how much may come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tui.chat.events import AnswerGrew, SessionEvent
from tui.chat.session import Session

READ_SECONDS = 0.1
"""How long a socket is left alone between two reads: each costs more than what it brings."""


async def finish_unseen(sessions: Sequence[Session], *, limit_seconds: float, limit_bytes: int) -> None:
    """Returns when the answers under way have come to their end and are on the disk, or a limit is reached.

    ``limit_bytes`` is for all that comes of them together from here on; then they are stopped. Prompts that wait go on
    waiting, marked as not sent.
    """
    if not sessions:
        return
    with ExitStack() as listening:
        stop_all = _stopping(sessions, limit_bytes)
        for one in sessions:
            one.hold_queue()
            listening.callback(one.subscribe(stop_all))
        ends = [asyncio.ensure_future(one.settled()) for one in sessions]
        _, late = await asyncio.wait(ends, timeout=limit_seconds)
        for end in late:
            end.cancel()


def _stopping(sessions: Sequence[Session], limit_bytes: int) -> Callable[[SessionEvent], None]:
    loop = asyncio.get_running_loop()
    come_bytes = 0

    def heard(event: SessionEvent) -> None:
        nonlocal come_bytes
        if not isinstance(event, AnswerGrew):
            return
        come_bytes += _size_bytes(event.text) + _size_bytes(event.thinking)
        if come_bytes > limit_bytes:
            for one in sessions:
                # Not in the middle of being told that it grew.
                loop.call_soon(one.stop)

    return heard


def _size_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
