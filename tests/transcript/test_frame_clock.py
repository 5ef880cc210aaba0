"""Drawing at once after a pause, and else once a frame."""

from __future__ import annotations

import asyncio

from tui.app.transcript.frame_clock import FrameClock


class Drawn:
    def __init__(self) -> None:
        self.times = 0
        self.again = asyncio.Event()

    def __call__(self) -> None:
        self.times += 1
        self.again.set()


class Clock:
    def __init__(self) -> None:
        self.now_seconds = 100.0

    def __call__(self) -> float:
        return self.now_seconds


async def test_the_first_two_of_a_burst_are_drawn_at_once_and_the_rest_together() -> None:
    drawn, clock = Drawn(), Clock()
    frames = FrameClock(drawn, interval_seconds=0.05, clock=clock)
    for _ in range(5):
        frames.ask()
    assert drawn.times == 2
    assert frames.is_due
    drawn.again.clear()
    await asyncio.wait_for(drawn.again.wait(), 30)
    assert drawn.times == 3
    assert not frames.is_due


async def test_what_comes_a_frame_later_waits_for_nothing() -> None:
    drawn, clock = Drawn(), Clock()
    frames = FrameClock(drawn, interval_seconds=0.05, clock=clock)
    for times in range(1, 50):
        frames.ask()
        assert drawn.times == times
        # Never quite in time.
        clock.now_seconds += 0.051 + 0.02 * (-1) ** times


async def test_after_a_stop_nothing_is_drawn() -> None:
    drawn, clock = Drawn(), Clock()
    frames = FrameClock(drawn, interval_seconds=0.01, clock=clock)
    for _ in range(3):
        frames.ask()
    frames.stop()
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(0.03, over.set)
    await over.wait()
    assert drawn.times == 2


async def test_not_more_than_a_frame_an_interval_on_the_whole() -> None:
    drawn, clock = Drawn(), Clock()
    frames = FrameClock(drawn, interval_seconds=0.05, clock=clock)
    for _ in range(1_000):
        frames.ask()
        frames.stop()
        clock.now_seconds += 0.001
    assert 20 <= drawn.times <= 22
