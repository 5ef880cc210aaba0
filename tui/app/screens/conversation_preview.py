"""What was said in the conversation under the mark, beside the list."""

from __future__ import annotations

import re
from dataclasses import replace

from textual import events

from tui.app.transcript.view import Transcript
from tui.conversations.values import Conversation, Message, Role

LAST_MESSAGES = 6
MESSAGES_BEFORE_FOUND = 1
MESSAGES_AFTER_FOUND = 3
PROMPT_CHARACTERS = 2_000
ANSWER_CHARACTERS = 6_000
"""So much of an answer's end, or around what was found in it: more than the tallest window shows."""

_FENCE = re.compile(r"^ {0,3}(?:`{3,}|~{3,}).*$", re.MULTILINE)


class Preview(Transcript, can_focus=False):
    """A few messages as they look when the conversation is open; the keys belong to the list."""

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()
        event.stop()


def preview_of(conversation: Conversation, *, message_id: str = "", match: str = "") -> Conversation:
    """The same with its last messages only, or those around ``message_id``; long texts are cut.

    Of the message found, what stands around ``match`` is kept. Blocks for as long as a long text takes to look through.
    """
    messages = conversation.messages
    at = next((number for number, one in enumerate(messages) if one.id == message_id), None) if message_id else None
    if at is None:
        shown = [_cut(one) for one in messages[-LAST_MESSAGES:]]
    else:
        start = max(0, at - MESSAGES_BEFORE_FOUND)
        shown = [
            _cut(one, match if one.id == message_id else "") for one in messages[start : at + MESSAGES_AFTER_FOUND + 1]
        ]
    return replace(conversation, messages=tuple(shown))


def _cut(message: Message, match: str = "") -> Message:
    text = message.text
    limit = ANSWER_CHARACTERS if message.role is Role.assistant else PROMPT_CHARACTERS
    if len(text) <= limit:
        return message
    found = text.lower().find(match.lower()) if match else -1
    end_start = len(text) - limit if message.role is Role.assistant else 0
    start = max(0, found - limit // 2) if found >= 0 else end_start
    if start:
        start = text.find("\n", start, start + limit // 4) + 1 or start
    return replace(message, text=_open_fence(text[:start]) + text[start : start + limit])


def _open_fence(text: str) -> str:
    """The line that began the code in whose middle ``text`` ends; empty when it ends in prose."""
    fences = _FENCE.findall(text)
    return f"{fences[-1]}\n" if len(fences) % 2 else ""
