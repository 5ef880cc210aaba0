"""What is sent, in Ollama's words."""

from __future__ import annotations

import json
from typing import Any

from tui.engine import ChatMessage, ChatRequest, ToolCall


def chat_body(request: ChatRequest) -> dict[str, Any]:
    """The body of ``/api/chat``. What is unset is left out, so that the server decides; 0 and False are values."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "stream": request.stream,
    }
    options = {name: value for name, value in request.options.items() if value is not None}
    if options:
        body["options"] = options
    if request.tools:
        body["tools"] = [dict(tool) for tool in request.tools]
    if request.format is not None and request.format != "":
        # "json" is accepted and then not enforced for most models; this schema means the same and is enforced for all.
        body["format"] = {"type": "object"} if request.format == "json" else request.format
    settings = {"think": request.think, "keep_alive": request.keep_alive, "truncate": request.truncate}
    body |= {name: value for name, value in settings.items() if value is not None}
    return body


def encoded(body: dict[str, Any]) -> bytes:
    """As ASCII, so that half a surrogate pair in a text travels too. Raises ``ValueError`` or ``TypeError``."""
    return json.dumps(body, allow_nan=False, separators=(",", ":"), default=_plain).encode("ascii")


def _message(message: ChatMessage) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images:
        sent["images"] = list(message.images)
    if message.tool_calls:
        sent["tool_calls"] = [_tool_call(index, call) for index, call in enumerate(message.tool_calls)]
    if message.tool_name:
        sent["tool_name"] = message.tool_name
    if message.tool_call_id:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def _tool_call(index: int, call: ToolCall) -> dict[str, Any]:
    sent: dict[str, Any] = {"function": {"index": index, "name": call.name, "arguments": dict(call.arguments)}}
    if call.id:
        sent["id"] = call.id
    return sent


def _plain(value: Any) -> Any:
    """Read-only mappings are objects too."""
    if hasattr(value, "keys"):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent")
