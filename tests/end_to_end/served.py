"""The demo server beside a test that blocks: on an event loop of its own, in a thread."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from tui.demo import DemoModel, DemoServer

WAIT_SECONDS = 60.0


class Served:
    """Use it in ``with``. ``port`` 0 is any free one; ``models`` and ``speed`` are those of ``DemoServer``.

    Models named ``script-KIND-TOKENS-RATE`` are accepted.
    """

    def __init__(self, *, port: int = 0, models: Sequence[DemoModel] | None = None, speed: float = 1.0) -> None:
        self._server = DemoServer(port=port, models=models, speed=speed, accept_scripts=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(WAIT_SECONDS)
        except BaseException:
            self._end_loop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        finally:
            self._end_loop()

    def close(self) -> None:
        """Stop serving at once, as when a server is killed."""
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(WAIT_SECONDS)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_SECONDS)
        self._loop.close()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def tokens_sent(self) -> int:
        return self._server.tokens_sent

    @property
    def hang_ups(self) -> int:
        return self._server.hang_ups

    def chats(self) -> list[dict[str, Any]]:
        """The bodies of the chat requests so far, oldest first."""
        return self._ask(lambda: [json.loads(one.body) for one in self._server.received if one.path == "/api/chat"])

    def paths(self) -> list[str]:
        """What was asked for so far, oldest first."""
        return self._ask(lambda: [one.path for one in self._server.received])

    def wait_until(self, condition: Callable[[DemoServer], bool], timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until ``condition`` holds; it is looked at on the server's loop whenever one of its counters changes."""
        asyncio.run_coroutine_threadsafe(self._server.until(condition), self._loop).result(timeout_seconds)

    def wait_for_chats(self, count: int) -> None:
        self.wait_until(lambda server: sum(one.path == "/api/chat" for one in server.received) >= count)

    def wait_for_tokens(self, more: int) -> None:
        """Wait until ``more`` tokens went out from here on."""
        target = self.tokens_sent + more
        self.wait_until(lambda server: server.tokens_sent >= target)

    def _ask(self, question: Callable[[], list[Any]]) -> list[Any]:
        async def asked() -> list[Any]:
            return question()

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result(WAIT_SECONDS)
