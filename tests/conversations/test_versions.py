"""Other ways that a conversation went: none of it is lost, and whoever goes there comes back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.conversations.edits import new_conversation, with_message, without_message, without_messages_from
from tui.conversations.values import Branch, Conversation, Message, MessageState, Role
from tui.conversations.versions import (
    BEGINNING,
    FORK_MARK,
    all_ids,
    branch_with_all,
    branched_off,
    can_step_to,
    carried_by,
    end_of_line,
    forked,
    marks,
    stepped_to,
    steps_to,
    versions_after,
    versions_at,
    with_branches,
    with_inserted,
    without_branch,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _message(number: int, text: str = "", state: MessageState = MessageState.complete) -> Message:
    role = Role.user if number % 2 else Role.assistant
    return Message(
        id=f"m{number}", role=role, text=text or f"text {number}", at=START + timedelta(seconds=number), state=state
    )


def _talk(*numbers: int) -> Conversation:
    conversation = new_conversation("0" * 26, now=START, model="qwen3:8b")
    for number in numbers:
        conversation = with_message(conversation, _message(number), now=START)
    return conversation


def _ids(conversation: Conversation) -> list[str]:
    return [one.id for one in conversation.messages]


def _everything(conversation: Conversation) -> Counter[Message]:
    beside = [one for branch in conversation.branches for one in branch.messages]
    return Counter([*conversation.messages, *beside])


@st.composite
def any_tree(draw: st.DrawFn, *, waits: bool = True) -> Conversation:
    """What saying, leaving and stepping come to, in any order, with prompts that wait at the end or without."""
    conversation, number = _talk(), 0
    for what in draw(st.lists(st.sampled_from(["say", "say", "say", "leave", "step"]), max_size=14)):
        if what == "say":
            number += 1
            conversation = with_message(conversation, _message(number), now=START)
        elif what == "leave" and conversation.messages:
            conversation = branched_off(conversation, draw(st.sampled_from(_ids(conversation))), now=START)
        elif what == "step" and (firsts := _reachable(conversation)):
            conversation = stepped_to(conversation, draw(st.sampled_from(firsts)), now=START)
    for _ in range(draw(st.integers(0, 2)) if waits else 0):
        number += 1
        conversation = with_message(conversation, _message(number, state=MessageState.not_sent), now=START)
    return conversation


def _reachable(conversation: Conversation) -> list[str]:
    return [one.messages[0].id for one in conversation.branches if can_step_to(conversation, one.messages[0].id)]


def test_a_prompt_that_is_left_and_the_one_in_its_place_are_versions() -> None:
    left = branched_off(_talk(1, 2, 3, 4), "m3", now=START)
    assert _ids(left) == ["m1", "m2"]
    assert left.branches == (Branch(after="m2", messages=(_message(3), _message(4))),)
    assert versions_after(left, "m2").current == -1
    again = with_message(left, _message(5), now=START)
    versions = versions_at(again, "m5")
    assert [one.id for one in versions.firsts] == ["m3", "m5"]
    assert (versions.number, versions.count) == (2, 2)
    assert versions.beside(-1) == _message(3)
    assert versions.beside(1) is None
    assert {key: (mark.number, mark.count) for key, mark in marks(again).items()} == {"m5": (2, 2)}
    back = stepped_to(again, "m3", now=START)
    assert _ids(back) == ["m1", "m2", "m3", "m4"]
    assert versions_at(back, "m3").number == 1


def test_versions_of_the_first_prompt_hang_on_the_beginning() -> None:
    again = with_message(branched_off(_talk(1, 2), "m1", now=START), _message(3), now=START)
    assert again.branches[0].after == BEGINNING
    assert versions_at(again, "m3").count == 2
    assert _ids(stepped_to(again, "m1", now=START)) == ["m1", "m2"]


def test_a_version_inside_of_another_version_stays_with_it() -> None:
    inner = with_message(branched_off(_talk(1, 2, 3, 4), "m4", now=START), _message(5), now=START)
    outer = with_message(branched_off(inner, "m2", now=START), _message(6), now=START)
    assert not can_step_to(outer, "m4")
    assert steps_to(outer, "m4") == ("m2", "m4")
    there = stepped_to(stepped_to(outer, "m2", now=START), "m4", now=START)
    assert _ids(there) == ["m1", "m2", "m3", "m4"]
    assert versions_at(there, "m4").count == 2
    assert steps_to(there, "m4") == ()
    with pytest.raises(KeyError):
        steps_to(outer, "nobody")


def test_prompts_that_wait_stay_at_the_end() -> None:
    waiting = _message(9, state=MessageState.not_sent)
    talk = with_message(_talk(1, 2), waiting, now=START)
    left = branched_off(talk, "m1", now=START)
    assert _ids(left) == ["m9"]
    assert _ids(stepped_to(left, "m1", now=START)) == ["m1", "m2", "m9"]
    with pytest.raises(KeyError):
        branched_off(talk, "m9", now=START)


def test_what_is_not_there_is_named() -> None:
    talk = _talk(1, 2)
    for edit in (branched_off, stepped_to, without_branch):
        with pytest.raises(KeyError, match="zz"):
            edit(talk, "zz", now=START)
    for look in (versions_at, versions_after):
        with pytest.raises(KeyError, match="zz"):
            look(talk, "zz")


def test_a_fork_has_the_line_up_to_there_and_a_name_that_says_so() -> None:
    talk = replace(branched_off(_talk(1, 2, 3, 4), "m4", now=START), title="trees")
    later = START + timedelta(hours=1)
    fork = forked(talk, "m2", new_id="1" * 26, now=later)
    assert (fork.id, fork.title, _ids(fork), fork.branches) == ("1" * 26, f"trees{FORK_MARK}", ["m1", "m2"], ())
    assert (fork.created_at, fork.model) == (later, talk.model)
    again = forked(fork, "m1", new_id="2" * 26, now=later)
    assert again.title == f"trees{FORK_MARK}"
    with pytest.raises(KeyError):
        forked(fork, "m3", new_id="2" * 26, now=later)


@given(any_tree(), st.data())
def test_nothing_is_lost_by_leaving_and_stepping(tree: Conversation, data: st.DataObject) -> None:
    everything = _everything(tree)
    ids = [message.id for message in everything.elements()]
    assert len(ids) == len(set(ids)) == len(all_ids(tree))
    if end_of_line(tree):
        first = data.draw(st.sampled_from(_ids(tree)[: end_of_line(tree)]))
        assert _everything(branched_off(tree, first, now=START)) == everything
    for first in _reachable(tree):
        assert _everything(stepped_to(tree, first, now=START)) == everything


@given(any_tree())
def test_there_and_back_is_where_one_was(tree: Conversation) -> None:
    for branch in tree.branches:
        first = branch.messages[0].id
        if not can_step_to(tree, first):
            continue
        versions = versions_after(tree, branch.after)
        there = stepped_to(tree, first, now=START)
        if versions.current < 0:
            assert branched_off(there, first, now=START).messages == tree.messages
            continue
        assert stepped_to(there, versions.firsts[versions.current].id, now=START) == tree


@given(any_tree())
def test_versions_of_a_place_are_the_same_from_each_of_them(tree: Conversation) -> None:
    for message_id in _ids(tree)[: end_of_line(tree)]:
        versions = versions_at(tree, message_id)
        mark = marks(tree).get(message_id)
        assert (mark is None) == (versions.count == 1)
        assert mark is None or (mark.number, mark.count) == (versions.number, versions.count)
        for number, first in enumerate(versions.firsts, start=1):
            if first.id == message_id:
                assert versions.number == number
                continue
            there = versions_at(stepped_to(tree, first.id, now=START), first.id)
            assert (there.firsts, there.number) == (versions.firsts, number)


@given(any_tree())
def test_every_message_can_be_brought_onto_the_line(tree: Conversation) -> None:
    for message_id in all_ids(tree):
        there = tree
        for step in steps_to(tree, message_id):
            there = stepped_to(there, step, now=START)
        assert message_id in _ids(there)


@given(any_tree(), st.data())
def test_one_message_that_is_deleted_takes_no_version_with_it(tree: Conversation, data: st.DataObject) -> None:
    ids = _ids(tree)[: end_of_line(tree)]
    if not ids:
        return
    gone = data.draw(st.sampled_from(ids))
    place = ids.index(gone)
    carried = carried_by(tree, gone)
    shorter = without_message(tree, gone, now=START)
    lost = _everything(tree) - _everything(shorter)
    assert [one.id for one in lost.elements()] == [gone]
    for one in all_ids(shorter):
        steps_to(shorter, one)
    back = with_inserted(
        shorter, tree.messages[place], after=ids[place - 1] if place else BEGINNING, carried=carried, now=START
    )
    assert back == replace(tree, updated_at=START)


@given(any_tree())
def test_a_version_that_is_deleted_comes_back_with_all_that_hung_on_it(tree: Conversation) -> None:
    for branch in tree.branches:
        first = branch.messages[0].id
        gone = branch_with_all(tree, first)
        assert gone[0] == branch
        shorter = without_branch(tree, first, now=START)
        for one in all_ids(shorter):
            steps_to(shorter, one)
        back = with_branches(shorter, gone, now=START)
        assert _everything(back) == _everything(tree)
        assert Counter(back.branches) == Counter(tree.branches)
        with pytest.raises(ValueError, match="already"):
            with_branches(back, gone, now=START)


@settings(max_examples=30)
@given(any_tree(waits=False))
def test_going_back_to_a_prompt_leaves_every_version_in_reach(tree: Conversation) -> None:
    for message_id in _ids(tree):
        shorter = without_messages_from(tree, message_id, now=START)
        for one in all_ids(shorter):
            steps_to(shorter, one)
