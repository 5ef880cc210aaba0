"""HTTP spoken over a bare socket, so that what the server writes is seen as it comes, chunk by chunk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tui.demo import DemoServer

PATIENCE_SECONDS = 20


@dataclass(kw_only=True)
class Exchange:
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.split(b"\n") if line]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Client:
    """One connection. ``ask`` does a whole exchange; ``send``, ``head`` and ``chunk`` do its steps."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, method: str, path: str, body: Any = None, *, headers: tuple[str, ...] = ()) -> None:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(raw)}", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode() + raw)
        await self.writer.drain()

    async def head(self) -> Exchange:
        status_line = (await self.reader.readline()).decode()
        if not status_line:
            raise EOFError("the server closed the connection instead of answering")
        exchange = Exchange(status=int(status_line.split()[1]))
        while line := (await self.reader.readline()).decode().rstrip("\r\n"):
            name, _, value = line.partition(":")
            exchange.headers.append((name, value.strip()))
        return exchange

    async def chunk(self) -> bytes:
        """The next chunk of a chunked body; empty at its end."""
        size = int((await self.reader.readuntil(b"\r\n")).strip(), 16)
        data = await self.reader.readexactly(size)
        await self.reader.readexactly(2)
        return data

    async def rest(self, exchange: Exchange, *, method: str = "GET") -> Exchange:
        if exchange.header("Transfer-Encoding") == "chunked" and method != "HEAD":
            while data := await self.chunk():
                exchange.chunks.append(data)
        elif method != "HEAD":
            exchange.chunks.append(await self.reader.readexactly(int(exchange.header("Content-Length") or 0)))
        return exchange

    async def ask(self, method: str, path: str, body: Any = None, *, headers: tuple[str, ...] = ()) -> Exchange:
        await self.send(method, path, body, headers=headers)
        return await self.rest(await self.head(), method=method)

    async def pieces(self) -> AsyncGenerator[dict[str, Any], None]:
        """The objects of a stream, one for each chunk."""
        while data := await self.chunk():
            yield json.loads(data)

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


@asynccontextmanager
async def connected(server: DemoServer) -> AsyncIterator[Client]:
    """A connection for a story; one that hangs fails instead."""
    client = Client(*await asyncio.open_connection("127.0.0.1", server.port))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield client
    finally:
        await client.close()


async def ask(
    server: DemoServer, method: str, path: str, body: Any = None, *, headers: tuple[str, ...] = ()
) -> Exchange:
    async with connected(server) as client:
        return await client.ask(method, path, body, headers=headers)


async def soon(server: DemoServer, condition: Callable[[DemoServer], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.until(condition)


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def text_of(lines: list[dict[str, Any]], part: str = "content") -> str:
    return "".join(line["message"].get(part, "") for line in lines)
