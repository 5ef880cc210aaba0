"""The same prompts to several models or presets, each answer with its figures, side by side."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tui.engine import ChatRequest, Chunk, Engine
from tui.runs.asking import Answer, answer_value, ask
from tui.runs.batch import single_prompt
from tui.runs.spread import Spread, spread_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A model as it is to answer. ``name`` tells it from the others: the model's, or the preset's."""

    name: str
    model: str
    system: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    format: str | Mapping[str, Any] | None = None
    keep_alive: float | str | None = None
    preset: str = ""
    """The one that it answers by; the fields above have what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One contender's answer to one prompt. Both are numbered from 0."""

    prompt_index: int
    contender_index: int
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ContenderFigures:
    contender: Contender
    answered: int
    failed: int
    generation: Spread | None
    """Tokens a second."""
    first_token_seconds: Spread | None
    total_seconds: Spread | None
    answer_tokens: Spread | None


def request_of(contender: Contender, prompt: str) -> ChatRequest:
    return ChatRequest(
        model=contender.model,
        messages=single_prompt(prompt, system=contender.system),
        options=dict(contender.options),
        think=contender.think,
        format=contender.format,
        keep_alive=contender.keep_alive,
    )


def encode_compared(compared: Compared, prompts: Sequence[str], contenders: Sequence[Contender]) -> bytes:
    """One JSON line."""
    contender = contenders[compared.contender_index]
    line = {
        "contender": contender.name,
        "model": contender.model,
        "prompt_index": compared.prompt_index,
        "prompt": prompts[compared.prompt_index],
        **answer_value(compared.answer),
    }
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


async def compare(
    prompts: Sequence[str],
    contenders: Sequence[Contender],
    *,
    engine: Engine,
    clock: Callable[[], float],
    on_chunk: Callable[[int, int, Chunk], None] | None = None,
) -> AsyncGenerator[Compared, None]:
    """Each answer as it is whole: contender by contender, so that a server that holds one model loads each once.

    ``on_chunk`` sees prompt, contender and what comes, as it comes.
    """
    for which, contender in enumerate(contenders):
        for number, prompt in enumerate(prompts):

            def seen(chunk: Chunk, number: int = number, which: int = which) -> None:
                if on_chunk is not None:
                    on_chunk(number, which, chunk)

            answer = await ask(engine, request_of(contender, prompt), clock=clock, on_chunk=seen)
            yield Compared(prompt_index=number, contender_index=which, answer=answer)


def summary(contenders: Sequence[Contender], compared: Sequence[Compared]) -> tuple[ContenderFigures, ...]:
    """One for each contender, in their order."""
    found = []
    for index, contender in enumerate(contenders):
        answers = [one.answer for one in compared if one.contender_index == index]
        whole = [one for one in answers if one.is_whole]
        found.append(
            ContenderFigures(
                contender=contender,
                answered=len(whole),
                failed=len(answers) - len(whole),
                generation=spread_of(one.tokens_per_second for one in whole),
                first_token_seconds=spread_of(one.first_token_seconds for one in whole),
                total_seconds=spread_of(one.seconds for one in whole),
                answer_tokens=spread_of(one.counts.answer_tokens for one in whole if one.counts is not None),
            )
        )
    return tuple(found)
