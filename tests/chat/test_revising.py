"""What a person makes of what was said: it happens at once, it is on the disk, and all of it can be undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chat.rig import BROKE_OFF, Rig, conversation_of, said
from tests.chat.scripted_engine import COUNTS
from tests.chat.talks import answered, beside, everything, ids, same_on_disk, talk, texts
from tui.chat.attaching import attach_files
from tui.chat.fitting import Plan, window_use
from tui.conversations.control import Control
from tui.conversations.values import Conversation, Role
from tui.conversations.versions import marks, steps_to, versions_at
from tui.engine import ToolCall
from tui.failures import Failure
from tui.storage.records import ReplacedMessage

# Another prompt, another answer


async def test_an_edited_prompt_is_asked_in_place_of_the_old_one() -> None:
    rig = Rig(talk())
    await rig.session.resend("p2", "and now?")
    call = await answered(rig, "now this")
    assert [one.text for one in call.request.messages] == ["why?", "because", "and now?"]
    assert texts(rig.session.conversation) == ["why?", "because", "and now?", "now this"]
    assert beside(rig.session.conversation) == [["and then?", "nothing more"]]
    same_on_disk(rig)


async def test_the_first_prompt_takes_its_title_with_it_and_brings_it_back() -> None:
    rig = Rig(talk())
    assert rig.session.conversation.title == "why?"
    await rig.session.resend("p1", "how?")
    await answered(rig, "so")
    assert rig.session.conversation.title == "how?"
    assert rig.session.undo() == "the earlier prompt is back"
    assert rig.session.conversation.title == "why?"
    assert texts(rig.session.conversation) == ["why?", "because", "and then?", "nothing more"]
    assert beside(rig.session.conversation) == [["how?", "so"]]
    await rig.session.settled()
    same_on_disk(rig)


def attached_to(rig: Rig) -> list[str]:
    return [one.name for one in rig.session.conversation.messages[0].attachments]


async def test_what_was_attached_to_a_prompt_goes_along_with_the_edited_one_unless_it_was_taken_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.txt").write_text("abc")
    rig = Rig()
    found = await attach_files(
        "a.txt", contents=rig.contents, folder=tmp_path, home=tmp_path, tokens_of=len, is_private=False
    )
    attached = found.attachments
    await rig.session.ask("read this", attached)
    await answered(rig, "read")
    await rig.session.resend(rig.session.conversation.messages[0].id, "read this again")
    await answered(rig, "again")
    assert attached_to(rig) == ["a.txt"]
    await rig.session.resend(rig.session.conversation.messages[0].id, "without it", ())
    await answered(rig, "gladly")
    assert attached_to(rig) == []
    rig.session.edit_text(rig.session.conversation.messages[0].id, "without it", attached)
    assert attached_to(rig) == ["a.txt"]
    rig.session.undo()
    assert attached_to(rig) == []
    await rig.session.settled()
    same_on_disk(rig)


async def test_a_chosen_title_stays_when_the_first_prompt_is_edited() -> None:
    rig = Rig(replace(talk(), title="mine"))
    await rig.session.resend("p1", "how?")
    await answered(rig, "so")
    assert rig.session.conversation.title == "mine"


async def test_any_answer_can_be_asked_for_again_and_the_old_one_stays() -> None:
    rig = Rig(talk())
    rig.session.regenerate("a1")
    call = await answered(rig, "otherwise")
    assert [one.text for one in call.request.messages] == ["why?"]
    assert texts(rig.session.conversation) == ["why?", "otherwise"]
    assert beside(rig.session.conversation) == [["because", "and then?", "nothing more"]]
    mark = marks(rig.session.conversation)["m1"]
    assert (mark.number, mark.count) == (2, 2)
    assert rig.session.undo() == "the earlier answer is back"
    assert ids(rig.session.conversation) == ["p1", "a1", "p2", "a2"]
    await rig.session.settled()
    same_on_disk(rig)


async def test_another_answer_may_be_another_models_and_the_conversation_keeps_its_own() -> None:
    rig = Rig(talk())
    rig.session.regenerate(model="llama3:8b")
    call = await answered(rig, "from a llama")
    assert call.request.model == "llama3:8b"
    assert rig.session.conversation.messages[-1].model == "llama3:8b"
    assert rig.session.conversation.model == "qwen3:8b"


async def test_a_preset_holds_for_that_answer_alone() -> None:
    rig = Rig(talk())
    asked: list[str] = []

    def plan(conversation: Conversation, _model: str) -> Plan:
        asked.append(conversation.control.preset)
        return Plan()

    rig.session._tools = replace(rig.session._tools, plan=plan)
    rig.session.regenerate(preset="creative")
    await answered(rig, "freely")
    assert not rig.session.conversation.control.is_set
    await rig.session.ask("more")
    await answered(rig, "as ever")
    assert asked == ["creative", ""]


async def test_from_a_prompt_its_answer_is_asked_for_again() -> None:
    rig = Rig(talk())
    rig.session.regenerate("p2")
    await answered(rig, "something")
    assert ids(rig.session.conversation) == ["p1", "a1", "p2", "m1"]


async def test_an_answer_with_its_tools_is_asked_for_again_as_a_whole() -> None:
    call = said("c", Role.assistant, "")
    call = replace(call, tool_calls=(ToolCall(name="clock"),))
    rig = Rig(
        conversation_of(
            said("p", Role.user, "what time?"), call, said("t", Role.tool, "noon"), said("a", Role.assistant, "noon")
        )
    )
    rig.session.regenerate("a")
    request = (await answered(rig, "twelve")).request
    assert [one.text for one in request.messages] == ["what time?"]
    assert ids(rig.session.conversation) == ["p", "m1"]


async def test_nothing_is_revised_while_an_answer_runs_or_elsewhere() -> None:
    rig = Rig(talk())
    await rig.session.ask("more")
    await rig.engine.next_call()
    whats: tuple[Callable[[], object], ...] = (
        lambda: rig.session.regenerate("a1"),
        lambda: rig.session.edit_text("a1", "x"),
        lambda: rig.session.delete("a1"),
        rig.session.continue_answer,
        lambda: rig.session.step_version("a1", 1),
        rig.session.undo,
    )
    for what in whats:
        with pytest.raises(Failure, match="an answer is under way"):
            what()
    with pytest.raises(Failure, match="an answer is under way"):
        await rig.session.resend("p1", "x")
    followed = Rig(talk(), is_read_only=True)
    with pytest.raises(Failure, match="another chinwag"):
        followed.session.regenerate()
    rig.session.stop()
    await rig.session.settled()


async def test_what_cannot_be_is_said_and_changes_nothing() -> None:
    rig = Rig(talk())
    before = rig.session.conversation
    whats: tuple[Callable[[str], object], ...] = (
        rig.session.regenerate,
        rig.session.delete,
        rig.session.use_version,
        lambda message_id: rig.session.edit_text(message_id, "x"),
    )
    for what in whats:
        with pytest.raises(Failure, match="not there any more"):
            what("gone")
    with pytest.raises(Failure, match="no prompt"):
        await rig.session.resend("a1", "x")
    empty = Rig()
    with pytest.raises(Failure, match="nothing was said"):
        empty.session.regenerate()
    with pytest.raises(Failure, match="no answer"):
        empty.session.continue_answer()
    orphan = Rig(conversation_of(said("a", Role.assistant, "hello")))
    with pytest.raises(Failure, match="no prompt stands before"):
        orphan.session.regenerate("a")
    assert rig.session.conversation is before
    assert rig.session.undo() is None


# Versions


async def test_versions_are_stepped_through_and_what_followed_comes_along() -> None:
    rig = Rig(talk())
    rig.session.regenerate("a1")
    await answered(rig, "otherwise")
    assert rig.session.step_version("m1", 1) is None
    there = rig.session.step_version("m1", -1)
    assert there is not None
    assert there.id == "a1"
    assert ids(rig.session.conversation) == ["p1", "a1", "p2", "a2"]
    assert rig.session.step_version("a1", 1) is not None
    assert ids(rig.session.conversation) == ["p1", "m1"]
    assert rig.session.undo() == "the version before is back"
    assert ids(rig.session.conversation) == ["p1", "a1", "p2", "a2"]
    await rig.session.settled()
    same_on_disk(rig)


async def test_a_version_inside_another_is_brought_onto_the_line_at_once() -> None:
    rig = Rig(talk())
    rig.session.regenerate("a2")
    await answered(rig, "inner")
    rig.session.regenerate("a1")
    await answered(rig, "outer")
    before = rig.session.conversation
    assert len(steps_to(before, "a2")) == 2
    rig.session.use_version("a2")
    assert ids(rig.session.conversation) == ["p1", "a1", "p2", "a2"]
    rig.session.undo()
    assert rig.session.conversation.messages == before.messages
    await rig.session.settled()
    same_on_disk(rig)


async def test_a_prompt_that_was_left_before_another_was_sent_is_in_reach_of_the_last_message() -> None:
    rig = Rig(talk())
    rig.disk.gate.clear()
    rig.session.leave_prompt("p2", "never sent")
    assert ids(rig.session.conversation) == ["p1", "a1"]
    there = rig.session.step_version("a1", 1)
    assert there is not None
    assert ids(rig.session.conversation) == ["p1", "a1", "p2", "a2"]
    rig.session.undo()
    assert ids(rig.session.conversation) == ["p1", "a1"]
    rig.disk.gate.set()
    await rig.session.settled()
    same_on_disk(rig)


# One message


async def test_a_message_is_edited_in_its_place_and_what_was_counted_with_it_counts_no_more() -> None:
    counted = replace(said("a3", Role.assistant, "yes"), model="qwen3:8b", counts=COUNTS)
    rig = Rig(talk(said("p3", Role.user, "sure?"), counted))
    assert window_use(rig.session.conversation, "qwen3:8b", Plan()).used == 12 + 30
    rig.session.edit_text("a1", "because of the air " * 40)
    assert rig.session.conversation.messages[1].text.startswith("because of the air")
    assert rig.session.conversation.control.left_out_at == "a3"
    assert not window_use(rig.session.conversation, "qwen3:8b", Plan()).is_counted
    assert rig.session.undo() == "the earlier text is back"
    assert texts(rig.session.conversation)[1] == "because"
    assert rig.session.conversation.control.left_out_at == ""
    await rig.session.settled()
    same_on_disk(rig)


async def test_a_deleted_message_is_out_of_the_request_and_comes_back_in_its_place() -> None:
    rig = Rig(talk())
    rig.session.delete("a1")
    assert ids(rig.session.conversation) == ["p1", "p2", "a2"]
    await rig.session.ask("more")
    call = await answered(rig, "all right")
    assert [one.text for one in call.request.messages] == ["why?", "and then?", "nothing more", "more"]
    assert rig.session.undo() == "the message is back"
    assert ids(rig.session.conversation)[:4] == ["p1", "a1", "p2", "a2"]
    # What the server counted without it says nothing about the next request.
    assert rig.session.conversation.control.left_out_at == rig.session.conversation.messages[-1].id
    await rig.session.settled()
    same_on_disk(rig)


async def test_all_from_a_message_on_goes_and_comes_back_with_its_versions() -> None:
    rig = Rig(talk())
    rig.session.regenerate("a2")
    await answered(rig, "another")
    before = rig.session.conversation
    rig.session.delete("p2", with_following=True)
    assert ids(rig.session.conversation) == ["p1", "a1"]
    assert rig.session.conversation.branches == ()
    assert rig.session.undo() == "the messages are back"
    assert rig.session.conversation.messages == before.messages
    assert everything(rig.session.conversation) == everything(before)
    await rig.session.settled()
    same_on_disk(rig)


async def test_where_one_version_is_deleted_the_other_one_stands() -> None:
    rig = Rig(talk())
    rig.session.regenerate("a2")
    await answered(rig, "another")
    rig.session.delete(rig.session.conversation.messages[-1].id)
    assert ids(rig.session.conversation) == ["p1", "a1", "p2", "a2"]
    assert rig.session.conversation.branches == ()
    assert rig.session.undo() == "the message is back"
    assert texts(rig.session.conversation)[-1] == "another"
    assert versions_at(rig.session.conversation, ids(rig.session.conversation)[-1]).count == 2
    await rig.session.settled()
    same_on_disk(rig)


async def test_deleting_what_was_left_out_last_leaves_the_rest_left_out() -> None:
    rig = Rig(replace(talk(), control=Control(left_out_until="a1", left_out_at="a2")))
    rig.session.delete("a1")
    assert rig.session.conversation.control.left_out_until == "p1"
    rig.session.undo()
    assert rig.session.conversation.control == Control(left_out_until="a1", left_out_at="a2")


async def test_a_conversation_that_lost_everything_gets_its_title_from_the_next_prompt() -> None:
    rig = Rig(talk())
    rig.session.delete("p1", with_following=True)
    assert rig.session.conversation.title == ""
    rig.session.undo()
    assert rig.session.conversation.title == "why?"
    await rig.session.settled()
    same_on_disk(rig)


async def test_what_cannot_be_put_back_any_more_is_passed_over() -> None:
    rig = Rig(talk())
    rig.session.edit_text("p2", "and later?")
    rig.session.edit_text("a2", "a lot")
    # Somebody else takes the last two away: the server refuses the prompt, say.
    for message in reversed(rig.session.conversation.messages[2:]):
        rig.session._remove(message)
    assert rig.session.undo() is None


# What there is beside it


async def test_trying_again_and_giving_back_leave_versions_alone() -> None:
    rig = Rig(talk())
    rig.session.regenerate("a2")
    (await rig.engine.next_call()).fail(BROKE_OFF)
    await rig.session.settled()
    assert rig.session.can_try_again()
    assert rig.session.give_back() is None
    rig.session.try_again()
    await answered(rig, "at last")
    assert texts(rig.session.conversation) == ["why?", "because", "and then?", "at last"]
    assert beside(rig.session.conversation) == [["nothing more"]]
    same_on_disk(rig)


async def test_a_summary_stands_before_what_has_versions() -> None:
    rig = Rig(talk())
    rig.session.regenerate("p2")
    await answered(rig, "another")
    await rig.session.resend("p2", "and now?")
    await answered(rig, "this")
    first, second = rig.session.conversation.messages[:2]
    rig.session.sum_up([first, second], "Summary")
    line = rig.session.conversation.messages
    assert [one.role for one in line] == [Role.user, Role.assistant, Role.system, Role.user, Role.assistant]
    assert versions_at(rig.session.conversation, line[3].id).count == 2
    await rig.session.settled()
    same_on_disk(rig)


async def test_a_message_that_is_replaced_is_on_the_disk_for_good() -> None:
    rig = Rig(talk())
    rig.session.edit_text("a1", "otherwise")
    await rig.session.settled()
    assert any(isinstance(one, ReplacedMessage) for one in rig.disk.events)
    assert rig.disk.saved[-1][1]
