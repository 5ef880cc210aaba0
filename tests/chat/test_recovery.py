"""After a model ran out of memory: the steps are taken one by one, and what did not help is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import pytest

from tests.chat.rig import MODEL, Rig
from tests.chat.scripted_engine import refused
from tui.chat.recovery import steps_to_try, try_steps, unload_and_ask_again
from tui.conversations.values import MessageState
from tui.engine import EngineError, ErrorKind, FinalCounts, ModelDetails, RunningModel
from tui.ollama.recovery import Remedy, Step, StepTaken

NO_MEMORY = refused(ErrorKind.out_of_memory, f"{MODEL} ran out of memory")
MISTRAL = RunningModel(name="mistral:7b")
UNLOAD = Step(remedy=Remedy.unload_others, words="unload mistral:7b", unload=("mistral:7b",))
SMALLER = Step(remedy=Remedy.smaller_context, words="a context of 4096", options={"num_ctx": 4096, "temperature": 0})
ON_CPU = Step(remedy=Remedy.fewer_layers, words="run it on the cpu", options={"num_ctx": 4096, "num_gpu": 0})


class Client:
    """A server's memory. What ``failing`` names cannot be asked."""

    def __init__(self, *running: RunningModel, failing: tuple[str, ...] = ()) -> None:
        self.running = list(running)
        self.failing = failing
        self.unloaded: list[str] = []
        self.same_weights: tuple[str, ...] = ()

    async def list_running(self) -> tuple[RunningModel, ...]:
        self._may_fail("list_running")
        return tuple(self.running)

    async def namesakes(self, name: str) -> tuple[str, ...]:
        self._may_fail("namesakes")
        return self.same_weights

    async def show_model(self, name: str) -> ModelDetails:
        self._may_fail("show_model")
        return ModelDetails(name=name, layers=36)

    async def unload_model(self, model: str) -> FinalCounts:
        self._may_fail("unload_model")
        self.unloaded.append(model)
        self.running = [one for one in self.running if one.name != model]
        return FinalCounts()

    def _may_fail(self, what: str) -> None:
        if what in self.failing:
            raise refused()


class Trying:
    """``try_steps`` at work on a rig's session, whose prompt has just failed for want of memory."""

    def __init__(self, rig: Rig, *steps: Step, client: Client | None = None) -> None:
        self.rig = rig
        self.told: list[str] = []
        self.options: list[Mapping[str, Any]] = []
        self.is_wanted = True
        self._client = client or Client(MISTRAL)
        self.task = asyncio.create_task(self._run(steps))

    async def _run(self, steps: tuple[Step, ...]) -> None:
        trying = try_steps(
            self.rig.session,
            steps,
            client=self._client,
            use_options=self.options.append,
            is_wanted=lambda: self.is_wanted,
        )
        async with aclosing(trying):
            async for one in trying:
                self.told.append(one.words if isinstance(one, StepTaken) else f"helped: {one.step.words}")


async def out_of_memory(rig: Rig) -> None:
    await rig.session.ask("hello")
    (await rig.engine.next_call()).fail(NO_MEMORY)
    await rig.session.settled()


async def test_each_step_is_followed_by_a_request_until_one_helps() -> None:
    rig = Rig()
    await out_of_memory(rig)
    trying = Trying(rig, UNLOAD, SMALLER, ON_CPU)
    (await rig.engine.next_call()).fail(NO_MEMORY)
    call = await rig.engine.next_call()
    call.say("hi")
    call.finish()
    await trying.task
    assert trying.told == ["unload mistral:7b", "a context of 4096", "helped: a context of 4096"]
    assert trying.options == [{}, {"num_ctx": 4096}]
    assert [one.text for one in rig.session.conversation.messages] == ["hello", "hi"]


async def test_what_did_not_help_is_forgotten() -> None:
    rig = Rig()
    await out_of_memory(rig)
    trying = Trying(rig, SMALLER, ON_CPU)
    (await rig.engine.next_call()).fail(NO_MEMORY)
    (await rig.engine.next_call()).fail(NO_MEMORY)
    await trying.task
    assert trying.options == [{"num_ctx": 4096}, {"num_ctx": 4096, "num_gpu": 0}, {}]
    assert rig.session.last_failure is NO_MEMORY


async def test_memory_that_runs_out_in_the_middle_leads_to_the_next_step() -> None:
    rig = Rig()
    await out_of_memory(rig)
    trying = Trying(rig, SMALLER, ON_CPU)
    call = await rig.engine.next_call()
    call.say("half an ans")
    await call.all_read()
    call.fail(NO_MEMORY)
    again = await rig.engine.next_call()
    again.say("whole")
    again.finish()
    await trying.task
    assert trying.told[-1] == "helped: run it on the cpu"
    assert trying.options[-1] == {"num_ctx": 4096, "num_gpu": 0}
    assert [one.text for one in rig.session.conversation.messages] == ["hello", "half an ans", "whole"]


async def test_a_model_that_nobody_could_unload_is_not_asked_again_for_that() -> None:
    rig = Rig()
    await out_of_memory(rig)
    trying = Trying(rig, UNLOAD, client=Client(MISTRAL, failing=("unload_model",)))
    await trying.task
    assert trying.told == ["unload mistral:7b: no answer from the server"]
    assert len(rig.engine.calls) == 1


async def test_the_person_who_stops_it_is_asked_no_more() -> None:
    rig = Rig()
    await out_of_memory(rig)
    trying = Trying(rig, SMALLER, ON_CPU)
    await rig.engine.next_call()
    rig.session.stop()
    await trying.task
    assert trying.options == [{"num_ctx": 4096}, {}]
    assert len(rig.engine.calls) == 2


async def test_nothing_is_asked_again_for_somebody_who_went_elsewhere() -> None:
    rig = Rig()
    await out_of_memory(rig)
    trying = Trying(rig, SMALLER)
    trying.is_wanted = False
    await trying.task
    assert trying.options == [{}]
    assert len(rig.engine.calls) == 1


async def steps(client: Client, before: tuple[RunningModel, ...] = (), error: EngineError = NO_MEMORY) -> list[str]:
    found = await steps_to_try(error, model=MODEL, options={"num_ctx": 8192}, before=before, client=client)
    return [step.words for step in found]


async def test_what_is_in_memory_at_that_moment_can_be_unloaded() -> None:
    words = await steps(Client(MISTRAL), (RunningModel(name="gone:1b"),))
    assert words[0] == "unload mistral:7b"
    assert "put 18 layers of it on the gpu" in words


async def test_a_namesake_is_not_unloaded_for_the_model_itself() -> None:
    client = Client(MISTRAL)
    client.same_weights = ("mistral:7b",)
    assert not [one for one in await steps(client) if one.startswith("unload")]


async def test_the_context_that_it_had_before_it_left_is_made_smaller() -> None:
    before = (RunningModel(name=MODEL, context_tokens=32768),)
    found = await steps_to_try(NO_MEMORY, model=MODEL, options={}, before=before, client=Client())
    assert found[0].options == {"num_ctx": 16384}


async def test_a_server_that_tells_nothing_leaves_what_needs_no_telling() -> None:
    client = Client(failing=("list_running", "namesakes", "show_model"))
    assert await steps(client, (MISTRAL,)) == [
        "unload mistral:7b",
        "use a context of 4096 tokens instead of 8192",
        "use a context of 2048 tokens instead of 8192",
        "run it on the cpu, which is slow",
    ]


async def test_another_failure_has_no_steps() -> None:
    assert await steps(Client(MISTRAL), error=refused()) == []


# A silent model


async def test_a_silent_model_is_unloaded_and_asked_again() -> None:
    rig, client = Rig(), Client(RunningModel(name=MODEL))
    await rig.session.ask("hello")
    silent = await rig.engine.next_call()
    taken = await unload_and_ask_again(rig.session, client=client)
    assert taken is not None
    assert (client.unloaded, taken.unloaded) == ([MODEL], (MODEL,))
    await silent.hung_up()
    call = await rig.engine.next_call()
    call.say("here I am")
    call.finish()
    await rig.session.settled()
    assert [one.text for one in rig.session.conversation.messages] == ["hello", "here I am"]


@pytest.mark.parametrize("has_begun", [True, False])
async def test_an_answer_that_has_begun_or_ended_is_left_alone(*, has_begun: bool) -> None:
    rig, client = Rig(), Client(RunningModel(name=MODEL))
    if has_begun:
        await rig.session.ask("hello")
        call = await rig.engine.next_call()
        call.say("so")
        await call.all_read()
    assert await unload_and_ask_again(rig.session, client=client) is None
    assert client.unloaded == []
    assert rig.session.is_answering is has_begun
    await rig.session.close()


async def test_a_model_that_cannot_be_unloaded_is_not_asked_again_by_itself() -> None:
    rig, client = Rig(), Client(RunningModel(name=MODEL), failing=("unload_model",))
    await rig.session.ask("hello")
    await rig.engine.next_call()
    taken = await unload_and_ask_again(rig.session, client=client)
    assert taken is not None
    assert taken.errors
    assert rig.session.conversation.messages[-1].state is MessageState.stopped
    assert rig.session.can_try_again()
