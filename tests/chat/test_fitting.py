"""What of a conversation its model is shown, what falls out, and how long the answer may become."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chat.fitting import (
    AS_IT_IS,
    Plan,
    compose,
    dropped,
    ended_at_window,
    falls_out,
    left_out,
    shown,
    was_window_cut,
    window_tokens,
    window_use,
)
from tui.chat.generation import Generation
from tui.conversations.control import Control
from tui.conversations.values import Conversation, Message, Role
from tui.engine import FinalCounts, Model, RunningModel

AT = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = "m:8b"


def message(name: str, text: str, role: Role, *, model: str = "", counts: FinalCounts | None = None) -> Message:
    return Message(id=name, role=role, text=text, at=AT, model=model, counts=counts)


def exchange(number: int, *, characters: int = 400, read: int | None = None, said: int = 100) -> list[Message]:
    counts = None if read is None else FinalCounts(done_reason="stop", prompt_tokens=read, answer_tokens=said)
    return [
        message(f"p{number}", "x" * characters, Role.user),
        message(f"a{number}", "y" * characters, Role.assistant, model=MODEL, counts=counts),
    ]


def conversation(*messages: Message, control: Control | None = None) -> Conversation:
    return Conversation(id="0" * 26, created_at=AT, updated_at=AT, messages=messages, control=control or Control())


def ids(messages: tuple[Message, ...]) -> list[str]:
    return [one.id for one in messages]


LONG = (*exchange(1, read=104), *exchange(2, read=308), *exchange(3, read=512), message("p4", "x" * 400, Role.user))
"""A quarter of a token for each character: about 716 tokens with the last prompt."""


def test_without_a_known_window_nothing_is_limited() -> None:
    found = compose(conversation(*LONG), MODEL, AS_IT_IS)
    assert dict(found.request.options) == {}
    assert found.request.truncate is False
    assert falls_out(conversation(*LONG), MODEL, AS_IT_IS) is None


def test_an_answer_may_fill_the_window_and_no_more() -> None:
    request = compose(conversation(*LONG), MODEL, Plan(window_tokens=2048)).request
    used = window_use(conversation(*LONG), MODEL, AS_IT_IS).used
    assert used == pytest.approx(716, abs=4)
    assert 2048 - used - 40 <= request.options["num_predict"] <= 2048 - used - 8


def test_where_the_person_says_an_answer_ends_it_ends() -> None:
    own = Generation(options=MappingProxyType({"num_predict": -1}))
    assert compose(conversation(*LONG), MODEL, Plan(window_tokens=2048, generation=own)).request.options == {
        "num_predict": -1
    }


@given(st.integers(64, 4000), st.integers(0, 4000))
def test_prompt_and_answer_never_exceed_the_window(window: int, characters: int) -> None:
    talk = conversation(message("p1", "x" * characters, Role.user))
    plan = Plan(window_tokens=window)
    limit = compose(talk, MODEL, plan).request.options.get("num_predict")
    used = window_use(talk, MODEL, plan).used
    assert limit is None if used >= window else limit is not None
    if limit is not None and limit > 1:
        assert used + limit < window


def test_the_system_prompt_goes_first_and_is_measured() -> None:
    plan = Plan(system="be brief " * 40, window_tokens=2048)
    talk = conversation(*exchange(1), message("p2", "more", Role.user))
    request = compose(talk, MODEL, plan).request
    assert [one.role for one in request.messages] == ["system", "user", "assistant", "user"]
    assert window_use(talk, MODEL, plan).used > window_use(talk, MODEL, AS_IT_IS).used + 80


def test_several_system_messages_become_one_at_the_beginning() -> None:
    summary = message("s", "they spoke of trees", Role.system)
    talk = conversation(*exchange(1), summary, message("p2", "more", Role.user))
    request = compose(talk, MODEL, Plan(system="be brief")).request
    assert [one.role for one in request.messages] == ["system", "user", "assistant", "user"]
    assert request.messages[0].text == "be brief\n\nthey spoke of trees"


def test_what_falls_out_is_the_oldest_and_leaves_room_for_an_answer() -> None:
    found = falls_out(conversation(*LONG), MODEL, Plan(window_tokens=800))
    assert found is not None
    assert found.fits
    assert ids(found.dropped) == ["p1", "a1"]
    assert found.tokens <= 600


def test_what_fits_stays() -> None:
    assert falls_out(conversation(*LONG), MODEL, Plan(window_tokens=4096), unsent="y" * 400) is None


def test_what_was_dropped_stays_in_the_conversation_and_is_not_sent() -> None:
    talk = conversation(*LONG)
    found = falls_out(talk, MODEL, Plan(window_tokens=800))
    assert found is not None
    after = replace(talk, control=dropped(talk, found.dropped))
    assert ids(left_out(after)) == ["p1", "a1"]
    assert [one.text[:1] for one in compose(after, MODEL, AS_IT_IS).request.messages] == ["x", "y", "x", "y", "x"]
    assert falls_out(after, MODEL, Plan(window_tokens=800)) is None


def test_counts_of_what_was_dropped_are_not_taken_for_those_of_the_rest() -> None:
    talk = conversation(*LONG)
    after = replace(talk, control=dropped(talk, talk.messages[:2]))
    use = window_use(after, MODEL, AS_IT_IS)
    assert not use.is_counted
    assert 480 <= use.used <= 560


def test_an_answer_after_it_is_counted_again() -> None:
    talk = conversation(*LONG)
    after = replace(talk, control=dropped(talk, talk.messages[:2]))
    answer = message(
        "a4", "y" * 400, Role.assistant, model=MODEL, counts=FinalCounts(prompt_tokens=500, answer_tokens=99)
    )
    use = window_use(replace(after, messages=(*after.messages, answer)), MODEL, AS_IT_IS)
    assert (use.used, use.is_counted) == (599, True)


def test_where_the_conversation_says_so_the_oldest_go_unasked() -> None:
    talk = conversation(*LONG, control=Control(when_full="drop"))
    found = compose(talk, MODEL, Plan(window_tokens=800))
    assert found.dropped == 2
    assert found.control.left_out_until == "a1"
    assert len(found.request.messages) == 5
    again = compose(replace(talk, control=found.control), MODEL, Plan(window_tokens=800))
    assert (again.dropped, again.request) == (0, found.request)


def test_a_summary_is_shown_in_the_place_of_what_it_sums_up() -> None:
    summary = message("s", "they spoke of trees", Role.system)
    talk = conversation(*exchange(1), summary, *exchange(2), message("p3", "more", Role.user))
    talk = replace(talk, control=dropped(talk, talk.messages[:2]))
    request = compose(talk, MODEL, AS_IT_IS).request
    assert [one.role for one in request.messages] == ["system", "user", "assistant", "user"]
    # The next one sums up the first as well, and so takes its place.
    later = replace(talk, control=dropped(talk, talk.messages[3:5]))
    assert ids(shown(later, MODEL, AS_IT_IS)) == ["p3"]


@pytest.mark.parametrize(("most", "left"), [(1, ["p4"]), (3, ["p3", "a3", "p4"]), (4, ["p3", "a3", "p4"]), (99, None)])
def test_a_person_limits_how_many_messages_are_shown(most: int, left: list[str] | None) -> None:
    seen = shown(conversation(*LONG), MODEL, Plan(history_messages=most, system="be brief"))
    assert ids(seen)[1:] == (left or ids(LONG))


def test_a_person_limits_how_many_tokens_are_shown() -> None:
    assert ids(shown(conversation(*LONG), MODEL, Plan(history_tokens=350))) == ["p3", "a3", "p4"]


def test_that_the_server_read_less_is_told() -> None:
    read_less = message("a4", "z", Role.assistant, model=MODEL, counts=FinalCounts(prompt_tokens=300, answer_tokens=1))
    assert "dropped" in was_window_cut(conversation(*LONG, read_less), MODEL, AS_IT_IS)
    as_expected = replace(read_less, counts=FinalCounts(prompt_tokens=716, answer_tokens=1))
    assert was_window_cut(conversation(*LONG, as_expected), MODEL, AS_IT_IS) == ""


def test_that_less_was_said_is_no_cut() -> None:
    # Messages were taken out of the conversation meanwhile.
    rest = (*LONG[4:], message("a4", "z", Role.assistant, model=MODEL, counts=FinalCounts(prompt_tokens=308)))
    assert was_window_cut(conversation(*rest), MODEL, AS_IT_IS) == ""


def test_that_the_window_overflowed_is_told() -> None:
    answer = message("a1", "z", Role.assistant, model=MODEL, counts=FinalCounts(prompt_tokens=200, answer_tokens=400))
    talk = conversation(message("p1", "x", Role.user), answer)
    assert "overflowed" in was_window_cut(talk, MODEL, Plan(window_tokens=512))
    assert was_window_cut(talk, MODEL, Plan(window_tokens=1024)) == ""


def test_only_an_answer_that_nobody_limited_ended_at_the_window() -> None:
    answer = message("a1", "z", Role.assistant, counts=FinalCounts(done_reason="length"))
    assert ended_at_window(answer, AS_IT_IS)
    assert not ended_at_window(answer, Plan(generation=Generation(options=MappingProxyType({"num_predict": 9}))))
    assert not ended_at_window(replace(answer, counts=None), AS_IT_IS)


@given(
    st.lists(st.integers(0, 900), min_size=1, max_size=12),
    st.integers(200, 3000),
    st.sampled_from(["", "drop"]),
    st.none() | st.integers(1, 6),
)
def test_the_last_prompt_is_always_asked(lengths: list[int], window: int, when_full: str, most: int | None) -> None:
    roles = (Role.user, Role.assistant)
    talk = conversation(
        *(message(f"m{number}", "w" * length + ".", roles[number % 2]) for number, length in enumerate(lengths)),
        message("last", "the question", Role.user),
        control=Control(when_full=when_full),
    )
    request = compose(talk, MODEL, Plan(window_tokens=window, history_messages=most, system="s")).request
    assert request.messages[-1].text == "the question"
    assert request.messages[0].role == "system"
    assert sum(one.role == "system" for one in request.messages) == 1


def test_the_window_is_the_loaded_models_unless_the_request_sets_its_own() -> None:
    loaded, model = RunningModel(name=MODEL, context_tokens=8192), Model(name=MODEL, trained_context_tokens=32_768)
    own = Generation(options=MappingProxyType({"num_ctx": 16_384}))
    too_much = Generation(options=MappingProxyType({"num_ctx": 65_536}))
    as_made = Generation()
    assert window_tokens(as_made, loaded, model) == 8192
    assert window_tokens(as_made, None, model) is None
    assert window_tokens(as_made, replace(loaded, has_died=True), model) is None
    assert window_tokens(own, loaded, model) == 16_384
    assert window_tokens(too_much, loaded, model) == 32_768
