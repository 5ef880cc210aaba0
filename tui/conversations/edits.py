"""Edits: each takes a conversation and gives a new one; ``now`` becomes its ``updated_at``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tui.conversations.control import Control
from tui.conversations.titles import title_from_prompt
from tui.conversations.values import Branch, Conversation, Message, MessageState, Role


def new_conversation(conversation_id: str, *, now: datetime, model: str = "") -> Conversation:
    return Conversation(id=conversation_id, created_at=now, updated_at=now, model=model)


def with_message(conversation: Conversation, message: Message, *, now: datetime) -> Conversation:
    """With ``message`` at the end. The first prompt also gives the title of a conversation that has none.

    Raises ValueError when a message with the same id is already there.
    """
    if any(message.id == other.id for other in conversation.messages):
        raise ValueError(f"message {message.id!r} is already in the conversation")
    title = conversation.title
    if not title and message.role is Role.user:
        title = title_from_prompt(message.text)
    return replace(conversation, title=title, messages=(*conversation.messages, message), updated_at=now)


def replace_message(conversation: Conversation, message: Message, *, now: datetime) -> Conversation:
    """With ``message`` in the place of the one that has its id. Raises KeyError when there is none."""
    position = _position_of(conversation, message.id)
    before, after = conversation.messages[:position], conversation.messages[position + 1 :]
    return replace(conversation, messages=(*before, message, *after), updated_at=now)


def without_message(conversation: Conversation, message_id: str, *, now: datetime) -> Conversation:
    """Without the message of that id; branches that hung on it hang on the one before it.

    Raises KeyError when there is none.
    """
    position = _position_of(conversation, message_id)
    before, after = conversation.messages[:position], conversation.messages[position + 1 :]
    branches = _without_hold(conversation, position, position + 1)
    return replace(conversation, messages=before + after, branches=branches, updated_at=now)


def without_messages_from(conversation: Conversation, message_id: str, *, now: datetime) -> Conversation:
    """Without the message of that id and all that follow; branches that hung on them hang on the one before.

    Raises KeyError when there is none.
    """
    position = _position_of(conversation, message_id)
    branches = _without_hold(conversation, position, len(conversation.messages))
    return replace(conversation, messages=conversation.messages[:position], branches=branches, updated_at=now)


def renamed(conversation: Conversation, title: str) -> Conversation:
    """With another title, on one line; a title of nothing but space brings back the first prompt's.

    ``updated_at`` stays: nobody said anything new.
    """
    one_line = " ".join(title.split())
    return replace(conversation, title=one_line or _title_from_messages(conversation))


def with_model(conversation: Conversation, model: str, *, now: datetime) -> Conversation:
    """With another model for the prompts to come; answers that are there keep theirs."""
    return replace(conversation, model=model, updated_at=now)


def with_control(conversation: Conversation, control: Control) -> Conversation:
    """With other settings of its own; ``updated_at`` stays."""
    return replace(conversation, control=control)


def with_message_before(conversation: Conversation, message: Message, before_id: str, *, now: datetime) -> Conversation:
    """With ``message`` before the one of that id. Raises KeyError when there is none."""
    position = _position_of(conversation, before_id)
    before, after = conversation.messages[:position], conversation.messages[position:]
    return replace(conversation, messages=(*before, message, *after), updated_at=now)


def with_interrupted_marked(conversation: Conversation) -> Conversation:
    """With every answer that is still marked as under way marked as broken off; what came of it is kept.

    For a conversation found on disk whose writer is gone. ``updated_at`` stays: nobody said anything new.
    """
    if all(message.state is not MessageState.answering for message in conversation.messages):
        return conversation
    return replace(
        conversation,
        messages=tuple(
            replace(message, state=MessageState.broken_off) if message.state is MessageState.answering else message
            for message in conversation.messages
        ),
    )


def _position_of(conversation: Conversation, message_id: str) -> int:
    """From the end: it is nearly always the last message that changes."""
    for position in range(len(conversation.messages) - 1, -1, -1):
        if conversation.messages[position].id == message_id:
            return position
    raise KeyError(message_id)


def _without_hold(conversation: Conversation, first: int, end: int) -> tuple[Branch, ...]:
    """The branches once the messages from ``first`` up to ``end`` are gone."""
    if not conversation.branches:
        return ()
    gone = {one.id for one in conversation.messages[first:end]}
    after = conversation.messages[first - 1].id if first else ""
    return tuple(replace(one, after=after) if one.after in gone else one for one in conversation.branches)


def _title_from_messages(conversation: Conversation) -> str:
    for message in conversation.messages:
        if message.role is Role.user:
            return title_from_prompt(message.text)
    return ""
