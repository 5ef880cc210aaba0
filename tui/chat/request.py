"""From a conversation to what is asked of the engine."""

from __future__ import annotations

from collections.abc import Iterable

from tui.chat.generation import AS_THE_MODEL_IS_MADE, Generation
from tui.cleaning import for_model
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import ChatMessage, ChatRequest


def build_request(
    conversation: Conversation, *, model: str, generation: Generation = AS_THE_MODEL_IS_MADE
) -> ChatRequest:
    """Everything said so far, for ``model``; what the person did not set is left to the server.

    Thinking is left out: models are not meant to see their own again. Where a prompt was answered more than once, only
    the last answer goes; one without text goes only for its tool calls. An answer at the end does not go: it is the one
    that is asked for again, and a model would go on writing it. A prompt that was never sent does not go either.
    """
    return ChatRequest(
        model=model,
        messages=tuple(
            ChatMessage(role=message.role, text=for_model(message.text), tool_calls=message.tool_calls)
            for message in _spoken(conversation.messages)
        ),
        options=generation.options,
        think=generation.think,
        keep_alive=generation.keep_alive,
        format=generation.format,
    )


def _spoken(messages: Iterable[Message]) -> list[Message]:
    spoken: list[Message] = []
    for message in messages:
        if message.state is MessageState.not_sent:
            continue
        if message.role is Role.assistant:
            if not message.text and not message.tool_calls:
                continue
            if spoken and spoken[-1].role is Role.assistant:
                spoken.pop()
        spoken.append(message)
    if spoken and spoken[-1].role is Role.assistant:
        spoken.pop()
    return spoken
