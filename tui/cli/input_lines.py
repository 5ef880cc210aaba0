"""Lines of standard input, on the event loop: from a terminal in bursts, as they were typed or pasted."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from tui.failures import Failure

LINE_LIMIT_BYTES = 8_000_000
CHUNK_BYTES = 65536
BURST_SECONDS = 0.02
"""Nobody types two lines within this time: they were pasted."""
TERMINAL_LINE_BYTES = 1024 if sys.platform == "darwin" else 4096
"""What a terminal that edits its lines itself gives at most, the end of the line included; it drops the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Lines that came together, without their ends; one, except for what was pasted into a terminal."""

    lines: tuple[str, ...]
    may_be_cut: bool = False
    """One of them is as long as a terminal can give."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    at: float
    may_be_cut: bool = False


class InputLines:
    """Made inside a running loop; one reader at a time.

    A terminal is read all the time, so that it is known what came when. A pipe or a file is read only as lines are
    wanted, so that whoever writes into it waits.
    """

    def __init__(self, descriptor: int, *, encoding: str, is_terminal: bool) -> None:
        self._own = _opened_anew(descriptor) if is_terminal else None
        self._descriptor = descriptor if self._own is None else self._own
        self._encoding = encoding
        self._is_terminal = is_terminal
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Line | None] = deque()
        """None is an end: on a terminal Ctrl+D, after which more may come."""
        self._partial = bytearray()
        self._arrived = asyncio.Event()
        self._is_listening = False
        self._is_file = False
        self._failure: Failure | None = None
        if is_terminal:
            self._listen()

    async def next(self) -> Burst | None:
        """What came next, or None at the end. Raises ``Failure`` for a line over 8 MB."""
        line = await self._next_line()
        if line is None:
            return None
        lines = [line]
        while self._is_terminal and await self._more_of_burst(lines[-1].at):
            found = self._waiting.popleft()
            assert found is not None
            lines.append(found)
        return Burst(lines=tuple(one.text for one in lines), may_be_cut=any(one.may_be_cut for one in lines))

    def drop_waiting(self) -> int:
        """Forgets what was typed ahead; how many lines that were."""
        dropped = sum(1 for line in self._waiting if line is not None)
        self._waiting.clear()
        self._partial.clear()
        return dropped

    def close(self) -> None:
        self._stop_listening()
        if self._own is not None:
            os.close(self._own)
            self._own = None

    async def _next_line(self) -> _Line | None:
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            self._listen()
            if self._is_file:
                self._took(await asyncio.to_thread(os.read, self._descriptor, CHUNK_BYTES))
            else:
                await self._arrived.wait()
        if not self._is_terminal:
            self._stop_listening()
        return self._waiting.popleft()

    async def _more_of_burst(self, last_at: float) -> bool:
        """Whether another line follows the one that came at ``last_at`` so closely that it belongs to it."""
        if not self._waiting:
            self._arrived.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), max(0.0, last_at + BURST_SECONDS - self._loop.time()))
        following = self._waiting[0] if self._waiting else None
        return following is not None and following.at - last_at <= BURST_SECONDS

    def _listen(self) -> None:
        if self._is_listening or self._is_file:
            return
        try:
            self._loop.add_reader(self._descriptor, self._readable)
        except PermissionError:
            # A file is always readable, and the system refuses to watch it.
            self._is_file = True
        else:
            self._is_listening = True

    def _stop_listening(self) -> None:
        if self._is_listening:
            self._loop.remove_reader(self._descriptor)
            self._is_listening = False

    def _readable(self) -> None:
        # Ctrl+C throws away what was typed, also after it was told that there is something to read.
        if self._own is None and self._is_terminal and not select.select([self._descriptor], [], [], 0)[0]:
            return
        try:
            data = os.read(self._descriptor, CHUNK_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            # The terminal is gone.
            data = b""
        self._took(data)

    def _took(self, data: bytes) -> None:
        at = self._loop.time()
        if data:
            self._partial += data
            *lines, rest = self._partial.split(b"\n")
            self._partial = bytearray(rest)
            self._waiting.extend(self._line(bytes(line), at, has_end=True) for line in lines)
            if len(rest) > LINE_LIMIT_BYTES:
                self._failure = Failure(
                    "the input cannot be read", "one of its lines is over 8 MB", "give shorter ones"
                )
                self._stop_listening()
        else:
            # Without this an end that stays would be told again and again.
            self._stop_listening()
            if self._partial:
                self._waiting.append(self._line(bytes(self._partial), at, has_end=False))
                self._partial.clear()
            else:
                self._waiting.append(None)
        if self._waiting or self._failure is not None:
            self._arrived.set()

    def _line(self, data: bytes, at: float, *, has_end: bool) -> _Line:
        is_full = self._is_terminal and len(data) + has_end >= TERMINAL_LINE_BYTES
        return _Line(data.removesuffix(b"\r").decode(self._encoding, "replace"), at, is_full)


def _opened_anew(terminal: int) -> int | None:
    """A descriptor of our own that never waits; the flag on the given one would hold for the shell, too."""
    try:
        return os.open(os.ttyname(terminal), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
