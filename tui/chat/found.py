"""What a conversation is when it is opened again: prompts that never left, and answers that were cut short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tui.chat.tool_turns import unanswered_calls
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.tools.running import CallOutcome


def says_nothing(message: Message) -> bool:
    """Whether it is an answer with nothing in it."""
    return message.role is Role.assistant and not (message.text or message.thinking or message.tool_calls)


def split_queue(conversation: Conversation) -> tuple[Conversation, list[Message]]:
    """The conversation without the prompts that never left, and those prompts."""
    queued = [one for one in conversation.messages if one.state is MessageState.not_sent]
    if not queued:
        return conversation, []
    kept = tuple(one for one in conversation.messages if one.state is not MessageState.not_sent)
    return replace(conversation, messages=kept), queued


def settle_interrupted(conversation: Conversation) -> tuple[Conversation, list[Message]]:
    """Answers that the disk knows as under way were cut short when chinwag ended: with them so, and those that changed."""
    settled = {one.id: _settled(one) for one in conversation.messages if one.state is MessageState.answering}
    if not settled:
        return conversation, []
    messages = tuple(settled.get(one.id, one) for one in conversation.messages)
    return replace(conversation, messages=messages), list(settled.values())


def settle_calls(conversation: Conversation, new_id: Callable[[], str]) -> tuple[Conversation, list[Message]]:
    """Calls of tools that nothing came of when chinwag ended: each gets a result that says so, and those results."""
    results = [
        Message(
            id=new_id(),
            role=Role.tool,
            text="not run: chinwag ended before anything came of it; had it begun, what it did is not known",
            at=conversation.updated_at,
            tool_name=call.name,
            tool_call_id=call.id,
            tool_outcome=CallOutcome.not_run.value,
        )
        for call in unanswered_calls(conversation.messages)
    ]
    return (replace(conversation, messages=(*conversation.messages, *results)) if results else conversation), results


def _settled(interrupted: Message) -> Message:
    return replace(
        interrupted,
        state=MessageState.failed if says_nothing(interrupted) else MessageState.broken_off,
        failure=interrupted.failure or "interrupted when chinwag ended",
    )
