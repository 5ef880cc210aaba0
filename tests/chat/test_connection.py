from __future__ import annotations

import asyncio

from tests.chat.rig import Clock, turns
from tests.chat.scripted_engine import ScriptedEngine, refused
from tui.chat.connection import Connection, ConnectionState, Link
from tui.engine import EngineError, ErrorKind, Health

UP = Health(version="0.33.0", answered_in_seconds=0.001)


class Watched:
    """A connection on a clock that the test moves, and what it told."""

    def __init__(self, *healths: Health | EngineError) -> None:
        self.engine = ScriptedEngine()
        self.engine.healths = list(healths)
        self.clock = Clock()
        self.told: list[ConnectionState] = []
        self.connection = Connection(self.engine, clock=self.clock, on_change=self.told.append, sleep=self.clock.sleep)

    @property
    def links(self) -> list[Link]:
        return [state.link for state in self.told]


async def test_server_that_answers_is_up_and_left_alone() -> None:
    watched = Watched(UP)
    assert watched.connection.state.link is Link.trying
    watched.connection.start()
    watched.connection.start()
    await watched.clock.pass_seconds(3600)
    assert watched.told == [ConnectionState(link=Link.up, version="0.33.0", was_ever_up=True)]
    assert watched.engine.health_checks == 1
    await watched.connection.close()


async def test_waits_double_up_to_half_a_minute() -> None:
    watched = Watched(refused())
    watched.connection.start()
    await watched.clock.pass_seconds(1 + 2 + 4 + 8 + 16 + 30 + 30)
    assert watched.clock.slept == [1, 2, 4, 8, 16, 30, 30, 30]
    await watched.connection.close()


async def test_it_notices_by_itself_that_the_server_comes_back() -> None:
    watched = Watched(refused(), refused(), UP)
    began_at = watched.clock.seconds
    watched.connection.start()
    await turns()
    first = watched.connection.state
    assert first.failure is not None
    assert (first.link, first.down_since, first.next_try_at) == (Link.down, began_at, began_at + 1)
    await watched.clock.pass_seconds(1)
    second = watched.connection.state
    assert (second.link, second.down_since, second.next_try_at) == (Link.down, began_at, began_at + 3)
    await watched.clock.pass_seconds(2)
    assert watched.connection.state == ConnectionState(link=Link.up, version="0.33.0", was_ever_up=True)
    await watched.connection.close()


async def test_server_that_takes_the_connection_and_says_nothing_is_starting() -> None:
    watched = Watched(refused(), refused(ErrorKind.silent), UP)
    watched.connection.start()
    await watched.clock.pass_seconds(3)
    assert watched.links == [Link.down, Link.starting, Link.up]
    await watched.connection.close()


async def test_try_now_does_not_wait_and_begins_the_waits_anew() -> None:
    watched = Watched(refused())
    watched.connection.start()
    await watched.clock.pass_seconds(7)
    assert watched.engine.health_checks == 4
    watched.connection.try_now()
    await turns()
    assert watched.engine.health_checks == 5
    assert watched.clock.slept == [1, 2, 4, 8, 1]
    await watched.connection.close()


async def test_failed_request_makes_it_look_and_find_the_server_gone() -> None:
    watched = Watched(UP, refused(), UP)
    watched.connection.start()
    await turns()
    await watched.clock.pass_seconds(100)
    gone_at = watched.clock.seconds
    watched.connection.try_now()
    await turns()
    state = watched.connection.state
    assert (state.link, state.was_ever_up, state.down_since) == (Link.down, True, gone_at)
    await watched.clock.pass_seconds(1)
    assert watched.links == [Link.up, Link.down, Link.up]
    await watched.connection.close()


async def test_look_that_finds_nothing_new_is_not_told() -> None:
    watched = Watched(UP)
    watched.connection.start()
    await turns()
    watched.connection.try_now()
    await turns()
    assert watched.engine.health_checks == 2
    assert watched.links == [Link.up]
    await watched.connection.close()


async def test_closed_connection_asks_nothing_more() -> None:
    watched = Watched(refused())
    watched.connection.start()
    await turns()
    await watched.connection.close()
    await watched.connection.close()
    watched.connection.start()
    watched.connection.try_now()
    await turns()
    assert len(asyncio.all_tasks()) == 1
    await watched.clock.pass_seconds(100)
    assert watched.engine.health_checks == 1


async def test_connection_that_was_never_started_closes() -> None:
    await Watched(UP).connection.close()


async def test_listener_that_fails_does_not_end_the_looking() -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context["exception"]))
    fault = RuntimeError("a widget")

    def broken(_state: ConnectionState) -> None:
        raise fault

    watched = Watched(refused(), UP)
    watched.connection = Connection(watched.engine, clock=watched.clock, on_change=broken, sleep=watched.clock.sleep)
    watched.connection.start()
    await watched.clock.pass_seconds(1)
    assert watched.connection.state.link is Link.up
    assert faults == [fault, fault]
    await watched.connection.close()
