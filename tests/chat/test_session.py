from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.rig import BROKE_OFF, MODEL, Rig, turns
from tests.chat.scripted_engine import COUNTS, refused
from tui.chat.events import (
    AnswerBegan,
    AnswerEnded,
    AnswerGrew,
    ConversationChanged,
    MessageRemoved,
    Phase,
    PhaseChanged,
    PromptAdded,
    SessionEvent,
)
from tui.conversations.values import MessageState, Role
from tui.engine import Chunk, ErrorKind
from tui.failures import Failure


async def test_prompt_and_answer_become_the_conversation() -> None:
    rig = Rig()
    await rig.session.ask("why **blue**?")
    call = await rig.engine.next_call()
    call.say("Because ")
    call.say("of Rayleigh.")
    call.finish()
    await rig.session.settled()

    prompt, answer = rig.session.conversation.messages
    assert (prompt.role, prompt.text, prompt.state) == (Role.user, "why **blue**?", MessageState.complete)
    assert (answer.role, answer.text, answer.state) == (Role.assistant, "Because of Rayleigh.", MessageState.complete)
    assert answer.model == MODEL
    assert answer.counts == COUNTS
    assert rig.session.conversation.title == "why blue?"
    assert [one.text for one in call.request.messages] == ["why **blue**?"]
    assert not rig.session.is_answering


async def test_listeners_hear_the_answer_in_the_order_of_its_life() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.think("hm")
    call.say("hi")
    call.finish()
    await rig.session.settled()
    assert [type(event) for event in rig.events] == [
        PromptAdded,
        ConversationChanged,
        AnswerBegan,
        PhaseChanged,
        PhaseChanged,
        AnswerGrew,
        PhaseChanged,
        AnswerGrew,
        PhaseChanged,
        AnswerEnded,
    ]
    assert [event.phase for event in rig.heard(PhaseChanged)] == [
        Phase.waiting,
        Phase.thinking,
        Phase.answering,
        Phase.idle,
    ]


async def test_whoever_hears_of_the_end_finds_the_session_at_rest() -> None:
    rig = Rig()
    states: list[tuple[bool, bool, bool]] = []

    def heard(event: SessionEvent) -> None:
        if isinstance(event, AnswerEnded):
            session = rig.session
            states.append((session.is_answering, session.progress() is None, session.can_try_again()))

    rig.session.subscribe(heard)
    await rig.session.ask("hello")
    (await rig.engine.next_call()).fail(BROKE_OFF)
    await rig.session.settled()
    rig.session.try_again()
    call = await rig.engine.next_call()
    call.say("hi")
    call.finish()
    await rig.session.settled()
    assert states == [(False, True, True), (False, True, False)]


@given(
    chunks=st.lists(
        st.builds(Chunk, text=st.text(max_size=8), thinking=st.text(max_size=8), pieces=st.integers(1, 50)), max_size=30
    )
)
async def test_any_chunks_add_up_to_the_text_and_to_what_was_told(chunks: list[Chunk]) -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    for chunk in chunks:
        call.send(chunk)
    call.finish()
    await rig.session.settled()
    answer = rig.session.conversation.messages[-1]
    grown = rig.heard(AnswerGrew)
    assert answer.text == "".join(one.text for one in grown) == "".join(chunk.text for chunk in chunks)
    assert answer.thinking == "".join(one.thinking for one in grown) == "".join(chunk.thinking for chunk in chunks)
    assert answer.pieces == sum(chunk.pieces for chunk in chunks)


async def test_broken_off_answer_keeps_what_came_and_why() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("half")
    call.fail(BROKE_OFF)
    await rig.session.settled()
    answer = rig.session.conversation.messages[-1]
    assert (answer.text, answer.state) == ("half", MessageState.broken_off)
    assert "127.0.0.1 hung up" in answer.failure
    assert rig.session.last_failure is BROKE_OFF
    assert rig.only(AnswerEnded).failure is BROKE_OFF


async def test_refused_request_leaves_a_failed_answer_that_can_be_tried_again() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    (await rig.engine.next_call()).fail(refused())
    await rig.session.settled()
    assert rig.session.conversation.messages[-1].state is MessageState.failed
    assert rig.session.can_try_again()

    rig.session.try_again()
    call = await rig.engine.next_call()
    assert rig.session.last_failure is None
    call.say("hi")
    call.finish()
    await rig.session.settled()
    assert [one.text for one in rig.session.conversation.messages] == ["hello", "hi"]
    assert len(rig.heard(MessageRemoved)) == 1
    assert not rig.session.can_try_again()


async def test_second_try_does_not_let_the_model_go_on_writing_the_first() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("half")
    call.fail(BROKE_OFF)
    await rig.session.settled()
    rig.session.try_again()
    again = await rig.engine.next_call()
    assert [one.text for one in again.request.messages] == ["hello"]
    again.say("whole")
    again.finish()
    await rig.session.settled()
    assert [one.text for one in rig.session.conversation.messages] == ["hello", "half", "whole"]


async def test_stream_without_its_counts_is_not_a_finished_answer() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("half")
    call.end_without_counts()
    await rig.session.settled()
    assert rig.session.conversation.messages[-1].state is MessageState.broken_off
    assert rig.session.last_failure is not None


async def test_answer_with_nothing_in_it_can_be_asked_for_again() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    (await rig.engine.next_call()).finish()
    await rig.session.settled()
    assert rig.session.conversation.messages[-1].state is MessageState.complete
    assert rig.session.can_try_again()


async def test_fault_in_the_engine_ends_the_answer_and_is_reported() -> None:
    rig = Rig()
    faults: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: faults.append(context["exception"]))
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("half")
    fault = ZeroDivisionError("by nothing")
    call.fail(fault)
    await rig.session.settled()
    answer = rig.session.conversation.messages[-1]
    assert (answer.text, answer.state) == ("half", MessageState.broken_off)
    assert "ZeroDivisionError: by nothing" in answer.failure
    assert faults == [fault]
    assert rig.session.can_try_again()


async def test_listener_that_fails_costs_neither_the_answer_nor_the_others() -> None:
    rig = Rig()
    faults: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: faults.append(context["exception"]))
    later: list[SessionEvent] = []

    def broken(_event: SessionEvent) -> None:
        raise RuntimeError("a widget")

    rig.session.subscribe(broken)
    rig.session.subscribe(later.append)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("hi")
    call.finish()
    await rig.session.settled()
    assert rig.session.conversation.messages[-1].text == "hi"
    assert later == rig.events
    assert len(faults) == len(rig.events)


async def test_listener_that_left_hears_nothing_more() -> None:
    rig = Rig()
    heard: list[SessionEvent] = []
    rig.session.subscribe(lambda _event: unsubscribe())
    unsubscribe = rig.session.subscribe(heard.append)
    rig.session.rename("mine")
    assert heard == []
    unsubscribe()


async def test_text_under_way_is_in_one_place_only() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.think("hm")
    call.say("hi")
    await call.all_read()
    await rig.clock.pass_seconds(3)
    assert rig.session.live_text() == ("hi", "hm")
    assert rig.session.conversation.messages[-1].text == ""
    call.finish()
    await rig.session.settled()
    assert rig.session.live_text() is None
    assert rig.session.conversation.messages[-1].text == "hi"


async def test_other_model_is_for_the_next_prompt() -> None:
    rig = Rig()
    await rig.session.ask("one")
    first = await rig.engine.next_call()
    rig.session.use_model("llama3:8b")
    first.finish()
    await rig.session.ask("two")
    second = await rig.engine.next_call()
    second.finish()
    await rig.session.settled()
    assert (first.request.model, second.request.model) == (MODEL, "llama3:8b")
    assert [one.model for one in rig.session.conversation.messages] == ["", MODEL, "", "llama3:8b"]


async def test_title_is_kept_when_there_is_something_to_keep() -> None:
    rig = Rig()
    rig.session.rename("mine")
    rig.session.use_model("llama3:8b")
    await rig.session.settled()
    assert rig.disk.saved == []
    await rig.session.ask("hello")
    (await rig.engine.next_call()).finish()
    await rig.session.settled()
    assert rig.disk.last.title == "mine"
    rig.session.rename("yours")
    await rig.session.settled()
    assert rig.disk.last.title == "yours"


async def test_closing_keeps_what_came_and_what_waits() -> None:
    rig = Rig()
    await rig.session.ask("one")
    call = await rig.engine.next_call()
    call.say("half")
    await call.all_read()
    await rig.session.ask("two")
    await rig.session.close()
    assert call.is_closed
    kept = [(one.text, one.state) for one in rig.disk.last.messages]
    assert kept == [
        ("one", MessageState.complete),
        ("half", MessageState.stopped),
        ("two", MessageState.not_sent),
    ]
    assert len(rig.engine.calls) == 1


async def test_closing_while_a_prompt_is_being_saved_keeps_it_unsent() -> None:
    rig = Rig()
    rig.disk.gate.clear()

    asking = asyncio.create_task(rig.session.ask("hello"))
    await turns()
    closing = asyncio.create_task(rig.session.close())
    await turns()
    rig.disk.gate.set()
    await asking
    await closing
    assert rig.engine.calls == []
    assert [(one.text, one.state) for one in rig.disk.last.messages] == [("hello", MessageState.not_sent)]


async def test_closed_session_asks_and_saves_nothing_more() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await rig.session.ask("later")
    call.fail(BROKE_OFF)
    await rig.session.settled()
    await rig.session.close()
    await rig.session.close()
    saves = len(rig.disk.saved)
    with pytest.raises(Failure, match="closed"):
        await rig.session.ask("more")
    rig.session.try_again()
    rig.session.rename("other")
    rig.session.use_model("llama3:8b")
    await rig.session.go_on()
    assert (taken := rig.session.take_back()) is not None
    assert taken.text == "later"
    await rig.session.settled()
    assert len(rig.disk.saved) == saves
    assert len(rig.engine.calls) == 1


async def test_closing_as_the_answer_ends_does_not_send_the_queue() -> None:
    rig = Rig()
    await rig.session.ask("one")
    call = await rig.engine.next_call()
    await rig.session.ask("two")
    closing: list[asyncio.Task[None]] = []

    def close_at_the_end(event: SessionEvent) -> None:
        if isinstance(event, AnswerEnded):
            closing.append(asyncio.ensure_future(rig.session.close()))

    rig.session.subscribe(close_at_the_end)
    call.finish()
    await rig.session.settled()
    assert len(closing) == 1
    await closing[0]
    assert len(rig.engine.calls) == 1
    assert rig.disk.last.messages[-1].text == "two"
    assert rig.disk.last.messages[-1].state is MessageState.not_sent


async def test_a_prompt_that_got_only_a_refusal_can_be_taken_out_again() -> None:
    rig = Rig()
    await rig.session.ask("short")
    call = await rig.engine.next_call()
    call.say("Yes.")
    call.finish()
    await rig.session.settled()
    await rig.session.ask("far too long")
    call = await rig.engine.next_call()
    call.fail(refused(ErrorKind.context_exceeded))
    await rig.session.settled()

    assert (given := rig.session.give_back()) is not None
    assert given.text == "far too long"
    await rig.session.settled()
    assert [one.text for one in rig.session.conversation.messages] == ["short", "Yes."]
    assert rig.disk.last.messages == rig.session.conversation.messages
    assert len(rig.heard(MessageRemoved)) == 2
    assert rig.session.give_back() is None
