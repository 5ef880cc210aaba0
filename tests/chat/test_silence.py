"""Why nothing comes: loading, reading, or a slot that the server has lost."""

from __future__ import annotations

import asyncio

from tests.chat.rig import MODEL, Clock, Rig
from tests.chat.scripted_engine import ScriptedEngine, refused
from tui.chat.events import AnswerSeemsStuck, Phase, PhaseChanged
from tui.chat.silence import name_the_silence
from tui.engine import EngineError, RunningModel
from tui.ollama.slot_leak import PATIENCE_SECONDS

LOADED = RunningModel(name=MODEL)


class Looking:
    """What is found out about a silent model, with what else has its weights in the test's hands."""

    def __init__(self, *running: RunningModel, namesakes: tuple[str, ...] | EngineError = ()) -> None:
        self.engine = ScriptedEngine()
        self.engine.running = running
        self.clock = Clock()
        self.namesakes = namesakes
        self.namesakes_asked = 0
        self.found: list[str] = []
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        found = name_the_silence(
            self.engine, MODEL, namesakes=self._namesakes, clock=self.clock, sleep=self.clock.sleep
        )
        async for one in found:
            self.found.append(str(one) if isinstance(one, Phase) else one.title)

    async def _namesakes(self, _model: str) -> tuple[str, ...]:
        self.namesakes_asked += 1
        if isinstance(self.namesakes, EngineError):
            raise self.namesakes
        return self.namesakes

    async def after_seconds(self, seconds: float) -> list[str]:
        await self.clock.pass_seconds(seconds)
        return self.found


def seems_stuck(rig: Rig) -> bool:
    return rig.session.stuck is not None


async def test_a_cloud_model_is_never_named_as_loading_whatever_its_name() -> None:
    rig = Rig()
    rig.cloud_models.add(MODEL)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await rig.clock.pass_seconds(5)
    assert [event.phase for event in rig.heard(PhaseChanged)] == [Phase.waiting]
    assert rig.engine.list_running_calls == 0
    call.finish()
    await rig.session.settled()


async def test_weights_in_memory_by_another_name_are_not_loaded() -> None:
    looking = Looking(RunningModel(name="pirate:latest"), namesakes=("pirate",))
    assert await looking.after_seconds(5) == ["reading"]
    assert looking.namesakes_asked == 1


async def test_names_are_asked_for_only_where_another_name_could_answer() -> None:
    empty, own = Looking(), Looking(LOADED)
    assert await empty.after_seconds(5) == ["loading"]
    assert await own.after_seconds(5) == ["reading"]
    assert empty.namesakes_asked == own.namesakes_asked == 0


async def test_names_that_cannot_be_had_are_asked_for_again() -> None:
    looking = Looking(RunningModel(name="pirate:latest"), namesakes=refused())
    assert await looking.after_seconds(2) == ["loading"]
    looking.namesakes = ("pirate",)
    assert await looking.after_seconds(2) == ["loading", "reading"]


async def test_a_runner_that_died_is_loaded_again() -> None:
    looking = Looking(RunningModel(name=MODEL, has_died=True))
    assert await looking.after_seconds(2 * PATIENCE_SECONDS) == ["loading"]


async def test_a_loaded_model_that_stays_silent_seems_stuck_and_that_is_said_once() -> None:
    looking = Looking(LOADED)
    assert await looking.after_seconds(PATIENCE_SECONDS - 1) == ["reading"]
    stuck = f"{MODEL} is loaded and silent"
    assert await looking.after_seconds(3 * PATIENCE_SECONDS) == ["reading", stuck]


async def test_the_time_that_it_took_to_load_is_no_silence() -> None:
    looking = Looking()
    assert await looking.after_seconds(3 * PATIENCE_SECONDS) == ["loading"]
    looking.engine.running = (LOADED,)
    assert await looking.after_seconds(PATIENCE_SECONDS - 2) == ["loading", "reading"]
    looking.engine.running = ()
    assert await looking.after_seconds(2) == ["loading", "reading", "loading"]
    looking.engine.running = (LOADED,)
    assert await looking.after_seconds(PATIENCE_SECONDS - 2) == ["loading", "reading", "loading", "reading"]


async def test_a_server_that_does_not_say_leaves_what_was_known() -> None:
    looking = Looking(LOADED)
    await looking.after_seconds(2)
    looking.engine.running = refused()
    assert await looking.after_seconds(2 * PATIENCE_SECONDS) == ["reading"]


async def test_whoever_asks_hears_that_it_seems_stuck_until_something_comes() -> None:
    rig = Rig()
    rig.engine.running = (LOADED,)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    assert not seems_stuck(rig)
    await rig.clock.pass_seconds(PATIENCE_SECONDS + 2)
    told = rig.only(AnswerSeemsStuck)
    assert rig.session.stuck is told.stuck
    assert told.stuck.silent_seconds >= PATIENCE_SECONDS
    call.say("sorry")
    await call.all_read()
    assert not seems_stuck(rig)
    call.finish()
    await rig.session.settled()
