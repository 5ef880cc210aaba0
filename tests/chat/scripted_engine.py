"""An engine that does what a test tells it, when it tells it. Nothing here takes time.

::

    engine = ScriptedEngine()
    await session.ask("hello")
    call = await engine.next_call()     # the request left
    call.say("hel")
    call.say("lo")
    call.finish()
    await session.settled()
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from tui.engine import (
    ChatRequest,
    Chunk,
    EngineError,
    ErrorKind,
    FinalCounts,
    Health,
    Host,
    Model,
    ModelDetails,
    RunningModel,
    ToolCall,
)

COUNTS = FinalCounts(
    done_reason="stop", prompt_tokens=12, answer_tokens=30, answer_seconds=0.5, load_seconds=0.01, total_seconds=0.6
)


def refused(kind: ErrorKind = ErrorKind.unreachable, title: str = "no answer from the server") -> EngineError:
    return EngineError(title, "connection refused", "start it", kind=kind)


class ChatCall:
    """One ``chat``: what was asked, and the other end of its stream."""

    def __init__(self, request: ChatRequest) -> None:
        self.request = request
        self.is_closed = False
        """The session hung up, or took everything."""
        self._sent = 0
        self._read = 0
        self._parts: asyncio.Queue[Chunk | FinalCounts | BaseException | None] = asyncio.Queue()
        self._taken = asyncio.Condition()

    def send(self, chunk: Chunk) -> None:
        self._sent += 1
        self._parts.put_nowait(chunk)

    def say(self, text: str, *, pieces: int = 1) -> None:
        self.send(Chunk(text=text, pieces=pieces))

    def think(self, thinking: str, *, pieces: int = 1) -> None:
        self.send(Chunk(thinking=thinking, pieces=pieces))

    def call_tool(self, name: str, **arguments: object) -> None:
        self.send(Chunk(tool_calls=(ToolCall(name=name, arguments=arguments),)))

    def finish(self, counts: FinalCounts = COUNTS) -> None:
        self._sent += 1
        self._parts.put_nowait(counts)
        self._parts.put_nowait(None)

    def end_without_counts(self) -> None:
        self._parts.put_nowait(None)

    def fail(self, error: BaseException) -> None:
        self._parts.put_nowait(error)

    async def all_read(self) -> None:
        """Returns when the session has dealt with everything that was sent and came back for more."""
        async with self._taken:
            await asyncio.wait_for(self._taken.wait_for(lambda: self._read == self._sent or self.is_closed), 5)

    async def hung_up(self) -> None:
        """Returns when the stream is closed, from whichever end."""
        async with self._taken:
            await asyncio.wait_for(self._taken.wait_for(lambda: self.is_closed), 5)

    async def stream(self) -> AsyncGenerator[Chunk | FinalCounts, None]:
        try:
            while True:
                part = await self._parts.get()
                if part is None:
                    return
                if isinstance(part, BaseException):
                    raise part
                yield part
                self._read += 1
                await self._tell()
        finally:
            self.is_closed = True
            await self._tell()

    async def _tell(self) -> None:
        async with self._taken:
            self._taken.notify_all()


class ScriptedEngine:
    """Implements ``tui.engine.Engine``. What is an attribute may be changed at any time."""

    def __init__(self, *, host: Host | None = None) -> None:
        self._host = host or Host(url="http://127.0.0.1:11434", name="127.0.0.1", is_loopback=True)
        self.calls: list[ChatCall] = []
        self.models: Sequence[Model] = ()
        self.details: dict[str, ModelDetails | EngineError] = {}
        self.running: Sequence[RunningModel] | EngineError = ()
        self.running_hangs: asyncio.Event | None = None
        """While set to an event, ``list_running`` waits for it."""
        self.models_failure: EngineError | None = None
        self.healths: list[Health | EngineError] = []
        """What the next health checks give; the last one goes on for ever."""
        self.hanging_up_hangs: asyncio.Event | None = None
        """While set to an event, a ``chat`` that is closed waits for it, cancelled or not."""
        self.show_gate: asyncio.Event | None = None
        """While set to an event, ``show_model`` waits for it."""
        self.health_checks = 0
        self.list_running_calls = 0
        self.list_running_under_way = 0
        self.shown: list[str] = []
        self.shown_at_once = 0
        self.most_shown_at_once = 0
        self.is_closed = False
        self._arrivals: asyncio.Queue[ChatCall] = asyncio.Queue()

    @property
    def host(self) -> Host:
        return self._host

    async def next_call(self) -> ChatCall:
        """The next request that was made, and not given out yet."""
        return await asyncio.wait_for(self._arrivals.get(), 5)

    async def health_check(self) -> Health:
        self.health_checks += 1
        given = self.healths.pop(0) if len(self.healths) > 1 else self.healths[0]
        if isinstance(given, EngineError):
            raise given
        return given

    async def version(self) -> str:
        return (await self.health_check()).version

    async def list_models(self) -> tuple[Model, ...]:
        if self.models_failure is not None:
            raise self.models_failure
        return tuple(self.models)

    async def show_model(self, name: str) -> ModelDetails:
        self.shown.append(name)
        self.shown_at_once += 1
        self.most_shown_at_once = max(self.most_shown_at_once, self.shown_at_once)
        try:
            if self.show_gate is not None:
                await self.show_gate.wait()
            given = self.details.get(name, refused(ErrorKind.model_missing, f"no model {name}"))
        finally:
            self.shown_at_once -= 1
        if isinstance(given, EngineError):
            raise given
        return given

    async def list_running(self) -> tuple[RunningModel, ...]:
        self.list_running_calls += 1
        self.list_running_under_way += 1
        try:
            if self.running_hangs is not None:
                await self.running_hangs.wait()
        finally:
            self.list_running_under_way -= 1
        if isinstance(self.running, EngineError):
            raise self.running
        return tuple(self.running)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk | FinalCounts, None]:
        call = ChatCall(request)
        self.calls.append(call)
        self._arrivals.put_nowait(call)
        stream = call.stream()
        try:
            async for part in stream:
                yield part
        finally:
            await stream.aclose()
            while self.hanging_up_hangs is not None and not self.hanging_up_hangs.is_set():
                with suppress(asyncio.CancelledError):
                    await self.hanging_up_hangs.wait()

    async def aclose(self) -> None:
        self.is_closed = True
