"""The same prompt to several models: each in a session of its own, at once or in turn; one answer is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chat.rig import START, Clock, Rig, conversation_of, said, turns
from tests.chat.scripted_engine import COUNTS, ChatCall, ScriptedEngine, refused
from tui.chat.comparing import Answerer, ComparedPrompt, Comparison, asked_of, new_prompt, repeated_prompt
from tui.chat.events import ConversationReplaced
from tui.chat.keeping import NothingKept
from tui.chat.session import Session, SessionTools
from tui.conversations.control import Control
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import ErrorKind
from tui.failures import Failure
from tui.storage.records import BegunAnswer, EndedAnswer, KeptPrompt, SentPrompt

A, B, C = Answerer(model="a:8b"), Answerer(model="b:8b"), Answerer(model="c:8b")
EARLIER = (said("p1", Role.user, "hello"), said("a1", Role.assistant, "hi"))


class Compared:
    """A comparison with a scripted engine."""

    def __init__(self, prompt: ComparedPrompt, *answerers: Answerer, is_at_once: bool = True) -> None:
        self.engine, self.clock = ScriptedEngine(), Clock()
        self._ids = 0
        self.comparison = Comparison(prompt, answerers, session_for=self._session, is_at_once=is_at_once)
        self.comparison.begin()

    def _session(self, conversation: Conversation) -> Session:
        tools = SessionTools(
            engine=lambda: self.engine,
            is_cloud=lambda _name: False,
            now=self.clock.now,
            clock=self.clock,
            new_message_id=self._new_id,
            sleep=self.clock.sleep,
            close_patience_seconds=0.05,
        )
        return Session(conversation, tools, log=NothingKept())

    def _new_id(self) -> str:
        self._ids += 1
        return f"c{self._ids}"

    async def calls(self, count: int) -> dict[str, ChatCall]:
        """The next requests, by their model."""
        found = [await self.engine.next_call() for _ in range(count)]
        return {call.request.model: call for call in found}

    @property
    def asked(self) -> list[str]:
        return [call.request.model for call in self.engine.calls]

    async def settled(self) -> None:
        while self.comparison.is_running:
            await turns()


def prompt(text: str = "why?") -> ComparedPrompt:
    return new_prompt(conversation_of(*EARLIER), said("p2", Role.user, text))


def finish(call: ChatCall, text: str) -> None:
    call.say(text)
    call.finish()


async def test_all_are_asked_the_same_at_once() -> None:
    compared = Compared(prompt(), A, B, C)
    calls = await compared.calls(3)
    assert set(calls) == {"a:8b", "b:8b", "c:8b"}
    for call in calls.values():
        assert [one.text for one in call.request.messages] == ["hello", "hi", "why?"]
    for name, call in calls.items():
        finish(call, f"because, says {name}")
    await compared.settled()
    answers = [one.answer for one in compared.comparison.columns]
    assert [one.text for one in answers if one is not None] == [
        "because, says a:8b",
        "because, says b:8b",
        "because, says c:8b",
    ]
    assert all(one is not None and one.counts == COUNTS for one in answers)


async def test_one_after_the_other_asks_the_next_when_the_last_has_ended() -> None:
    compared = Compared(prompt(), A, B, is_at_once=False)
    first, second = compared.comparison.columns
    call = await compared.engine.next_call()
    await turns()
    assert compared.asked == ["a:8b"]
    assert (first.is_asked, second.is_waiting, second.answer) == (True, True, None)
    finish(call, "one")
    call = await compared.engine.next_call()
    assert call.request.model == "b:8b"
    assert first.can_keep
    finish(call, "two")
    await compared.settled()
    assert second.can_keep


async def test_presets_of_one_model_follow_each_other_so_that_it_is_loaded_once() -> None:
    careful = Answerer(model="a:8b", preset="precise")
    compared = Compared(prompt(), A, B, careful, is_at_once=False)
    for _ in range(3):
        finish(await compared.engine.next_call(), "x")
    await compared.settled()
    assert compared.asked == ["a:8b", "a:8b", "b:8b"]


async def test_one_that_fails_leaves_the_others_alone() -> None:
    compared = Compared(prompt(), A, B)
    calls = await compared.calls(2)
    calls["a:8b"].fail(refused(ErrorKind.model_missing, "no model a:8b"))
    finish(calls["b:8b"], "fine")
    await compared.settled()
    failed, whole = compared.comparison.columns
    assert failed.failure is not None
    assert failed.failure.title == "no model a:8b"
    assert failed.answer is not None
    assert failed.answer.state is MessageState.failed
    assert (failed.can_keep, failed.can_ask) == (False, True)
    assert (whole.can_keep, whole.can_ask) == (True, False)


async def test_one_that_failed_is_asked_again_with_the_same() -> None:
    compared = Compared(prompt(), A)
    (await compared.engine.next_call()).fail(refused())
    await compared.settled()
    (column,) = compared.comparison.columns
    compared.comparison.ask(column)
    call = await compared.engine.next_call()
    assert [one.text for one in call.request.messages] == ["hello", "hi", "why?"]
    assert column.failure is None
    finish(call, "at last")
    await compared.settled()
    assert [one.text for one in column.messages] == ["at last"]


async def test_stop_ends_what_runs_and_asks_nobody_else() -> None:
    compared = Compared(prompt(), A, B, is_at_once=False)
    call = await compared.engine.next_call()
    call.say("half")
    await call.all_read()
    assert compared.comparison.has_answers
    assert compared.comparison.stop()
    await call.hung_up()
    await compared.settled()
    stopped, never = compared.comparison.columns
    assert stopped.answer is not None
    assert (stopped.answer.text, stopped.answer.state) == ("half", MessageState.stopped)
    assert stopped.can_keep
    assert (never.session, never.answer, never.can_ask) == (None, None, True)
    assert compared.asked == ["a:8b"]
    assert not compared.comparison.stop()
    compared.comparison.ask(never)
    assert (await compared.engine.next_call()).request.model == "b:8b"


async def test_close_hangs_up_and_nothing_is_asked_later() -> None:
    compared = Compared(prompt(), A, B, is_at_once=False)
    call = await compared.engine.next_call()
    await compared.comparison.close()
    await call.hung_up()
    await turns()
    compared.comparison.ask(compared.comparison.columns[1])
    await turns()
    assert compared.asked == ["a:8b"]


async def test_an_earlier_answer_is_never_taken_for_one_that_did_not_come() -> None:
    compared = Compared(prompt(), A)
    call = await compared.engine.next_call()
    compared.comparison.stop()
    await call.hung_up()
    await compared.settled()
    (column,) = compared.comparison.columns
    assert all(one.id not in ("a1", "p2") for one in column.messages)
    assert not column.can_keep


def test_the_last_prompt_is_asked_without_the_answers_that_it_has() -> None:
    found = repeated_prompt(conversation_of(*EARLIER, said("p2", Role.user, "why?"), said("a2", Role.assistant, "so")))
    assert found is not None
    assert (found.message.text, found.is_new) == ("why?", False)
    assert [one.id for one in found.conversation.messages] == ["p1", "a1", "p2"]
    assert repeated_prompt(conversation_of()) is None


def test_an_answerer_has_its_own_model_and_preset() -> None:
    conversation = conversation_of()
    asked = asked_of(conversation, Answerer(model="b:8b", preset="precise"))
    assert (asked.model, asked.control.preset) == ("b:8b", "precise")
    assert asked_of(replace(conversation, control=Control(tools=("calculator",))), A).control.tools == ()
    kept = asked_of(asked, Answerer(model="c:8b"))
    assert (kept.model, kept.control) == ("c:8b", Control(preset="precise"))


# What is kept


def answer(text: str = "because", state: MessageState = MessageState.complete) -> Message:
    return Message(
        id="x1", role=Role.assistant, text=text, thinking="hm", model="b:8b", at=START, counts=COUNTS, state=state
    )


async def test_prompt_and_answer_are_taken_over_with_everything() -> None:
    rig = Rig(conversation_of(*EARLIER))
    rig.session.take_over(said("p2", Role.user, "why?"), [answer()])
    await rig.session.settled()
    *_, kept_prompt, kept = rig.session.conversation.messages
    assert (kept_prompt.text, kept_prompt.state) == ("why?", MessageState.complete)
    assert kept == answer()
    assert rig.disk.last.messages == rig.session.conversation.messages
    assert [type(one) for one in rig.disk.events] == [KeptPrompt, SentPrompt, BegunAnswer, EndedAnswer]
    assert rig.only(ConversationReplaced).conversation == rig.session.conversation


async def test_the_first_prompt_of_a_conversation_gives_it_its_title() -> None:
    rig = Rig()
    rig.session.take_over(said("p1", Role.user, "why is the sky blue?"), [answer()])
    await rig.session.settled()
    assert rig.session.conversation.title == "why is the sky blue?"
    assert rig.disk.last.title == "why is the sky blue?"


async def test_what_was_taken_over_is_asked_with() -> None:
    rig = Rig()
    rig.session.take_over(said("p1", Role.user, "why?"), [answer()])
    rig.session.use_model("b:8b")
    await rig.session.ask("and then?")
    call = await rig.engine.next_call()
    assert call.request.model == "b:8b"
    assert [one.text for one in call.request.messages] == ["why?", "because", "and then?"]
    finish(call, "so")
    await rig.session.settled()


async def test_prompts_that_wait_stay_behind_what_is_taken_over() -> None:
    waiting = said("q1", Role.user, "later", MessageState.not_sent)
    rig = Rig(conversation_of(*EARLIER, waiting))
    rig.session.take_over(said("p2", Role.user, "why?"), [answer()])
    await rig.session.settled()
    assert [one.id for one in rig.disk.last.messages] == ["p1", "a1", "p2", "x1", "q1"]
    assert rig.session.queue == ("later",)


async def test_without_a_prompt_it_is_another_answer_to_the_last() -> None:
    rig = Rig(conversation_of(*EARLIER))
    rig.session.take_over(None, [answer()])
    await rig.session.settled()
    assert [one.id for one in rig.disk.last.messages] == ["p1", "x1"]
    # The one that stood there stays beside it, and comes back.
    assert [[one.id for one in branch.messages] for branch in rig.disk.last.branches] == [["a1"]]
    rig.session.undo()
    await rig.session.settled()
    assert [one.id for one in rig.disk.last.messages] == ["p1", "a1"]


async def test_without_a_prompt_it_stands_in_the_place_of_an_answer_with_nothing_in_it() -> None:
    for before in ((EARLIER[0],), (EARLIER[0], said("a1", Role.assistant, "", MessageState.failed))):
        rig = Rig(conversation_of(*before))
        rig.session.take_over(None, [answer()])
        await rig.session.settled()
        assert [one.id for one in rig.disk.last.messages] == ["p1", "x1"]
        assert not rig.disk.last.branches


async def test_nothing_is_taken_over_while_an_answer_comes_or_another_chinwag_writes() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    with pytest.raises(Failure, match="an answer is under way"):
        rig.session.take_over(said("p9", Role.user, "why?"), [answer()])
    finish(call, "hi")
    await rig.session.settled()
    assert len(rig.session.conversation.messages) == 2
    watched = Rig(conversation_of(*EARLIER), is_read_only=True)
    with pytest.raises(Failure, match="another chinwag"):
        watched.session.take_over(None, [answer()])
