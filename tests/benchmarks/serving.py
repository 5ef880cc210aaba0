"""The demo server in a process of its own, which can say the beginning of an answer at once and wait before the rest.

``python -m tests.benchmarks.serving``, told by lines: ``head N`` (the next answer's first N tokens come as fast as they
can be taken, then it waits), ``go`` (the rest follows at the model's rate). It writes ``at URL``, ``waiting`` and
``over``.
"""

from __future__ import annotations

import asyncio
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.terminal import REPOSITORY
from tui.demo import DemoServer

LONGEST_SECONDS = 600.0


class Served:
    """The server's side of the pipe; use it in ``with``."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.serving"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.url = self._line().removeprefix("at ")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def head(self, tokens: int) -> None:
        """What the next answer begins with at once."""
        self._say(f"head {tokens}")

    def wait_for_head(self) -> None:
        self._expect("waiting")

    def go(self) -> float:
        """When the rest began (``time.perf_counter``)."""
        self._say("go")
        return time.perf_counter()

    def wait_for_end(self) -> float:
        """When the last token was sent (``time.perf_counter``)."""
        self._expect("over")
        return time.perf_counter()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._lines.put(line.strip())
        except ValueError:  # closed while reading: the benchmark is over
            return

    def _line(self) -> str:
        return self._lines.get(timeout=LONGEST_SECONDS)

    def _say(self, words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words}\n")
        self._process.stdin.flush()

    def _expect(self, words: str) -> None:
        line = self._line()
        if line != words:
            raise RuntimeError(f"the benchmark's server said {line!r} instead of {words!r}")


class HeadStart:
    """A clock for the server that skips its waits until ``tokens`` are sent, then stands until ``go``."""

    def __init__(self) -> None:
        self.tokens = 0
        self.sent: Callable[[], int] = lambda: 0
        self._skipped_seconds = 0.0
        self._go = asyncio.Event()

    def prepare(self, tokens: int) -> None:
        self.tokens = self.sent() + tokens
        self._go.clear()
        if not tokens:
            self._go.set()

    def go(self) -> None:
        self._go.set()

    def clock(self) -> float:
        return time.monotonic() + self._skipped_seconds

    async def sleep(self, seconds: float) -> None:
        if self.sent() < self.tokens:
            self._skipped_seconds += seconds
            await asyncio.sleep(0)
            return
        if not self._go.is_set():
            stood_since = time.monotonic()
            _write("waiting")
            await self._go.wait()
            self._skipped_seconds -= time.monotonic() - stood_since
        await asyncio.sleep(seconds)


def _write(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


async def serve() -> None:
    head = HeadStart()
    server = DemoServer(accept_scripts=True, clock=head.clock, sleep=head.sleep)
    head.sent = lambda: server.tokens_sent
    orders: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(orders.put_nowait, line.strip())
        loop.call_soon_threadsafe(orders.put_nowait, "leave")

    async with server:
        threading.Thread(target=listen, daemon=True).start()
        _write(f"at {server.url}")
        told = asyncio.create_task(_tell_ends(server))
        while (order := await orders.get()) != "leave":
            if order == "go":
                head.go()
            else:
                head.prepare(int(order.removeprefix("head ")))
        told.cancel()


async def _tell_ends(server: DemoServer) -> None:
    """Says ``over`` after each answer."""
    while True:
        sent = server.tokens_sent
        await server.until(lambda served, sent=sent: served.tokens_sent > sent)  # type: ignore[misc]
        await server.until(lambda served: served.open_requests == 0)
        _write("over")


if __name__ == "__main__":
    asyncio.run(serve())
