"""One HTTP/1.1 connection: requests come in, replies go out, and a hang-up ends the work at once."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Protocol

import h11

from tui.demo.refusals import JSON, NDJSON, Refusal
from tui.demo.wire import go_json

log = logging.getLogger(__name__)

HEADER_LIMIT_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 64 * 1024 * 1024
READ_BYTES = 64 * 1024
WHOLE_BODY_BYTES = 2048
"""Go sends a longer body in chunks, without saying its length."""
LINGER_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


class Reply:
    """The answer to one request. Nothing is on the wire before the first object, line or body is sent."""

    def __init__(
        self, http: h11.Connection, writer: asyncio.StreamWriter, now: Callable[[], datetime], *, is_head: bool
    ) -> None:
        self._http = http
        self._writer = writer
        self._now = now
        self._is_head = is_head
        self.started = False
        self.streaming = False

    async def json(self, value: Any, *, status: int = 200, content_type: str = JSON, chunked: bool = False) -> None:
        """One JSON body; over 2 kB, or when asked for, in chunks."""
        await self._whole(status, [("Content-Type", content_type)], go_json(value), chunked=chunked)

    async def text(self, text: str, *, status: int = 200, content_type: str = "text/plain", allow: str = "") -> None:
        headers = [("Allow", allow)] if allow else []
        await self._whole(status, [*headers, ("Content-Type", content_type)], text.encode())

    async def empty(self, *, status: int = 200) -> None:
        await self._whole(status, [], b"")

    async def line(self, value: Any) -> None:
        """One object of a stream, in a chunk of its own; the first brings the status line and the headers along."""
        begin: list[h11.Event] = []
        if not self.started:
            self.streaming = True
            begin = [self._head(200, [("Content-Type", NDJSON)], [("Transfer-Encoding", "chunked")])]
        await self._send([*begin, h11.Data(data=go_json(value) + b"\n")])

    async def end(self) -> None:
        """Ends a stream; one without any line is an empty body."""
        if not self.started:
            await self._send([self._head(200, [("Content-Type", NDJSON)], [("Transfer-Encoding", "chunked")])])
        await self._send([h11.EndOfMessage()])

    async def refuse(self, refusal: Refusal) -> None:
        """The error as a reply of its own, or as the last line of a stream that has begun."""
        if self.streaming:
            await self.line(refusal.body)
            await self.end()
        elif not self.started:
            await self.json(
                refusal.body, status=refusal.status, content_type=refusal.content_type, chunked=refusal.chunked
            )

    def reset(self) -> None:
        """Tears the connection down, so that the client sees a reset and not an end."""
        raw = self._writer.get_extra_info("socket")
        if raw is not None:
            with suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _whole(self, status: int, headers: list[tuple[str, str]], body: bytes, *, chunked: bool = False) -> None:
        if chunked or len(body) > WHOLE_BODY_BYTES:
            framing = [("Transfer-Encoding", "chunked")]
        else:
            framing = [("Content-Length", str(len(body)))]
        events: list[h11.Event] = [self._head(status, headers, framing)]
        if body and not self._is_head:
            events.append(h11.Data(data=body))
        await self._send([*events, h11.EndOfMessage()])

    def _head(self, status: int, headers: Iterable[tuple[str, str]], framing: list[tuple[str, str]]) -> h11.Response:
        date = format_datetime(self._now().astimezone(UTC), usegmt=True)
        return h11.Response(
            status_code=status, headers=[*headers, ("Date", date), ("Server", "chinwag-demo"), *framing]
        )

    async def _send(self, events: Iterable[h11.Event]) -> None:
        self.started = True
        self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
        await self._writer.drain()


Handler = Callable[[Request, Reply], Awaitable[None]]


class Hooks(Protocol):
    """What a connection tells the server that owns it."""

    def request_began(self, request: Request) -> None: ...

    def request_ended(self) -> None: ...

    def client_hung_up(self) -> None: ...


class Connection:
    """Reads requests one after the other and hands each to ``handler`` until either side closes."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        handler: Handler,
        hooks: Hooks,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._hooks = hooks
        self._now = now
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_LIMIT_BYTES)
        self._early_bytes = 0

    async def serve(self) -> None:
        try:
            while (request := await self._read_request()) is not None:
                self._early_bytes = 0
                self._hooks.request_began(request)
                try:
                    if not await self._answer(request):
                        return
                finally:
                    self._hooks.request_ended()
                if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                    return
                self._http.start_next_cycle()
        except (ConnectionError, TimeoutError):
            log.debug("a client went away between requests")
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise
        finally:
            await self._close()

    async def _close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except asyncio.CancelledError:
            # A client that does not read would hold the last bytes, and with them this task, for ever.
            self._writer.transport.abort()
            raise
        except OSError:
            log.debug("the connection was gone before it was closed")

    async def _read_request(self) -> Request | None:
        """The next whole request; None when the client is done, or wrote something that is no HTTP."""
        head: h11.Request | None = None
        body = bytearray()
        try:
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    await self._continue()
                    self._http.receive_data(await self._reader.read(READ_BYTES))
                elif isinstance(event, h11.Request):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > BODY_LIMIT_BYTES:
                        await self._turn_away(413, "request body too large")
                        return None
                elif isinstance(event, h11.EndOfMessage) and head is not None:
                    return _request(head, bytes(body))
                else:
                    return None
        except h11.RemoteProtocolError as error:
            await self._turn_away(error.error_status_hint, f"{error.error_status_hint} {error}")
            return None

    async def _continue(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            await self._writer.drain()

    async def _turn_away(self, status: int, text: str) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = text.encode()
        head = h11.Response(
            status_code=status,
            headers=[
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ],
        )
        events = (head, h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
        await self._writer.drain()
        await self._linger()

    async def _linger(self) -> None:
        """Reads on for a moment: closing with unread bytes would reset the connection and take the answer along."""
        try:
            if self._writer.can_write_eof():
                self._writer.write_eof()
        except OSError:
            # The client has gone meanwhile: nothing of it is left to be read.
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._reader.read(READ_BYTES):
                    pass

    async def _answer(self, request: Request) -> bool:
        """False when the connection is of no more use."""
        reply = Reply(self._http, self._writer, self._now, is_head=request.method == "HEAD")
        work = asyncio.ensure_future(self._handle(request, reply))
        watch = asyncio.ensure_future(self._watch())
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
                return True
        except ConnectionError:
            log.debug("%s %s: the client went away", request.method, request.path)
        finally:
            work.cancel()
            watch.cancel()
            await asyncio.wait((work, watch))
            if not work.cancelled():
                work.exception()
        self._hooks.client_hung_up()
        return False

    async def _handle(self, request: Request, reply: Reply) -> None:
        try:
            await self._handler(request, reply)
        except Refusal as refusal:
            await reply.refuse(refusal)
        except RecursionError:
            await reply.refuse(Refusal(400, "exceeded max depth"))
        except ConnectionError:
            raise
        except Exception:
            log.exception("%s %s", request.method, request.path)
            await reply.refuse(Refusal(500, "the demo server made a mistake; its log says which"))

    async def _watch(self) -> None:
        """Returns when the client hangs up. What it sends early is kept for the next request, within limits."""
        while self._early_bytes <= HEADER_LIMIT_BYTES:
            try:
                data = await self._reader.read(READ_BYTES)
            except ConnectionError:
                return
            if not data:
                return
            self._early_bytes += len(data)
            self._http.receive_data(data)
        await asyncio.Event().wait()


def _request(head: h11.Request, body: bytes) -> Request:
    return Request(
        method=head.method.decode("ascii"),
        path=head.target.decode("ascii", "replace").partition("?")[0],
        headers={name.decode("ascii"): value.decode("latin-1") for name, value in head.headers},
        body=body,
    )
