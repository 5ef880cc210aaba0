"""A conversation as a Markdown text, for a file or the clipboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from tui.conversations.values import Attachment, Conversation, Message, MessageState, Role, Source

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_STATE_WORDS = {
    MessageState.not_sent: "not sent",
    MessageState.answering: "answering",
    MessageState.stopped: "stopped",
    MessageState.broken_off: "broken off",
    MessageState.failed: "failed",
}


def as_markdown(conversation: Conversation) -> str:
    """The whole conversation; what was written and answered stands in it unchanged.

    Each message is under a heading of its own. A code block that an answer left open is closed after it, so that the
    messages that follow are read as text.
    """
    parts = [f"# {_on_one_line(conversation.title) or 'untitled'}", _line_below_title(conversation)]
    for message in conversation.messages:
        parts.extend(_parts_of(message))
    return "\n\n".join(parts) + "\n"


def _parts_of(message: Message) -> Iterator[str]:
    yield f"## {_heading(message)}"
    if message.thinking:
        yield "### thinking"
        yield _closed(message.thinking)
        if message.text:
            yield "### answer"
    if message.role is Role.tool:
        # Whatever a tool gave, it is no heading of this text.
        yield _fenced(message.text, "text")
    elif message.text:
        yield _closed(message.text)
    if message.attachments:
        yield "\n".join(f"- attached: {_attachment_words(one)}" for one in message.attachments)
    for call in message.tool_calls:
        yield f"### tool call: {_on_one_line(call.name)}"
        yield _fenced(_arguments_as_json(call.arguments), "json")
    if message.sources:
        yield "### sources"
        yield "\n".join(f"{number}. {_source_words(one)}" for number, one in enumerate(message.sources, 1))
    if message.failure:
        yield _closed(message.failure)


def _heading(message: Message) -> str:
    match message.role:
        case Role.user:
            who = "you"
        case Role.assistant:
            who = _on_one_line(message.model) or "assistant"
        case _:
            who = f"{message.role.value} {_on_one_line(message.tool_name)}".rstrip()
    words = [who, _minute(message.at)]
    if message.tool_outcome:
        words.append(_on_one_line(message.tool_outcome))
    if message.state in _STATE_WORDS:
        words.append(_STATE_WORDS[message.state])
    return " · ".join(words)


def _attachment_words(attachment: Attachment) -> str:
    return f"`{_on_one_line(attachment.name).replace('`', chr(39))}`, {attachment.size_bytes:,} bytes"


def _source_words(source: Source) -> str:
    """Where on somebody's disk it lies is nobody's business who gets the text."""
    name = _on_one_line(source.path.rpartition("/")[2]).replace("`", "'")
    return f"`{name}`, {source.range_words}"


def _line_below_title(conversation: Conversation) -> str:
    words = [_minute(conversation.created_at)]
    if conversation.model:
        words.append(_on_one_line(conversation.model))
    count = len(conversation.messages)
    words.append(f"{count} message" if count == 1 else f"{count} messages")
    return " · ".join(words)


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _arguments_as_json(arguments: object) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False, indent=2, default=dict)
    except RecursionError:
        # Without an indent the encoder is written in C and goes far deeper.
        return json.dumps(arguments, ensure_ascii=False, default=dict)


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _closed(text: str) -> str:
    """``text``, with the fence that it left open added after it."""
    open_fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found is None:
            continue
        fence, rest = found.groups()
        if not open_fence:
            if fence[0] == "~" or "`" not in rest:
                open_fence = fence
        elif fence.startswith(open_fence) and not rest.strip():
            open_fence = ""
    if not open_fence:
        return text
    return text + ("" if text.endswith("\n") else "\n") + open_fence
