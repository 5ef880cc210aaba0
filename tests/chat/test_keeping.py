from __future__ import annotations

import asyncio

import pytest

from tests.chat.rig import DISK_FULL, MODEL, Rig, turns
from tests.chat.scripted_engine import COUNTS
from tui.chat.events import AnswerEnded, SavedAgain, SavingFailed
from tui.conversations.values import MessageState


async def test_prompt_is_on_disk_before_the_request_leaves() -> None:
    rig = Rig()
    rig.disk.gate.clear()
    asking = asyncio.create_task(rig.session.ask("hello"))
    await turns()
    assert rig.disk.began == 1
    assert rig.engine.calls == []
    assert rig.events == []

    rig.disk.gate.set()
    call = await rig.engine.next_call()
    await asking
    first, durable = rig.disk.saved[0]
    assert durable
    assert [(one.text, one.state) for one in first.messages] == [("hello", MessageState.not_sent)]
    assert first.title == "hello"
    call.finish()
    await rig.session.settled()


async def test_disk_knows_at_once_that_the_request_left() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    await rig.engine.next_call()
    await turns()
    document = rig.disk.last
    assert [one.state for one in document.messages] == [MessageState.complete, MessageState.answering]
    assert document.messages[1].model == MODEL
    await rig.session.close()


async def test_growing_answer_is_saved_each_second_and_only_when_it_grew() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await turns()
    saves = len(rig.disk.saved)
    await rig.clock.pass_seconds(3)
    assert len(rig.disk.saved) == saves

    for second in range(1, 4):
        for _ in range(10):
            call.say("word ")
        await call.all_read()
        await rig.clock.pass_seconds(1)
        assert len(rig.disk.saved) == saves + second
        document, durable = rig.disk.saved[-1]
        assert document.messages[-1].text == "word " * 10 * second
        assert document.messages[-1].state is MessageState.answering
        assert not durable
    call.finish()
    await rig.session.settled()


async def test_no_save_is_left_behind_by_an_answer_that_ended() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("hi")
    call.finish()
    await rig.session.settled()
    saves = len(rig.disk.saved)
    await rig.clock.pass_seconds(60)
    assert len(rig.disk.saved) == saves


async def test_answer_that_is_shown_as_finished_is_on_disk_with_the_servers_counts() -> None:
    rig = Rig()
    on_disk_when_told: list[tuple[bool, object, MessageState]] = []

    def heard(event: object) -> None:
        if isinstance(event, AnswerEnded):
            document, durable = rig.disk.saved[-1]
            on_disk_when_told.append((durable, document.messages[-1].counts, document.messages[-1].state))

    rig.session.subscribe(heard)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("hi")
    call.finish()
    await rig.session.settled()
    assert on_disk_when_told == [(True, COUNTS, MessageState.complete)]


async def test_disk_that_hangs_does_not_hide_that_the_answer_is_finished() -> None:
    rig = Rig()
    ended = asyncio.Event()
    rig.session.subscribe(lambda event: ended.set() if isinstance(event, AnswerEnded) else None)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await turns()
    rig.disk.gate.clear()
    call.say("hi")
    call.finish()
    await asyncio.wait_for(ended.wait(), 5)
    assert rig.session.conversation.messages[-1].state is MessageState.complete
    rig.disk.gate.set()
    await rig.session.settled()
    assert rig.disk.last.messages[-1].counts == COUNTS


async def test_escape_while_the_finished_answer_is_being_saved_leaves_it_finished() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await turns()
    rig.disk.gate.clear()
    call.say("hi")
    call.finish()
    await turns()
    assert rig.session.is_answering
    assert rig.session.stop()
    rig.disk.gate.set()
    await rig.session.settled()
    assert rig.only(AnswerEnded).message.state is MessageState.complete


async def test_full_disk_stops_no_answer_and_is_told_once() -> None:
    rig = Rig()
    rig.disk.refusal = DISK_FULL
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.say("hi")
    await call.all_read()
    await rig.clock.pass_seconds(3)
    call.finish()
    await rig.session.settled()
    assert rig.session.conversation.messages[-1].text == "hi"
    assert rig.only(SavingFailed).failure is DISK_FULL
    assert rig.session.is_unsaved
    assert rig.disk.saved == []


async def test_what_the_disk_refused_is_saved_when_there_is_room_again() -> None:
    rig = Rig()
    rig.disk.refusal = DISK_FULL
    await rig.session.ask("hello")
    (await rig.engine.next_call()).finish()
    await rig.session.settled()
    await rig.clock.pass_seconds(20)
    assert rig.heard(SavedAgain) == []
    rig.disk.refusal = None
    await rig.clock.pass_seconds(5)
    assert len(rig.heard(SavedAgain)) == 1
    assert not rig.session.is_unsaved
    document, durable = rig.disk.saved[-1]
    assert durable
    assert [one.text for one in document.messages] == ["hello", ""]
    began = rig.disk.began
    await rig.clock.pass_seconds(60)
    assert rig.disk.began == began


async def test_second_refusal_is_told_like_the_first() -> None:
    rig = Rig()
    for _ in range(2):
        rig.disk.refusal = DISK_FULL
        await rig.session.ask("hello")
        (await rig.engine.next_call()).finish()
        await rig.session.settled()
        rig.disk.refusal = None
        await rig.clock.pass_seconds(5)
    assert (len(rig.heard(SavingFailed)), len(rig.heard(SavedAgain))) == (2, 2)


async def test_refused_prompt_is_made_to_outlive_the_machine_by_the_next_save() -> None:
    rig = Rig()
    rig.disk.refusal = DISK_FULL
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await turns()
    rig.disk.refusal = None
    call.say("hi")
    await call.all_read()
    await rig.clock.pass_seconds(1)
    assert rig.disk.saved[-1][1]
    call.finish()
    await rig.session.settled()


async def test_closing_tries_once_more_what_the_disk_refused() -> None:
    rig = Rig()
    rig.disk.refusal = DISK_FULL
    await rig.session.ask("hello")
    (await rig.engine.next_call()).finish()
    await rig.session.settled()
    rig.disk.refusal = None
    await rig.session.close()
    assert rig.disk.last.messages[0].text == "hello"
    assert len(rig.heard(SavedAgain)) == 1


async def test_closing_ends_although_the_disk_stays_full() -> None:
    rig = Rig()
    rig.disk.refusal = DISK_FULL
    await rig.session.ask("hello")
    (await rig.engine.next_call()).finish()
    await rig.session.settled()
    await rig.session.close()
    assert rig.session.is_unsaved


async def test_slow_disk_gets_the_newest_state_and_no_backlog() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await turns()
    rig.disk.gate.clear()
    began = rig.disk.began
    for _ in range(5):
        call.say("word ")
        await call.all_read()
        await rig.clock.pass_seconds(1)
    assert rig.disk.began == began + 1
    rig.session.rename("mine")
    call.say("word ")
    await call.all_read()
    await rig.clock.pass_seconds(1)
    rig.disk.gate.set()
    await turns()
    assert rig.disk.began == began + 2
    assert rig.disk.last.title == "mine"
    assert rig.disk.last.messages[-1].text == "word " * 6
    assert rig.disk.saved[-1][1], "the rename was to be durable"
    call.finish()
    await rig.session.settled()


async def test_saves_of_one_conversation_never_overlap() -> None:
    rig = Rig()
    under_way = 0
    most = 0
    save = rig.disk.save

    async def watched(*arguments: object) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await turns(3)
        await save(*arguments)  # type: ignore[arg-type]
        under_way -= 1

    rig.session._keeper._save = watched
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    for index in range(20):
        rig.session.rename(f"title {index}")
        await turns(1)
    call.finish()
    await rig.session.settled()
    assert most == 1
    assert rig.disk.last.title == "title 19"


async def test_fault_while_saving_is_named_and_costs_nothing() -> None:
    rig = Rig()
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context["exception"]))
    fault = TypeError("cannot write this")
    rig.disk.refusal = fault
    await rig.session.ask("hello")
    (await rig.engine.next_call()).finish()
    await rig.session.settled()
    assert "TypeError: cannot write this" in str(rig.only(SavingFailed).failure)
    assert set(faults) == {fault}
    rig.disk.refusal = None
    await rig.clock.pass_seconds(5)
    assert rig.disk.last.messages[0].text == "hello"


async def test_caller_that_gives_up_waiting_breaks_no_other_save() -> None:
    rig = Rig()
    rig.disk.gate.clear()
    first = asyncio.create_task(rig.session.ask("hello"))
    await turns()
    second = asyncio.create_task(rig.session.ask("queued"))
    third = asyncio.create_task(rig.session.ask("queued too"))
    await turns()
    second.cancel()
    await turns()
    rig.disk.gate.set()
    await first
    await third
    with pytest.raises(asyncio.CancelledError):
        await second
    for _ in range(3):
        (await rig.engine.next_call()).finish()
    await rig.session.settled()
    assert [one.text for one in rig.disk.last.messages[::2]] == ["hello", "queued", "queued too"]
