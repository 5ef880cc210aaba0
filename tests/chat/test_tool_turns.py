"""A turn in which the model calls tools: what is run, what the model is told, and how a person ends it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.chat.rig import Rig, conversation_of, said, turns
from tests.chat.scripted_engine import COUNTS, ChatCall
from tui.chat.events import AnswerEnded, Phase, PhaseChanged, ToolEnded, ToolsEnded, ToolsNotOffered
from tui.chat.fitting import Plan, falls_out, window_use
from tui.chat.request import build_request
from tui.chat.tool_questions import ToolQuestions
from tui.chat.tool_turns import NobodyThere, Toolbox, rounds_of, unanswered_calls
from tui.conversations.control import Control
from tui.conversations.values import Message, MessageState, Role
from tui.engine import ChatRequest, Chunk, FinalCounts, ToolCall
from tui.failures import Failure
from tui.tools.declared import Tool, tool
from tui.tools.permissions import Permissions, Question
from tui.tools.running import RunLimits


class Bench:
    """Tools that do what a test tells them, and that know what was done."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.asked: list[Question] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.wipe_gate = asyncio.Event()
        self.wiping = asyncio.Event()
        self.answer: asyncio.Future[bool] | bool = True

    def note(self) -> Tool:
        @tool(harmless=True)
        async def note(text: str = "") -> str:
            """Write a text down."""
            self.ran.append(text)
            self.started.set()
            await self.gate.wait()
            return f"noted {text}"

        return note

    def wipe(self) -> Tool:
        @tool
        async def wipe() -> str:
            """Do something that cannot be undone."""
            self.ran.append("wiped")
            self.wiping.set()
            await self.wipe_gate.wait()
            return "wiped"

        return wipe

    async def ask(self, question: Question) -> bool:
        self.asked.append(question)
        return self.answer if isinstance(self.answer, bool) else await self.answer


def rig_with(bench: Bench, *, limits: RunLimits | None = None, choice: str = "auto", **more: object) -> Rig:
    rig = Rig(**more)  # type: ignore[arg-type]
    rig.toolbox = Toolbox(tools=(bench.note(), bench.wipe()), limits=limits or RunLimits(), choice=choice)
    rig.permissions = Permissions(ask=bench.ask, allowed=frozenset({"note"}))
    return rig


async def asked(rig: Rig, text: str = "please") -> ChatCall:
    await rig.session.ask(text)
    return await rig.engine.next_call()


def results(rig: Rig) -> list[Message]:
    return [one for one in rig.session.conversation.messages if one.role is Role.tool]


def outcomes(rig: Rig) -> list[str]:
    return [one.tool_outcome for one in results(rig)]


def names_offered(request: ChatRequest) -> list[str]:
    return [one["function"]["name"] for one in request.tools]


async def test_result_is_told_and_the_model_goes_on() -> None:
    bench = Bench()
    rig = rig_with(bench)
    first = await asked(rig)
    assert names_offered(first.request) == ["note", "wipe"]
    first.say("a moment")
    first.send(Chunk(tool_calls=(ToolCall(name="note", arguments={"text": "milk"}, id="call_1"),)))
    first.finish()
    second = await rig.engine.next_call()
    assert bench.ran == ["milk"]
    roles = [one.role for one in second.request.messages]
    assert roles == ["user", "assistant", "tool"]
    assert second.request.messages[1].tool_calls[0].id == "call_1"
    told = second.request.messages[2]
    assert (told.text, told.tool_name, told.tool_call_id) == ("noted milk", "note", "call_1")
    second.say("done")
    second.finish()
    await rig.session.settled()
    assert [one.text for one in rig.session.conversation.messages] == ["please", "a moment", "noted milk", "done"]
    assert outcomes(rig) == ["done"]
    assert rig.disk.last == rig.session.conversation
    assert not rig.session.is_answering


@pytest.mark.parametrize("is_native", [True, False])
async def test_both_ways_of_the_wire_come_to_the_same(is_native: bool) -> None:
    """All calls in the last part before the counts, or one after the other between the text."""
    bench = Bench()
    rig = rig_with(bench)
    call = await asked(rig)
    calls = [ToolCall(name="note", arguments={"text": text}) for text in ("one", "two")]
    if is_native:
        call.say("text")
        call.send(Chunk(tool_calls=tuple(calls)))
    else:
        call.send(Chunk(tool_calls=(calls[0],)))
        call.say("text")
        call.send(Chunk(tool_calls=(calls[1],)))
    call.finish()
    again = await rig.engine.next_call()
    assert bench.ran == ["one", "two"]
    assert [one.text for one in again.request.messages] == ["please", "text", "noted one", "noted two"]
    again.finish()
    await rig.session.settled()


async def test_nothing_is_offered_or_run_without_tools() -> None:
    rig = Rig()
    call = await asked(rig)
    assert call.request.tools == ()
    call.call_tool("note")
    call.finish()
    await rig.session.settled()
    assert len(rig.engine.calls) == 1
    assert results(rig) == []


async def test_only_the_chosen_tool_is_offered_and_no_other_one_runs() -> None:
    bench = Bench()
    rig = rig_with(bench, choice="note")
    call = await asked(rig)
    assert names_offered(call.request) == ["note"]
    call.call_tool("wipe")
    call.finish()
    again = await rig.engine.next_call()
    assert bench.ran == []
    assert "there is no tool wipe" in again.request.messages[-1].text
    again.finish()
    await rig.session.settled()
    assert outcomes(rig) == ["invalid"]


async def test_person_who_says_no_is_obeyed_and_the_model_hears_it() -> None:
    bench = Bench()
    bench.answer = False
    rig = rig_with(bench)
    call = await asked(rig)
    call.call_tool("wipe")
    call.finish()
    again = await rig.engine.next_call()
    assert bench.ran == []
    assert "the person said no" in again.request.messages[-1].text
    again.finish()
    await rig.session.settled()
    assert outcomes(rig) == ["refused"]


async def test_escape_while_it_is_asked_stops_at_once_and_nothing_runs() -> None:
    bench = Bench()
    bench.answer = asyncio.get_running_loop().create_future()
    rig = rig_with(bench)
    call = await asked(rig)
    call.call_tool("wipe")
    call.call_tool("note", text="later")
    call.finish()
    while not bench.asked:
        await turns()
    progress = rig.session.progress()
    assert progress is not None
    assert (progress.phase, progress.tool) == (Phase.asking, "wipe")
    assert rig.session.stop()
    # Not after a while: at this moment.
    assert not rig.session.is_answering
    assert outcomes(rig) == ["not run", "not run"]
    await rig.session.settled()
    assert bench.ran == []
    assert len(rig.engine.calls) == 1
    assert rig.disk.last == rig.session.conversation
    assert rig.events[-1] == ToolsEnded()


async def test_escape_while_a_tool_runs_keeps_what_came_before_it() -> None:
    bench = Bench()
    rig = rig_with(bench)
    call = await asked(rig)
    call.call_tool("note", text="first")
    call.call_tool("wipe")
    call.call_tool("note", text="never")
    call.finish()
    await asyncio.wait_for(bench.wiping.wait(), 30)
    assert rig.session.stop()
    assert outcomes(rig) == ["done", "stopped", "not run"]
    assert not rig.session.is_answering
    await rig.session.settled()
    assert bench.ran == ["first", "wiped"]
    assert len(rig.engine.calls) == 1


async def test_escape_while_the_model_goes_on_stops_it() -> None:
    bench = Bench()
    rig = rig_with(bench)
    call = await asked(rig)
    call.call_tool("note", text="x")
    call.finish()
    again = await rig.engine.next_call()
    again.say("half")
    await again.all_read()
    assert rig.session.stop()
    await again.hung_up()
    await rig.session.settled()
    assert [one.state for one in rig.session.conversation.messages][-1] is MessageState.stopped
    assert rig.session.conversation.messages[-1].text == "half"


async def test_escape_at_the_very_end_of_an_answer_runs_none_of_its_calls() -> None:
    bench = Bench()
    bench.answer = asyncio.get_running_loop().create_future()
    rig = rig_with(bench)
    call = await asked(rig)
    rig.disk.gate.clear()
    call.call_tool("wipe")
    call.finish()
    await call.hung_up()
    assert rig.session.stop()
    rig.disk.gate.set()
    await rig.session.settled()
    assert not rig.session.is_answering
    assert set(outcomes(rig)) <= {"not run"}, "a call is there with its result, or the whole answer was stopped"
    assert bench.ran == []
    assert len(rig.engine.calls) == 1


async def test_stopped_turn_can_be_asked_again_with_what_came() -> None:
    bench = Bench()
    bench.answer = asyncio.get_running_loop().create_future()
    rig = rig_with(bench)
    call = await asked(rig)
    call.call_tool("wipe")
    call.finish()
    while not bench.asked:
        await turns()
    rig.session.stop()
    assert rig.session.can_try_again()
    rig.session.try_again()
    again = await rig.engine.next_call()
    assert [one.role for one in again.request.messages] == ["user", "assistant", "tool"]
    assert again.request.messages[-1].text.startswith("not run")
    again.finish()
    await rig.session.settled()


async def test_rounds_end_and_the_model_is_asked_once_without_tools() -> None:
    bench = Bench()
    rig = rig_with(bench, limits=RunLimits(rounds=2))
    call = await asked(rig)
    for number in range(2):
        assert call.request.tools
        call.call_tool("note", text=str(number))
        call.finish()
        call = await rig.engine.next_call()
    assert call.request.tools == ()
    call.call_tool("note", text="one more")
    call.finish()
    await rig.session.settled()
    assert bench.ran == ["0", "1"]
    assert outcomes(rig) == ["done", "done", "over the limit"]
    assert len(rig.engine.calls) == 3
    await rig.session.ask("and now")
    fresh = await rig.engine.next_call()
    assert fresh.request.tools, "a new prompt has its own rounds"
    fresh.finish()
    await rig.session.settled()


async def test_thousand_calls_are_cut_off() -> None:
    bench = Bench()
    rig = rig_with(bench)
    call = await asked(rig)
    call.send(Chunk(tool_calls=tuple(ToolCall(name="note", arguments={"text": str(n)}) for n in range(1000))))
    call.finish()
    again = await rig.engine.next_call()
    most = RunLimits().calls_in_a_round
    assert len(bench.ran) == most
    assert outcomes(rig) == ["done"] * most + ["over the limit"]
    assert "983 more were not, either" in results(rig)[-1].text
    asked_with = again.request.messages[1]
    assert len(asked_with.tool_calls) == most + 1, "no call goes without its result"
    again.finish()
    await rig.session.settled()


async def test_prompt_queued_meanwhile_waits_for_the_whole_turn() -> None:
    bench = Bench()
    bench.gate.clear()
    rig = rig_with(bench)
    call = await asked(rig)
    call.call_tool("note", text="x")
    call.finish()
    await asyncio.wait_for(bench.started.wait(), 30)
    assert rig.session.is_answering
    await rig.session.ask("and then")
    assert rig.session.queue == ("and then",)
    bench.gate.set()
    second = await rig.engine.next_call()
    assert [one.role for one in second.request.messages] == ["user", "assistant", "tool"]
    second.say("ok")
    second.finish()
    third = await rig.engine.next_call()
    assert third.request.messages[-1].text == "and then"
    third.finish()
    await rig.session.settled()
    assert rig.disk.last == rig.session.conversation


async def test_nobody_there_means_not_run_and_no_further_request() -> None:
    bench = Bench()
    rig = rig_with(bench)
    questions = ToolQuestions()

    async def ask(question: Question) -> bool:
        bench.asked.append(question)
        return await questions.ask(rig.session.id, question)

    rig.permissions = Permissions(ask=ask)
    call = await asked(rig)
    call.call_tool("wipe")
    call.finish()
    while questions.of(rig.session.id) is None:
        await turns()
    questions.leave()
    await rig.session.settled()
    assert bench.ran == []
    assert outcomes(rig) == ["not run"]
    assert len(rig.engine.calls) == 1
    assert isinstance(rig.only(ToolsEnded).failure, Failure)
    with pytest.raises(NobodyThere):
        await questions.ask("other", bench.asked[0])


async def test_answers_of_a_round_are_told_as_under_way() -> None:
    """Whoever listens for the end of the turn sees that it is not there yet."""
    bench = Bench()
    rig = rig_with(bench)
    seen: list[tuple[str, bool]] = []
    rig.session.subscribe(
        lambda event: (
            seen.append((type(event).__name__, rig.session.is_answering))
            if isinstance(event, AnswerEnded | ToolEnded | ToolsEnded)
            else None
        )
    )
    call = await asked(rig)
    call.call_tool("note", text="x")
    call.finish()
    again = await rig.engine.next_call()
    again.say("so")
    again.finish()
    await rig.session.settled()
    assert seen == [("AnswerEnded", True), ("ToolEnded", True), ("AnswerEnded", False)]
    assert [one.phase for one in rig.heard(PhaseChanged)][-1] is Phase.idle


async def test_missing_tools_are_said() -> None:
    bench = Bench()
    rig = rig_with(bench)
    lacking = Failure("there is no tool weather", "its file changed", "/tools")
    rig.toolbox = replace(rig.toolbox, missing=(lacking,))
    call = await asked(rig)
    assert rig.only(ToolsNotOffered).failures == (lacking,)
    call.finish(COUNTS)
    await rig.session.settled()


async def test_tool_that_breaks_is_a_result() -> None:
    @tool(harmless=True)
    def broken() -> str:
        """Break."""
        raise ValueError("\x1b]52;c;aGFja2Vk\x07 broken")

    rig = Rig()
    rig.toolbox = Toolbox(tools=(broken,))
    rig.permissions = Permissions(allowed=frozenset({"broken"}))
    call = await asked(rig)
    call.call_tool("broken")
    call.finish()
    again = await rig.engine.next_call()
    assert outcomes(rig) == ["failed"]
    assert "\x1b" not in again.request.messages[-1].text
    again.finish()
    await rig.session.settled()


async def test_closing_in_the_middle_leaves_no_call_without_a_result() -> None:
    bench = Bench()
    bench.gate.clear()
    rig = rig_with(bench)
    call = await asked(rig)
    call.call_tool("note", text="x")
    call.call_tool("wipe")
    call.finish()
    await asyncio.wait_for(bench.started.wait(), 30)
    await rig.session.close()
    assert [one.tool_outcome for one in rig.disk.last.messages if one.role is Role.tool] == ["stopped", "not run"]


async def test_call_that_the_last_start_left_is_settled_as_not_run() -> None:
    answer = replace(
        said("a", Role.assistant, ""), tool_calls=(ToolCall(name="wipe", id="1"), ToolCall(name="note", id="2"))
    )
    result = replace(said("r", Role.tool, "wiped"), tool_name="wipe", tool_call_id="1", tool_outcome="done")
    waiting = said("q", Role.user, "later", MessageState.not_sent)
    rig = Rig(conversation_of(said("u", Role.user, "please"), answer, result, waiting))
    await rig.session.settled()
    assert outcomes(rig) == ["done", "not run"]
    assert results(rig)[-1].tool_call_id == "2"
    assert rig.session.queue == ("later",)
    assert [one.id for one in rig.disk.last.messages][-1] == "q", "what waits stays the last"


async def test_follower_settles_nothing() -> None:
    answer = replace(said("a", Role.assistant, ""), tool_calls=(ToolCall(name="wipe"),))
    rig = Rig(conversation_of(said("u", Role.user, "please"), answer), is_read_only=True)
    assert results(rig) == []
    assert not rig.session.is_answering


# What of it a request holds


def sent(*messages: Message) -> list[tuple[str, str, int]]:
    request = build_request(conversation_of(*messages), model="m")
    return [(one.role, one.text, len(one.tool_calls)) for one in request.messages]


def called(message_id: str, *names: str, text: str = "") -> Message:
    return replace(said(message_id, Role.assistant, text), tool_calls=tuple(ToolCall(name=one) for one in names))


def told(message_id: str, name: str) -> Message:
    return replace(said(message_id, Role.tool, f"result of {name}"), tool_name=name, tool_outcome="done")


USER = said("u", Role.user, "hi")


def test_chain_goes_whole() -> None:
    chain = [USER, called("a", "x", "y"), told("r1", "x"), told("r2", "y"), called("b", "z"), told("r3", "z")]
    assert [role for role, _, _ in sent(*chain)] == ["user", "assistant", "tool", "tool", "assistant", "tool"]


def test_answer_after_a_chain_that_is_asked_again_goes_alone() -> None:
    chain = [USER, called("a", "x"), told("r", "x"), said("b", Role.assistant, "half"), said("c", Role.assistant, "x")]
    assert sent(*chain, said("u2", Role.user, "more"))[-2:] == [("assistant", "x", 0), ("user", "more", 0)]


def test_calls_without_results_do_not_go() -> None:
    assert sent(USER, called("a", "x", "y", text="so"), told("r", "x"), said("u2", Role.user, "more")) == [
        ("user", "hi", 0),
        ("assistant", "so", 1),
        ("tool", "result of x", 0),
        ("user", "more", 0),
    ]
    assert sent(USER, called("a", "x"), said("u2", Role.user, "more")) == [("user", "hi", 0), ("user", "more", 0)]


def test_results_whose_call_fell_out_do_not_go() -> None:
    assert sent(told("r", "x"), said("u2", Role.user, "more")) == [("user", "more", 0)]
    assert sent(USER, called("a", "x"), told("r", "x"), told("s", "y"), said("v", Role.user, "m"))[-1][1] == "m"
    assert len(sent(USER, called("a", "x"), told("r", "x"), told("s", "y"), said("v", Role.user, "m"))) == 4


def test_rounds_count_from_the_last_prompt() -> None:
    before = [USER, called("a", "x"), told("r", "x"), said("b", Role.assistant, "so")]
    assert rounds_of(before) == 1
    assert rounds_of([*before, said("u2", Role.user, "more")]) == 0
    assert unanswered_calls([USER, called("a", "x", "y"), told("r", "x")]) == (ToolCall(name="y"),)
    assert unanswered_calls(before) == ()


def test_what_a_model_is_told_of_tools_does_not_make_the_text_seem_long() -> None:
    """Declarations are counted by the server, and are in no message."""
    counts = FinalCounts(prompt_tokens=1500, answer_tokens=20, answer_seconds=1.0)
    answer = replace(said("a", Role.assistant, "so"), model="m", counts=counts)
    conversation = conversation_of(said("u", Role.user, "x" * 400), answer)
    with_tools = replace(conversation, control=Control(tools=("clock",)))
    plan = Plan(window_tokens=8192)
    assert falls_out(with_tools, "m", plan, unsent="y" * 4000) is None
    assert window_use(with_tools, "m", plan).used >= 1500
