from __future__ import annotations

import asyncio

from tests.chat.rig import MODEL, Rig, conversation_of, said, turns
from tests.chat.scripted_engine import refused
from tui.chat.events import (
    Phase,
    PhaseChanged,
)
from tui.conversations.values import Role
from tui.engine import Chunk, ErrorKind, RunningModel


async def test_phase_is_named_only_when_the_server_told_it() -> None:
    rig = Rig()
    rig.engine.running = refused(ErrorKind.silent)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()

    def phases() -> list[Phase]:
        return [event.phase for event in rig.heard(PhaseChanged)]

    await rig.clock.pass_seconds(0.3)
    assert phases() == [Phase.waiting]
    rig.engine.running = ()
    await rig.clock.pass_seconds(1)
    assert phases() == [Phase.waiting, Phase.loading]
    rig.engine.running = (RunningModel(name=MODEL),)
    await rig.clock.pass_seconds(1)
    await rig.clock.pass_seconds(1)
    assert phases() == [Phase.waiting, Phase.loading, Phase.reading]
    call.say("hi")
    await call.all_read()
    assert phases()[3:] == [Phase.answering]
    call.finish()
    await rig.session.settled()


async def test_nobody_asks_what_runs_once_the_answer_comes() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await rig.clock.pass_seconds(1.5)
    asked = rig.engine.list_running_calls
    assert asked == 2
    call.say("hi")
    await call.all_read()
    await rig.clock.pass_seconds(10)
    assert rig.engine.list_running_calls == asked
    call.finish()
    await rig.session.settled()


async def test_answer_of_the_server_that_comes_too_late_names_no_phase() -> None:
    rig = Rig()
    rig.engine.running_hangs = asyncio.Event()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await rig.clock.pass_seconds(0.5)
    call.say("hi")
    await call.all_read()
    rig.engine.running_hangs.set()
    await turns()
    progress = rig.session.progress()
    assert progress is not None
    assert progress.phase is Phase.answering
    call.finish()
    await rig.session.settled()


async def test_silence_of_a_cloud_model_has_no_name() -> None:
    rig = Rig()
    rig.cloud_models.add("gpt-oss:120b-cloud")
    rig.session.use_model("gpt-oss:120b-cloud")
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await rig.clock.pass_seconds(5)
    assert rig.engine.list_running_calls == 0
    call.finish()
    await rig.session.settled()


async def test_times_are_those_of_the_monotonic_clock() -> None:
    rig = Rig()
    rig.engine.running = (RunningModel(name=MODEL),)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await rig.clock.pass_seconds(2)
    call.think("hm", pieces=3)
    await call.all_read()
    await rig.clock.pass_seconds(3)
    call.think("well", pieces=4)
    await call.all_read()
    await rig.clock.pass_seconds(1)
    call.say("hi")
    await call.all_read()
    await rig.clock.pass_seconds(4)
    progress = rig.session.progress()
    assert progress is not None
    assert (progress.seconds, progress.phase, progress.phase_seconds) == (10, Phase.answering, 4)
    assert (progress.first_token_seconds, progress.silent_seconds, progress.pieces) == (2, 4, 8)
    assert progress.prompt_characters == len("hello")
    call.finish()
    await rig.session.settled()
    answer = rig.session.conversation.messages[-1]
    assert (answer.first_token_seconds, answer.seconds) == (2, 10)
    assert (answer.thinking_seconds, answer.thinking_pieces) == (4, 7)


async def test_thinking_between_texts_adds_up_without_the_texts() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    for part, seconds in ((call.think, 2), (call.say, 10), (call.think, 3), (call.say, 1)):
        part("x")
        await call.all_read()
        await rig.clock.pass_seconds(seconds)
    call.finish()
    await rig.session.settled()
    assert rig.session.conversation.messages[-1].thinking_seconds == 5
    phases = [event.phase for event in rig.heard(PhaseChanged)]
    assert phases[-5:] == [Phase.thinking, Phase.answering, Phase.thinking, Phase.answering, Phase.idle]


async def test_thinking_that_came_in_one_read_has_no_made_up_duration() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.send(Chunk(thinking="a" * 30, text="b" * 10, pieces=8))
    call.finish()
    await rig.session.settled()
    answer = rig.session.conversation.messages[-1]
    assert answer.thinking_seconds is None
    assert answer.thinking_pieces == 6


async def test_tool_call_is_kept_and_is_no_first_token() -> None:
    rig = Rig()
    await rig.session.ask("weather?")
    call = await rig.engine.next_call()
    call.call_tool("weather")
    call.call_tool("clock")
    call.finish()
    await rig.session.settled()
    answer = rig.session.conversation.messages[-1]
    assert [one.name for one in answer.tool_calls] == ["weather", "clock"]
    assert answer.first_token_seconds is None
    assert not rig.session.can_try_again()


async def test_very_long_conversation_is_asked_like_a_short_one() -> None:
    rig = Rig(
        conversation_of(*(said(f"x{n}", Role.user if n % 2 == 0 else Role.assistant, str(n)) for n in range(1000)))
    )
    await rig.session.ask("and?")
    call = await rig.engine.next_call()
    assert [one.text for one in call.request.messages] == [*map(str, range(1000)), "and?"]
    call.finish()
    await rig.session.settled()


async def test_piece_of_a_long_answer_copies_no_conversation() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    before = rig.session.conversation
    for _ in range(100):
        call.say("word ")
    call.call_tool("clock")
    await call.all_read()
    assert rig.session.conversation is before
    call.finish()
    await rig.session.settled()
