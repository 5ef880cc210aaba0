from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tui.chat.request import build_request
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import ChatRequest, ToolCall

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEATHER = ToolCall(name="weather", arguments={"city": "Bern"})


def said(
    role: Role, text: str, state: MessageState = MessageState.complete, *, calls: tuple[ToolCall, ...] = ()
) -> Message:
    return Message(id="", role=role, text=text, at=START, state=state, thinking="hm", tool_calls=calls)


def request_of(*messages: Message) -> ChatRequest:
    conversation = Conversation(id="0" * 26, created_at=START, updated_at=START, messages=messages, model="other")
    return build_request(conversation, model="qwen3:8b")


def asked(*messages: Message) -> list[tuple[str, str]]:
    return [(one.role, one.text) for one in request_of(*messages).messages]


def test_everything_said_goes_without_the_thinking() -> None:
    request = request_of(
        said(Role.system, "be brief"),
        said(Role.user, "hello"),
        said(Role.assistant, "hi"),
        said(Role.user, "why?"),
    )
    assert request.model == "qwen3:8b"
    assert [(one.role, one.text) for one in request.messages] == [
        ("system", "be brief"),
        ("user", "hello"),
        ("assistant", "hi"),
        ("user", "why?"),
    ]


def test_what_nobody_set_is_left_to_the_server() -> None:
    request = request_of(said(Role.user, "hello"))
    assert dict(request.options) == {}
    assert (request.think, request.format, request.keep_alive, request.tools) == (None, None, None, ())
    assert request.truncate is False
    assert request.stream is True


def test_only_the_last_answer_to_a_prompt_goes() -> None:
    assert asked(
        said(Role.user, "hello"),
        said(Role.assistant, "half", MessageState.broken_off),
        said(Role.assistant, "whole"),
        said(Role.user, "why?"),
    ) == [("user", "hello"), ("assistant", "whole"), ("user", "why?")]


def test_failed_second_try_leaves_the_first_answer_in_place() -> None:
    assert asked(
        said(Role.user, "hello"),
        said(Role.assistant, "half", MessageState.stopped),
        said(Role.assistant, "", MessageState.failed),
        said(Role.user, "why?"),
    ) == [("user", "hello"), ("assistant", "half"), ("user", "why?")]


def test_answer_at_the_end_is_the_one_that_is_asked_for_again() -> None:
    assert asked(said(Role.user, "hello"), said(Role.assistant, "half", MessageState.broken_off)) == [("user", "hello")]


def test_prompt_that_never_left_does_not_go() -> None:
    assert asked(said(Role.user, "hello"), said(Role.user, "later", MessageState.not_sent)) == [("user", "hello")]


def test_tool_call_without_text_goes_with_its_result() -> None:
    request = request_of(
        said(Role.user, "weather?"), said(Role.assistant, "", calls=(WEATHER,)), said(Role.tool, "sunny")
    )
    assert [one.role for one in request.messages] == ["user", "assistant", "tool"]
    assert request.messages[1].tool_calls == (WEATHER,)


def test_hidden_words_do_not_reach_the_model() -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    assert asked(said(Role.user, f"look{hidden} here \x1b[31m")) == [("user", "look here \x1b[31m")]


@given(
    messages=st.lists(
        st.builds(
            said,
            st.sampled_from(Role),
            st.sampled_from(("", "text")),
            st.sampled_from(MessageState),
            calls=st.sampled_from(((), (WEATHER,))),
        ),
        max_size=12,
    )
)
def test_no_conversation_asks_a_model_to_go_on_writing_its_own_answer(messages: list[Message]) -> None:
    roles = [one.role for one in request_of(*messages).messages]
    assert not roles or roles[-1] != "assistant"
    assert not any(one == other == "assistant" for one, other in pairwise(roles))
    prompts = [one for one in messages if one.role is Role.user and one.state is not MessageState.not_sent]
    assert roles.count("user") == len(prompts)
