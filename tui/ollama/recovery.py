"""After a model ran out of memory: what can be done, mildest first, and doing one of it.

Nothing here decides: a caller shows the steps to a person, or takes them because the settings allow it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from tui.engine import EngineError, ErrorKind, FinalCounts, RunningModel
from tui.ollama.names import same_model
from tui.ollama.transport import Clock, Sleep

_LEAST_CONTEXT_TOKENS = 2048
_MODEST_CONTEXT_TOKENS = 4096
"""What Ollama itself falls back to."""
_LISTING_SECONDS = 0.25


class Remedy(StrEnum):
    unload_others = "unload_others"
    smaller_context = "smaller_context"
    fewer_layers = "fewer_layers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to try before asking again. A later step contains what the earlier ones changed in the options."""

    remedy: Remedy
    words: str
    """For a person: ``unload mistral:7b``."""
    unload: tuple[str, ...] = ()
    """Models to take out of memory; others on this server may be using them."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options to ask with afterwards, all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """What came of a step."""

    step: Step
    unloaded: tuple[str, ...] = ()
    still_loaded: tuple[str, ...] = ()
    """Those that did not leave in time: they still answer somebody."""
    errors: tuple[EngineError, ...] = ()

    @property
    def words(self) -> str:
        """What was tried, for a person."""
        tried = self.step.words
        if self.errors:
            return f"{tried}: {self.errors[0].title}"
        return f"{tried}: {_names(self.still_loaded)} stayed" if self.still_loaded else tried


class Unloading(Protocol):
    """As much of a client as a step needs."""

    async def unload_model(self, model: str) -> FinalCounts: ...

    async def list_running(self) -> tuple[RunningModel, ...]: ...


def recovery_steps(
    error: EngineError,
    options: Mapping[str, Any],
    running: Sequence[RunningModel],
    *,
    model: str,
    layers: int | None = None,
    namesakes: Sequence[str] = (),
) -> tuple[Step, ...]:
    """What to try after ``error``, mildest first; nothing when it is not about memory.

    ``options`` were sent, ``running`` is what was in memory before, ``layers`` are the model's blocks, if known.
    ``namesakes`` share the model's weights, so unloading one would unload the model itself.
    """
    if error.kind is not ErrorKind.out_of_memory:
        return ()
    steps = []
    own = (model, *namesakes)
    others = tuple(entry.name for entry in running if not any(same_model(entry.name, name) for name in own))
    kept = {name: value for name, value in options.items() if value is not None}
    if others:
        steps.append(Step(remedy=Remedy.unload_others, words=f"unload {_names(others)}", unload=others, options=kept))
    context_tokens = _context(kept, running, model)
    for smaller in _smaller_contexts(context_tokens):
        instead = f" instead of {context_tokens}" if context_tokens else ""
        kept = {**kept, "num_ctx": smaller}
        words = f"use a context of {smaller} tokens{instead}"
        steps.append(Step(remedy=Remedy.smaller_context, words=words, options=kept))
    for fewer in _fewer_layers(_whole(kept.get("num_gpu")), layers):
        kept = {**kept, "num_gpu": fewer}
        words = f"put {fewer} layers of it on the gpu" if fewer else "run it on the cpu, which is slow"
        steps.append(Step(remedy=Remedy.fewer_layers, words=words, options=kept))
    return tuple(steps)


async def take_step(
    step: Step,
    client: Unloading,
    *,
    within_seconds: float = 10.0,
    clock: Clock = time.monotonic,
    sleep: Sleep = asyncio.sleep,
) -> StepTaken:
    """Unloads what the step names and waits until it has left; the options are for the caller's next request.

    Raises nothing but ``CancelledError``: what failed is in the report.
    """
    errors = []
    asked = []
    for name in step.unload:
        try:
            await client.unload_model(name)
        except EngineError as error:
            errors.append(error)
        else:
            asked.append(name)
    until = clock() + within_seconds
    left = tuple(asked)
    while left:
        try:
            listed = [entry.name for entry in await client.list_running()]
        except EngineError as error:
            errors.append(error)
            break
        left = tuple(name for name in left if any(same_model(name, other) for other in listed))
        if not left or clock() >= until:
            break
        await sleep(_LISTING_SECONDS)
    gone = tuple(name for name in asked if name not in left)
    return StepTaken(step=step, unloaded=gone, still_loaded=left, errors=tuple(errors))


def _context(options: Mapping[str, Any], running: Sequence[RunningModel], model: str) -> int | None:
    sent = _whole(options.get("num_ctx"))
    if sent:
        return sent
    return next((entry.context_tokens for entry in running if same_model(entry.name, model)), None)


def _smaller_contexts(context_tokens: int | None) -> tuple[int, ...]:
    """About half of it, then the modest one; of an unknown one only that."""
    if context_tokens is None:
        return (_MODEST_CONTEXT_TOKENS,)
    half = 1 << max(0, (context_tokens - 1).bit_length() - 1)
    steps = {
        half,
        _MODEST_CONTEXT_TOKENS,
        _LEAST_CONTEXT_TOKENS if context_tokens <= 2 * _MODEST_CONTEXT_TOKENS else half,
    }
    return tuple(sorted((s for s in steps if _LEAST_CONTEXT_TOKENS <= s < context_tokens), reverse=True))


def _fewer_layers(on_gpu: int | None, layers: int | None) -> tuple[int, ...]:
    """Half of them, then none. Without a number the server chose it itself, and only ``layers`` tells what half is."""
    if on_gpu == 0:
        return ()
    whole = on_gpu if on_gpu is not None and on_gpu > 0 else layers
    if layers is not None and whole is not None:
        whole = min(whole, layers)
    return (whole // 2, 0) if whole is not None and whole >= 2 else (0,)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
