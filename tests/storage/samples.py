"""Values that the tests of this folder share: the sample documents' conversation, and strategies for any other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tui.conversations.control import NOTHING_SET, Control
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import FinalCounts, ToolCall

DOCUMENTS = Path(__file__).parents[1] / "recorded" / "documents"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def conversation_with(
    *texts: str, conversation_id: str = "0" * 26, title: str = "", at: datetime = NOON
) -> Conversation:
    """Prompts and answers in turn."""
    return Conversation(
        id=conversation_id,
        created_at=at,
        updated_at=at,
        title=title,
        messages=tuple(
            Message(id=f"m{number}", role=(Role.user, Role.assistant)[number % 2], text=text, at=at)
            for number, text in enumerate(texts)
        ),
    )


def _at(seconds: float) -> datetime:
    return datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(seconds=seconds)


VERSION_1 = Conversation(
    id="01J0000000ABCDEFGHJKMNPQRS",
    created_at=_at(0),
    updated_at=_at(330.25),
    title="Why is the sky blue?",
    model="qwen3:8b",
    messages=(
        Message(id="m1", role=Role.system, at=_at(0), text="Answer briefly."),
        Message(
            id="m2",
            role=Role.user,
            at=_at(1),
            text="Why is the sky blue?\nUnd warum ist er abends rot? 你好 🙂 \x9b31m \ud800",
        ),
        Message(
            id="m3",
            role=Role.assistant,
            at=_at(2),
            model="qwen3:8b",
            thinking="Rayleigh,\nthen sunset.",
            text="Because air scatters **blue** more.\n\n```python\nprint(1 / 400 ** 4)\n```\n",
            thinking_seconds=1.5,
            thinking_pieces=42,
            first_token_seconds=0.25,
            seconds=4.75,
            pieces=140,
            counts=FinalCounts(
                done_reason="stop",
                total_seconds=4.7,
                load_seconds=0.01,
                prompt_tokens=31,
                prompt_seconds=0.125,
                answer_tokens=140,
                answer_seconds=2.5,
            ),
            tool_calls=(
                ToolCall(
                    name="weather",
                    arguments={
                        "city": "Zürich",
                        "days": [1, 2.5, None, True],
                        "serial": 123456789012345678901234567890,
                    },
                    id="call_1",
                ),
                ToolCall(name="limits", arguments={"upper": float("inf")}),
                ToolCall(name="now"),
            ),
        ),
        Message(id="m4", role=Role.tool, at=_at(7), text='{"celsius": 4}'),
        Message(id="m5", role=Role.assistant, at=_at(8), state=MessageState.stopped, model="qwen3:8b", text="It is"),
        Message(
            id="m6",
            role=Role.assistant,
            at=_at(9),
            state=MessageState.failed,
            model="llama3:70b",
            text="",
            failure="not enough memory",
        ),
        Message(id="m7", role=Role.assistant, at=_at(10), state=MessageState.broken_off, model="qwen3:8b", text="It"),
        Message(id="m8", role=Role.user, at=_at(330), state=MessageState.not_sent, text="and tomorrow?"),
        Message(id="m9", role=Role.assistant, at=_at(330.25), state=MessageState.answering, model="qwen3:8b", text=""),
    ),
)


def _with_whole_pairs(text: str) -> str:
    """Two halves of a surrogate pair side by side are one character, in memory as in every document."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


any_text = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.text(
        st.sampled_from("\0\x07\t\n\r\x1b\x7f\x85\x9b\u2028\u202e\ud800\udfff\ufdd0\ufeff\U000e0041'\"\\ a1{}[]#=é好🙂")
    ),
).map(_with_whole_pairs)

any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**400, max_value=10**4000)
    | st.floats(allow_nan=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)

_counted = st.none() | st.integers(min_value=0, max_value=2**70)
_seconds_only = st.floats(min_value=0, allow_infinity=False)
_seconds = st.none() | _seconds_only
_moments = st.datetimes(timezones=st.just(UTC))


def _lists_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(inner, max_size=3).map(tuple)


any_message = st.builds(
    Message,
    id=any_text,
    role=st.sampled_from(Role),
    text=any_text,
    at=_moments,
    state=st.sampled_from(MessageState),
    model=any_text,
    thinking=any_text,
    thinking_seconds=_seconds,
    thinking_pieces=_counted,
    tool_calls=_lists_of(
        st.builds(ToolCall, name=any_text, arguments=st.dictionaries(any_text, any_json, max_size=4), id=any_text)
    ),
    first_token_seconds=_seconds,
    seconds=_seconds,
    pieces=_counted,
    counts=st.none()
    | st.builds(
        FinalCounts,
        done_reason=any_text,
        total_seconds=_seconds,
        load_seconds=_seconds,
        prompt_tokens=_counted,
        prompt_seconds=_seconds,
        answer_tokens=_counted,
        answer_seconds=_seconds,
    ),
    failure=any_text,
)

any_control = st.builds(
    Control,
    preset=any_text,
    system=st.none() | any_text,
    options=st.dictionaries(
        any_text,
        any_text | st.booleans() | st.integers(0, 2**40) | st.lists(any_text, max_size=3).map(tuple) | _seconds_only,
        max_size=3,
    ),
    format=st.none() | any_text,
    format_name=any_text,
    when_full=any_text,
    left_out_until=any_text,
    left_out_at=any_text,
    is_pinned=st.booleans(),
)

any_conversation = st.builds(
    Conversation,
    id=st.text(ALPHABET, min_size=26, max_size=26),
    created_at=_moments,
    updated_at=_moments,
    title=any_text,
    model=any_text,
    control=st.just(NOTHING_SET) | any_control,
    messages=st.lists(any_message, max_size=4, unique_by=lambda message: message.id).map(tuple),
)
