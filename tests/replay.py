"""Small HTTP servers on loopback for tests: one that plays recorded exchanges, one that does what a test says.

They run in the test's own event loop, so a test can wait for what the server saw. Bytes go out exactly as given.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

WIRE = Path(__file__).parent / "recorded" / "wire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded exchange; ``ended`` is ``clean``, ``reset`` or ``cut by client``."""

    name: str
    method: str
    path: str
    body: Any
    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: tuple[bytes, ...]
    ended: str

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)


def recordings(folder: Path = WIRE) -> dict[str, Recording]:
    """Every recording of a folder, by the name of its file."""
    return {file.stem: _recording(file) for file in sorted(folder.glob("*.json"))}


def _recording(file: Path) -> Recording:
    exchange = json.loads(file.read_text(encoding="utf-8"))
    request, response = exchange["request"], exchange["response"]
    return Recording(
        name=file.stem,
        method=request["method"],
        path=request["path"],
        body=request.get("body"),
        status=response["status"],
        headers=tuple((name, value) for name, value in response["headers"]),
        chunks=tuple(
            data.encode() if isinstance(data, str) else base64.b64decode(data["base64"])
            for _, data in response["chunks"]
        ),
        ended=response["ended"],
    )


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request that a server got, and the means to answer it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has closed the connection, if the server waits for that."""
    may_reset: asyncio.Event = field(default_factory=asyncio.Event)
    """A recording that ends with a reset waits for this: a reset may overtake what was sent before it."""

    def json(self) -> Any:
        return json.loads(self.body)

    async def begin(self, status: int, *headers: tuple[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers)]
        await self.raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def stream(self, *parts: bytes, status: int = 200, content_type: str = "application/x-ndjson") -> None:
        """A whole chunked answer."""
        await self.begin(status, ("Content-Type", content_type), ("Transfer-Encoding", "chunked"))
        for part in parts:
            await self.chunk(part)
        await self.raw(b"0\r\n\r\n")

    async def answer(self, body: bytes, status: int = 200, *headers: tuple[str, str]) -> None:
        """A whole answer with its length."""
        await self.begin(status, *headers, ("Content-Length", str(len(body))))
        await self.raw(body)

    async def until_hung_up(self) -> None:
        """Says no more until the client leaves."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass
        self.hung_up.set()

    def reset(self) -> None:
        """Breaks the connection as a killed process does."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Answering = Callable[[Visit], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """A server that runs: where it is, and who came."""

    url: str
    visits: list[Visit]
    _arrived: asyncio.Condition

    async def visit(self, number: int = 1) -> Visit:
        """The first, second, … request; waits until it has come."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.visits) >= number)
        return self.visits[number - 1]


@asynccontextmanager
async def serving(answering: Answering) -> AsyncGenerator[Server, None]:
    """A server whose every request is given to ``answering``; a connection may carry several."""
    server = Server("", [], asyncio.Condition())
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writer.transport.set_write_buffer_limits(high=0)  # drained means handed to the kernel
        try:
            while (visit := await _received(reader, writer)) is not None:
                async with server._arrived:
                    server.visits.append(visit)
                    server._arrived.notify_all()
                await answering(visit)
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            tasks.discard(task)
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in tuple(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tuple(tasks))
        await listening.wait_closed()


@asynccontextmanager
async def playing(played: dict[str, Recording] | None = None) -> AsyncGenerator[Server, None]:
    """A server whose address ``/NAME`` plays the recording NAME to any request behind it."""
    known = recordings() if played is None else played

    async def play(visit: Visit) -> None:
        name = visit.path.lstrip("/").partition("/")[0]
        if name not in known:
            await visit.answer(b"404 page not found", 404, ("Content-Type", "text/plain"))
            return
        await _play(known[name], visit)

    async with serving(play) as server:
        yield server


@asynccontextmanager
async def playing_by_path(**names: str) -> AsyncGenerator[Server, None]:
    """A server that plays one recording for each path: ``chat="chat-stream"`` answers ``/api/chat``."""
    known = recordings()

    async def play(visit: Visit) -> None:
        await _play(known[names[visit.path.removeprefix("/api/")]], visit)

    async with serving(play) as server:
        yield server


async def _play(recording: Recording, visit: Visit) -> None:
    headers = recording.headers
    if not {"content-length", "transfer-encoding"} & {name.lower() for name, _ in headers}:
        headers = (*headers, ("Content-Length", str(len(recording.data))))
    await visit.begin(recording.status, *headers)
    is_chunked = ("Transfer-Encoding", "chunked") in headers
    for chunk in recording.chunks:
        await (visit.chunk(chunk) if is_chunked else visit.raw(chunk))
    if recording.ended == "cut by client":
        await visit.until_hung_up()
    elif recording.ended == "reset":
        await visit.may_reset.wait()
        visit.reset()
    elif is_chunked:
        await visit.raw(b"0\r\n\r\n")


async def _received(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Visit | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    request_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = request_line.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Visit(method=method, path=path, headers=headers, body=body, reader=reader, writer=writer)
