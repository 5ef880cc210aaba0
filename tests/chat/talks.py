"""A conversation to revise, and what is looked at in one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from tests.chat.rig import START, Rig, conversation_of, said
from tests.chat.scripted_engine import COUNTS, ChatCall
from tui.conversations.values import Conversation, Message, Role
from tui.engine import FinalCounts

LENGTH = replace(COUNTS, done_reason="length")


def ids(conversation: Conversation) -> list[str]:
    return [one.id for one in conversation.messages]


def texts(conversation: Conversation) -> list[str]:
    return [one.text for one in conversation.messages]


def beside(conversation: Conversation) -> list[list[str]]:
    return [[one.text for one in branch.messages] for branch in conversation.branches]


def talk(*more: Message) -> Conversation:
    """Two exchanges, in the order in which they were said."""
    messages = [
        said("p1", Role.user, "why?"),
        said("a1", Role.assistant, "because"),
        said("p2", Role.user, "and then?"),
        said("a2", Role.assistant, "nothing more"),
        *more,
    ]
    return conversation_of(*(replace(one, at=START + timedelta(seconds=number)) for number, one in enumerate(messages)))


def everything(conversation: Conversation) -> Counter[Message]:
    return Counter([*conversation.messages, *(one for branch in conversation.branches for one in branch.messages)])


async def answered(rig: Rig, text: str, counts: FinalCounts = COUNTS) -> ChatCall:
    call = await rig.engine.next_call()
    call.say(text)
    call.finish(counts)
    await rig.session.settled()
    return call


def same_on_disk(rig: Rig) -> None:
    kept, session = rig.disk.last, rig.session.conversation
    assert kept.messages == session.messages
    assert kept.branches == session.branches
    assert (kept.title, kept.control) == (session.title, session.control)
