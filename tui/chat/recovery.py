"""After a model ran out of memory, or is loaded and silent: finding what can be tried, doing it, and asking again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tui.chat.events import AnswerEnded, SessionEvent
from tui.chat.session import Session
from tui.engine import EngineError, ErrorKind, FinalCounts, ModelDetails, RunningModel
from tui.failures import Failure
from tui.ollama.recovery import Remedy, Step, StepTaken, recovery_steps, take_step
from tui.ollama.runners import runner_of

MEMORY_OPTIONS = ("num_ctx", "num_gpu")
"""What a step changes."""

Told = TypeVar("Told")


class Recovering(Protocol):
    """As much of a client as this needs."""

    async def list_running(self) -> tuple[RunningModel, ...]: ...

    async def namesakes(self, name: str) -> tuple[str, ...]: ...

    async def show_model(self, name: str) -> ModelDetails: ...

    async def unload_model(self, model: str) -> FinalCounts: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A step was taken, and the prompt asked again where that could help."""

    taken: StepTaken
    ended: AnswerEnded | None = None
    """How the answer ended; None when it was not asked again."""

    @property
    def has_helped(self) -> bool:
        """Something came, and its end was not one for want of memory."""
        if self.ended is None or is_out_of_memory(self.ended.failure):
            return False
        message = self.ended.message
        return bool(message.text or message.thinking or message.tool_calls)


def is_out_of_memory(failure: Failure | None) -> bool:
    return isinstance(failure, EngineError) and failure.kind is ErrorKind.out_of_memory


async def steps_to_try(
    failure: EngineError,
    *,
    model: str,
    options: Mapping[str, Any],
    before: Sequence[RunningModel],
    client: Recovering,
) -> tuple[Step, ...]:
    """Mildest first; none when it is not about memory. ``options`` were sent, ``before`` was in memory then.

    What the server does not tell is left out of account. Never raises ``EngineError``.
    """
    if not is_out_of_memory(failure):
        return ()
    namesakes = await _or(client.namesakes(model), ())
    layers = await _or(_layers(client, model), None)
    running = await _or(client.list_running(), tuple(before))
    own = runner_of(model, before, namesakes)
    if own is not None and runner_of(model, running, namesakes) is None:
        # It left with the failure; the context that it had is where a smaller one begins.
        running = (*running, own)
    return recovery_steps(failure, options, running, model=model, layers=layers, namesakes=namesakes)


async def try_steps(
    session: Session,
    steps: Sequence[Step],
    *,
    client: Recovering,
    use_options: Callable[[Mapping[str, Any]], None],
    is_wanted: Callable[[], bool],
) -> AsyncGenerator[StepTaken | Tried, None]:
    """Takes one step after the other and asks again after each, until the answer is not about memory.

    Yields each step when it is taken, before it is asked again, and then what came of it. ``use_options`` is told what
    the model is asked with from then on, and nothing at all when it did not help. ``is_wanted`` is asked before each
    request: the person may have gone elsewhere meanwhile.
    """
    has_helped = False
    try:
        for step in steps:
            taken = await take_step(step, client)
            yield taken
            if step.remedy is Remedy.unload_others and not taken.unloaded:
                continue
            if not is_wanted() or not session.can_try_again():
                return
            use_options({name: step.options[name] for name in MEMORY_OPTIONS if name in step.options})
            tried = Tried(taken=taken, ended=await _ask_again(session))
            has_helped = tried.has_helped
            yield tried
            if tried.ended is None or not is_out_of_memory(tried.ended.failure):
                return
    finally:
        if not has_helped:
            use_options({})


async def unload_and_ask_again(session: Session, *, client: Recovering) -> StepTaken | None:
    """Stops an answer that does not begin, unloads its model, and asks again; None when there is no such answer.

    It is not asked again when the model could not be unloaded.
    """
    answer = session.answer_so_far()
    if answer is None or answer.text or answer.thinking or answer.tool_calls:
        return None
    step = Step(remedy=Remedy.unload_others, words=f"unload {answer.model}", unload=(answer.model,))
    session.stop()
    taken = await take_step(step, client)
    if not taken.errors and session.can_try_again():
        session.try_again()
    return taken


async def _ask_again(session: Session) -> AnswerEnded:
    over: asyncio.Future[AnswerEnded] = asyncio.get_running_loop().create_future()

    def hear(event: SessionEvent) -> None:
        if isinstance(event, AnswerEnded) and not over.done():
            over.set_result(event)

    unsubscribe = session.subscribe(hear)
    try:
        session.try_again()
        return await over
    finally:
        unsubscribe()


async def _layers(client: Recovering, model: str) -> int | None:
    return (await client.show_model(model)).layers


async def _or(asked: Coroutine[Any, Any, Told], otherwise: Told) -> Told:
    try:
        return await asked
    except EngineError:
        return otherwise
