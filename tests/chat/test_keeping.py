from __future__ import annotations

import asyncio

import pytest

from tests.chat.rig import DISK_FULL, MODEL, Rig, turns
from tests.chat.scripted_engine import COUNTS
from tui.chat.events import AnswerEnded, AnswerGrew, SavedAgain, SavingFailed
from tui.conversations.values import MessageState
from tui.failures import Failure
from tui.storage.records import Event, GrownAnswer


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


async def test_every_part_of_an_answer_is_on_disk_before_it_is_shown() -> None:
    rig = Rig()
    kept_when_shown: list[tuple[str, str]] = []

    def heard(event: object) -> None:
        if isinstance(event, AnswerGrew):
            document, durable = rig.disk.saved[-1]
            assert document.messages[-1].state is MessageState.answering
            assert not durable
            kept_when_shown.append((document.messages[-1].thinking, document.messages[-1].text))

    rig.session.subscribe(heard)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.think("hm")
    for word in ("one ", "two ", "three"):
        call.say(word)
    await call.all_read()
    assert kept_when_shown == [("hm", ""), ("hm", "one "), ("hm", "one two "), ("hm", "one two three")]
    call.finish()
    await rig.session.settled()


async def test_slow_disk_holds_an_answer_up_once_and_then_no_more() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await turns()
    rig.disk.gate.clear()
    call.say("first ")
    await call.all_read()
    for _ in range(200):
        call.say("word ")
    await turns(2000)
    assert rig.session.live_text() == ("first " + "word " * 200, "")
    rig.disk.gate.set()
    call.finish()
    await rig.session.settled()
    assert rig.disk.last.messages[-1].text == "first " + "word " * 200


async def test_text_that_waits_for_the_disk_is_shown_when_the_answer_is_stopped() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await turns()
    rig.disk.gate.clear()
    call.say("half")
    await turns()
    assert rig.heard(AnswerGrew) == []
    rig.session.stop()
    assert rig.only(AnswerGrew).text == "half"
    assert rig.only(AnswerEnded).message.text == "half"
    rig.disk.gate.set()
    await rig.session.settled()
    assert rig.disk.last.messages[-1].text == "half"


async def test_disk_that_falls_behind_is_told_once_and_so_is_that_it_caught_up() -> None:
    rig = Rig(behind_seconds=0.01)
    told = asyncio.Event()
    rig.session.subscribe(lambda event: told.set() if isinstance(event, SavingFailed) else None)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await turns()
    rig.disk.gate.clear()
    call.say("hi")
    await asyncio.wait_for(told.wait(), 10)
    assert (rig.session.is_unsaved, len(rig.heard(SavedAgain))) == (True, 0)
    call.say(" there")
    call.finish()
    rig.disk.gate.set()
    await rig.session.settled()
    assert not rig.session.is_unsaved
    assert (len(rig.heard(SavingFailed)), len(rig.heard(SavedAgain))) == (1, 1)


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
    call.say("hi")
    await call.all_read()
    rig.disk.gate.clear()
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
    await rig.clock.pass_seconds(5)
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


async def test_what_waits_for_a_slow_disk_is_written_at_once_and_in_order() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await turns()
    rig.disk.gate.clear()
    began = rig.disk.began
    for _ in range(5):
        call.say("word ")
        await call.all_read()
    assert rig.disk.began == began + 1
    rig.session.rename("mine")
    call.say("word ")
    await call.all_read()
    rig.disk.gate.set()
    await turns()
    assert rig.disk.began == began + 2
    assert rig.disk.last.title == "mine"
    assert rig.disk.last.messages[-1].text == "word " * 6
    assert rig.disk.saved[-1][1], "the rename was to be durable"
    call.finish()
    await rig.session.settled()


async def test_event_that_cannot_be_written_is_named_and_costs_nothing_else() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    append, refusal = rig.disk.append, Failure("cannot write this", "it is no json", "copy it")

    def refuses_growth(event: Event, *, durable: bool = False) -> asyncio.Future[None]:
        if isinstance(event, GrownAnswer):
            raise refusal
        return append(event, durable=durable)

    rig.disk.append = refuses_growth  # type: ignore[method-assign]
    call.say("hi")
    call.finish()
    await rig.session.settled()
    assert rig.only(SavingFailed).failure is refusal
    assert rig.disk.last.messages[-1].text == "hi"


async def test_first_title_is_the_one_of_the_prompt_that_was_sent_first() -> None:
    rig = Rig()
    rig.disk.gate.clear()
    asking = asyncio.create_task(rig.session.ask("waits"))
    await turns()
    rig.session.stop()
    rig.disk.gate.set()
    await asking
    await rig.session.ask("urgent")
    (await rig.engine.next_call()).finish()
    await rig.session.settled()
    assert rig.session.conversation.title == rig.disk.last.title == "urgent"


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
