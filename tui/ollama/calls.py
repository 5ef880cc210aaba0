"""Questions to one server in JSON, and their answers: whole, or object by object as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from tui.engine import ErrorKind, Host
from tui.ollama import faults, ndjson, request_body, wire
from tui.ollama.errors import OllamaConnectionError, OllamaError, OllamaResponseError, OllamaTimeoutError, one_line
from tui.ollama.refusals import Refusal, error_of_refusal, refusal_of_body
from tui.ollama.transport import Answer, Clock, Exchange, Head, Sleep, Transport, Upload, check_head, too_large

LARGEST_ANSWER_BYTES = 16 * 1024 * 1024
LARGE_BYTES = 256 * 1024
"""From here on JSON is read and written in a thread, since it takes milliseconds."""
_LARGEST_REFUSAL_BYTES = 1024 * 1024
_PROBES_THAT_MAY_FAIL = 1
_LAST_BYTE_SECONDS = 0.1

Part = TypeVar("Part")
Part_co = TypeVar("Part_co", covariant=True)


class AnswerReader(Protocol[Part_co]):
    """Makes parts of an answer's bytes."""

    @property
    def is_done(self) -> bool:
        """The rest of the answer is not wanted."""
        ...

    def feed(self, data: bytes) -> Iterator[Part_co]: ...

    def finish(self) -> Iterator[Part_co]:
        """The bytes have ended. Raises when the answer was not whole."""
        ...

    def take(self, value: Any, size_bytes: int) -> Iterator[Part_co]:
        """An answer that is one JSON value."""
        ...

    def refused(self, refusal: Refusal) -> OllamaError: ...


class Calls:
    """One server's way of being asked. Everything raises ``OllamaError`` and nothing else, ``CancelledError`` apart."""

    def __init__(
        self,
        host: Host,
        transport: Transport,
        *,
        clock: Clock,
        sleep: Sleep,
        version_timeout_seconds: float,
        silence_probe_seconds: float,
    ) -> None:
        self.host = host
        self.misfits = wire.Misfits()
        self.version_timeout_seconds = version_timeout_seconds
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._silence_probe_seconds = silence_probe_seconds

    async def fetch(
        self, method: str, path: str, body: bytes | None = None, *, within_seconds: float, largest_bytes: int
    ) -> Answer:
        """A short question; an answer that says no is an answer too."""
        return await self._transport.fetch(
            method, path, body, within_seconds=within_seconds, largest_bytes=largest_bytes
        )

    async def fetch_object(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        within_seconds: float,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
        model: str = "",
    ) -> dict[str, Any]:
        """A short question whose answer is a JSON object. ``model`` is what an error is about."""
        answer = await self.fetch(method, path, body, within_seconds=within_seconds, largest_bytes=largest_bytes)
        return await self.object_of(answer, model=model)

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        *,
        model: str = "",
        largest_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> bytes:
        """A question that may take as long as it takes, and the body of its answer; a no is raised."""
        async with self._transport.begin(method, path, body) as exchange, self.watched(exchange):
            head = await exchange.head()
            check_head(head, self.host)
            if not 200 <= head.status < 300:
                raise error_of_refusal(await self._refusal(exchange, head), host=self.host, model=model)
            return await self._rest(exchange, largest_bytes)

    async def stream(
        self,
        path: str,
        body: Callable[[], dict[str, Any]],
        reader: AnswerReader[Part],
        *,
        is_streamed: bool,
        characters: Callable[[], int] = lambda: 0,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> AsyncGenerator[Part, None]:
        """What ``reader`` makes of an answer as it comes, or of the whole of it when it is not streamed.

        ``characters`` tells about how long the body is.
        """
        sent = await self.encoded(body, characters=characters)
        async with self._transport.begin("POST", path, sent) as exchange, self.watched(exchange):
            head = await exchange.head()
            check_head(head, self.host)
            if not 200 <= head.status < 300:
                raise reader.refused(await self._refusal(exchange, head))
            if not is_streamed:
                data = await self._rest(exchange, largest_bytes)
                value = await self.decoded(data) if data.strip() else {}
                for part in reader.take(value, len(data)):
                    yield part
            else:
                while data := await exchange.read():
                    for part in reader.feed(data):
                        yield part
                    if reader.is_done:
                        await exchange.ended(within_seconds=_LAST_BYTE_SECONDS)
                        return
            for part in reader.finish():
                yield part

    @asynccontextmanager
    async def uploading(self, path: str, body: Upload) -> AsyncGenerator[Exchange, None]:
        """A body on its way, piece by piece; ``uploaded`` waits for the answer."""
        async with self._transport.begin("POST", path, body) as exchange, self.watched(exchange):
            yield exchange

    async def uploaded(self, exchange: Exchange) -> None:
        """Waits until the server has all of an upload. Raises when it does not take it."""
        head = await exchange.head()
        check_head(head, self.host)
        if not 200 <= head.status < 300:
            raise error_of_refusal(await self._refusal(exchange, head), host=self.host)
        await self._rest(exchange, LARGEST_ANSWER_BYTES)

    async def object_of(self, answer: Answer, *, model: str = "") -> dict[str, Any]:
        """The JSON object that an answer is; a no is raised."""
        if not 200 <= answer.head.status < 300:
            refusal = refusal_of_body(answer.body, status=answer.head.status, headers=answer.head.headers)
            raise error_of_refusal(refusal, host=self.host, model=model)
        return await self.decoded_object(answer.body)

    async def decoded_object(self, data: bytes) -> dict[str, Any]:
        value = await self.decoded(data)
        if not isinstance(value, dict):
            raise self.not_ollama(f"it said: {one_line(repr(value)[:1000], 120)}")
        return value

    async def decoded(self, data: bytes) -> Any:
        try:
            if len(data) > LARGE_BYTES:
                return await asyncio.to_thread(ndjson.decoded, data)
            return ndjson.decoded(data)
        except ndjson.NotJsonError:
            said = one_line(ndjson.readable_text(data[:2000]), 120)
            raise self.not_ollama(f"it said: {said}" if said else "its answer is empty") from None

    async def encoded(self, body: Callable[[], dict[str, Any]], *, characters: Callable[[], int] = lambda: 0) -> bytes:
        """The body of a request; what JSON or the server cannot say is an error that tells why."""

        def write() -> bytes:
            return request_body.encoded(body())

        try:
            return await asyncio.to_thread(write) if characters() > LARGE_BYTES else write()
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise OllamaResponseError(
                "the request cannot be sent",
                one_line(str(error), 160),
                "check the options and the tools",
                kind=ErrorKind.refused,
            ) from error

    def not_ollama(self, why: str) -> OllamaResponseError:
        return OllamaResponseError(
            f"{self.host.name} does not answer like ollama",
            why,
            "check the address, and any proxy in between",
            kind=ErrorKind.unreadable,
        )

    async def _rest(self, exchange: Exchange, largest_bytes: int) -> bytes:
        received = bytearray()
        while data := await exchange.read():
            received += data
            if len(received) > largest_bytes:
                raise too_large(self.host, largest_bytes)
        return bytes(received)

    async def _refusal(self, exchange: Exchange, head: Head) -> Refusal:
        body = bytearray()
        while len(body) < _LARGEST_REFUSAL_BYTES and (data := await exchange.read()):
            body += data
        return refusal_of_body(bytes(body), status=head.status, headers=head.headers)

    @asynccontextmanager
    async def watched(self, exchange: Exchange) -> AsyncGenerator[None, None]:
        """Ends the exchange when the server no longer lives."""
        watch = asyncio.create_task(self._watch_silence(exchange))
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.wait({watch})

    async def _watch_silence(self, exchange: Exchange) -> None:
        """Ends the exchange when the server is silent and, asked on a second connection, stays so twice in a row."""
        failures, counted_from = 0, exchange.heard_at
        while not exchange.has_ended:
            await self._sleep(max(0.0, self._silence_probe_seconds - (self._clock() - counted_from)))
            if exchange.is_waiting_for_server and exchange.heard_at <= counted_from:
                failures = 0 if await self._shows_life() else failures + 1
            if exchange.heard_at > counted_from:
                failures, counted_from = 0, exchange.heard_at
                continue
            if failures > _PROBES_THAT_MAY_FAIL:
                silent_seconds = self._clock() - exchange.heard_at
                await exchange.end(faults.no_sign_of_life(self.host, silent_seconds))
                return
            counted_from = self._clock()

    async def _shows_life(self) -> bool:
        try:
            await self.fetch_object("GET", "/api/version", within_seconds=self.version_timeout_seconds)
        except (OllamaConnectionError, OllamaTimeoutError):
            return False
        except OllamaError:
            return True  # it said something, whatever that was
        return True
