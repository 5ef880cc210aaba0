"""One request and its whole answer with its times."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from tui.engine import ChatRequest, Chunk, Engine, EngineError, FinalCounts, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one request. ``failure`` is empty when it came whole; what had come before a failure is kept."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    counts: FinalCounts | None = None
    first_token_seconds: float | None = None
    """From asking to the first text, thinking or tool call, on this machine's clock."""
    seconds: float = 0.0
    """From asking to the end, on this machine's clock."""
    failure: str = ""
    failure_kind: str = ""
    """An ``ErrorKind``."""

    @property
    def is_whole(self) -> bool:
        return not self.failure

    @property
    def tokens_per_second(self) -> float | None:
        return None if self.counts is None else self.counts.tokens_per_second

    @property
    def prompt_tokens_per_second(self) -> float | None:
        """How fast the server read what it had not read before; None when it did not say."""
        counts = self.counts
        if counts is None or counts.prompt_tokens is None or not counts.prompt_seconds:
            return None
        return counts.prompt_tokens / counts.prompt_seconds


def answer_value(answer: Answer) -> dict[str, Any]:
    """As a line of JSON has it; what nobody knows is left out."""
    value: dict[str, Any] = {"text": answer.text}
    if answer.thinking:
        value["thinking"] = answer.thinking
    if answer.tool_calls:
        value["tool_calls"] = [{"name": one.name, "arguments": dict(one.arguments)} for one in answer.tool_calls]
    if answer.failure:
        value |= {"failure": answer.failure, "failure_kind": answer.failure_kind}
    value["seconds"] = answer.seconds
    if answer.first_token_seconds is not None:
        value["first_token_seconds"] = answer.first_token_seconds
    counts = answer.counts
    if counts is not None:
        named = {
            "done_reason": counts.done_reason or None,
            "prompt_tokens": counts.prompt_tokens,
            "prompt_seconds": counts.prompt_seconds,
            "answer_tokens": counts.answer_tokens,
            "answer_seconds": counts.answer_seconds,
            "load_seconds": counts.load_seconds,
            "total_seconds": counts.total_seconds,
            "tokens_per_second": counts.tokens_per_second,
        }
        value |= {name: one for name, one in named.items() if one is not None}
    return value


async def ask(
    engine: Engine,
    request: ChatRequest,
    *,
    clock: Callable[[], float],
    on_chunk: Callable[[Chunk], None] | None = None,
) -> Answer:
    """Never raises ``EngineError``: a failure is an answer, too. ``on_chunk`` sees what comes as it comes."""
    asked_at = clock()
    first_at: float | None = None
    text: list[str] = []
    thinking: list[str] = []
    calls: list[ToolCall] = []
    counts: FinalCounts | None = None
    failure: EngineError | None = None
    try:
        async with aclosing(engine.chat(request)) as parts:
            async for part in parts:
                if isinstance(part, FinalCounts):
                    counts = part
                    continue
                if first_at is None and (part.text or part.thinking or part.tool_calls):
                    first_at = clock()
                text.append(part.text)
                thinking.append(part.thinking)
                calls += part.tool_calls
                if on_chunk is not None:
                    on_chunk(part)
    except EngineError as error:
        failure = error
    return Answer(
        text="".join(text),
        thinking="".join(thinking),
        tool_calls=tuple(calls),
        counts=counts,
        first_token_seconds=None if first_at is None else first_at - asked_at,
        seconds=clock() - asked_at,
        failure="" if failure is None else str(failure),
        failure_kind="" if failure is None else failure.kind.value,
    )
