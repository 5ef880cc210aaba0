"""What a conversation sets for itself while it is open, and a summary in the place of its oldest messages."""

from __future__ import annotations

import asyncio
from types import MappingProxyType

import pytest

from tests.chat.rig import MODEL, Rig, conversation_of, said
from tests.chat.scripted_engine import ScriptedEngine
from tui.chat.events import ConversationReplaced, MessagesLeftOut
from tui.chat.fitting import AS_IT_IS, Plan
from tui.chat.generation import Generation
from tui.chat.summing_up import HEADING, sum_up, summary_request
from tui.conversations.control import Control
from tui.conversations.values import Role
from tui.engine import EngineError, ErrorKind
from tui.storage.records import ChangedControl

TALK = (
    said("p1", Role.user, "x" * 400),
    said("a1", Role.assistant, "y" * 400),
    said("p2", Role.user, "x" * 400),
    said("a2", Role.assistant, "y" * 400),
)
OWN = Control(system="be brief", when_full="drop")


async def test_what_is_set_before_the_first_prompt_is_kept_with_it() -> None:
    rig = Rig()
    rig.session.use_control(OWN)
    await rig.session.settled()
    assert not rig.disk.events
    await rig.session.ask("hello")
    (await rig.engine.next_call()).finish()
    await rig.session.settled()
    assert rig.disk.last.control == OWN


async def test_what_is_set_later_is_kept_at_once_and_once() -> None:
    rig = Rig(conversation_of(*TALK))
    rig.session.use_control(OWN)
    rig.session.use_control(OWN)
    await rig.session.settled()
    assert [type(one) for one in rig.disk.events] == [ChangedControl]
    assert rig.disk.last.control == OWN


async def test_nobody_changes_what_another_chinwag_writes() -> None:
    rig = Rig(conversation_of(*TALK), is_read_only=True)
    rig.session.use_control(OWN)
    rig.session.sum_up(TALK[:2], "they spoke")
    assert rig.session.conversation == conversation_of(*TALK)


async def test_the_plan_of_the_moment_makes_the_request() -> None:
    rig = Rig(conversation_of(*TALK))
    rig.plan = Plan(system="be brief", generation=Generation(options=MappingProxyType({"seed": 0})))
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    assert call.request.messages[0].text == "be brief"
    assert dict(call.request.options) == {"seed": 0}
    assert rig.session.last_request is call.request
    call.finish()
    await rig.session.settled()


async def test_that_the_oldest_were_left_out_unasked_is_told_and_kept() -> None:
    rig = Rig(conversation_of(*TALK))
    rig.plan = Plan(window_tokens=512)
    rig.session.use_control(Control(when_full="drop"))
    await rig.session.ask("z" * 400)
    call = await rig.engine.next_call()
    assert rig.only(MessagesLeftOut).count == 2
    assert len(call.request.messages) == 3
    call.finish()
    await rig.session.settled()
    assert rig.disk.last.control.left_out_until == "a1"
    assert len(rig.disk.last.messages) == 6


async def test_a_summary_stands_where_the_oldest_ended_here_and_on_the_disk() -> None:
    rig = Rig(conversation_of(*TALK))
    rig.session.sum_up(TALK[:2], "they spoke")
    await rig.session.settled()
    assert [one.role for one in rig.session.conversation.messages] == [
        Role.user,
        Role.assistant,
        Role.system,
        Role.user,
        Role.assistant,
    ]
    assert rig.disk.last == rig.session.conversation
    assert rig.only(ConversationReplaced).conversation.messages[2].text == "they spoke"


async def test_a_summary_of_everything_stands_at_the_end_and_before_what_waits() -> None:
    rig = Rig(conversation_of(*TALK))
    rig.session.sum_up(TALK, "they spoke")
    await rig.session.settled()
    assert rig.disk.last.messages[-1].text == "they spoke"
    await rig.session.ask("and?")
    call = await rig.engine.next_call()
    assert [one.role for one in call.request.messages] == ["system", "user"]
    call.finish()
    await rig.session.settled()


def test_a_summary_is_asked_for_without_loading_the_model_anew() -> None:
    options = {"num_ctx": 4096, "temperature": 0, "stop": ["###"], "num_predict": 5}
    plan = Plan(window_tokens=4096, generation=Generation(options=MappingProxyType(options), keep_alive="10m"))
    request = summary_request(TALK, model=MODEL, plan=plan, thinks=True)
    assert dict(request.options) == {"num_ctx": 4096, "temperature": 0, "num_predict": 512}
    assert (request.think, request.keep_alive, request.truncate) == (False, "10m", False)
    assert "Person: xxx" in request.messages[0].text
    assert summary_request(TALK, model=MODEL, plan=AS_IT_IS, thinks=False).think is None


async def test_a_summary_has_a_heading() -> None:
    engine = ScriptedEngine()
    task = asyncio.ensure_future(sum_up(engine, summary_request(TALK, model=MODEL, plan=AS_IT_IS, thinks=False)))
    call = await engine.next_call()
    call.say("they ")
    call.say("spoke")
    call.finish()
    assert await task == f"{HEADING}\n\nthey spoke"


async def test_a_model_that_says_nothing_has_not_summed_it_up() -> None:
    engine = ScriptedEngine()
    task = asyncio.ensure_future(sum_up(engine, summary_request(TALK, model=MODEL, plan=AS_IT_IS, thinks=False)))
    (await engine.next_call()).finish()
    with pytest.raises(EngineError) as caught:
        await task
    assert caught.value.kind is ErrorKind.refused
