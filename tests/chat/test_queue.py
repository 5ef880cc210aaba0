from __future__ import annotations

import asyncio

import pytest

from tests.chat.rig import BROKE_OFF, MODEL, Rig, conversation_of, said, turns
from tui.chat.events import (
    AnswerBegan,
    AnswerEnded,
    QueueChanged,
    SessionEvent,
)
from tui.conversations.values import MessageState, Role


async def test_prompts_typed_meanwhile_are_sent_in_their_order() -> None:
    rig = Rig()
    await rig.session.ask("one")
    await rig.session.ask("two")
    await rig.session.ask("three")
    assert list(rig.session.queue) == ["two", "three"]
    assert not rig.session.is_paused
    for expected in ("one", "two", "three"):
        call = await rig.engine.next_call()
        assert call.request.messages[-1].text == expected
        call.say(f"to {expected}")
        call.finish()
    await rig.session.settled()
    assert not rig.session.queue
    texts = [one.text for one in rig.session.conversation.messages]
    assert texts == ["one", "to one", "two", "to two", "three", "to three"]


async def test_prompt_typed_as_an_answer_ends_does_not_pass_those_that_wait() -> None:
    rig = Rig()
    typed: list[asyncio.Task[None]] = []

    def heard(event: SessionEvent) -> None:
        if isinstance(event, AnswerEnded) and not typed:
            typed.append(asyncio.create_task(rig.session.ask("three")))

    rig.session.subscribe(heard)
    await rig.session.ask("one")
    first = await rig.engine.next_call()
    await rig.session.ask("two")
    first.finish()
    for expected in ("two", "three"):
        call = await rig.engine.next_call()
        assert call.request.messages[-1].text == expected
        call.finish()
    await rig.session.settled()
    assert not rig.session.queue


@pytest.mark.parametrize("end", ["escape", "failure"])
async def test_queue_waits_for_the_person_after(end: str) -> None:
    rig = Rig()
    await rig.session.ask("one")
    call = await rig.engine.next_call()
    await rig.session.ask("two")
    if end == "escape":
        rig.session.stop()
    else:
        call.fail(BROKE_OFF)
    await rig.session.settled()
    assert rig.session.is_paused
    assert rig.heard(QueueChanged)[-1] == QueueChanged(("two",), is_paused=True)
    assert len(rig.engine.calls) == 1
    waiting = rig.disk.last.messages[-1]
    assert (waiting.text, waiting.state) == ("two", MessageState.not_sent)

    await rig.session.go_on()
    second = await rig.engine.next_call()
    assert second.request.messages[-1].text == "two"
    second.finish()
    await rig.session.settled()


async def test_going_on_twice_sends_one_prompt() -> None:
    rig = Rig(
        conversation_of(
            said("a", Role.user, "one", MessageState.not_sent), said("b", Role.user, "two", MessageState.not_sent)
        )
    )
    rig.disk.gate.clear()
    going = [asyncio.create_task(rig.session.go_on()) for _ in range(2)]
    await turns()
    rig.disk.gate.set()
    for task in going:
        await task
    await turns()
    assert len(rig.engine.calls) == 1
    assert rig.session.queue == ("two",)
    (await rig.engine.next_call()).finish()
    (await rig.engine.next_call()).finish()
    await rig.session.settled()


async def test_prompt_that_was_taken_back_is_not_sent() -> None:
    rig = Rig()
    await rig.session.ask("one")
    call = await rig.engine.next_call()
    await rig.session.ask("two")
    await rig.session.ask("three")
    taken = [rig.session.take_back(), rig.session.take_back()]
    assert [one.text for one in taken if one is not None] == ["three", "two"]
    assert rig.session.take_back() is None
    call.finish()
    await rig.session.settled()
    assert len(rig.engine.calls) == 1


async def test_new_prompt_passes_a_paused_queue_and_leaves_it_paused() -> None:
    rig = Rig(conversation_of(said("a", Role.user, "earlier", MessageState.not_sent)))
    await rig.session.ask("urgent")
    call = await rig.engine.next_call()
    assert [one.text for one in call.request.messages] == ["urgent"]
    call.finish()
    await rig.session.settled()
    assert rig.session.queue == ("earlier",)
    assert rig.session.is_paused


async def test_a_prompt_that_waits_for_the_disk_goes_to_the_model_it_was_asked_of() -> None:
    rig = Rig()
    rig.disk.gate.clear()
    asking = asyncio.create_task(rig.session.ask("a secret"))
    await turns()
    rig.session.use_model("cloudy:120b-cloud")
    rig.disk.gate.set()
    await asking
    call = await rig.engine.next_call()
    assert call.request.model == MODEL
    assert rig.only(AnswerBegan).message.model == MODEL
    assert rig.session.conversation.model == "cloudy:120b-cloud"
    call.finish()
    await rig.session.settled()
