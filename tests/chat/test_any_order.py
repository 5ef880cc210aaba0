"""Whatever a person and a server do in whatever order, no prompt and no text is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from hypothesis import given
from hypothesis import strategies as st

from tests.chat.rig import BROKE_OFF, DISK_FULL, Rig, turns
from tui.chat.events import AnswerBegan, AnswerEnded, AnswerGrew, MessageRemoved, PromptAdded
from tui.chat.session import Session
from tui.conversations.values import MessageState, Role

STEPS = (
    "ask",
    "stop",
    "take back",
    "go on",
    "try again",
    "say",
    "finish",
    "fail",
    "disk stops",
    "disk goes on",
    "disk fills",
    "disk empties",
    "second passes",
    "wait",
)


class Play:
    def __init__(self) -> None:
        self.rig = Rig()
        self.asked = 0
        self.taken_back: list[str] = []
        self._asking: set[asyncio.Task[None]] = set()

    async def step(self, what: str) -> None:
        session, disk = self.rig.session, self.rig.disk
        calls = self.rig.engine.calls
        match what:
            case "ask":
                self.asked += 1
                await self._start(session.ask(f"prompt {self.asked}"))
            case "go on":
                await self._start(session.go_on())
            case "stop":
                session.stop()
            case "take back":
                self.taken_back += [one.text] if (one := session.take_back()) is not None else []
            case "try again":
                session.try_again()
            case "say" if calls:
                calls[-1].say("word ")
            case "finish" if calls:
                calls[-1].finish()
            case "fail" if calls:
                calls[-1].fail(BROKE_OFF)
            case "disk stops":
                disk.gate.clear()
            case "disk goes on":
                disk.gate.set()
            case "disk fills":
                disk.refusal = DISK_FULL
            case "disk empties":
                disk.refusal = None
            case "second passes":
                await self.rig.clock.pass_seconds(1)
            case "wait":
                await turns()
            case _:
                await turns(1)

    async def _start(self, work: Coroutine[None, None, None]) -> None:
        self._asking.add(asyncio.create_task(work))
        await turns(1)

    async def end(self) -> None:
        self.rig.disk.gate.set()
        self.rig.disk.refusal = None
        await self.rig.session.close()
        for task in self._asking:
            await task


@given(steps=st.lists(st.sampled_from(STEPS), max_size=40))
async def test_no_prompt_and_no_text_is_lost_or_doubled(steps: list[str]) -> None:
    play = Play()
    for what in steps:
        await play.step(what)
        check_together(play.rig.session)
    await play.end()
    rig = play.rig
    session = rig.session

    prompts = [one.text for one in session.conversation.messages if one.role is Role.user]
    everywhere = [*prompts, *session.queue, *play.taken_back]
    assert sorted(everywhere) == sorted(f"prompt {n + 1}" for n in range(play.asked))
    assert [event.message.text for event in rig.heard(PromptAdded)] == prompts

    began, ended = rig.heard(AnswerBegan), rig.heard(AnswerEnded)
    assert [event.message.id for event in began] == [event.message.id for event in ended]
    removed = {event.message_id for event in rig.heard(MessageRemoved)}
    answers = [one for one in session.conversation.messages if one.role is Role.assistant]
    assert answers == [event.message for event in ended if event.message.id not in removed]
    assert not any(one.state is MessageState.answering for one in answers)
    assert "".join(one.text for one in answers) == "".join(event.text for event in rig.heard(AnswerGrew))

    if play.asked and not (session.is_empty and not rig.disk.saved):
        kept = rig.disk.last.messages
        assert kept[: len(session.conversation.messages)] == session.conversation.messages
        waiting = [one.text for one in kept[len(session.conversation.messages) :]]
        assert waiting == list(session.queue)
    assert not session.is_answering
    await rig.clock.pass_seconds(0)
    assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()


def check_together(session: Session) -> None:
    """What must hold at every moment."""
    under_way = [one for one in session.conversation.messages if one.state is MessageState.answering]
    assert len(under_way) == (session.live_text() is not None)
    assert session.is_answering or not under_way
    assert not (session.can_try_again() and session.is_answering)
