"""Work for whoever changes their mind: one pause, the latest wish, and a disk that hangs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tui.app.screens.latest import AT_ONCE, Latest
from tui.failures import Failure


@dataclass(slots=True)
class Desk:
    """Work that ends when the test says so."""

    seconds: float = 0.0
    begun: list[str] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    held: dict[str, asyncio.Future[str]] = field(default_factory=dict)

    def latest(self) -> Latest[str, str]:
        return Latest(
            self._work,
            tell=lambda wish, result: self.told.append((wish, result)),
            refused=lambda wish, failure: self.refused.append((wish, failure.title)),
            clock=lambda: self.seconds,
            pause_seconds=1.0,
        )

    async def _work(self, wish: str) -> str:
        self.begun.append(wish)
        self.held[wish] = asyncio.get_running_loop().create_future()
        return await self.held[wish]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nothing_begins_before_the_pause_and_then_only_the_last() -> None:
    desk = Desk()
    latest = desk.latest()
    for letter in ("a", "ab", "abc"):
        latest.wish(letter)
        desk.seconds += 0.9
        latest.look()
    await settled()
    assert desk.begun == []
    assert latest.is_waiting
    desk.seconds += 0.2
    latest.look()
    latest.look()
    await settled()
    assert desk.begun == ["abc"]
    assert not latest.is_done
    desk.held["abc"].set_result("found")
    await settled()
    assert desk.told == [("abc", "found")]
    assert latest.is_done


async def test_what_comes_late_is_not_told() -> None:
    desk = Desk()
    latest = desk.latest()
    for wish in ("old", "new"):
        latest.wish(wish, at_once=True)
        latest.look()
        await settled()
    desk.held["new"].set_result("2")
    await settled()
    desk.held["old"].set_result("1")
    await settled()
    assert desk.told == [("new", "2")]


async def test_a_refusal_is_told_and_a_late_one_is_not() -> None:
    desk = Desk()
    latest = desk.latest()
    for wish in ("old", "new"):
        latest.wish(wish, at_once=True)
        latest.look()
        await settled()
    desk.held["old"].set_exception(Failure("too late"))
    desk.held["new"].set_exception(Failure("no disk"))
    await settled()
    assert desk.refused == [("new", "no disk")]
    assert latest.is_done


async def test_a_disk_that_hangs_holds_up_a_few_and_the_next_has_its_turn() -> None:
    desk = Desk()
    latest = desk.latest()
    for wish in ("a", "b", "c", "d"):
        latest.wish(wish, at_once=True)
        latest.look()
        await settled()
    assert desk.begun == ["a", "b"][:AT_ONCE]
    assert latest.is_waiting
    desk.held["a"].set_result("late")
    await settled()
    latest.look()
    await settled()
    assert desk.begun == ["a", "b", "d"]


async def test_nothing_wished_and_nothing_told_after_the_end() -> None:
    desk = Desk()
    latest = desk.latest()
    latest.look()
    latest.wish("a", at_once=True)
    latest.look()
    await settled()
    latest.wish(None)
    desk.held["a"].set_result("1")
    await settled()
    assert (desk.begun, desk.told) == (["a"], [])
    latest.wish("b", at_once=True)
    latest.look()
    await settled()
    latest.close()
    await settled()
    assert desk.held["b"].cancelled()
