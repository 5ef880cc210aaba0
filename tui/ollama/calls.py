"""Questions to one server in JSON, and their answers: whole, or object by object as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from tui.engine import EngineError, ErrorKind, FinalCounts, Host
from tui.ollama import faults, ndjson, request_body, wire
from tui.ollama.errors import OllamaConnectionError, OllamaError, OllamaResponseError, OllamaTimeoutError, one_line
from tui.ollama.refusals import Refusal, error_of_refusal, refusal_of_body
from tui.ollama.request_log import Asking, RequestLog, Trace
from tui.ollama.runners import DeadRunners
from tui.ollama.transport import Answer, Clock, Exchange, Head, Sleep, Transport, Upload, check_head, too_large

LARGEST_ANSWER_BYTES = 16 * 1024 * 1024
LARGE_BYTES = 256 * 1024
"""From here on JSON is read and written in a thread, since it takes milliseconds."""
_LARGE_READ_BYTES = 16 * 1024
"""From here on a streamed answer is read in a thread: as hundreds of lines, or one long one, it takes milliseconds."""
_SLICE_BYTES = 64 * 1024
"""So much of it is read at once at most, so that what was made of it does not fill the memory."""
_LARGEST_REFUSAL_BYTES = 1024 * 1024
_ANSWERED_BY_THE_MODEL = frozenset({"/api/chat", "/api/generate", "/api/embed", "/api/embeddings"})
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

    @property
    def held_bytes(self) -> int:
        """How much of a line has come whose end has not."""
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
        new_id: Callable[[], str],
        log: RequestLog | None = None,
    ) -> None:
        self.host = host
        self.dead_runners = DeadRunners()
        self.misfits = wire.Misfits()
        self.version_timeout_seconds = version_timeout_seconds
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._silence_probe_seconds = silence_probe_seconds
        self._new_id = new_id
        self._log = log

    def asking(self, model: str = "", metadata: Mapping[str, Any] | None = None) -> Asking:
        """A question of a caller, to be handed on each time that it is sent."""
        return Asking(id=self._new_id(), model=model, metadata=metadata or {})

    async def fetch(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        within_seconds: float,
        largest_bytes: int,
        asking: Asking | None = None,
    ) -> Answer:
        """A short question; an answer that says no is an answer too."""
        with self._traced(asking, method, path, body) as trace:
            answer = await self._transport.fetch(
                method, path, body, within_seconds=within_seconds, largest_bytes=largest_bytes
            )
            trace.head(answer.head.status, self._clock())
            trace.received(answer.body)
            return replace(answer, request_id=trace.asking.id)

    async def fetch_object(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        within_seconds: float,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
        asking: Asking | None = None,
    ) -> dict[str, Any]:
        """A short question whose answer is a JSON object."""
        answer = await self.fetch(
            method, path, body, within_seconds=within_seconds, largest_bytes=largest_bytes, asking=asking
        )
        return await self.object_of(answer, model="" if asking is None else asking.model)

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        *,
        asking: Asking,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> bytes:
        """A question that may take as long as it takes, and the body of its answer; a no is raised."""
        with self._traced(asking, method, path, body) as trace:
            async with self._transport.begin(method, path, body) as exchange, self.watched(exchange):
                head = await self._head(exchange, trace)
                if not 200 <= head.status < 300:
                    refusal = await self._refusal(exchange, head, trace)
                    raise error_of_refusal(refusal, host=self.host, model=asking.model)
                return await self._rest(exchange, largest_bytes, trace)

    async def stream(
        self,
        path: str,
        body: Callable[[], dict[str, Any]],
        reader: AnswerReader[Part],
        *,
        is_streamed: bool,
        asking: Asking,
        characters: Callable[[], int] = lambda: 0,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> AsyncGenerator[Part, None]:
        """What ``reader`` makes of an answer as it comes, or of the whole of it when it is not streamed.

        ``characters`` tells about how long the body is.
        """
        sent = await self.encoded(body, characters=characters)
        with self._traced(asking, "POST", path, sent) as trace:
            async with self._transport.begin("POST", path, sent) as exchange, self.watched(exchange):
                head = await self._head(exchange, trace)
                if not 200 <= head.status < 300:
                    raise reader.refused(await self._refusal(exchange, head, trace))
                if not is_streamed:
                    data = await self._rest(exchange, largest_bytes, trace)
                    value = await self.decoded(data) if data.strip() else {}
                    for part in reader.take(value, len(data)):
                        trace.counts = part if isinstance(part, FinalCounts) else None
                        yield part
                else:
                    while data := await exchange.read():
                        trace.received(data)
                        async with aclosing(_parts_of(reader, data)) as parts:
                            async for part in parts:
                                trace.counts = part if isinstance(part, FinalCounts) else None
                                yield part
                        if reader.is_done:
                            await exchange.ended(within_seconds=_LAST_BYTE_SECONDS)
                            return
                for part in reader.finish():
                    trace.counts = part if isinstance(part, FinalCounts) else None
                    yield part

    @asynccontextmanager
    async def uploading(
        self, path: str, body: Upload, *, asking: Asking
    ) -> AsyncGenerator[tuple[Exchange, Callable[[], Awaitable[None]]], None]:
        """A body on its way, piece by piece, and what waits until the server has all of it, or raises its no."""
        with self._traced(asking, "POST", path, body) as trace:
            async with self._transport.begin("POST", path, body) as exchange, self.watched(exchange):

                async def uploaded() -> None:
                    head = await self._head(exchange, trace)
                    if not 200 <= head.status < 300:
                        raise error_of_refusal(await self._refusal(exchange, head, trace), host=self.host)
                    await self._rest(exchange, LARGEST_ANSWER_BYTES, trace)

                yield exchange, uploaded

    async def object_of(self, answer: Answer, *, model: str = "") -> dict[str, Any]:
        """The JSON object that an answer is; a no is raised."""
        try:
            if not 200 <= answer.head.status < 300:
                refusal = refusal_of_body(answer.body, status=answer.head.status, headers=answer.head.headers)
                raise error_of_refusal(refusal, host=self.host, model=model)
            return await self.decoded_object(answer.body)
        except EngineError as error:
            error.request_id = answer.request_id
            raise

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

    def not_ollama(self, why: str, request_id: str = "") -> OllamaResponseError:
        error = OllamaResponseError(
            f"{self.host.name} does not answer like ollama",
            why,
            "check the address, and any proxy in between",
            kind=ErrorKind.unreadable,
        )
        error.request_id = request_id
        return error

    @contextmanager
    def _traced(self, asking: Asking | None, method: str, path: str, body: bytes | Upload | None) -> Iterator[Trace]:
        """One request, from before it is sent until all is over; then it is noted, whatever came of it."""
        asking = asking or self.asking()
        asking.attempts += 1
        log = self._log
        trace = Trace(
            asking=asking,
            attempt=asking.attempts,
            method=method,
            endpoint=path,
            sent=body if isinstance(body, bytes) else b"",
            sent_bytes=body.size_bytes if isinstance(body, Upload) else len(body or b""),
            began_at=self._clock(),
            keeps_text=log is not None and log.with_text,
        )
        began_at_time = 0.0 if log is None else log.now()
        try:
            yield trace
        except EngineError as error:
            error.request_id, trace.error = asking.id, error
            if isinstance(error, OllamaError) and error.runner_died and asking.model:
                self.dead_runners.note(asking.model, self._clock())
            raise
        except (asyncio.CancelledError, GeneratorExit):
            trace.was_left = True
            raise
        else:
            if path in _ANSWERED_BY_THE_MODEL:
                self.dead_runners.note_answer(asking.model)
        finally:
            if log is not None:
                secrets = self._transport.secrets
                ended_at = self._clock()
                log.note(trace.record(host=self.host.name, ended_at=ended_at, at=began_at_time, secrets=secrets))

    async def _head(self, exchange: Exchange, trace: Trace) -> Head:
        head = await exchange.head()
        trace.head(head.status, self._clock())
        check_head(head, self.host)
        return head

    async def _rest(self, exchange: Exchange, largest_bytes: int, trace: Trace) -> bytes:
        received = bytearray()
        while data := await exchange.read():
            trace.received(data)
            received += data
            if len(received) > largest_bytes:
                raise too_large(self.host, largest_bytes)
        return bytes(received)

    async def _refusal(self, exchange: Exchange, head: Head, trace: Trace) -> Refusal:
        body = bytearray()
        while len(body) < _LARGEST_REFUSAL_BYTES and (data := await exchange.read()):
            trace.received(data)
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


async def _parts_of(reader: AnswerReader[Part], data: bytes) -> AsyncGenerator[Part, None]:
    """What ``reader`` makes of one read of the socket, without holding up the event loop."""
    for start in range(0, len(data), _SLICE_BYTES):
        piece = data[start : start + _SLICE_BYTES]
        if len(piece) + reader.held_bytes > _LARGE_READ_BYTES:
            parts, error = await asyncio.to_thread(_fed, reader, piece)
        else:
            parts, error = _fed(reader, piece)
        for part in parts:
            yield part
        if error is not None:
            raise error


def _fed(reader: AnswerReader[Part], data: bytes) -> tuple[list[Part], OllamaError | None]:
    """The parts that came before an error, and the error."""
    parts = []
    try:
        for part in reader.feed(data):
            parts.append(part)  # noqa: PERF402  those before the error are wanted
    except OllamaError as error:
        return parts, error
    return parts, None
