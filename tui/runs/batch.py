"""Many prompts: some at a time, over one server or several, resumed where it was interrupted.

One failure never ends the rest. Results come as they are there; what is on disk of an earlier run is not asked again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tui.engine import ChatMessage, ChatRequest, Engine
from tui.runs.asking import Answer, answer_value, ask

USUAL_CONCURRENCY = 3
NOT_THEIR_FAULT = frozenset({"unreachable", "silent", "busy"})
"""What says something of the server and nothing of the prompt."""
FAILURES_BEFORE_A_HOST_RESTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One prompt of a batch. ``index`` is its place in the file, from 0; ``columns`` go along into the result."""

    index: int
    request: ChatRequest
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Of its place and of all that is asked: the same only for the same row of the same run."""
        return hashlib.sha256(f"{self.index}\n{question_key(self.request)}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    item: BatchItem
    answer: Answer
    host: str = ""
    """URL of the server that answered; empty when none was asked."""
    is_from_cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """How far it is. Times on this machine's clock."""

    total: int
    done: int = 0
    """With an answer, from earlier runs too."""
    failed: int = 0
    skipped: int = 0
    """Of ``done``: those that an earlier run has answered."""
    cached: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0

    @property
    def left(self) -> int:
        return self.total - self.done - self.failed

    @property
    def tokens_per_second(self) -> float | None:
        """Over all that ran side by side; None before anything came."""
        return self.answer_tokens / self.seconds if self.answer_tokens and self.seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before anything was answered in this run."""
        asked = self.done + self.failed - self.skipped - self.cached
        return self.seconds / asked * self.left if asked > 0 and self.seconds > 0 else None


class AnswerCache:
    """Answers to identical questions. In memory here; whoever keeps them on disk gives its own."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def get(self, key: str) -> Answer | None:
        return self._answers.get(key)

    def put(self, key: str, answer: Answer) -> None:
        self._answers[key] = answer


def question_key(request: ChatRequest) -> str:
    """The same for requests that ask the same of the same model with the same options."""
    asked: dict[str, Any] = {
        "model": request.model,
        "messages": [
            [one.role, one.text, list(one.images), [[call.name, dict(call.arguments)] for call in one.tool_calls]]
            for one in request.messages
        ],
        "options": dict(request.options),
        "think": request.think,
        "format": request.format if request.format is None or isinstance(request.format, str) else dict(request.format),
        "tools": [dict(tool) for tool in request.tools],
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


class Batch:
    """One run. ``results`` is gone through once; ``progress`` may be looked at meanwhile."""

    def __init__(
        self,
        items: Sequence[BatchItem],
        *,
        engines: Sequence[Engine],
        clock: Callable[[], float],
        concurrency: int = USUAL_CONCURRENCY,
        done: frozenset[str] = frozenset(),
        cache: AnswerCache | None = None,
        on_handed_on: Callable[[Engine, Answer], None] = lambda _engine, _answer: None,
    ) -> None:
        """``concurrency`` is for each engine. ``done`` are the keys of items that an earlier run has answered.

        ``on_handed_on`` hears, once for each engine, that it failed a prompt which another one gets instead.
        """
        if not engines:
            raise ValueError("a batch needs an engine")
        if concurrency < 1:
            raise ValueError("at least one prompt is asked at a time")
        self._waiting = [item for item in items if item.key not in done]
        self._waiting.reverse()
        self._engines = engines
        self._clock = clock
        self._concurrency = concurrency
        self._cache = cache
        self._on_handed_on = on_handed_on
        self._handing_on: set[int] = set()
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self._total = len(items)
        self._skipped = len(items) - len(self._waiting)
        self._done = self._failed = self._cached = self._answer_tokens = 0
        self._started_at: float | None = None

    @property
    def progress(self) -> BatchProgress:
        return BatchProgress(
            total=self._total,
            done=self._done + self._skipped,
            failed=self._failed,
            skipped=self._skipped,
            cached=self._cached,
            answer_tokens=self._answer_tokens,
            seconds=0.0 if self._started_at is None else self._clock() - self._started_at,
        )

    async def results(self) -> AsyncGenerator[BatchResult, None]:
        """Each as it is there. Closing the generator gives up what is under way; what was yielded stands."""
        self._started_at = self._clock()
        found: asyncio.Queue[BatchResult | None] = asyncio.Queue()
        lanes = [
            asyncio.create_task(self._lane(engine, found), name=f"batch on {engine.host.name}")
            for engine in self._engines
            for _ in range(min(self._concurrency, len(self._waiting)))
        ]
        ended = asyncio.gather(*lanes, return_exceptions=True)
        ended.add_done_callback(lambda _: found.put_nowait(None))
        try:
            while (result := await found.get()) is not None:
                self._count(result)
                yield result
            for outcome in await ended:
                if isinstance(outcome, BaseException):
                    raise outcome
            # Every server rests, and prompts are left: they are told, not forgotten.
            for item in reversed(self._waiting):
                result = BatchResult(item=item, answer=_NOBODY_LEFT)
                self._count(result)
                yield result
            self._waiting.clear()
        finally:
            for lane in lanes:
                lane.cancel()
            # Whoever closes the generator is told nothing of how they ended.
            with suppress(asyncio.CancelledError):
                await ended

    async def _lane(self, engine: Engine, found: asyncio.Queue[BatchResult | None]) -> None:
        """Takes one prompt after the other, until none is left or its server fails time after time."""
        failures_in_a_row = 0
        while self._waiting and failures_in_a_row < FAILURES_BEFORE_A_HOST_RESTS:
            item = self._waiting.pop()
            result = await self._answer(engine, item)
            if result.answer.failure_kind in NOT_THEIR_FAULT:
                failures_in_a_row += 1
                if len(self._engines) > 1 and not result.answer.text:
                    # Another server may do it.
                    self._waiting.append(item)
                    self._tell_handed_on(engine, result.answer)
                    await asyncio.sleep(0)
                    continue
            else:
                failures_in_a_row = 0
            found.put_nowait(result)

    def _tell_handed_on(self, engine: Engine, answer: Answer) -> None:
        which = next(index for index, one in enumerate(self._engines) if one is engine)
        if which not in self._handing_on:
            self._handing_on.add(which)
            self._on_handed_on(engine, answer)

    async def _answer(self, engine: Engine, item: BatchItem) -> BatchResult:
        if self._cache is None:
            return BatchResult(item=item, answer=await self._ask(engine, item.request), host=engine.host.url)
        key = question_key(item.request)
        if (known := self._cache.get(key)) is not None:
            return BatchResult(item=item, answer=known, is_from_cache=True)
        if (under_way := self._asked.get(key)) is not None:
            answer = await asyncio.shield(under_way)
            if answer.is_whole:
                return BatchResult(item=item, answer=answer, is_from_cache=True)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[key] = future
        try:
            answer = await self._ask(engine, item.request)
            future.set_result(answer)
        finally:
            future.cancel()
            if self._asked.get(key) is future:
                del self._asked[key]
        if answer.is_whole:
            self._cache.put(key, answer)
        return BatchResult(item=item, answer=answer, host=engine.host.url)

    async def _ask(self, engine: Engine, request: ChatRequest) -> Answer:
        return await ask(engine, request, clock=self._clock)

    def _count(self, result: BatchResult) -> None:
        if not result.answer.is_whole:
            self._failed += 1
            return
        self._done += 1
        self._cached += result.is_from_cache
        counts = result.answer.counts
        if not result.is_from_cache and counts is not None:
            self._answer_tokens += counts.answer_tokens or 0


_NOBODY_LEFT = Answer(
    failure="not asked: no server answers any more; start one and run the batch again", failure_kind="unreachable"
)


# ---------------------------------------------------------------------- as lines of a file


def encode_result(result: BatchResult) -> bytes:
    """One JSON line. Its ``key`` is what a later run knows the row by."""
    answer, request = result.answer, result.item.request
    line: dict[str, Any] = {
        "key": result.item.key,
        "index": result.item.index,
        "model": request.model,
        "host": result.host,
        "prompt": request.messages[-1].text if request.messages else "",
        "columns": dict(result.item.columns),
        **answer_value(answer),
    }
    if result.is_from_cache:
        line["is_from_cache"] = True
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def answered_keys(data: bytes) -> frozenset[str]:
    """The keys of the rows that a file of results has an answer for. A torn or foreign line counts for nothing."""
    keys = set()
    for line in data.split(b"\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("key"), str) and not value.get("failure"):
            keys.add(value["key"])
    return frozenset(keys)


def single_prompt(prompt: str, *, system: str = "") -> tuple[ChatMessage, ...]:
    """The messages of a question without a history."""
    said = [ChatMessage(role="system", text=system)] if system else []
    return (*said, ChatMessage(role="user", text=prompt))
