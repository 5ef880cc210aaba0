"""Models on their way: how far they are, how fast, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chat.pulls import MOST_KEPT, Pull, Pulls, PullState, SpeedMeter
from tui.demo import DemoServer
from tui.engine import EngineError, ErrorKind, Host, LayerProgress, Progress, ProgressPhase
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient

HOST = Host(url="http://box:11434", name="box")
PATIENCE_SECONDS = 20.0


@dataclass(slots=True)
class Clock:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def layers(*parts: tuple[str, int, int]) -> tuple[LayerProgress, ...]:
    return tuple(LayerProgress(digest=digest, completed_bytes=came, total_bytes=whole) for digest, came, whole in parts)


def step(*parts: tuple[str, int, int], phase: ProgressPhase = ProgressPhase.transferring) -> Progress:
    return Progress(status=phase.value, phase=phase, layers=layers(*parts))


DONE = Progress(status="success", phase=ProgressPhase.done)


@dataclass(slots=True)
class Tape:
    """An engine that says what it is given, one step each time that ``go`` is set."""

    steps: asyncio.Queue[Progress | EngineError] = field(default_factory=asyncio.Queue)
    host: Host = HOST
    asked: list[str] = field(default_factory=list)
    closed: int = 0
    waiting: asyncio.Event = field(default_factory=asyncio.Event)

    async def pull_model(self, name: str) -> AsyncGenerator[Progress, None]:
        self.asked.append(name)
        try:
            while True:
                self.waiting.set()
                one = await self.steps.get()
                if isinstance(one, EngineError):
                    raise one
                yield one
                if one.is_done:
                    return
        finally:
            self.closed += 1

    async def say(self, *steps: Progress | EngineError) -> None:
        """Returns when all of them were taken and the next one is waited for."""
        for one in steps:
            self.waiting.clear()
            self.steps.put_nowait(one)
            if isinstance(one, Progress) and not one.is_done:
                await asyncio.wait_for(self.waiting.wait(), PATIENCE_SECONDS)


def only(pulls: Pulls) -> Pull:
    (pull,) = pulls.all
    return pull


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pulls(clock: Clock) -> AsyncIterator[Pulls]:
    found = Pulls(clock=clock)
    yield found
    await found.close()


async def ended(pulls: Pulls, pull: Pull) -> Pull:
    return await asyncio.wait_for(pulls.ended(pull.key), PATIENCE_SECONDS)


async def test_bytes_speed_and_time_left(pulls: Pulls, clock: Clock) -> None:
    tape = Tape()
    pulls.begin("qwen3:8b", tape)
    await tape.say(step(("a", 0, 1000)))
    assert (only(pulls).share, only(pulls).bytes_per_second, only(pulls).left_seconds) == (0.0, None, None)
    clock.seconds += 2
    await tape.say(step(("a", 400, 1000)))
    assert only(pulls).share == pytest.approx(0.4)
    assert only(pulls).bytes_per_second == pytest.approx(200)
    assert only(pulls).left_seconds == pytest.approx(3)


async def test_what_came_in_an_earlier_pull_makes_no_speed(pulls: Pulls, clock: Clock) -> None:
    tape = Tape()
    pulls.begin("qwen3:8b", tape)
    await tape.say(step(("a", 900, 1000)))
    clock.seconds += 1
    await tape.say(step(("a", 1000, 1000), ("b", 500, 500)))
    assert only(pulls).bytes_per_second == pytest.approx(100)


async def test_progress_that_falls_is_shown_and_counts_anew(pulls: Pulls, clock: Clock) -> None:
    tape = Tape()
    pulls.begin("qwen3:8b", tape)
    await tape.say(step(("a", 0, 1000)))
    clock.seconds += 1
    await tape.say(step(("a", 600, 1000)))
    clock.seconds += 1
    await tape.say(step(("a", 200, 1000)))
    assert only(pulls).completed_bytes == 200
    assert only(pulls).bytes_per_second is None
    clock.seconds += 1
    await tape.say(step(("a", 300, 1000)))
    assert only(pulls).left_seconds == pytest.approx(7)


async def test_a_pull_whose_last_lines_are_missing_is_whole_when_it_is_done(pulls: Pulls) -> None:
    tape = Tape()
    pull = pulls.begin("qwen3:8b", tape)
    await tape.say(step(("a", 700, 1000)), DONE)
    over = await ended(pulls, pull)
    assert (over.state, over.completed_bytes, over.share) == (PullState.done, 1000, 1.0)


async def test_a_check_has_no_speed_and_keeps_the_bytes(pulls: Pulls, clock: Clock) -> None:
    tape = Tape()
    pulls.begin("qwen3:8b", tape)
    await tape.say(step(("a", 0, 1000)))
    clock.seconds += 1
    await tape.say(step(("a", 1000, 1000)), step(("a", 1000, 1000), phase=ProgressPhase.checking))
    assert (only(pulls).phase, only(pulls).bytes_per_second) == (ProgressPhase.checking, None)
    assert only(pulls).left_seconds is None
    await tape.say(Progress(status="writing manifest", phase=ProgressPhase.finishing))
    assert only(pulls).completed_bytes == 1000


async def test_a_stopped_pull_hangs_up_and_goes_on(pulls: Pulls) -> None:
    tape = Tape()
    pull = pulls.begin("qwen3:8b", tape)
    await tape.say(step(("a", 400, 1000)))
    pulls.stop(pull.key)
    stopped = await ended(pulls, pull)
    assert (stopped.state, stopped.completed_bytes, stopped.can_go_on) == (PullState.stopped, 400, True)
    again = pulls.go_on(pull.key)
    assert again is not None
    assert (again.state, again.completed_bytes) == (PullState.running, 400)
    await tape.say(step(("a", 500, 1000)), DONE)
    assert (await ended(pulls, pull)).state is PullState.done
    assert tape.asked == ["qwen3:8b"] * 2
    assert tape.closed == 2


async def test_a_pull_that_failed_says_why_and_goes_on(pulls: Pulls) -> None:
    tape = Tape()
    pull = pulls.begin("qwen3:8b", tape)
    full = EngineError("cannot pull qwen3:8b", "no space left on device", kind=ErrorKind.refused)
    await tape.say(step(("a", 400, 1000)), full)
    failed = await ended(pulls, pull)
    assert (failed.state, failed.failure) == (PullState.failed, full)
    pulls.go_on(pull.key)
    await tape.say(DONE)
    assert (await ended(pulls, pull)).failure is None


async def test_one_that_runs_is_not_begun_twice(pulls: Pulls) -> None:
    tape = Tape()
    pull = pulls.begin("qwen3:8b", tape)
    await tape.say(step(("a", 1, 2)))
    assert pulls.begin("qwen3:8b", tape) is pulls.find(pull.key)
    assert tape.asked == ["qwen3:8b"]


async def test_several_at_once_and_the_same_name_elsewhere(pulls: Pulls) -> None:
    here, there = Tape(), Tape(host=Host(url="http://other:11434", name="other"))
    one, two, three = pulls.begin("a", here), pulls.begin("b", here), pulls.begin("a", there)
    assert [pull.key for pull in pulls.running] == [one.key, two.key, three.key]
    pulls.stop(two.key)
    assert [pull.key for pull in pulls.running] == [one.key, three.key]


async def test_whoever_watches_hears_of_begin_and_end_and_may_fail(pulls: Pulls) -> None:
    heard: list[PullState] = []
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    def hear(pull: Pull) -> None:
        heard.append(pull.state)
        raise ValueError("the screen is gone")

    pulls.on_change = hear
    tape = Tape()
    pull = pulls.begin("qwen3:8b", tape)
    await tape.say(step(("a", 1, 2)), step(("a", 2, 2)), DONE)
    await ended(pulls, pull)
    assert heard == [PullState.running, PullState.done]
    assert len(faults) == 2


async def test_closing_stops_everything(clock: Clock) -> None:
    pulls, tape = Pulls(clock=clock), Tape()
    pull = pulls.begin("qwen3:8b", tape)
    await tape.say(step(("a", 1, 2)))
    await pulls.close()
    assert tape.closed == 1
    assert (await pulls.ended(pull.key)).state is PullState.stopped


async def test_what_is_over_is_forgotten_when_there_is_much_of_it(pulls: Pulls) -> None:
    for number in range(MOST_KEPT + 10):
        tape = Tape()
        pull = pulls.begin(f"m{number}", tape)
        await tape.say(DONE)
        await ended(pulls, pull)
    assert len(pulls.all) == MOST_KEPT + 1
    pulls.forget(pulls.all[0].key)
    assert len(pulls.all) == MOST_KEPT


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**12)), max_size=3))
    )
)
def test_a_speed_is_never_negative(told: Sequence[tuple[float, Sequence[tuple[str, int]]]]) -> None:
    meter, at_seconds = SpeedMeter(), 0.0
    for pause_seconds, parts in told:
        at_seconds += pause_seconds
        known = dict(parts)
        meter.add(layers(*((digest, came, 10**12) for digest, came in known.items())), at_seconds)
        speed = meter.bytes_per_second
        assert speed is None or speed >= 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  nothing tells of every single step
            await asyncio.sleep(0.005)


async def test_a_real_pull_stopped_half_way_goes_on_where_it_was(pulls: Pulls) -> None:
    half_way, waits = asyncio.Event(), 0

    async def sleep(_seconds: float) -> None:
        nonlocal waits
        waits += 1
        await (half_way.wait() if waits > 40 else asyncio.sleep(0))

    async with DemoServer(sleep=sleep) as server:
        client = OllamaClient(parse_host(server.url, source="--host"))
        pull = pulls.begin("guest:4b", client)
        await until(lambda: (only(pulls).share or 0) > 0.3)
        pulls.stop(pull.key)
        came_bytes = (await ended(pulls, pull)).completed_bytes
        assert "guest:4b" not in [one.name for one in await client.list_models()]
        pulls.go_on(pull.key)
        half_way.set()
        await until(lambda: only(pulls).phase is not ProgressPhase.preparing)
        assert only(pulls).completed_bytes >= came_bytes
        assert (await ended(pulls, pull)).state is PullState.done
        assert "guest:4b" in [one.name for one in await client.list_models()]
        await client.aclose()
