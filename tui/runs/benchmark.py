"""How fast a model is: warm-up, repeats, cold and warm starts, lengths of prompts, several at once.

Speeds are the server's own (``eval_count / eval_duration``); first-token and total times are this machine's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Protocol

from tui.engine import ChatRequest, Engine, FinalCounts
from tui.runs.asking import Answer, answer_value, ask
from tui.runs.comparison import Contender, request_of
from tui.runs.spread import Spread, spread_of

WORDS = ("harbour", "lantern", "granite", "willow", "compass", "meadow", "copper", "thunder", "velvet", "island")
TOKENS_PER_WORD = 1.4
"""About, with what separates them; the server's count is what is reported."""


class LoadingEngine(Engine, Protocol):
    """An engine whose server can be told what to keep in memory."""

    async def unload_model(self, model: str) -> FinalCounts: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkPlan:
    models: tuple[str, ...]
    prompts: tuple[str, ...] = ()
    """What is asked; empty: generated text of each of ``prompt_lengths_tokens``."""
    prompt_lengths_tokens: tuple[int, ...] = (64,)
    """About. The server's own counts are in the report."""
    answer_tokens: int = 128
    """``num_predict``: an answer ends there."""
    repeats: int = 5
    warm_ups: int = 1
    """Rounds before those that count; with ``is_cold`` there are none."""
    concurrencies: tuple[int, ...] = (1,)
    is_cold: bool = False
    """The model is unloaded before each round, so that loading is measured."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of every model."""
    ways: Mapping[str, Contender] = field(default_factory=dict)
    """By model, how it is asked beside that; one without is asked as it is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkCase:
    """What is the same in all of its rounds."""

    model: str
    prompt: str
    prompt_name: str
    """``64 tokens``, or the beginning of the prompt."""
    concurrency: int
    is_cold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """``concurrency`` answers that were asked for at once."""

    case: BenchmarkCase
    number: int
    """From 1; 0 and below are warm-ups."""
    answers: tuple[Answer, ...]
    seconds: float
    """From the first question to the last answer's end."""

    @property
    def is_warm_up(self) -> bool:
        return self.number < 1

    @property
    def tokens_per_second(self) -> float | None:
        """Of all answers together, by this machine's clock."""
        tokens = sum(one.counts.answer_tokens or 0 for one in self.answers if one.counts is not None)
        return tokens / self.seconds if tokens and self.seconds > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFigures:
    """What came of a case. A figure that no answer had is None."""

    case: BenchmarkCase
    rounds: int
    failures: tuple[str, ...]
    generation: Spread | None
    """Tokens a second of each answer."""
    prompt: Spread | None
    """Tokens a second of reading the prompt."""
    together: Spread | None
    """Tokens a second of all answers of a round."""
    first_token_seconds: Spread | None
    load_seconds: Spread | None
    total_seconds: Spread | None
    prompt_tokens: Spread | None
    answer_tokens: Spread | None


def cases_of(plan: BenchmarkPlan) -> tuple[BenchmarkCase, ...]:
    """Every combination, model by model, so that each is loaded once."""
    named = [(text, _beginning(text)) for text in plan.prompts]
    if not named:
        named = [(generated_prompt(tokens), f"{tokens} tokens") for tokens in plan.prompt_lengths_tokens]
    return tuple(
        BenchmarkCase(model=model, prompt=text, prompt_name=name, concurrency=concurrency, is_cold=plan.is_cold)
        for model, (text, name), concurrency in product(plan.models, named, plan.concurrencies)
    )


def generated_prompt(tokens: int) -> str:
    """Text of about so many tokens, each time the same."""
    words = max(1, round(tokens / TOKENS_PER_WORD) - 8)
    return "Write a story with these words: " + " ".join(WORDS[number * 7 % 10] for number in range(words))


class Benchmark:
    """One run of a plan. ``rounds`` is gone through once."""

    def __init__(self, plan: BenchmarkPlan, *, engine: LoadingEngine, clock: Callable[[], float]) -> None:
        """Raises ``ValueError`` for a plan without a model or a round."""
        if not plan.models or plan.repeats < 1 or min(plan.concurrencies, default=0) < 1:
            raise ValueError("a benchmark needs a model, a round and a concurrency of at least 1")
        self._plan = plan
        self._engine = engine
        self._clock = clock
        self._asked = 0
        self.cases = cases_of(plan)

    @property
    def total_rounds(self) -> int:
        """Warm-ups included."""
        return len(self.cases) * (self._plan.repeats + (0 if self._plan.is_cold else self._plan.warm_ups))

    async def rounds(self) -> AsyncGenerator[Round, None]:
        """As they end. A case whose round failed altogether is left: the next ones of it would only fail, too.

        Raises ``EngineError`` when a model cannot be unloaded for a cold start.
        """
        for case in self.cases:
            for number in self._numbers():
                if case.is_cold:
                    await self._engine.unload_model(case.model)
                round_ = await self._round(case, number)
                yield round_
                if not any(answer.is_whole for answer in round_.answers):
                    break

    def _numbers(self) -> Iterator[int]:
        warm_ups = 0 if self._plan.is_cold else self._plan.warm_ups
        yield from range(1 - warm_ups, self._plan.repeats + 1)

    async def _round(self, case: BenchmarkCase, number: int) -> Round:
        started_at = self._clock()
        requests = [self._request(case) for _ in range(case.concurrency)]
        answers = await asyncio.gather(*(ask(self._engine, one, clock=self._clock) for one in requests))
        return Round(case=case, number=number, answers=tuple(answers), seconds=self._clock() - started_at)

    def _request(self, case: BenchmarkCase) -> ChatRequest:
        # A server keeps what it has read: each question begins otherwise, or reading would cost nothing from the second on.
        self._asked += 1
        prompt = f"{self._asked}. {case.prompt}"
        way = self._plan.ways.get(case.model) or Contender(name=case.model, model=case.model)
        options = {**way.options, "num_predict": self._plan.answer_tokens, **self._plan.options}
        return replace(request_of(way, prompt), model=case.model, options=options)


def encode_round(round_: Round) -> bytes:
    """One JSON line: the figures of each of its answers."""
    case = round_.case
    line = {
        "model": case.model,
        "prompt": case.prompt_name,
        "concurrency": case.concurrency,
        "is_cold": case.is_cold,
        "round": round_.number,
        "is_warm_up": round_.is_warm_up,
        "seconds": round_.seconds,
        "answers": [answer_value(one) for one in round_.answers],
    }
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def figures_of(rounds: Sequence[Round]) -> tuple[CaseFigures, ...]:
    """One for each case, in the order in which they were measured; warm-ups count for nothing but their failures."""
    cases = dict.fromkeys(one.case for one in rounds)
    return tuple(_figures(case, [one for one in rounds if one.case == case]) for case in cases)


def _figures(case: BenchmarkCase, rounds: list[Round]) -> CaseFigures:
    counted = [one for one in rounds if not one.is_warm_up]
    whole = [answer for one in counted for answer in one.answers if answer.is_whole]
    counts = [answer.counts for answer in whole if answer.counts is not None]
    return CaseFigures(
        case=case,
        rounds=len(counted),
        failures=tuple(answer.failure for one in rounds for answer in one.answers if not answer.is_whole),
        generation=spread_of(answer.tokens_per_second for answer in whole),
        prompt=spread_of(answer.prompt_tokens_per_second for answer in whole),
        together=spread_of(one.tokens_per_second for one in counted),
        first_token_seconds=spread_of(answer.first_token_seconds for answer in whole),
        load_seconds=spread_of(one.load_seconds for one in counts),
        total_seconds=spread_of(answer.seconds for answer in whole),
        prompt_tokens=spread_of(one.prompt_tokens for one in counts),
        answer_tokens=spread_of(one.answer_tokens for one in counts),
    )


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 32 else f"{line[:31]}…"
