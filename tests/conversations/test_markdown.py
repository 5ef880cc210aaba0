from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tui.conversations.markdown import as_markdown
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import ToolCall

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _talk(*messages: Message, title: str = "sky") -> Conversation:
    return Conversation(id="0" * 26, created_at=NOON, updated_at=NOON, title=title, model="qwen3:8b", messages=messages)


def _prompt(text: str) -> Message:
    return Message(id="p", role=Role.user, text=text, at=NOON)


def _answer(text: str, *, state: MessageState = MessageState.complete, thinking: str = "") -> Message:
    return Message(id="a", role=Role.assistant, text=text, at=NOON, model="qwen3:8b", state=state, thinking=thinking)


def _headings(markdown: str) -> list[str]:
    tokens = MarkdownIt().parse(markdown)
    return [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]


def test_export_reads_like_the_talk() -> None:
    assert as_markdown(_talk(_prompt("why?"), _answer("air\n\n* blue"))) == (
        "# sky\n\n2026-03-01 12:00 UTC · qwen3:8b · 2 messages\n\n"
        "## you · 2026-03-01 12:00 UTC\n\nwhy?\n\n"
        "## qwen3:8b · 2026-03-01 12:00 UTC\n\nair\n\n* blue\n"
    )


def test_stopped_answer_says_so() -> None:
    text = as_markdown(_talk(_answer("air", state=MessageState.stopped)))
    assert "## qwen3:8b · 2026-03-01 12:00 UTC · stopped\n" in text


def test_code_block_left_open_does_not_swallow_the_next_message() -> None:
    text = as_markdown(_talk(_answer("````py\nx = '''\n```\n"), _prompt("go on")))
    assert _headings(text)[-1].startswith("you")


def test_thinking_and_answer_stand_apart() -> None:
    assert _headings(as_markdown(_talk(_answer("blue", thinking="```\nhm"))))[2:] == ["thinking", "answer"]


def test_tool_call_shows_its_arguments_whatever_fences_they_hold() -> None:
    call = ToolCall(name="run\n# tool", arguments={"code": "````\n# not a heading\n````", "city": "Zürich"})
    message = Message(id="a", role=Role.assistant, text="", at=NOON, tool_calls=(call,))
    text = as_markdown(_talk(message))
    assert "Zürich" in text
    assert _headings(text)[-1] == "tool call: run # tool"


def test_failure_is_told() -> None:
    message = Message(id="a", role=Role.assistant, text="", at=NOON, state=MessageState.failed, failure="out of memory")
    assert "failed\n\nout of memory\n" in as_markdown(_talk(message))


def test_title_cannot_break_out_of_its_line() -> None:
    assert as_markdown(_talk(title="a\n# b")).startswith("# a # b\n\n")
    assert as_markdown(_talk(title="")).startswith("# untitled\n\n")


@given(st.text(st.characters(exclude_categories=())), st.text("`~ \npy", max_size=60))
def test_what_was_said_stands_in_it_unchanged(prompt: str, answer: str) -> None:
    text = as_markdown(_talk(_prompt(prompt), _answer(answer)))
    assert prompt in text
    assert answer in text


@given(st.text("`~ \np", max_size=60))
def test_whatever_fences_an_answer_leaves_the_next_heading_is_one(answer: str) -> None:
    text = as_markdown(_talk(_answer("say\n" + answer), _prompt("next")))
    assert _headings(text)[-1].startswith("you")


def test_result_of_a_tool_has_its_name_and_makes_no_heading() -> None:
    message = Message(
        id="t", role=Role.tool, text="# no heading\n```\n", at=NOON, tool_name="read_file", tool_outcome="done"
    )
    text = as_markdown(_talk(message))
    assert _headings(text)[-1].startswith("tool read_file · ")
    assert _headings(text)[-1].endswith(" · done")
