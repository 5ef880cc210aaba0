from __future__ import annotations

import asyncio

from tests.chat.rig import Rig, conversation_of, said, turns
from tui.chat.events import (
    AnswerEnded,
    Phase,
    PhaseChanged,
    PromptAdded,
    QueueChanged,
)
from tui.conversations.values import MessageState, Role


async def test_half_answer_survives_escape() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("half an ")
    await call.all_read()
    assert rig.session.stop()

    # At once, before the connection has even noticed.
    assert not rig.session.is_answering
    ended = rig.only(AnswerEnded)
    assert (ended.message.text, ended.message.state, ended.failure) == ("half an ", MessageState.stopped, None)
    assert rig.session.conversation.messages[-1] == ended.message
    await call.hung_up()
    await rig.session.settled()
    assert rig.disk.last.messages[-1] == ended.message
    assert len(rig.heard(AnswerEnded)) == 1
    assert not rig.session.stop()


async def test_escape_before_the_request_was_made_makes_none() -> None:
    rig = Rig(conversation_of(said("a", Role.user, "hello")))
    rig.session.try_again()
    assert rig.session.stop()
    await rig.session.settled()
    assert rig.engine.calls == []
    assert rig.only(AnswerEnded).message.state is MessageState.stopped
    assert rig.session.can_try_again()


async def test_escape_while_waiting_for_the_first_word() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    rig.session.stop()
    await call.hung_up()
    await rig.session.settled()
    assert rig.session.conversation.messages[-1].state is MessageState.stopped
    assert rig.session.conversation.messages[-1].text == ""


async def test_escape_works_while_the_list_of_running_models_hangs() -> None:
    rig = Rig()
    rig.engine.running_hangs = never = asyncio.Event()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await rig.clock.pass_seconds(0.5)
    assert rig.engine.list_running_under_way == 1
    rig.session.stop()
    await call.hung_up()
    await rig.session.settled()
    assert not never.is_set()
    assert rig.engine.list_running_under_way == 0


async def test_server_that_tells_why_it_is_silent_as_escape_is_pressed_names_no_phase() -> None:
    rig = Rig()
    rig.engine.running_hangs = asyncio.Event()
    await rig.session.ask("hello")
    await rig.engine.next_call()
    await rig.clock.pass_seconds(0.5)
    rig.engine.running_hangs.set()
    rig.session.stop()
    await rig.session.settled()
    assert [event.phase for event in rig.heard(PhaseChanged)] == [Phase.waiting, Phase.idle]


async def test_prompt_that_was_stopped_on_its_way_stays_ahead_of_those_behind_it() -> None:
    rig = Rig()
    rig.disk.gate.clear()
    asking = [asyncio.create_task(rig.session.ask(text)) for text in ("first", "second")]
    await turns()
    rig.session.stop()
    assert rig.session.queue == ("first", "second")
    rig.disk.gate.set()
    for task in asking:
        await task
    await rig.session.close()
    assert [one.text for one in rig.disk.last.messages] == ["first", "second"]


async def test_escape_while_the_prompt_is_being_saved_keeps_it_unsent() -> None:
    rig = Rig()
    rig.disk.gate.clear()
    asking = asyncio.create_task(rig.session.ask("hello"))
    await turns()
    assert rig.session.is_answering
    assert rig.session.stop()
    assert rig.heard(QueueChanged) == [QueueChanged(("hello",), is_paused=True)]
    assert rig.session.is_paused
    rig.disk.gate.set()
    await asking
    await rig.session.settled()
    assert rig.engine.calls == []
    assert rig.heard(PromptAdded) == []
    assert [(one.text, one.state) for one in rig.disk.last.messages] == [("hello", MessageState.not_sent)]
    assert (taken := rig.session.take_back()) is not None
    assert taken.text == "hello"


async def test_prompt_right_after_escape_is_asked_at_once() -> None:
    rig = Rig()
    await rig.session.ask("first")
    (await rig.engine.next_call()).say("no, not that")
    await turns()
    rig.session.stop()
    await rig.session.ask("second")
    call = await rig.engine.next_call()
    assert [one.text for one in call.request.messages] == ["first", "no, not that", "second"]
    assert not rig.session.queue
    call.finish()
    await rig.session.settled()


async def test_caller_that_goes_away_takes_no_prompt_with_it() -> None:
    rig = Rig()
    rig.disk.gate.clear()
    asking = asyncio.create_task(rig.session.ask("hello"))
    await turns()
    asking.cancel()
    await turns()
    rig.disk.gate.set()
    call = await rig.engine.next_call()
    call.finish()
    await rig.session.settled()
    assert rig.session.conversation.messages[0].text == "hello"


async def test_connection_that_does_not_let_go_keeps_nobody_waiting() -> None:
    rig = Rig()
    rig.engine.hanging_up_hangs = asyncio.Event()
    await rig.session.ask("one")
    call = await rig.engine.next_call()
    call.say("half")
    await call.all_read()
    rig.session.stop()
    assert rig.only(AnswerEnded).message.text == "half"
    await rig.session.ask("two")
    second = await rig.engine.next_call()
    assert second.request.messages[-1].text == "two"

    await rig.session.close()
    assert [one.state for one in rig.disk.last.messages if one.role is Role.assistant] == [MessageState.stopped] * 2
    saves = len(rig.disk.saved)
    rig.engine.hanging_up_hangs.set()
    await rig.session.settled()
    assert len(rig.disk.saved) == saves
    assert len(rig.heard(AnswerEnded)) == 2


async def test_loop_that_cancels_everything_keeps_what_came() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("half")
    await call.all_read()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await rig.session.settled()
    ended = rig.only(AnswerEnded).message
    assert (ended.text, ended.state) == ("half", MessageState.stopped)
    assert rig.disk.last.messages[-1] == ended
