"""After a model ran out of memory, or is loaded and silent: finding what can be tried, doing it, and asking again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tui.chat.events import AnswerEnded, AnswerGrew, SessionEvent
from tui.chat.session import Session
from tui.conversations.values import MessageState
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
class Helped:
    """After this step an answer began. It may run out of memory yet; then the next one is taken."""

    step: Step


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
) -> AsyncGenerator[StepTaken | Helped, None]:
    """Takes one step after the other and asks again after each, until an answer ends for another reason than memory.

    Yields each step when it is taken, before it is asked again, and that it helped as soon as something comes.
    ``use_options`` is told what the model is asked with from then on; nothing at all when no step helped. ``is_wanted``
    is asked before each request: the person may have gone elsewhere meanwhile.
    """
    has_helped = False
    try:
        for step in steps:
            taken = await take_step(step, client)
            yield taken
            if not changes_something(taken):
                continue
            if not is_wanted() or not session.can_try_again():
                return
            use_options({name: step.options[name] for name in MEMORY_OPTIONS if name in step.options})
            has_helped = False
            async with aclosing(_asked_again(session)) as events:
                async for event in events:
                    if isinstance(event, AnswerGrew) and not has_helped:
                        has_helped = True
                        yield Helped(step=step)
                    elif isinstance(event, AnswerEnded) and not is_out_of_memory(event.failure):
                        has_helped = has_helped or event.message.state is MessageState.complete
                        return
            has_helped = False
    finally:
        if not has_helped:
            use_options({})


def changes_something(taken: StepTaken) -> bool:
    """Whether asking again can end otherwise after this step."""
    return taken.step.remedy is not Remedy.unload_others or bool(taken.unloaded)


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


async def _asked_again(session: Session) -> AsyncGenerator[SessionEvent, None]:
    """What happens to the answer, its end included."""
    happened: asyncio.Queue[SessionEvent] = asyncio.Queue()
    unsubscribe = session.subscribe(happened.put_nowait)
    try:
        session.try_again()
        while True:
            event = await happened.get()
            yield event
            if isinstance(event, AnswerEnded):
                return
    finally:
        unsubscribe()


async def _layers(client: Recovering, model: str) -> int | None:
    return (await client.show_model(model)).layers


async def _or(asked: Coroutine[Any, Any, Told], otherwise: Told) -> Told:
    try:
        return await asked
    except EngineError:
        return otherwise
