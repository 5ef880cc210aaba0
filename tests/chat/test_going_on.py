"""Going on with an answer that was cut off: one message of both parts, on the screen, on the disk, and in the counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chat.rig import BROKE_OFF, Rig
from tests.chat.scripted_engine import COUNTS
from tests.chat.talks import LENGTH, answered, same_on_disk
from tui.chat.events import AnswerEnded, AnswerGrew, ConversationReplaced
from tui.chat.fitting import Plan
from tui.chat.found import settle_interrupted
from tui.chat.generation import Generation
from tui.chat.going_on import began_anew, is_cut_off, may_begin_anew
from tui.conversations.values import MessageState
from tui.failures import Failure


async def test_a_cut_off_answer_goes_on_in_the_same_message() -> None:
    rig = Rig()
    await rig.session.ask("tell me")
    await answered(rig, "Once upon a ", LENGTH)
    first = rig.session.conversation.messages[-1]
    assert is_cut_off(first)
    rig.session.continue_answer()
    assert rig.only(ConversationReplaced).conversation.messages[-1].state is MessageState.answering
    assert rig.session.live_text() == ("Once upon a ", "")
    call = await rig.engine.next_call()
    assert [(one.role, one.text) for one in call.request.messages] == [
        ("user", "tell me"),
        ("assistant", "Once upon a "),
    ]
    call.say("time.")
    await call.all_read()
    # Should the machine end here, both parts are there.
    found, _ = settle_interrupted(rig.disk.last)
    assert (found.messages[-1].text, found.messages[-1].state) == ("Once upon a time.", MessageState.broken_off)
    call.finish(replace(COUNTS, prompt_tokens=45, answer_tokens=10, answer_seconds=0.25))
    await rig.session.settled()
    whole = rig.session.conversation.messages[-1]
    assert (whole.id, whole.text, whole.state) == (first.id, "Once upon a time.", MessageState.complete)
    assert whole.counts is not None
    assert (whole.counts.prompt_tokens, whole.counts.answer_tokens, whole.counts.answer_seconds) == (12, 40, 0.75)
    assert whole.counts.done_reason == "stop"
    assert rig.heard(AnswerGrew)[-1].text == "time."
    # What this request brought is what the statistics get.
    brought = rig.heard(AnswerEnded)[-1].brought
    assert brought is not None
    assert brought.counts is not None
    assert brought.counts.answer_tokens == 10
    same_on_disk(rig)
    assert rig.session.undo() == "the answer is as it was"
    assert rig.session.conversation.messages[-1] == first


async def test_a_stopped_answer_goes_on_and_its_pieces_are_counted_once() -> None:
    rig = Rig()
    await rig.session.ask("count")
    call = await rig.engine.next_call()
    call.say("one two ", pieces=2)
    await call.all_read()
    rig.session.stop()
    await rig.session.settled()
    rig.session.continue_answer()
    call = await rig.engine.next_call()
    call.say("three", pieces=1)
    call.finish(replace(COUNTS, prompt_tokens=20, answer_tokens=1))
    await rig.session.settled()
    whole = rig.session.conversation.messages[-1]
    assert (whole.text, whole.pieces) == ("one two three", 3)
    assert whole.counts is not None
    assert (whole.counts.prompt_tokens, whole.counts.answer_tokens) == (18, 3)


async def test_going_on_that_brings_nothing_leaves_the_answer_as_it_was() -> None:
    rig = Rig()
    await rig.session.ask("tell me")
    await answered(rig, "Once upon a ", LENGTH)
    first = rig.session.conversation.messages[-1]
    rig.session.continue_answer()
    (await rig.engine.next_call()).fail(BROKE_OFF)
    await rig.session.settled()
    assert rig.session.conversation.messages[-1] == first
    assert rig.session.last_failure is BROKE_OFF
    rig.session.continue_answer()
    await rig.engine.next_call()
    rig.session.stop()
    await rig.session.settled()
    assert rig.session.conversation.messages[-1] == first
    same_on_disk(rig)


async def test_going_on_that_breaks_off_keeps_both_parts() -> None:
    rig = Rig()
    await rig.session.ask("tell me")
    await answered(rig, "Once upon a ", LENGTH)
    rig.session.continue_answer()
    call = await rig.engine.next_call()
    call.say("ti")
    call.fail(BROKE_OFF)
    await rig.session.settled()
    last = rig.session.conversation.messages[-1]
    assert (last.text, last.state) == ("Once upon a ti", MessageState.broken_off)
    same_on_disk(rig)


async def test_whoever_goes_on_thinks_no_more_and_has_no_grammar() -> None:
    rig = Rig()
    rig.plan = Plan(generation=Generation(think="high", format="json"))
    await rig.session.ask("tell me")
    call = await rig.engine.next_call()
    call.think("hm")
    call.say("Well, ")
    call.finish(LENGTH)
    await rig.session.settled()
    rig.session.continue_answer()
    call = await rig.engine.next_call()
    assert (call.request.think, call.request.format) == (False, None)
    call.say("yes")
    call.finish()
    await rig.session.settled()
    last = rig.session.conversation.messages[-1]
    assert (last.thinking, last.text) == ("hm", "Well, yes")


async def test_what_only_thought_or_called_a_tool_cannot_be_gone_on_with() -> None:
    rig = Rig()
    await rig.session.ask("tell me")
    call = await rig.engine.next_call()
    call.think("hm")
    await call.all_read()
    rig.session.stop()
    await rig.session.settled()
    with pytest.raises(Failure, match="only been thinking"):
        rig.session.continue_answer()


def test_a_template_that_closes_every_message_and_an_answer_from_the_beginning_are_noticed() -> None:
    chatml = "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
    assert may_begin_anew(chatml)
    assert not may_begin_anew("{{- $last := eq (len (slice $.Messages $i)) 1 }}" + chatml)
    assert not may_begin_anew("{{ .Prompt }}{{ .Response }}")
    assert not may_begin_anew("")
    assert not may_begin_anew("{% for message in messages %}{% endfor %}{% if add_generation_prompt %}x{% endif %}")
    before = "Once upon a time there was a tree"
    assert began_anew(before, before + "\n" + before + " and more")
    assert not began_anew(before, before + " that grew")
    assert not began_anew("Yes", "Yes Yes")
