"""A conversation as plain text and as one HTML page that fetches and runs nothing."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator

from tui.cleaning import clean
from tui.conversations.values import Attachment, Conversation, Message, MessageState, Role, Source
from tui.engine import ToolCall

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
article { margin: 1.6rem 0; }
article.user { border-left: 4px solid #c9772b; padding-left: .9rem; }
h2 { font-size: .9rem; opacity: .75; margin: 0 0 .3rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: 0; }
details { opacity: .8; margin: .3rem 0; }
.fault { color: #b3261e; }
"""
# Whatever a model wrote, nothing may be fetched or run: the policy is a second lock behind the escaping.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def as_plain_text(conversation: Conversation) -> str:
    """Who said what, one after the other, unchanged; a line of dashes lies between them."""
    parts = []
    for message in conversation.messages:
        body = message.text
        for call in message.tool_calls:
            body = f"{body}\n[tool call: {call.name} {_arguments(call)}]".lstrip("\n")
        for attachment in message.attachments:
            body = f"{body}\n[attached: {_attachment_words(attachment)}]".lstrip("\n")
        if message.sources:
            listed = "\n".join(f"[{number}] {_source_words(one)}" for number, one in enumerate(message.sources, 1))
            body = f"{body}\n\nsources:\n{listed}".lstrip("\n")
        if message.failure:
            body = f"{body}\n[{message.failure}]".lstrip("\n")
        parts.append(f"{_who(message)}:\n{body}\n")
    return f"\n{'-' * 40}\n\n".join(parts)


def as_html(conversation: Conversation) -> str:
    """Everything said stands in it as text, control characters as symbols."""
    articles = "\n".join(line for message in conversation.messages for line in _article(message))
    created = conversation.created_at.isoformat(timespec="minutes")
    return html_page(conversation.title or "untitled", style=STYLE, body=f"<p>{escaped(created)}</p>\n{articles}")


def _article(message: Message) -> Iterator[str]:
    yield f"<article class={message.role.value}>"
    at = message.at.isoformat(timespec="minutes")
    yield f"<h2>{escaped(_who(message))} · <time datetime={at}>{at}</time>{escaped(_state(message))}</h2>"
    if message.thinking:
        yield f"<details><summary>thinking</summary><pre>{escaped(message.thinking)}</pre></details>"
    if message.text:
        yield f"<pre>{escaped(message.text)}</pre>"
    for attachment in message.attachments:
        yield f"<p>attached: {escaped(_attachment_words(attachment))}</p>"
    for call in message.tool_calls:
        yield f"<p>tool call: {escaped(call.name)}</p><pre>{escaped(_arguments(call))}</pre>"
    if message.sources:
        rows = "".join(f"<li>{escaped(_source_words(one))}</li>" for one in message.sources)
        yield f"<details open><summary>sources</summary><ol>{rows}</ol></details>"
    if message.failure:
        yield f"<p class=fault>{escaped(message.failure)}</p>"
    yield "</article>"


def _arguments(call: ToolCall) -> str:
    try:
        return json.dumps(call.arguments, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return str(dict(call.arguments))


def _attachment_words(attachment: Attachment) -> str:
    return f"{' '.join(attachment.name.split())}, {attachment.size_bytes:,} bytes"


def _source_words(source: Source) -> str:
    """Where on somebody's disk it lies is nobody's business who gets the page."""
    return f"{' '.join(source.path.rpartition('/')[2].split())}, {source.range_words}"


def _who(message: Message) -> str:
    match message.role:
        case Role.user:
            return "you"
        case Role.assistant:
            return " ".join(message.model.split()) or "assistant"
        case role:
            return f"{role.value} {' '.join(message.tool_name.split())}".rstrip()


def _state(message: Message) -> str:
    if message.tool_outcome:
        return f" · {' '.join(message.tool_outcome.split())}"
    return "" if message.state is MessageState.complete else f" · {message.state.value.replace('_', ' ')}"


def escaped(text: str) -> str:
    """As text of an HTML page; control characters as symbols."""
    return html.escape(clean(text), quote=True)


def html_page(title: str, *, style: str, body: str, language: str = "") -> str:
    """A whole page around ``body``, which is HTML; ``title`` is text. It may fetch and run nothing, whatever is in it."""
    html_tag = f"<html lang={language}>" if language else "<html>"
    return (
        f"<!doctype html>\n{html_tag}\n<head>\n<meta charset=utf-8>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name=viewport content="width=device-width">\n'
        f"<title>{escaped(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<h1>{escaped(title)}</h1>\n{body}\n</body>\n</html>\n"
    )
