"""What was attached, as a model gets it: texts before the prompt that brought them, pictures beside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tui.chat.attaching import ReadContent
from tui.chat.fitting import Composed, Plan, compose, shown
from tui.cleaning import clean_line
from tui.conversations.values import Attachment, AttachmentKind, Conversation, Message, Role
from tui.storage.attachments import LostAttachment

NAME_CELLS = 300
_BACKTICKS = re.compile("`+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpelledOut:
    conversation: Conversation
    """For one request: attached texts stand in the prompts, and only pictures are attached still."""
    pictures: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By hash, in standard base64."""
    lost: tuple[LostAttachment, ...] = ()
    """What earlier prompts had and nobody has any more; the model is told that it is missing."""


def has_attachments(messages: Iterable[Message]) -> bool:
    return any(one.attachments for one in messages)


def compose_spelled_out(conversation: Conversation, model: str, plan: Plan, read: ReadContent) -> Composed:
    """As ``compose``, with what is attached. Blocks. Raises as ``spell_out`` does."""
    if not has_attachments(conversation.messages):
        return compose(conversation, model, plan)
    spelled = spell_out(conversation, read, seen=shown(conversation, model, plan), can_see=plan.can_see)
    composed = compose(spelled.conversation, model, replace(plan, pictures=spelled.pictures))
    return replace(composed, lost=spelled.lost)


def spell_out(
    conversation: Conversation, read: ReadContent, *, seen: Iterable[Message], can_see: bool | None = None
) -> SpelledOut:
    """The conversation with what is attached to those of its messages that the model is shown: ``seen``. Blocks.

    A model that cannot see (``can_see`` is False) is told of earlier pictures that there were some. Raises
    ``LostAttachment`` when the content of something that came with the last prompt is gone or damaged: nothing is sent
    then.
    """
    wanted = {one.id for one in seen if one.attachments}
    last = next((one.id for one in reversed(conversation.messages) if one.role is Role.user), "")
    pictures: dict[str, str] = {}
    lost: list[LostAttachment] = []
    messages: list[Message] = []
    for message in conversation.messages:
        if message.id not in wanted:
            messages.append(message)
            continue
        blocks: list[str] = []
        beside: list[Attachment] = []
        for one in message.attachments:
            is_picture = one.kind is AttachmentKind.image
            if is_picture and can_see is False and message.id != last:
                blocks.append(f"(A picture was here, {clean_line(one.name, NAME_CELLS)}; you cannot see pictures.)")
                continue
            try:
                data = read(one)
            except LostAttachment as failure:
                if message.id == last:
                    raise
                lost.append(failure)
                blocks.append(f"({clean_line(one.name, NAME_CELLS)} was here; its content is lost.)")
                continue
            if is_picture:
                pictures.setdefault(one.sha256, base64.b64encode(data).decode("ascii"))
                beside.append(one)
            else:
                blocks.append(block_of(one.name, data.decode("utf-8", "surrogatepass")))
        text = "\n\n".join((*blocks, *((message.text,) if message.text else ())))
        messages.append(replace(message, text=text, attachments=tuple(beside)))
    return SpelledOut(
        conversation=replace(conversation, messages=tuple(messages)),
        pictures=MappingProxyType(pictures),
        lost=tuple(lost),
    )


def spelled_messages(conversation: Conversation, read: ReadContent, messages: Iterable[Message]) -> list[Message]:
    """Some messages of the conversation with the texts that went along, for somebody who sees no pictures. Blocks."""
    messages = list(messages)
    spelled = spell_out(conversation, read, seen=messages, can_see=False).conversation
    by_id = {one.id: one for one in spelled.messages}
    return [by_id.get(one.id, one) for one in messages]


def block_of(name: str, text: str) -> str:
    """A text under its name, in a fence that nothing in it ends."""
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    return f"{clean_line(name, NAME_CELLS)}:\n{fence}\n{text.rstrip()}\n{fence}"
