"""Passages of documents that go along with a prompt: for that request alone, counted, kept as sources, and never in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.rig import MODEL, START, Rig, turns
from tests.chat.scripted_engine import COUNTS
from tui.chat.events import AnswerEnded, PassagesFound, Phase, PhaseChanged
from tui.chat.fitting import Plan, compose, was_window_cut, window_use
from tui.chat.passages import NO_PASSAGES, Passages, PassagesFailed, limits_for
from tui.conversations.control import Control
from tui.conversations.edits import new_conversation, with_control, with_message
from tui.conversations.values import Conversation, Message, MessageState, Role, Source
from tui.documents.finding import FindLimits
from tui.engine import FinalCounts
from tui.failures import Failure
from tui.storage.records import EndedAnswer, ReplacedMessage

SOURCE = Source(title="Tides", path="/home/someone/tides.md", first=1, last=4, score=0.8)
FOUND = Passages(context="[1] tides.md\n```\nThe moon pulls the sea.\n```", sources=(SOURCE,), tokens=20)


def with_documents() -> Conversation:
    conversation = new_conversation("0" * 26, now=START, model=MODEL)
    return with_control(conversation, Control(documents=True))


class Finder:
    """Gives what a test wants, when it wants it."""

    def __init__(self, *results: Passages | Failure) -> None:
        self.results = list(results)
        self.asked: list[str] = []
        self.metadata: list[Mapping[str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(
        self, conversation: Conversation, _model: str, _plan: Plan, metadata: Mapping[str, Any]
    ) -> Passages:
        self.asked.append(conversation.messages[-1].text)
        self.metadata.append(metadata)
        await self.gate.wait()
        result = self.results.pop(0)
        if isinstance(result, Failure):
            raise PassagesFailed(result)
        return result


def asking(*results: Passages | Failure) -> tuple[Rig, Finder]:
    rig, finder = Rig(with_documents()), Finder(*results)
    rig.find_passages = finder
    return rig, finder


async def test_passages_go_before_the_prompt_in_one_request_and_stay_as_sources() -> None:
    rig, finder = asking(FOUND, NO_PASSAGES)
    await rig.session.ask("what pulls the sea?")
    call = await rig.engine.next_call()
    assert call.request.messages[-1].text == f"{FOUND.context}\n\nwhat pulls the sea?"
    call.say("the moon [1]")
    call.finish()
    await rig.session.settled()
    prompt, answer = rig.session.conversation.messages
    assert prompt.text == "what pulls the sea?"
    assert answer.sources == (SOURCE,)
    assert rig.disk.last.messages[-1].sources == (SOURCE,)
    await rig.session.ask("thanks")
    call = await rig.engine.next_call()
    assert [one.text for one in call.request.messages] == ["what pulls the sea?", "the moon [1]", "thanks"]
    assert finder.asked == ["what pulls the sea?", "thanks"]
    call.finish()
    await rig.session.settled()
    assert rig.session.conversation.messages[-1].sources == ()


async def test_a_conversation_without_documents_asks_nobody() -> None:
    rig, finder = Rig(), Finder()
    rig.find_passages = finder
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    call.finish()
    await rig.session.settled()
    assert finder.asked == []


async def test_the_search_is_a_phase_of_its_own_and_what_was_found_is_told() -> None:
    rig, finder = asking(FOUND)
    finder.gate.clear()
    await rig.session.ask("what pulls the sea?")
    await turns()
    assert (progress := rig.session.progress()) is not None
    assert progress.phase is Phase.searching
    finder.gate.set()
    call = await rig.engine.next_call()
    assert rig.session.extra_context == FOUND.context
    phases = [event.phase for event in rig.events if isinstance(event, PhaseChanged)]
    assert phases[:3] == [Phase.waiting, Phase.searching, Phase.waiting]
    assert PassagesFound(FOUND) in rig.events
    call.finish()
    await rig.session.settled()
    assert rig.session.extra_context == ""


async def test_escape_while_the_documents_are_searched_sends_nothing_and_keeps_the_prompt() -> None:
    rig, finder = asking(FOUND)
    finder.gate.clear()
    await rig.session.ask("what pulls the sea?")
    await turns()
    assert rig.session.stop()
    finder.gate.set()
    await rig.session.settled()
    assert rig.engine.calls == []
    prompt, answer = rig.session.conversation.messages
    assert (prompt.text, answer.state) == ("what pulls the sea?", MessageState.stopped)


async def test_a_search_that_fails_sends_nothing_and_the_person_decides() -> None:
    cause = Failure("no model of the server makes vectors", "", "pull one")
    rig, finder = asking(cause, cause, FOUND)
    await rig.session.ask("what pulls the sea?")
    await rig.session.settled()
    assert rig.engine.calls == []
    failure = rig.session.last_failure
    assert isinstance(failure, PassagesFailed)
    assert failure.cause is cause
    assert rig.session.can_try_again()
    rig.session.try_again()
    await rig.session.settled()
    assert len(finder.asked) == 2
    rig.session.try_again_without_passages()
    call = await rig.engine.next_call()
    assert [one.text for one in call.request.messages] == ["what pulls the sea?"]
    call.say("the moon")
    call.finish()
    await rig.session.settled()
    assert [one.text for one in rig.session.conversation.messages] == ["what pulls the sea?", "the moon"]
    await rig.session.ask("and now?")
    call = await rig.engine.next_call()
    assert call.request.messages[-1].text.startswith(FOUND.context)
    call.finish()
    await rig.session.settled()


async def test_a_queued_prompt_waits_when_the_search_before_it_fails() -> None:
    rig, finder = asking(Failure("the server is gone", "", ""))
    finder.gate.clear()
    await rig.session.ask("first")
    await turns()
    await rig.session.ask("second")
    finder.gate.set()
    await rig.session.settled()
    assert rig.session.queue == ("second",)
    assert rig.session.is_paused


async def test_sources_are_on_the_disk_before_the_first_word() -> None:
    rig, _ = asking(FOUND)
    await rig.session.ask("what pulls the sea?")
    call = await rig.engine.next_call()
    kept = [event for event in rig.disk.events if isinstance(event, ReplacedMessage)]
    assert [event.message.sources for event in kept] == [(SOURCE,)]
    assert not any(isinstance(event, EndedAnswer) for event in rig.disk.events)
    call.finish()
    await rig.session.settled()


# ---------------------------------------------------------------------- how it is counted


def said(*pairs: tuple[str, str, FinalCounts | None, bool]) -> Conversation:
    conversation = with_documents()
    for number, (prompt, answer, counts, has_sources) in enumerate(pairs):
        conversation = with_message(
            conversation, Message(id=f"p{number}", role=Role.user, text=prompt, at=START), now=START
        )
        conversation = with_message(
            conversation,
            Message(
                id=f"a{number}",
                role=Role.assistant,
                text=answer,
                at=START,
                model=MODEL,
                counts=counts,
                sources=(SOURCE,) if has_sources else (),
            ),
            now=START,
        )
    return conversation


def counted(prompt_tokens: int) -> FinalCounts:
    return replace(COUNTS, prompt_tokens=prompt_tokens)


def test_what_was_counted_with_passages_says_nothing_of_the_next_request() -> None:
    plan = Plan(window_tokens=8192)
    long = "word " * 100
    with_passages = said((long, "answer", counted(2100), True))
    without = said((long, "answer", None, False))
    assert window_use(with_passages, MODEL, plan).used == window_use(without, MODEL, plan).used < 400


def test_no_alarm_when_the_next_request_is_shorter_than_the_one_with_passages() -> None:
    long = "word " * 100
    conversation = said((long, "answer", counted(2100), True), (long, "answer", counted(260), False))
    assert was_window_cut(conversation, MODEL, Plan(window_tokens=8192)) == ""


def test_passages_leave_room_for_what_was_said_and_for_an_answer() -> None:
    wanted = FindLimits(budget_tokens=2000)
    prompt = with_message(with_documents(), Message(id="p", role=Role.user, text="why?", at=START), now=START)
    assert limits_for(prompt, MODEL, Plan(), wanted) is not None
    small = limits_for(prompt, MODEL, Plan(window_tokens=1024), wanted)
    assert small is not None
    assert small[0].budget_tokens < 1024 * 3 // 4
    full = with_message(with_documents(), Message(id="p", role=Role.user, text="word " * 900, at=START), now=START)
    assert limits_for(full, MODEL, Plan(window_tokens=1024), wanted) is None


@pytest.mark.parametrize("window", [None, 4096])
def test_an_answer_ends_where_the_window_does_passages_included(window: int | None) -> None:
    prompt = with_message(with_documents(), Message(id="p", role=Role.user, text="why?", at=START), now=START)
    bare = compose(prompt, MODEL, Plan(window_tokens=window)).request
    context = "passage " * 400
    with_passages = compose(prompt, MODEL, Plan(window_tokens=window, extra_context=context)).request
    assert with_passages.messages[-1].text == f"{context}\n\nwhy?"
    if window is None:
        assert "num_predict" not in with_passages.options
    else:
        assert with_passages.options["num_predict"] < bare.options["num_predict"] - len(context) // 5


@given(st.lists(st.sampled_from([Role.user, Role.assistant]), max_size=6), st.text(min_size=1))
def test_extra_context_goes_to_the_last_prompt_alone_and_changes_no_conversation(
    roles: list[Role], context: str
) -> None:
    conversation = with_documents()
    for number, role in enumerate(roles):
        message = Message(id=str(number), role=role, text=f"text {number}", at=START, model=MODEL)
        conversation = with_message(conversation, message, now=START)
    before = conversation
    plain = compose(conversation, MODEL, Plan()).request.messages
    fuller = compose(conversation, MODEL, Plan(extra_context=context)).request.messages
    assert conversation == before
    changed = [number for number, (one, other) in enumerate(zip(plain, fuller, strict=True)) if one != other]
    prompts = [number for number, one in enumerate(plain) if one.role == "user"]
    assert changed == prompts[-1:]


async def test_the_end_is_told_with_the_sources() -> None:
    rig, _ = asking(FOUND)
    await rig.session.ask("what pulls the sea?")
    call = await rig.engine.next_call()
    call.say("the moon")
    call.finish()
    await rig.session.settled()
    [ended] = [event for event in rig.events if isinstance(event, AnswerEnded)]
    assert ended.message.sources == (SOURCE,)
