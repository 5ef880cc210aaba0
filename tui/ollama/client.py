"""One Ollama server, as ``tui.engine.Engine`` describes it. Importing this loads no HTTP library."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from tui.engine import (
    ChatRequest,
    Chunk,
    ErrorKind,
    FinalCounts,
    Health,
    Host,
    Model,
    ModelDetails,
    RunningModel,
)
from tui.ollama import faults, ndjson, request_body, wire
from tui.ollama.chat_stream import LONGEST_TEXT_BYTES, ChatStream
from tui.ollama.errors import OllamaConnectionError, OllamaError, OllamaResponseError, OllamaTimeoutError, one_line
from tui.ollama.refusals import error_of_refusal, refusal_of_body
from tui.ollama.transport import Answer, Clock, Exchange, Head, Sleep, Transport, check_head, too_large

if TYPE_CHECKING:
    import httpx

_LARGEST_ANSWER_BYTES = 16 * 1024 * 1024
_LARGEST_SHOW_BYTES = 64 * 1024 * 1024
_LARGEST_REFUSAL_BYTES = 1024 * 1024
_LARGE_BYTES = 256 * 1024
"""From here on JSON is read and written in a thread, since it takes milliseconds."""
_MANY_ENTRIES = 500
_PROBES_THAT_MAY_FAIL = 1
_LAST_BYTE_SECONDS = 0.1

Entry = TypeVar("Entry")


class OllamaClient:
    """An ``Engine`` over Ollama's HTTP API, with one pool of connections.

    Every method raises ``OllamaError`` (an ``EngineError``) and nothing else, ``CancelledError`` apart.
    """

    def __init__(
        self,
        host: Host,
        *,
        environ: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        connect_timeout_seconds: float = 5.0,
        version_timeout_seconds: float = 3.0,
        running_timeout_seconds: float = 3.0,
        list_timeout_seconds: float = 10.0,
        show_timeout_seconds: float = 15.0,
        read_interval_seconds: float = 0.033,
        silence_probe_seconds: float = 30.0,
    ) -> None:
        """``environ`` names proxies and certificates, the process's own when None; ``transport`` replaces the network.

        ``read_interval_seconds``: how long the socket is left alone after each read of an answer; 0 reads on at once.
        ``silence_probe_seconds``: an answer that is silent for that long makes the client ask on a second connection
        whether the server lives; when it fails to say so twice in a row, the answer ends as broken off.
        """
        self._host = host
        self._clock = clock
        self._sleep = sleep
        self._version_timeout_seconds = version_timeout_seconds
        self._running_timeout_seconds = running_timeout_seconds
        self._list_timeout_seconds = list_timeout_seconds
        self._show_timeout_seconds = show_timeout_seconds
        self._silence_probe_seconds = silence_probe_seconds
        self._misfits = wire.Misfits()
        self._transport = Transport(
            host,
            environ=os.environ if environ is None else environ,
            connect_timeout_seconds=connect_timeout_seconds,
            read_interval_seconds=read_interval_seconds,
            clock=clock,
            sleep=sleep,
            transport=transport,
        )

    @property
    def host(self) -> Host:
        return self._host

    @property
    def misfit_fields(self) -> int:
        """How many fields came in a wrong type or out of range so far, and were read as missing or clamped."""
        return self._misfits.count

    async def health_check(self) -> Health:
        """Asks for the version and takes the time."""
        asked_at = self._clock()
        version = await self.version()
        return Health(version=version, answered_in_seconds=max(0.0, self._clock() - asked_at))

    async def version(self) -> str:
        """Such as ``0.33.0``; ``0.0.0`` for a development build."""
        value = await self._get("/api/version", within_seconds=self._version_timeout_seconds)
        version = wire.Fields(value, self._misfits).text("version")
        if not version:
            raise self._not_ollama("its answer names no version")
        return one_line(version, 80)

    async def list_models(self) -> tuple[Model, ...]:
        """What is installed, newest first. ``capabilities`` are None: only ``show_model`` knows them."""
        return await self._entries("/api/tags", wire.model, within_seconds=self._list_timeout_seconds)

    async def list_running(self) -> tuple[RunningModel, ...]:
        """What is in memory, longest-lived first. A hint: what loads is not listed, nor a second name of one model."""
        return await self._entries("/api/ps", wire.running_model, within_seconds=self._running_timeout_seconds)

    async def show_model(self, name: str) -> ModelDetails:
        answer = await self._transport.fetch(
            "POST",
            "/api/show",
            await self._encoded(lambda: {"model": name}),
            within_seconds=self._show_timeout_seconds,
            largest_bytes=_LARGEST_SHOW_BYTES,
        )
        return wire.model_details(name, await self._value(answer, model=name), self._misfits)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk | FinalCounts, None]:
        """Chunks as they come, then exactly one ``FinalCounts``. Close it (``aclosing``) to hang up at once.

        There is no limit on how long a model may load or think. Without messages the model is only loaded, or with
        ``keep_alive=0`` unloaded: then the counts come alone.
        """
        body = await self._encoded(lambda: request_body.chat_body(request), large=_is_large(request))
        stream = ChatStream(host=self._host, model=request.model, misfits=self._misfits)
        async with self._transport.begin("POST", "/api/chat", body) as exchange, self._watched(exchange):
            head = await exchange.head()
            check_head(head, self._host)
            if not 200 <= head.status < 300:
                raise await self._refused(exchange, head, request.model)
            if not request.stream:
                data = await self._rest(exchange, LONGEST_TEXT_BYTES)
                value = await self._decoded(data) if data.strip() else {}
                for part in stream.take(value, len(data)):
                    yield part
            else:
                while data := await exchange.read():
                    for part in stream.feed(data):
                        yield part
                    if stream.is_done:
                        await exchange.ended(within_seconds=_LAST_BYTE_SECONDS)
                        return
            for part in stream.finish():
                yield part

    async def aclose(self) -> None:
        """Ends what is under way and closes the connections. Doing it twice is fine."""
        await self._transport.aclose()

    async def _get(self, path: str, *, within_seconds: float) -> Any:
        answer = await self._transport.fetch(
            "GET", path, within_seconds=within_seconds, largest_bytes=_LARGEST_ANSWER_BYTES
        )
        return await self._value(answer)

    async def _entries(
        self, path: str, read: Callable[[Any, wire.Misfits], Entry | None], *, within_seconds: float
    ) -> tuple[Entry, ...]:
        fields = wire.Fields(await self._get(path, within_seconds=within_seconds), self._misfits)
        if not fields.has("models"):
            raise self._not_ollama("its answer names no models")
        sent = fields.items("models")

        def read_all() -> tuple[Entry, ...]:
            found = (read(entry, self._misfits) for entry in sent)
            return tuple(entry for entry in found if entry is not None)

        return await asyncio.to_thread(read_all) if len(sent) > _MANY_ENTRIES else read_all()

    async def _value(self, answer: Answer, *, model: str = "") -> dict[str, Any]:
        if not 200 <= answer.head.status < 300:
            refusal = refusal_of_body(answer.body, status=answer.head.status, headers=answer.head.headers)
            raise error_of_refusal(refusal, host=self._host, model=model)
        value = await self._decoded(answer.body)
        if not isinstance(value, dict):
            raise self._not_ollama(f"it said: {one_line(repr(value)[:1000], 120)}")
        return value

    async def _decoded(self, data: bytes) -> Any:
        try:
            if len(data) > _LARGE_BYTES:
                return await asyncio.to_thread(ndjson.decoded, data)
            return ndjson.decoded(data)
        except ndjson.NotJsonError:
            said = one_line(ndjson.readable_text(data[:2000]), 120)
            raise self._not_ollama(f"it said: {said}" if said else "its answer is empty") from None

    async def _encoded(self, body: Callable[[], dict[str, Any]], *, large: bool = False) -> bytes:
        def write() -> bytes:
            return request_body.encoded(body())

        try:
            return await asyncio.to_thread(write) if large else write()
        except (TypeError, ValueError, RecursionError) as error:
            raise OllamaResponseError(
                "the request cannot be sent",
                one_line(str(error), 160),
                "check the options and the tools",
                kind=ErrorKind.refused,
            ) from error

    async def _rest(self, exchange: Exchange, largest_bytes: int) -> bytes:
        received = bytearray()
        while data := await exchange.read():
            received += data
            if len(received) > largest_bytes:
                raise too_large(self._host, largest_bytes)
        return bytes(received)

    async def _refused(self, exchange: Exchange, head: Head, model: str) -> OllamaError:
        body = bytearray()
        while len(body) < _LARGEST_REFUSAL_BYTES and (data := await exchange.read()):
            body += data
        refusal = refusal_of_body(bytes(body), status=head.status, headers=head.headers)
        return error_of_refusal(refusal, host=self._host, model=model)

    @asynccontextmanager
    async def _watched(self, exchange: Exchange) -> AsyncGenerator[None, None]:
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
                await exchange.end(faults.no_sign_of_life(self._host, silent_seconds))
                return
            counted_from = self._clock()

    async def _shows_life(self) -> bool:
        try:
            await self.version()
        except (OllamaConnectionError, OllamaTimeoutError):
            return False
        except OllamaError:
            return True  # it said something, whatever that was
        return True

    def _not_ollama(self, why: str) -> OllamaResponseError:
        return OllamaResponseError(
            f"{self._host.name} does not answer like ollama",
            why,
            "check the address, and any proxy in between",
            kind=ErrorKind.unreadable,
        )


def _is_large(request: ChatRequest) -> bool:
    """Whether writing it down takes milliseconds."""
    return sum(len(m.text) + sum(map(len, m.images)) for m in request.messages) > _LARGE_BYTES
