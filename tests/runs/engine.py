"""An engine that answers by a function, and knows how many asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from tests.chat.scripted_engine import ScriptedEngine
from tui.engine import ChatRequest, Chunk, EngineError, FinalCounts, Host

Reply = Callable[[ChatRequest], str | EngineError]


def counts(answer_tokens: int = 20, *, seconds: float = 0.5, load: float | None = None) -> FinalCounts:
    return FinalCounts(
        done_reason="stop",
        prompt_tokens=40,
        prompt_seconds=0.1,
        answer_tokens=answer_tokens,
        answer_seconds=seconds,
        load_seconds=load,
    )


class AnsweringEngine(ScriptedEngine):
    """Every request is answered at once, when ``gate`` is open."""

    def __init__(self, reply: Reply | None = None, *, name: str = "one") -> None:
        super().__init__(host=Host(url=f"http://{name}:11434", name=name))
        self.reply: Reply = reply or (lambda request: f"re: {request.messages[-1].text}")
        self.counts = counts()
        self.requests: list[ChatRequest] = []
        self.unloaded: list[str] = []
        self.at_once = self.most_at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._changed = asyncio.Condition()

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk | FinalCounts, None]:
        return self._answer(request)

    async def unload_model(self, model: str) -> FinalCounts:
        self.unloaded.append(model)
        return FinalCounts(done_reason="unload")

    async def holds(self, requests: int) -> None:
        """Returns when so many are asked at once."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self.at_once >= requests), 10)

    async def _answer(self, request: ChatRequest) -> AsyncGenerator[Chunk | FinalCounts, None]:
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async with self._changed:
                self._changed.notify_all()
            # Others get their turn, as they would while a socket is waited for.
            await asyncio.sleep(0)
            await self.gate.wait()
            reply = self.reply(request)
            if isinstance(reply, EngineError):
                raise reply
            yield Chunk(text=reply)
            yield self.counts
        finally:
            self.at_once -= 1


class Ticking:
    """A clock that goes on a second each time it is read."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1.0
        return self.seconds
