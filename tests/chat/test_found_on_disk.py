from __future__ import annotations

import pytest

from tests.chat.rig import Rig, conversation_of, said
from tui.conversations.values import MessageState, Role
from tui.failures import Failure


async def test_answer_that_was_cut_short_by_a_crash_is_marked_and_can_be_asked_for_again() -> None:
    rig = Rig(
        conversation_of(said("a", Role.user, "hello"), said("b", Role.assistant, "half an ans", MessageState.answering))
    )
    answer = rig.session.conversation.messages[-1]
    assert (answer.text, answer.state) == ("half an ans", MessageState.broken_off)
    assert answer.failure == "interrupted when chinwag ended"
    assert rig.session.can_try_again()
    assert rig.engine.calls == []


async def test_answer_of_which_nothing_came_before_the_crash_is_a_failed_one() -> None:
    rig = Rig(conversation_of(said("a", Role.user, "hi"), said("b", Role.assistant, "", MessageState.answering)))
    assert rig.session.conversation.messages[-1].state is MessageState.failed


async def test_prompt_that_never_left_before_the_crash_waits_and_is_not_sent_by_itself() -> None:
    rig = Rig(conversation_of(said("a", Role.user, "hello", MessageState.not_sent)))
    await rig.session.settled()
    assert rig.session.queue == ("hello",)
    assert rig.session.is_paused
    assert rig.session.conversation.messages == ()
    assert not rig.session.is_empty
    assert rig.engine.calls == []


async def test_conversation_that_another_chinwag_writes_is_only_read() -> None:
    conversation = conversation_of(
        said("a", Role.user, "hello"),
        said("b", Role.assistant, "hal", MessageState.answering),
        said("c", Role.user, "next", MessageState.not_sent),
    )
    rig = Rig(conversation, is_read_only=True)
    assert rig.session.conversation == conversation
    assert not rig.session.queue
    assert not rig.session.can_try_again()
    with pytest.raises(Failure, match="another chinwag"):
        await rig.session.ask("mine")
    rig.session.try_again()
    rig.session.rename("mine")
    rig.session.use_model("llama3:8b")
    await rig.session.close()
    assert rig.disk.saved == []
    assert rig.engine.calls == []
