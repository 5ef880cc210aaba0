"""Nothing leaves for a model in the cloud unasked: who has leave, and the last gate before the request goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from tui.engine import (
    ChatRequest,
    Chunk,
    Engine,
    EngineError,
    ErrorKind,
    FinalCounts,
    Health,
    Host,
    Model,
    ModelDetails,
    RunningModel,
)

ReadLeave = Callable[[], frozenset[str]]
"""The addresses of the servers whose leave was kept. Blocks."""
KeepLeave = Callable[[str], None]
"""Keeps the leave of a server. Blocks; raises ``Failure``."""
TakeBackLeave = Callable[[Iterable[str]], None]
"""Forgets the leave of servers. Blocks; raises ``Failure``."""


class CloudLeave:
    """Leave is given to a server by its address, for good or until chinwag ends.

    What was kept is read again each time it matters: it may have been taken back in another chinwag.
    """

    def __init__(self, *, read: ReadLeave, keep: KeepLeave, take_back: TakeBackLeave) -> None:
        self._read, self._keep, self._take_back = read, keep, take_back
        self._kept: frozenset[str] = frozenset()
        self._until_the_end: frozenset[str] = frozenset()
        self._taken_back: frozenset[str] = frozenset()
        """In this start, whatever the disk says."""

    def holds(self, host_url: str) -> bool:
        """As it was known at the last ``look``."""
        return host_url in self._kept or host_url in self._until_the_end

    async def look(self, host_url: str) -> bool:
        """Whether that server has leave at this moment."""
        self._kept = await asyncio.to_thread(self._read) - self._taken_back
        return self.holds(host_url)

    async def give(self, host_url: str, *, is_kept: bool) -> None:
        """Raises ``Failure`` when it cannot be kept; it then holds until chinwag ends."""
        self._until_the_end |= {host_url}
        self._taken_back -= {host_url}
        if is_kept:
            await asyncio.to_thread(self._keep, host_url)
            self._kept |= {host_url}
            self._until_the_end -= {host_url}

    async def take_back(self) -> int:
        """Of every server; how many had it. Raises ``Failure`` when it cannot be kept; until chinwag ends it is gone."""
        had = await asyncio.to_thread(self._read) - self._taken_back | self._until_the_end
        self._taken_back |= had
        self._kept = self._until_the_end = frozenset()
        await asyncio.to_thread(self._take_back, had)
        return len(had)


class GuardedEngine:
    """An engine that sends nothing to a model in the cloud without leave, whoever asks and by whichever way."""

    def __init__(self, engine: Engine, *, is_cloud: Callable[[str], bool], leave: CloudLeave) -> None:
        self._engine = engine
        self._is_cloud = is_cloud
        self._leave = leave

    @property
    def host(self) -> Host:
        return self._engine.host

    async def health_check(self) -> Health:
        return await self._engine.health_check()

    async def version(self) -> str:
        return await self._engine.version()

    async def list_models(self) -> tuple[Model, ...]:
        return await self._engine.list_models()

    async def show_model(self, name: str) -> ModelDetails:
        return await self._engine.show_model(name)

    async def list_running(self) -> tuple[RunningModel, ...]:
        return await self._engine.list_running()

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk | FinalCounts, None]:
        """Raises ``EngineError`` before anything is sent when the model is in the cloud and nobody agreed."""
        if self._is_cloud(request.model) and not self._leave.holds(self.host.url):
            raise EngineError(
                f"nothing was sent to {request.model}",
                "it runs on somebody else's computers, and that was not agreed to",
                "try again, and you are asked",
                kind=ErrorKind.refused,
            )
        async with aclosing(self._engine.chat(request)) as stream:
            async for one in stream:
                yield one

    async def aclose(self) -> None:
        await self._engine.aclose()
