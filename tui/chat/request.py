"""From a conversation to what is asked of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from tui.chat.generation import AS_THE_MODEL_IS_MADE, Generation
from tui.chat.tool_turns import calls_told
from tui.cleaning import for_model
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import ChatMessage, ChatRequest


def build_request(
    conversation: Conversation,
    *,
    model: str,
    generation: Generation = AS_THE_MODEL_IS_MADE,
    tools: Sequence[Mapping[str, Any]] = (),
    pictures: Mapping[str, str] = MappingProxyType({}),
    goes_on: bool = False,
) -> ChatRequest:
    """Everything said so far, for ``model``; what the person did not set is left to the server.

    Thinking is left out: models are not meant to see their own again. Where a prompt was answered more than once, only
    the last answer goes. Calls of tools go with their results and results with their calls, never one without the
    other. An answer at the end does not go: it is the one that is asked for again, and a model would go on writing it,
    unless it ``goes_on`` with it. A prompt that was never sent does not go either. ``pictures`` are those that are attached, in base64 by their hash.
    """
    return ChatRequest(
        model=model,
        messages=tuple(_sent(message, pictures) for message in _spoken(conversation.messages, goes_on=goes_on)),
        options=generation.options,
        think=generation.think,
        keep_alive=generation.keep_alive,
        format=generation.format,
        tools=tuple(tools),
    )


def _sent(message: Message, pictures: Mapping[str, str]) -> ChatMessage:
    is_result = message.role is Role.tool
    return ChatMessage(
        role=message.role,
        text=for_model(message.text),
        images=tuple(pictures[one.sha256] for one in message.attachments if one.sha256 in pictures),
        tool_calls=message.tool_calls,
        tool_name=message.tool_name if is_result else "",
        tool_call_id=message.tool_call_id if is_result else "",
    )


def _spoken(messages: Iterable[Message], *, goes_on: bool) -> list[Message]:
    spoken: list[Message] = []
    for message in _with_results(messages):
        if message.role is Role.assistant and spoken and spoken[-1].role is Role.assistant:
            spoken.pop()
        spoken.append(message)
    if spoken and spoken[-1].role is Role.assistant and not goes_on:
        spoken.pop()
    return spoken


def _with_results(messages: Iterable[Message]) -> list[Message]:
    """What has something to say: calls that were answered, results of calls that are there, texts."""
    kept: list[Message] = []
    sent = [one for one in messages if one.state is not MessageState.not_sent]
    index = 0
    while index < len(sent):
        message = sent[index]
        index += 1
        if message.role is Role.tool:
            continue  # its call fell out
        if message.role is not Role.assistant:
            kept.append(message)
            continue
        end = index
        while end < len(sent) and sent[end].role is Role.tool:
            end += 1
        calls = calls_told(message.tool_calls, sent[index:end])
        if message.text or calls:
            kept += [replace(message, tool_calls=calls), *sent[index : index + len(calls)]]
        index = end
    return kept
