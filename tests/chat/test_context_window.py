"""What of a conversation fits into a model's window, and what is known of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chat.context_window import answer_limit, fit, learn_scale, measure, was_cut, within_limits
from tui.conversations.values import Message, MessageState, Role
from tui.engine import FinalCounts

AT = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = "m:8b"


def prompt(name: str, text: str) -> Message:
    return Message(id=name, role=Role.user, text=text, at=AT)


def answer(name: str, text: str, *, read: int | None = None, said: int | None = None, thinking: str = "") -> Message:
    counts = None if read is None else FinalCounts(done_reason="stop", prompt_tokens=read, answer_tokens=said)
    return Message(id=name, role=Role.assistant, text=text, at=AT, model=MODEL, counts=counts, thinking=thinking)


def exchange(number: int, *, characters: int = 400, read: int | None = None, said: int | None = 100) -> list[Message]:
    return [prompt(f"p{number}", "x" * characters), answer(f"a{number}", "y" * characters, read=read, said=said)]


def test_an_empty_conversation_takes_nothing() -> None:
    use = measure([], model=MODEL, limit=4096)
    assert (use.used, use.added, use.room, use.is_counted) == (0, 0, 4096, True)


def test_what_the_server_counted_is_not_estimated() -> None:
    use = measure(exchange(1, read=120, said=80), model=MODEL, limit=1000)
    assert (use.used, use.is_counted) == (200, True)
    assert use.room == 800


def test_what_followed_the_count_is_estimated_with_what_was_learned() -> None:
    # 204 tokens for 400 characters: half a token each, beside what a template adds.
    messages = [*exchange(1, read=204, said=200), prompt("p2", "z" * 100)]
    use = measure(messages, model=MODEL, limit=1000, unsent="w" * 60)
    assert not use.is_counted
    assert use.used == 204 + 200 + 54
    assert use.added == 34


def test_thinking_is_not_sent_again() -> None:
    thought = answer("a1", "y" * 100, read=50, said=80, thinking="t" * 300)
    use = measure([prompt("p1", "x" * 200), thought], model=MODEL, limit=1000)
    assert use.used == 50 + 20
    assert not use.is_counted


def test_counts_of_another_model_say_nothing() -> None:
    messages = exchange(1, read=999, said=999)
    scale = learn_scale(messages, model="other")
    assert not scale.is_learned
    assert measure(messages, model="other", limit=None).used == 208


def test_the_error_of_earlier_estimates_is_known() -> None:
    messages = [*exchange(1, read=104, said=100), *exchange(2, read=308, said=100), *exchange(3, read=512, said=100)]
    scale = learn_scale(messages, model=MODEL)
    assert scale.error == pytest.approx(0.0, abs=0.01)
    wrong = [*messages[:-1], replace(messages[-1], counts=FinalCounts(prompt_tokens=1024, answer_tokens=1))]
    assert learn_scale(wrong, model=MODEL).error == pytest.approx(0.25, abs=0.01)


def test_the_oldest_exchanges_fall_out_and_the_system_message_stays() -> None:
    system = Message(id="s", role=Role.system, text="be brief", at=AT)
    messages = [system, *exchange(1), *exchange(2), *exchange(3)]
    found = fit(messages, model=MODEL, limit=800, unsent="w" * 40)
    assert [one.id for one in found.dropped] == ["p1", "a1"]
    assert found.fits
    assert found.tokens <= 800 - 256


def test_a_prompt_that_can_never_fit_says_so() -> None:
    found = fit(exchange(1), model=MODEL, limit=300, unsent="w" * 4000)
    assert [one.id for one in found.dropped] == ["p1", "a1"]
    assert not found.fits


def test_the_prompt_that_is_asked_stays() -> None:
    messages = [*exchange(1), prompt("p2", "x" * 8000)]
    found = fit(messages, model=MODEL, limit=500)
    assert [one.id for one in found.dropped] == ["p1", "a1"]
    assert not found.fits


def test_limits_on_the_history_keep_the_newest() -> None:
    messages = [*exchange(1), *exchange(2), *exchange(3), prompt("p4", "now")]
    assert within_limits(messages, model=MODEL) == tuple(messages)
    assert [one.id for one in within_limits(messages, model=MODEL, max_messages=3)] == ["p3", "a3", "p4"]
    assert [one.id for one in within_limits(messages, model=MODEL, max_messages=0)] == ["p4"]
    assert [one.id for one in within_limits(messages, model=MODEL, max_tokens=230)] == ["p3", "a3", "p4"]


def test_an_answer_ends_at_the_edge_of_the_window() -> None:
    use = measure(exchange(1, read=120, said=80), model=MODEL, limit=1000, unsent="w" * 400)
    assert answer_limit(use) == 1000 - 200 - use.added
    assert answer_limit(replace(use, limit=None)) is None
    assert answer_limit(replace(use, limit=10)) is None


def test_a_server_that_read_less_though_more_was_said_has_cut() -> None:
    grown = [*exchange(1, read=400), *exchange(2, read=600)]
    cut = [*exchange(1, read=400), *exchange(2, read=300)]
    assert not was_cut(grown, model=MODEL)
    assert was_cut(cut, model=MODEL)
    assert not was_cut(cut[:2], model=MODEL)


def test_a_prompt_that_was_never_sent_takes_no_room() -> None:
    waiting = replace(prompt("p2", "x" * 4000), state=MessageState.not_sent)
    assert measure([*exchange(1, read=10, said=10), waiting], model=MODEL, limit=100).used == 20


@given(st.lists(st.integers(min_value=0, max_value=3000), max_size=12), st.integers(min_value=1, max_value=5000))
def test_what_is_said_to_fit_fits_and_no_more_goes_than_must(sizes: list[int], limit: int) -> None:
    messages = [one for number, size in enumerate(sizes) for one in exchange(number, characters=size)]
    found = fit(messages, model=MODEL, limit=limit, unsent="and this")
    ids = [one.id for one in messages]
    assert [one.id for one in found.dropped] == ids[: len(found.dropped)]
    if found.fits:
        assert found.tokens <= limit - 256
    else:
        assert len(found.dropped) == len(messages)
    if found.dropped:
        left = messages[len(found.dropped) - 2 :]
        scale = learn_scale(messages, model=MODEL)
        assert scale.tokens([one for one in left if one.text or one.role is Role.user]) + scale.tokens_of(
            "and this"
        ) > limit - 256 - len(messages)
