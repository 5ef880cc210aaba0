"""What happens to a conversation, for the tests of its journal: stories, any history, and a slow way to the same end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.storage.samples import NOON, any_control, any_text
from tui.conversations.edits import new_conversation, replace_message, without_message, without_messages_from
from tui.conversations.titles import title_from_prompt
from tui.conversations.values import Branch, Conversation, Message, MessageState, Role
from tui.conversations.versions import (
    BEGINNING,
    branched_off,
    can_step_to,
    end_of_line,
    stepped_to,
    with_branches,
    with_inserted,
    without_branch,
)
from tui.engine import FinalCounts, ToolCall
from tui.storage.records import (
    BegunAnswer,
    BranchedOff,
    ChangedControl,
    ChangedModel,
    ChangedTitle,
    EndedAnswer,
    Event,
    GrownAnswer,
    InsertedMessage,
    KeptPrompt,
    RemovedBranch,
    RemovedFrom,
    RemovedMessage,
    ReplacedMessage,
    RestoredBranches,
    SentPrompt,
    SteppedTo,
)

ID = "01J0000000ABCDEFGHJKMNPQRS"
EMPTY = new_conversation(ID, now=NOON, model="qwen3:8b")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def prompt(number: int, text: str) -> KeptPrompt:
    message = Message(id=f"p{number}", role=Role.user, text=text, at=at(number * 10), state=MessageState.not_sent)
    return KeptPrompt(message=message)


def answer(number: int, parts: Iterable[str]) -> list[Event]:
    """From its beginning to its end."""
    begun = Message(
        id=f"a{number}",
        role=Role.assistant,
        text="",
        at=at(number * 10 + 1),
        state=MessageState.answering,
        model="qwen3:8b",
    )
    parts = list(parts)
    whole = replace(
        begun, text="".join(parts), state=MessageState.complete, counts=FinalCounts(answer_tokens=len(parts))
    )
    return [
        BegunAnswer(message=begun),
        *(GrownAnswer(message_id=begun.id, text=part) for part in parts),
        EndedAnswer(message=whole, at=at(number * 10 + 5)),
    ]


def turn(number: int, text: str = "why?", parts: Sequence[str] = ("be", "cause ", "of\nit\u2028é🙂")) -> list[Event]:
    """A prompt and its answer."""
    return [prompt(number, text), SentPrompt(message_id=f"p{number}", at=at(number * 10)), *answer(number, parts)]


def slowly(conversation: Conversation, events: Iterable[Event]) -> Conversation:
    """What the events come to, by the edits that the rest of the program knows."""
    for event in events:
        conversation = _after(conversation, event)
    return conversation


def _after(conversation: Conversation, event: Event) -> Conversation:
    match event:
        case KeptPrompt(message=message, before=before):
            place = next(
                (place for place, one in enumerate(conversation.messages) if one.id == before),
                len(conversation.messages),
            )
            title = conversation.title or ("" if message.role is Role.tool else title_from_prompt(message.text))
            return replace(_inserted(conversation, message, place), title=title, updated_at=message.at)
        case BegunAnswer(message=message):
            return replace(_inserted(conversation, message, _before_waiting(conversation)), updated_at=message.at)
        case SentPrompt(message_id=message_id, at=moment):
            sent = replace(_named(conversation, message_id), state=MessageState.complete, at=moment)
            others = tuple(one for one in conversation.messages if one.id != message_id)
            conversation = replace(conversation, messages=others, updated_at=moment)
            return _inserted(conversation, sent, _before_waiting(conversation))
        case GrownAnswer(message_id=message_id):
            message = _named(conversation, message_id)
            grown = replace(
                message,
                text=message.text + event.text,
                thinking=message.thinking + event.thinking,
                tool_calls=(*message.tool_calls, *event.tool_calls),
            )
            return replace_message(conversation, grown, now=conversation.updated_at)
        case EndedAnswer(message=message, at=moment) | ReplacedMessage(message=message, at=moment):
            return replace_message(conversation, message, now=moment)
        case RemovedMessage(message_id=message_id, at=moment):
            return _without_its_title(conversation, without_message(conversation, message_id, now=moment), message_id)
        case RemovedFrom(message_id=message_id, at=moment):
            shorter = without_messages_from(conversation, message_id, now=moment)
            return _without_its_title(conversation, shorter, message_id)
        case BranchedOff(message_id=message_id, at=moment):
            return branched_off(conversation, message_id, now=moment)
        case SteppedTo(message_id=message_id, at=moment):
            return stepped_to(conversation, message_id, now=moment)
        case RemovedBranch(message_id=message_id, at=moment):
            return without_branch(conversation, message_id, now=moment)
        case RestoredBranches(branches=branches, at=moment):
            return with_branches(conversation, branches, now=moment)
        case InsertedMessage(message=message, after=after, carried=carried, at=moment):
            return with_inserted(conversation, message, after=after, carried=carried, now=moment)
        case ChangedTitle(title=title):
            return replace(conversation, title=title)
        case ChangedModel(model=model, at=moment):
            return replace(conversation, model=model, updated_at=moment)
        case ChangedControl(control=control):
            return replace(conversation, control=control)


def _named(conversation: Conversation, message_id: str) -> Message:
    return next(message for message in conversation.messages if message.id == message_id)


def _inserted(conversation: Conversation, message: Message, place: int) -> Conversation:
    messages = (*conversation.messages[:place], message, *conversation.messages[place:])
    return replace(conversation, messages=messages)


def _before_waiting(conversation: Conversation) -> int:
    place = len(conversation.messages)
    while place and conversation.messages[place - 1].state is MessageState.not_sent:
        place -= 1
    return place


def _without_its_title(before: Conversation, after: Conversation, message_id: str) -> Conversation:
    if not after.messages and before.title == title_from_prompt(_named(before, message_id).text):
        return replace(after, title="")
    return after


_moments = st.integers(min_value=0, max_value=10**6).map(lambda seconds: at(seconds / 8))
_calls = st.builds(ToolCall, name=any_text, arguments=st.dictionaries(any_text, any_text, max_size=2), id=any_text)


_messages = st.builds(
    Message,
    id=st.just(""),
    role=st.sampled_from(Role),
    text=any_text,
    at=_moments,
    state=st.sampled_from(MessageState),
    thinking=any_text,
)


@st.composite
def any_history(draw: st.DrawFn, *, max_events: int = 12) -> list[Event]:
    """Events of which each can happen after the ones before it to the conversation ``EMPTY``."""
    conversation, events = EMPTY, list[Event]()
    for number in range(draw(st.integers(min_value=0, max_value=max_events))):
        event = draw(_next_event(conversation, f"{number}"))
        events.append(event)
        conversation = slowly(conversation, [event])
    return events


def _next_event(conversation: Conversation, new_id: str) -> st.SearchStrategy[Any]:
    new_message = _messages.map(lambda message: replace(message, id=new_id))
    kinds: list[st.SearchStrategy[Any]] = [
        st.builds(KeptPrompt, message=new_message, before=st.sampled_from(["", *map(_id_of, conversation.messages)])),
        st.builds(BegunAnswer, message=new_message),
        st.builds(ChangedTitle, title=any_text, at=_moments),
        st.builds(ChangedModel, model=any_text, at=_moments),
        st.builds(ChangedControl, control=any_control, at=_moments),
    ]
    if conversation.messages:
        ids = st.sampled_from([message.id for message in conversation.messages])
        known = st.builds(lambda message, message_id: replace(message, id=message_id), _messages, ids)
        growth = st.builds(
            GrownAnswer,
            message_id=ids,
            text=any_text,
            thinking=any_text,
            tool_calls=st.lists(_calls, max_size=1).map(tuple),
        )
        kinds += _rearranging(conversation, new_id)
        kinds += [
            growth,
            growth,
            st.builds(EndedAnswer, message=known, at=_moments),
            st.builds(ReplacedMessage, message=known, at=_moments),
            st.builds(SentPrompt, message_id=ids, at=_moments),
            st.builds(RemovedMessage, message_id=ids, at=_moments),
            st.builds(RemovedFrom, message_id=ids, at=_moments),
        ]
    return st.one_of(kinds)


def _rearranging(conversation: Conversation, new_id: str) -> list[st.SearchStrategy[Any]]:
    line = conversation.messages[: end_of_line(conversation)]
    firsts = [one.messages[0].id for one in conversation.branches]
    places = [BEGINNING, *map(_id_of, line)]
    steps = [one for one in firsts if can_step_to(conversation, one)]
    restored = _messages.map(lambda message: replace(message, id=new_id))
    branch = st.builds(Branch, after=st.sampled_from(places), messages=restored.map(lambda message: (message,)))
    kinds: list[st.SearchStrategy[Any]] = [
        st.builds(RestoredBranches, branches=st.lists(branch, max_size=1).map(tuple), at=_moments),
        st.builds(
            InsertedMessage,
            message=restored,
            after=st.sampled_from(places),
            carried=st.lists(st.sampled_from([*firsts, "gone"]), max_size=2).map(tuple),
            at=_moments,
        ),
    ]
    if line:
        branching = st.builds(BranchedOff, message_id=st.sampled_from([one.id for one in line]), at=_moments)
        kinds += [branching, branching]
    if steps:
        stepping = st.builds(SteppedTo, message_id=st.sampled_from(steps), at=_moments)
        kinds += [stepping, stepping, st.builds(RemovedBranch, message_id=st.sampled_from(steps), at=_moments)]
    return kinds


def _id_of(message: Message) -> str:
    return message.id
