"""What is tried when a model does not fit, and when it is loaded and silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.ollama.meeting import REQUEST, meeting, texts
from tests.replay import Visit, recordings
from tui.engine import ErrorKind, RunningModel
from tui.ollama.errors import OllamaError, OllamaModelError
from tui.ollama.recovery import Remedy, Step, recovery_steps, take_step
from tui.ollama.slot_leak import StuckSlot, stuck_slot

OUT_OF_MEMORY = OllamaModelError("m ran out of memory", kind=ErrorKind.out_of_memory)
MISTRAL = RunningModel(name="mistral:7b")
LLAMA = RunningModel(name="llama3.2:3b")


def told(steps: tuple[Step, ...]) -> list[tuple[str, dict[str, Any]]]:
    return [(step.words, dict(step.options)) for step in steps]


def test_the_mildest_comes_first_and_each_keeps_what_the_one_before_changed() -> None:
    options = {"num_ctx": 32768, "temperature": 0, "seed": None}
    steps = recovery_steps(OUT_OF_MEMORY, options, (MISTRAL, LLAMA), model="qwen3:8b", layers=36)
    assert told(steps) == [
        ("unload mistral:7b and llama3.2:3b", {"num_ctx": 32768, "temperature": 0}),
        ("use a context of 16384 tokens instead of 32768", {"num_ctx": 16384, "temperature": 0}),
        ("use a context of 4096 tokens instead of 32768", {"num_ctx": 4096, "temperature": 0}),
        ("put 18 layers of it on the gpu", {"num_ctx": 4096, "temperature": 0, "num_gpu": 18}),
        ("run it on the cpu, which is slow", {"num_ctx": 4096, "temperature": 0, "num_gpu": 0}),
    ]
    assert steps[0].unload == ("mistral:7b", "llama3.2:3b")
    assert [step.remedy for step in steps] == [
        Remedy.unload_others,
        Remedy.smaller_context,
        Remedy.smaller_context,
        Remedy.fewer_layers,
        Remedy.fewer_layers,
    ]


@pytest.mark.parametrize(
    ("options", "layers", "expected"),
    [
        ({}, None, [{"num_ctx": 4096}, {"num_ctx": 4096, "num_gpu": 0}]),
        ({"num_ctx": 8192}, None, [{"num_ctx": 4096}, {"num_ctx": 2048}, {"num_ctx": 2048, "num_gpu": 0}]),
        ({"num_ctx": 2048}, None, [{"num_ctx": 2048, "num_gpu": 0}]),
        ({"num_ctx": 2048, "num_gpu": 10}, None, [{"num_ctx": 2048, "num_gpu": 5}, {"num_ctx": 2048, "num_gpu": 0}]),
        ({"num_ctx": 2048, "num_gpu": 999}, 20, [{"num_ctx": 2048, "num_gpu": 10}, {"num_ctx": 2048, "num_gpu": 0}]),
        ({"num_ctx": 2048, "num_gpu": 0}, 20, []),
        (
            {"num_ctx": "many", "num_gpu": True},
            1,
            [{"num_ctx": 4096, "num_gpu": True}, {"num_ctx": 4096, "num_gpu": 0}],
        ),
    ],
)
def test_what_cannot_become_smaller_is_left_out(
    options: dict[str, Any], layers: int | None, expected: list[dict[str, Any]]
) -> None:
    steps = recovery_steps(OUT_OF_MEMORY, options, (), model="m", layers=layers)
    assert [dict(step.options) for step in steps] == expected


def test_the_model_itself_is_never_unloaded_by_whatever_name() -> None:
    running = (RunningModel(name="qwen3:latest", context_tokens=16384),)
    steps = recovery_steps(OUT_OF_MEMORY, {}, running, model="registry.ollama.ai/library/Qwen3")
    assert [step.remedy for step in steps][:2] == [Remedy.smaller_context, Remedy.smaller_context]
    assert steps[0].options == {"num_ctx": 8192}


def test_a_namesake_in_memory_is_the_model_itself() -> None:
    running = (RunningModel(name="pirate:latest", context_tokens=8192), MISTRAL)
    steps = recovery_steps(OUT_OF_MEMORY, {}, running, model="qwen3:8b", namesakes=("pirate",))
    assert steps[0].unload == ("mistral:7b",)
    (stuck,) = [stuck_slot("qwen3:8b", running, loaded_since=0, now=100, namesakes=("pirate",))]
    assert stuck == StuckSlot(model="qwen3:8b", silent_seconds=100)
    assert stuck_slot("qwen3:8b", running, loaded_since=0, now=100) is None


def test_a_runner_that_died_has_no_stuck_slot() -> None:
    running = (RunningModel(name="qwen3:8b", has_died=True),)
    assert stuck_slot("qwen3:8b", running, loaded_since=0, now=10_000) is None


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind is not ErrorKind.out_of_memory])
def test_other_errors_have_no_such_cure(kind: ErrorKind) -> None:
    assert recovery_steps(OllamaModelError("x", kind=kind), {}, (MISTRAL,), model="m") == ()


OOM_RECORDINGS = ["error-500-load-oom", "error-500-runtime-oom", "error-500-load-killed", "error-runner-crash-oom"]


@pytest.mark.parametrize("name", OOM_RECORDINGS)
async def test_what_a_server_says_about_memory_leads_to_steps(name: str) -> None:
    recording = recordings()[name]

    async def answer(visit: Visit) -> None:
        await visit.answer(recording.data, recording.status)

    async with meeting(answer) as (client, _):
        with pytest.raises(OllamaError) as error:
            await texts(client)
    assert recovery_steps(error.value, {}, (), model="m")


class Box:
    """A server with models in memory, of which some are busy, and one that cannot be unloaded."""

    def __init__(self, *names: str, busy: tuple[str, ...] = (), broken: tuple[str, ...] = ()) -> None:
        self.names, self.busy, self.broken = list(names), busy, broken
        self.lists = 0

    async def __call__(self, visit: Visit) -> None:
        if visit.path == "/api/ps":
            self.lists += 1
            if self.lists > 1:  # they leave a little after the answer
                self.names = [name for name in self.names if name in (*self.busy, *self.broken)]
            listed = ",".join(f'{{"name":"{name}"}}' for name in self.names)
            await visit.answer(f'{{"models":[{listed}]}}'.encode())
            return
        name = visit.json()["model"]
        assert visit.json()["keep_alive"] == 0
        if name in self.broken:
            await visit.answer(b'{"error":"something"}', 500)
        else:
            await visit.answer(b'{"message":{"content":""},"done":true,"done_reason":"unload"}')


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


async def test_a_step_unloads_and_waits_until_they_have_left() -> None:
    box, time = Box("a:1", "b:1"), Time()
    step = Step(remedy=Remedy.unload_others, words="unload a:1 and b:1", unload=("a:1", "b:1"))
    async with meeting(box) as (client, _):
        taken = await take_step(step, client, clock=lambda: time.now, sleep=time.sleep)
    assert (taken.unloaded, taken.still_loaded, taken.errors) == (("a:1", "b:1"), (), ())
    assert taken.words == "unload a:1 and b:1"
    assert box.lists == 2


async def test_who_is_busy_stays_and_that_is_told() -> None:
    box, time = Box("a:1", "b:1", busy=("b:1",)), Time()
    step = Step(remedy=Remedy.unload_others, words="unload a:1 and b:1", unload=("a:1", "b:1"))
    async with meeting(box) as (client, _):
        taken = await take_step(step, client, within_seconds=2, clock=lambda: time.now, sleep=time.sleep)
    assert (taken.unloaded, taken.still_loaded) == (("a:1",), ("b:1",))
    assert taken.words == "unload a:1 and b:1: b:1 stayed"
    assert time.now == 2.0


async def test_what_fails_is_in_the_report_and_raises_nothing() -> None:
    step = Step(remedy=Remedy.unload_others, words="unload a:1 and b:1", unload=("a:1", "b:1"))
    async with meeting(Box("a:1", "b:1", broken=("a:1",))) as (client, _):
        time = Time()
        taken = await take_step(step, client, clock=lambda: time.now, sleep=time.sleep)
    assert taken.unloaded == ("b:1",)
    assert len(taken.errors) == 1
    assert "a:1" in taken.words


async def test_a_step_about_options_asks_nothing() -> None:
    step = Step(remedy=Remedy.smaller_context, words="use a context of 4096 tokens", options={"num_ctx": 4096})
    async with meeting(Box()) as (client, server):
        taken = await take_step(step, client)
        assert server.visits == []
    assert taken.words == step.words


# ---------------------------------------------------------------------- loaded and silent


def test_a_model_that_is_loaded_and_silent_for_long_may_be_unloaded() -> None:
    running = (RunningModel(name="qwen3:8b"),)
    assert stuck_slot("qwen3:8b", running, loaded_since=100, now=159) is None
    found = stuck_slot("Qwen3:8B", running, loaded_since=100, now=160)
    assert found == StuckSlot(model="Qwen3:8B", silent_seconds=60)
    assert "60 s" in found.message
    assert "unload" in found.advice


def test_a_model_that_still_loads_is_waited_for() -> None:
    assert stuck_slot(REQUEST.model, (MISTRAL,), loaded_since=0, now=10_000) is None
    assert stuck_slot(REQUEST.model, (), loaded_since=0, now=10_000) is None


def test_patience_is_the_callers() -> None:
    assert stuck_slot("mistral:7b", (MISTRAL,), loaded_since=0, now=10, patience_seconds=5)
