"""Answers that nobody looks at: they come to their end, and have one."""

from __future__ import annotations

import asyncio

import pytest

from tests.chat.rig import Rig
from tui.chat.unseen import finish_unseen
from tui.conversations.values import MessageState

NO_BOUND = 1_000_000
LONG_SECONDS = 60.0


async def test_an_answer_comes_to_its_end_and_what_waits_goes_on_waiting() -> None:
    rig = Rig()
    await rig.session.ask("one")
    call = await rig.engine.next_call()
    await rig.session.ask("two")
    finishing = asyncio.ensure_future(finish_unseen([rig.session], limit_seconds=LONG_SECONDS, limit_bytes=NO_BOUND))
    call.say("all of it")
    call.finish()
    await finishing
    answer = rig.session.conversation.messages[-1]
    assert (answer.text, answer.state) == ("all of it", MessageState.complete)
    assert rig.session.queue == ("two",)
    assert rig.session.is_paused


@pytest.mark.parametrize("part", ["ten ascii.", "é" * 5])
async def test_more_than_the_bound_ends_all_of_them_and_keeps_what_came(part: str) -> None:
    one, other = Rig(), Rig()
    calls = []
    for rig in (one, other):
        await rig.session.ask("go")
        calls.append(await rig.engine.next_call())
    finishing = asyncio.ensure_future(
        finish_unseen([one.session, other.session], limit_seconds=LONG_SECONDS, limit_bytes=30)
    )
    for call in calls:
        call.say(part)
        await call.all_read()
    assert not finishing.done()
    for call in calls:
        call.say(part)
    await finishing
    for rig in (one, other):
        answer = rig.session.conversation.messages[-1]
        assert answer.state is MessageState.stopped
        assert answer.text in (part, part * 2)
        assert rig.disk.last.messages[-1] == answer


async def test_thinking_counts_as_well() -> None:
    rig = Rig()
    await rig.session.ask("go")
    call = await rig.engine.next_call()
    finishing = asyncio.ensure_future(finish_unseen([rig.session], limit_seconds=LONG_SECONDS, limit_bytes=10))
    call.think("a thought that is too long")
    await finishing
    assert rig.session.conversation.messages[-1].state is MessageState.stopped


async def test_time_is_a_bound_as_well() -> None:
    rig = Rig()
    await rig.session.ask("go")
    await rig.engine.next_call()
    await finish_unseen([rig.session], limit_seconds=0, limit_bytes=NO_BOUND)
    assert rig.session.is_answering
    await rig.session.close()
    assert rig.session.conversation.messages[-1].state is MessageState.stopped


async def test_nothing_under_way_is_nothing_to_wait_for() -> None:
    await finish_unseen([], limit_seconds=LONG_SECONDS, limit_bytes=NO_BOUND)
