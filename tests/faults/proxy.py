"""A line to a server that can be cut, held, split and reset, in front of any server on this machine."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

CHAT = b"POST /api/chat"
_READ_BYTES = 1 << 16
WAIT_SECONDS = 30.0


class End(StrEnum):
    """What becomes of an answer once so much of it came through."""

    none = "none"
    closed = "closed"
    """FIN: the line is closed in order."""
    reset = "reset"
    """RST: the line is gone at once, with what was on its way."""
    held = "held"
    """Nothing comes any more, and nobody says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """Of the next answers to a chat; everything else that is asked goes through as it is."""

    end: End = End.none
    after_bytes: int = 0
    """So many bytes of the answer, head included, come through before."""
    piece_bytes: int = _READ_BYTES
    """What comes through comes in pieces of this size."""


class Proxy:
    """``async with Proxy(server.port) as proxy`` and talk to ``proxy.url``. Change ``fate`` at any time."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.fate = Fate()
        self.is_dead = False
        """Nothing comes through in any direction, and new connections are taken and left alone."""
        self.chats = 0
        """Requests for an answer that came."""
        self.fates_met = 0
        """Answers that came to the ``end`` of their fate."""
        self.hang_ups = 0
        """Connections that the client closed."""
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._listener is not None
        return f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds; it is looked at whenever something happens on the line."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(condition), WAIT_SECONDS)

    async def _count(self, name: str) -> None:
        async with self._changed:
            setattr(self, name, getattr(self, name) + 1)
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        line = _Line(self, reader, writer)
        try:
            await line.run(self._server_port)
        except OSError:
            pass  # either side went away in its own manner
        finally:
            self._tasks.discard(task)
            line.close()


class _Line:
    """One connection of a client, and the one to the server behind it."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._server: asyncio.StreamWriter | None = None
        self._fate: Fate | None = None
        self._came_bytes = 0

    async def run(self, port: int) -> None:
        server_reader, self._server = await asyncio.open_connection("127.0.0.1", port)
        down = asyncio.create_task(self._bring_answers(server_reader))
        try:
            await self._bring_questions(self._server)
        finally:
            down.cancel()
            await asyncio.gather(down, return_exceptions=True)

    def close(self) -> None:
        self._writer.close()
        if self._server is not None:
            self._server.close()

    async def _bring_questions(self, server: asyncio.StreamWriter) -> None:
        while data := await self._question():
            if self._proxy.is_dead:
                continue
            if CHAT in data:
                self._fate, self._came_bytes = self._proxy.fate, 0
                await self._proxy._count("chats")
            server.write(data)
            await server.drain()
        await self._proxy._count("hang_ups")

    async def _question(self) -> bytes:
        """Empty when the client has hung up, in whatever manner."""
        try:
            return await self._reader.read(_READ_BYTES)
        except ConnectionError:
            return b""

    async def _bring_answers(self, server: asyncio.StreamReader) -> None:
        while data := await server.read(_READ_BYTES):
            fate = self._fate
            if self._proxy.is_dead or fate is None:
                if not self._proxy.is_dead:
                    await self._send(data, _READ_BYTES)
                continue
            if fate.end is End.none:
                await self._send(data, fate.piece_bytes)
                continue
            left_bytes = fate.after_bytes - self._came_bytes
            self._came_bytes += len(data)
            await self._send(data[: max(0, left_bytes)], fate.piece_bytes)
            if len(data) >= left_bytes:
                self._end(fate.end)
                await self._proxy._count("fates_met")
                if fate.end is End.held:
                    await asyncio.Event().wait()
                return
        self._writer.close()

    async def _send(self, data: bytes, piece_bytes: int) -> None:
        for start in range(0, len(data), piece_bytes):
            self._writer.write(data[start : start + piece_bytes])
            await self._writer.drain()
            if piece_bytes < _READ_BYTES:
                # Each piece is a packet of its own.
                await asyncio.sleep(0)

    def _end(self, end: End) -> None:
        if end is End.closed:
            self._writer.close()
        elif end is End.reset:
            connection = self._writer.get_extra_info("socket")
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
