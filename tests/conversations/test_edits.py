from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tui.conversations.edits import (
    new_conversation,
    renamed,
    replace_message,
    with_interrupted_marked,
    with_message,
    with_model,
    without_message,
    without_messages_from,
)
from tui.conversations.values import Conversation, Message, MessageState, Role

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = START + timedelta(minutes=5)


def _message(message_id: str, role: Role = Role.user, text: str = "hello") -> Message:
    return Message(id=message_id, role=role, text=text, at=START)


def _talk() -> Conversation:
    conversation = new_conversation("0" * 26, now=START, model="qwen3:8b")
    for message in (
        _message("a", text="## why **blue**?"),
        _message("b", Role.assistant, "because"),
        _message("c", text="and red?"),
    ):
        conversation = with_message(conversation, message, now=START)
    return conversation


def test_first_prompt_gives_the_title_and_later_ones_leave_it() -> None:
    talk = _talk()
    assert talk.title == "why blue?"
    assert [message.id for message in talk.messages] == ["a", "b", "c"]


def test_instructions_to_the_model_give_no_title() -> None:
    conversation = new_conversation("0" * 26, now=START)
    assert with_message(conversation, _message("s", Role.system, "be brief"), now=LATER).title == ""


def test_chosen_title_outlives_the_first_prompt() -> None:
    conversation = renamed(new_conversation("0" * 26, now=START), "mine")
    assert with_message(conversation, _message("a"), now=LATER).title == "mine"


def test_second_message_of_the_same_id_is_refused() -> None:
    with pytest.raises(ValueError, match="'b' is already"):
        with_message(_talk(), _message("b"), now=LATER)


def test_growing_answer_replaces_itself_in_its_place() -> None:
    grown = _message("b", Role.assistant, "because of the air")
    talk = replace_message(_talk(), grown, now=LATER)
    assert [message.text for message in talk.messages] == ["## why **blue**?", "because of the air", "and red?"]
    assert talk.updated_at == LATER


def test_message_taken_out_leaves_the_others_in_their_order() -> None:
    assert [message.id for message in without_message(_talk(), "b", now=LATER).messages] == ["a", "c"]


def test_going_back_to_a_prompt_drops_everything_from_there() -> None:
    assert [message.id for message in without_messages_from(_talk(), "b", now=LATER).messages] == ["a"]


def test_message_that_is_not_there_is_named() -> None:
    for edit in (without_message, without_messages_from):
        with pytest.raises(KeyError, match="zz"):
            edit(_talk(), "zz", now=LATER)
    with pytest.raises(KeyError, match="zz"):
        replace_message(_talk(), _message("zz"), now=LATER)


def test_title_is_one_line_and_an_empty_one_brings_back_the_first_prompt() -> None:
    talk = renamed(_talk(), " sky\r\n and  light ")
    assert talk.title == "sky and light"
    assert talk.updated_at == _talk().updated_at
    assert renamed(talk, "  \n ").title == "why blue?"
    assert renamed(new_conversation("0" * 26, now=START), "").title == ""


def test_another_model_is_for_prompts_to_come() -> None:
    before = _talk()
    talk = with_model(before, "llama3:8b", now=LATER)
    assert (talk.model, talk.updated_at) == ("llama3:8b", LATER)
    assert talk.messages == before.messages


def test_answer_whose_writer_is_gone_is_marked_and_its_text_kept() -> None:
    talk = replace_message(
        _talk(), replace(_message("b", Role.assistant, "beca"), state=MessageState.answering), now=START
    )
    marked = with_interrupted_marked(talk)
    assert [message.state for message in marked.messages] == [
        MessageState.complete,
        MessageState.broken_off,
        MessageState.complete,
    ]
    assert marked.messages[1].text == "beca"
    assert marked.updated_at == talk.updated_at
    assert with_interrupted_marked(marked) is marked


def test_the_value_that_was_edited_stays_as_it_was() -> None:
    before = _talk()
    copy = replace(before)
    renamed(before, "other")
    without_message(before, "a", now=LATER)
    assert before == copy
