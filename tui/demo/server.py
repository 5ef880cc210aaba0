"""The demo server: it listens on loopback, counts what happens, and closes everything at its end."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from tui.demo.catalogue import models_to_pull, standard_models
from tui.demo.connection import Connection, Reply, Request
from tui.demo.endpoints import Endpoints
from tui.demo.generated import scripted_model
from tui.demo.library import Library
from tui.demo.models import DemoModel
from tui.demo.pace import Pace
from tui.demo.refusals import Refusal
from tui.demo.runners import Runners
from tui.demo.texts import read_texts
from tui.failures import Failure

ADDRESS = "127.0.0.1"
REMEMBERED_REQUESTS = 50
REMEMBERED_BODY_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    """Its first million bytes."""


def _now() -> datetime:
    return datetime.now(UTC)


class DemoServer:
    """``async with DemoServer() as server`` and talk to ``server.url``.

    ``port`` 0 is any free one. ``models`` replaces the standard ones; ``accept_scripts`` adds every name of the pattern
    ``script-KIND-TOKENS-RATE`` (see ``tui.demo.generated``), though never to the list. ``speed`` multiplies the models'
    own: 0 waits for nothing. ``clock`` gives seconds for durations, ``now`` the time of day, ``sleep`` does all waiting.
    Raises ``Failure`` when the port cannot be had.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        models: Sequence[DemoModel] | None = None,
        accept_scripts: bool = False,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._port = port
        self._models = models
        self._accept_scripts = accept_scripts
        self._pace = Pace(clock=clock, sleep=sleep, speed=speed)
        self._now = now
        self._listener: asyncio.Server | None = None
        self._library: Library | None = None
        self._endpoints: Endpoints | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._waiting: list[tuple[Callable[[DemoServer], bool], asyncio.Future[None]]] = []
        self.open_requests = 0
        """Requests whose answer is under way."""
        self.tokens_sent = 0
        self.hang_ups = 0
        """Clients that went away before their answer was whole."""
        self.received: deque[ReceivedRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        """The last requests, oldest first."""

    @property
    def port(self) -> int:
        """Where it listens, or did when it was closed: started again it takes the same."""
        if self._endpoints is None:
            raise RuntimeError("the demo server does not listen: enter it with `async with`, or await start() first")
        return self._port

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.port}"

    async def start(self) -> None:
        """Listens. After ``close`` it starts over: nothing is in memory, but what was pulled is still there."""
        if self._listener is not None:
            return
        await self._install()
        try:
            self._listener = await asyncio.start_server(self._connected, ADDRESS, self._port)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Failure(
                f"the demo server cannot listen on {ADDRESS}:{self._port}",
                reason,
                "choose another port, or 0 for any free one",
            ) from error
        self._port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops at once: answers under way are torn off, as when a server is killed. May be called again."""
        if self._listener is None:
            return
        self._listener.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await self._listener.wait_closed()
        self._listener = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def until(self, condition: Callable[[DemoServer], bool]) -> None:
        """Returns as soon as ``condition`` holds; looked at each time that a counter changes."""
        if condition(self):
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, reached))
        await reached

    def request_began(self, request: Request) -> None:
        self.open_requests += 1
        body = request.body[:REMEMBERED_BODY_BYTES]
        self.received.append(
            ReceivedRequest(method=request.method, path=request.path, headers=request.headers, body=body)
        )
        self._changed()

    def request_ended(self) -> None:
        self.open_requests -= 1
        self._changed()

    def client_hung_up(self) -> None:
        self.hang_ups += 1
        self._changed()

    async def _install(self) -> None:
        if self._library is None:
            texts = await asyncio.to_thread(read_texts)
            self._library = Library(
                standard_models(texts) if self._models is None else self._models,
                models_to_pull(texts) if self._models is None else (),
                family=scripted_model if self._accept_scripts else _no_family,
                now=self._now,
                pace=self._pace,
            )
        self._endpoints = Endpoints(
            self._library,
            Runners(self._pace, self._now),
            pace=self._pace,
            now=self._now,
            count_token=self._token_sent,
        )

    async def _handle(self, request: Request, reply: Reply) -> None:
        if self._endpoints is None:
            raise Refusal(503, "the demo server is not started")
        await self._endpoints.handle(request, reply)

    def _token_sent(self) -> None:
        self.tokens_sent += 1
        self._changed()

    def _changed(self) -> None:
        for entry in tuple(self._waiting):
            condition, reached = entry
            if reached.done() or condition(self):
                self._waiting.remove(entry)
                if not reached.done():
                    reached.set_result(None)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, handler=self._handle, hooks=self, now=self._now)
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)


def _no_family(_: str) -> DemoModel | None:
    return None
