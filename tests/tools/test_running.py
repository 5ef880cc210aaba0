"""Each call gets one result: run, refused, or told why not; nothing has an effect without a yes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tests.tools.rig import Person, run_one
from tui.cleaning import clean
from tui.engine import ChatMessage, ToolCall
from tui.failures import Failure
from tui.tools import Effect, Tool, tool
from tui.tools.built_in import calculator_tool, clock_tool, fetch_page_tool, search_documents_tool
from tui.tools.declared import PreparedCall
from tui.tools.permissions import Permissions
from tui.tools.running import CallOutcome, RunLimits, by_name, offered, run_tool_calls
from tui.tools.shown import result_text, shown_call, visible


class Done:
    """A tool that acts, and what it did."""

    def __init__(self) -> None:
        self.did: list[str] = []

    @property
    def tool(self) -> Tool:
        @tool
        def act(what: str = "it") -> str:
            """Do something."""
            self.did.append(what)
            return f"did {what}"

        return act

    @property
    def harmless(self) -> Tool:
        return replace(self.tool, effect=Effect.harmless)


async def test_what_is_allowed_runs_and_tells_the_model() -> None:
    done, person = Done(), Person()
    result = await run_one(done.tool, "act", {"what": "this"}, permissions=Permissions(ask=person))
    assert (result.outcome, result.text, done.did) == (CallOutcome.done, "did this", ["this"])
    assert result.message == ChatMessage(role="tool", text="did this", tool_name="act", tool_call_id="call_1")
    [question] = person.asked
    assert (question.tool, question.effect, question.text) == ("act", Effect.acts, 'act(what="this")')


@pytest.mark.parametrize("answer", [False, None, 0, "", "yes", 1, object()], ids=repr)
async def test_only_true_is_a_yes(answer: Any) -> None:
    done = Done()
    result = await run_one(done.tool, "act", permissions=Permissions(ask=Person(answer)))
    assert (result.outcome, done.did) == (CallOutcome.refused, [])
    assert "the person said no" in result.text


async def test_it_is_asked_each_time_and_one_at_a_time() -> None:
    done, person = Done(), Person()
    calls = [ToolCall(name="act", arguments={"what": "same"}) for _ in range(3)]
    results = await run_tool_calls(calls, [done.tool], Permissions(ask=person))
    assert len(person.asked) == len(done.did) == len(results) == 3


async def test_a_rule_allows_what_is_harmless_and_nothing_else() -> None:
    done, person = Done(), Person(answer=False)
    rules = Permissions(ask=person).with_rule(done.harmless)
    assert rules.rules([done.harmless]) == ("act",)
    assert (await run_one(done.harmless, "act", permissions=rules)).outcome is CallOutcome.done
    assert person.asked == []
    # The same name, but another effect: the rule has no meaning.
    assert rules.rules([done.tool]) == ()
    assert (await run_one(done.tool, "act", permissions=rules)).outcome is CallOutcome.refused
    with pytest.raises(Failure, match="asked about each time"):
        rules.with_rule(done.tool)
    assert (await run_one(done.harmless, "act", permissions=rules.without_rule("act"))).outcome is CallOutcome.refused


async def test_without_a_terminal_only_what_was_named_runs() -> None:
    done = Done()
    for one in (done.tool, done.harmless):
        result = await run_one(one, "act", permissions=Permissions())
        assert (result.outcome, done.did) == (CallOutcome.refused, [])
        assert "nobody is there" in result.text
    named = Permissions(allowed_without_asking=frozenset({"act"}))
    assert (await run_one(done.tool, "act", permissions=named)).outcome is CallOutcome.done


async def test_what_a_script_named_is_asked_about_where_somebody_is() -> None:
    done = Done()
    named = Permissions(ask=Person(answer=False), allowed_without_asking=frozenset({"act"}))
    assert (await run_one(done.tool, "act", permissions=named)).outcome is CallOutcome.refused
    assert done.did == []


async def test_arguments_that_do_not_fit_are_told_and_not_asked_about() -> None:
    done, person = Done(), Person()
    result = await run_one(done.tool, "act", {"what": ["a"], "more": 1}, permissions=Permissions(ask=person))
    assert (result.outcome, person.asked, done.did) == (CallOutcome.invalid, [], [])
    assert result.text == "act was not run: unknown: more; there are: what"


@pytest.mark.parametrize("name", ["no_such_tool", *HOSTILE_STRINGS])
async def test_an_unknown_tool_is_told_with_those_that_there_are(name: str) -> None:
    result = await run_one([calculator_tool(), Done().tool], name)
    assert result.outcome is CallOutcome.invalid
    assert "there are: calculator, act" in result.text
    assert clean(result.text) == result.text


def broken(error: BaseException) -> Tool:
    @tool
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no \x1b[2J"), "act failed: ValueError: no ␛[2J"),
        (Failure("the title", "the cause"), "act failed: the title · the cause"),
        (TimeoutError("its own"), "act failed: TimeoutError: its own"),
        (SystemExit(1), "act failed: SystemExit: 1"),
        (RecursionError(), "act failed: RecursionError: "),
    ],
)
async def test_a_tool_that_fails_is_told(error: BaseException, said: str) -> None:
    result = await run_one(broken(error), "act")
    assert (result.outcome, result.text) == (CallOutcome.failed, said)


async def test_a_tool_that_cannot_even_be_prepared_is_told() -> None:
    async def prepare(_: dict[str, Any]) -> PreparedCall:
        raise OSError(5, "no \x1b[2J")

    result = await run_one(replace(Done().tool, prepare=prepare), "act")
    assert (result.outcome, result.text) == (CallOutcome.failed, "act was not run: OSError: [Errno 5] no ␛[2J")


async def test_a_tool_that_does_not_end_is_left() -> None:
    ended = asyncio.Event()

    @tool
    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    result = await run_one(wait, "wait", limits=RunLimits(call_seconds=0.01))
    assert (result.outcome, result.text) == (CallOutcome.timed_out, "wait took over 0.01 s")
    assert ended.is_set()


async def test_escape_ends_the_call_and_what_waits_behind_it() -> None:
    began, done = asyncio.Event(), Done()

    @tool
    async def wait() -> None:
        began.set()
        await asyncio.Event().wait()

    calls = [ToolCall(name="wait"), ToolCall(name="act")]
    running = asyncio.create_task(run_tool_calls(calls, [wait, done.tool], Permissions(ask=Person())))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert done.did == []


async def test_rounds_and_calls_have_a_limit() -> None:
    done = Done()
    limits = RunLimits(rounds=2, calls_in_a_round=2)
    calls = [ToolCall(name="act", arguments={"what": str(number)}) for number in range(4)]
    results = await run_tool_calls(calls, [done.tool], Permissions(ask=Person()), round_number=2, limits=limits)
    assert [one.outcome for one in results] == [CallOutcome.done] * 2 + [CallOutcome.over_limit] * 2
    results = await run_tool_calls(calls, [done.tool], Permissions(ask=Person()), round_number=3, limits=limits)
    assert {one.outcome for one in results} == {CallOutcome.over_limit}
    assert done.did == ["0", "1"]


@pytest.mark.parametrize("text", HOSTILE_STRINGS)
async def test_what_is_asked_hides_nothing_and_results_are_clean(text: str) -> None:
    person = Person()
    result = await run_one(Done().tool, "act", {"what": text}, permissions=Permissions(ask=person))
    [question] = person.asked
    assert clean(question.text) == question.text == result.shown
    assert "\n" not in question.text
    assert clean(result.text) == result.text
    for character in text:
        if clean(character) != character and ord(character) >= 0x80:
            assert f"U+{ord(character):04X}" in question.text
            assert question.hidden_characters > 0


@pytest.mark.parametrize(
    "unseen", ["\u200d", "\u200c", "\u200e", "\u200f", "\u061c", "\ufe0f", "\u180b", "\u115f", "\u1160", "\u2800"]
)
async def test_what_text_may_keep_unseen_is_spelled_out_in_a_call(unseen: str) -> None:
    person = Person()
    await run_one(Done().tool, "act", {"what": f"a{unseen}b"}, permissions=Permissions(ask=person))
    assert f"a⟦U+{ord(unseen):04X}⟧b" in person.asked[0].text
    assert person.asked[0].hidden_characters == 1


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_visible_does_not_depend_on_where_it_is_cut(one: str, other: str) -> None:
    assert visible(one) + visible(other) == visible(one + other)
    assert clean(visible(one)) == visible(one)
    assert visible(visible(one)) == visible(one).replace("\t", "⟦U+0009⟧")


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_calls_that_differ_are_shown_differently(one: str, other: str) -> None:
    if one != other and "⟦" not in one + other:
        assert visible(shown_call("f", {"x": one})) != visible(shown_call("f", {"x": other}))


@pytest.mark.parametrize(
    ("value", "text"),
    [("as it is", "as it is"), (None, "done"), ({"a": [1, "é"]}, '{"a": [1, "é"]}'), (3.5, "3.5"), ("a\r\nb", "a\nb"),
     ("x\U000e0041y", "xy"), (float("inf"), "Infinity"), ("", "")],
)  # fmt: skip
def test_a_result_becomes_text(value: object, text: str) -> None:
    assert result_text(value) == text


@given(st.text(alphabet="ab\n\x1b", max_size=400), st.integers(40, 200))
def test_a_long_result_says_how_much_is_left_out(text: str, limit: int) -> None:
    said = result_text(text, limit)
    assert len(said) <= limit + 60
    assert ("left out" in said) == (len(text) > limit)


def test_the_choice_is_what_is_offered() -> None:
    tools = [calculator_tool(), Done().tool]
    assert [one["function"]["name"] for one in offered(tools)] == ["calculator", "act"]
    assert offered(tools, choice="none") == ()
    assert [one["function"]["name"] for one in offered(tools, choice="act")] == ["act"]
    with pytest.raises(Failure, match="there are: calculator, act"):
        offered(tools, choice="\x1b[2J")


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(Failure, match="two tools are called act"):
        by_name([Done().tool, Done().tool])


async def test_the_clock_tells_the_time_with_its_zone() -> None:
    clock = clock_tool(lambda: datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC))
    assert (await run_one(clock, "clock")).text == "2031-05-04T03:02:01+00:00 (Sunday, UTC)"


async def test_the_calculator_tells_what_is_wrong() -> None:
    assert (await run_one(calculator_tool(), "calculator", {"expression": "2 ** 10"})).text == "1024"
    result = await run_one(calculator_tool(), "calculator", {"expression": "1 / 0"})
    assert (result.outcome, "divides by zero" in result.text) == (CallOutcome.failed, True)


class Fetched:
    title = "The tide"
    text = "The moon."


async def test_a_page_is_fetched_after_a_yes_and_never_by_a_rule() -> None:
    asked: list[str] = []

    async def fetch(url: str) -> Fetched:
        asked.append(url)
        return Fetched()

    fetching = fetch_page_tool(fetch)
    rule = Permissions(ask=Person(answer=False), allowed=frozenset({"fetch_page"}))
    await run_one(fetching, "fetch_page", {"url": "https://example.com/?q=secret"}, permissions=rule)
    assert asked == []
    person = Person()
    result = await run_one(fetching, "fetch_page", {"url": "https://a.example"}, permissions=Permissions(ask=person))
    assert (result.text, person.asked[0].effect) == ("The tide\n\nThe moon.", Effect.reaches_out)


@pytest.mark.parametrize(
    ("url", "asks"),
    [
        ("https://аpple.com/?q=1", "\nasks xn--pple-43d.com"),
        ("http://①②⑦.⓪.⓪.①/", "\nasks 127.0.0.1"),
        ("https://example.com/ü", ""),
        ("https://a.example/", ""),
        ("https://[ü", ""),
    ],
)
async def test_letters_that_pass_for_others_do_not_hide_which_machine_is_asked(url: str, asks: str) -> None:
    async def fetch(url: str) -> Fetched:
        return Fetched()

    person = Person()
    await run_one(fetch_page_tool(fetch), "fetch_page", {"url": url}, permissions=Permissions(ask=person))
    assert person.asked[0].text == f'fetch_page(url="{url}"){asks}'


async def test_documents_are_searched_by_the_function_passed_in() -> None:
    async def search(question: str) -> str:
        return f"[1] about {question}" if question == "tides" else ""

    searching = search_documents_tool(search)
    assert (await run_one(searching, "search_documents", {"question": "tides"})).text == "[1] about tides"
    assert "nothing" in (await run_one(searching, "search_documents", {"question": "x"})).text
