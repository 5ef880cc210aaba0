"""Another line of the same conversation: what is the same stays where it is, and nothing else is left of the old one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transcript.host import LOOK, Host, answer, conversation, prompt, rows_of
from tests.transcript.test_view import LONG, SIZE, many
from tui.app.transcript.conversation_rows import ConversationRows
from tui.app.transcript.entry import Fold
from tui.conversations.values import Message, MessageState, Role
from tui.engine import ToolCall

CALL = replace(answer("", 90), tool_calls=(ToolCall(name="clock"),))
RESULT = Message(id="result", role=Role.tool, text="noon", at=CALL.at, tool_name="clock", tool_outcome="done")
KINDS = [prompt(f"question {number}", number) for number in range(3)]
KINDS += [answer(f"answer {number}\n\nmore", number) for number in range(3)]
KINDS += [replace(KINDS[3], text="another text"), CALL, RESULT]


@pytest.mark.parametrize("following", [True, False])
async def test_what_is_above_and_below_the_change_stays_where_it_is(following: bool) -> None:
    host = Host()
    messages = many(30)
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(*messages))
        await pilot.pause()
        if not following:
            host.transcript.go_to_message(messages[20].id)
            await pilot.pause()
        before = host.screen_lines()
        # Above the view one message becomes longer, another one goes.
        changed = [*messages[:4], replace(messages[4], text=LONG), *messages[6:]]
        host.transcript.change(conversation(*changed), {})
        await pilot.pause()
        assert host.screen_lines() == before
        # Below what is looked at, the line is another one.
        other = [*changed[:24], answer("otherwise", 99)]
        host.transcript.change(conversation(*other), {})
        await pilot.pause()
        lines = host.screen_lines()
        if following:
            assert "   otherwise" in lines
        else:
            assert lines[:10] == before[:10]
        assert host.transcript.following is following


async def test_a_mark_stands_in_the_empty_row_above_a_message_and_moves_nothing() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        talk = conversation(prompt("why?"), answer("because"))
        host.transcript.show(talk)
        await pilot.pause()
        before = host.screen_lines()
        host.transcript.mark_versions({"answer-1": "2/3"})
        await pilot.pause()
        lines = host.screen_lines()
        place = lines.index("   because") - 1
        assert lines[place].endswith("2/3")
        assert [*lines[:place], "", *lines[place + 1 :]] == before
        assert "2/3" not in host.transcript.conversation_source()
        host.transcript.change(talk, {})
        await pilot.pause()
        assert host.screen_lines() == before


async def test_what_was_opened_stays_open_and_a_mark_goes_with_its_message() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        thought = answer("because", thinking="hm, why")
        host.transcript.show(conversation(prompt("why?"), thought))
        host.transcript.toggle_thinking()
        host.transcript.go_to_message("answer-1")
        await pilot.pause()
        host.transcript.change(conversation(prompt("why?"), replace(thought, text="of the air")), {})
        await pilot.pause()
        assert any("hm, why" in line for line in host.screen_lines())
        assert host.transcript.current_message_id == "answer-1"
        host.transcript.change(conversation(prompt("why?")), {})
        assert host.transcript.current_message_id is None


async def test_an_answer_that_goes_on_grows_where_it_was() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(prompt("why?"), answer("beca")))
        growing = answer("", state=MessageState.answering)
        host.transcript.change(conversation(prompt("why?"), growing), {})
        host.transcript.grow("beca")
        host.transcript.grow("use")
        await pilot.pause()
        host.transcript.settle(replace(growing, text="because", state=MessageState.complete))
        await pilot.pause()
        assert "   because" in host.screen_lines()


async def test_a_message_in_view_is_marked_without_moving_it() -> None:
    host = Host()
    messages = many(3)
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(*messages[:2], prompt("near the end", 50), answer("yes", 50)))
        await pilot.pause()
        before = host.screen_lines()
        host.transcript.mark_message("prompt-50")
        await pilot.pause()
        assert host.transcript.current_message_id == "prompt-50"
        assert [line.replace("›", " ") for line in host.screen_lines()] == before
        host.transcript.mark_message(messages[0].id)
        assert host.transcript.current_message_id == messages[0].id
        host.transcript.mark_message("nobody")
        assert host.transcript.current_message_id == messages[0].id


_lines = st.lists(st.sampled_from(KINDS), max_size=6, unique_by=lambda one: one.id)


@settings(max_examples=80)
@given(_lines, st.lists(_lines, min_size=1, max_size=3))
def test_any_change_comes_to_what_would_be_shown_anew(first: list[Message], then: list[list[Message]]) -> None:
    rows, fresh = ConversationRows(), ConversationRows()
    for each in (rows, fresh):
        each.use(LOOK)
    rows.show(first)
    for index in range(len(rows.entries)):
        rows.open(index)
    for messages in then:
        rows.change(messages)
    fresh.show(then[-1])
    for each in (rows, fresh):
        for index in range(len(each.entries)):
            each.open(index)
    shown = [[row.strip.text for row in rows_of(entry)] for entry in rows.entries]
    assert shown == [[row.strip.text for row in rows_of(entry)] for entry in fresh.entries]
    assert rows.heights.total == sum(entry.height for entry in rows.entries)
    assert not any(Fold.result in entry.unfolded for entry in rows.entries)


def test_only_what_is_different_is_made_anew() -> None:
    rows = ConversationRows()
    rows.use(LOOK)
    messages = many(500)
    rows.show(messages)
    entries = list(rows.entries)
    first, last = rows.change([*messages[:600], answer("otherwise", 999), *messages[601:]])
    assert (first, last) == (600, 399)
    assert rows.entries[:600] == entries[:600]
    assert rows.entries[601:] == entries[601:]
