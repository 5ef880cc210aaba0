"""What is sent, in Ollama's words."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import Any

from tui.engine import ChatMessage, ChatRequest, ToolCall
from tui.ollama.keep_alive import checked_keep_alive
from tui.ollama.requests import CreateRequest, EmbedRequest, GenerateRequest

_LARGEST_FLOAT64 = int(sys.float_info.max)
DEEPEST_ARGUMENTS = 64
"""Of a tool call: levels of lists and objects in each other."""


def chat_body(request: ChatRequest) -> dict[str, Any]:
    """The body of ``/api/chat``. What is unset is left out, so that the server decides; 0 and False are values.

    Like the others here it raises ``ValueError`` or ``TypeError`` for what cannot be sent.
    """
    return {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "stream": request.stream,
        **_filled(tools=[dict(tool) for tool in request.tools]),
        **_options(request.options),
        **_format(request.format),
        **_set(think=request.think, keep_alive=checked_keep_alive(request.keep_alive), truncate=request.truncate),
    }


def generate_body(request: GenerateRequest) -> dict[str, Any]:
    """The body of ``/api/generate``; ``context``, which servers no longer want, is never sent."""
    return {
        "model": request.model,
        "prompt": request.prompt,
        "stream": request.stream,
        **_filled(
            suffix=request.suffix,
            system=request.system,
            template=request.template,
            raw=request.raw,
            images=list(request.images),
        ),
        **_options(request.options),
        **_format(request.format),
        **_set(think=request.think, keep_alive=checked_keep_alive(request.keep_alive), truncate=request.truncate),
    }


def embed_body(request: EmbedRequest) -> dict[str, Any]:
    """The body of ``/api/embed``."""
    for text in request.texts:
        if not isinstance(text, str):
            raise TypeError(f"a text to embed is a {type(text).__name__}")
    return {
        "model": request.model,
        "input": list(request.texts),
        **_options(request.options),
        **_set(
            dimensions=request.dimensions,
            truncate=request.truncate,
            keep_alive=checked_keep_alive(request.keep_alive),
        ),
    }


def create_body(request: CreateRequest, files: Mapping[str, str], adapters: Mapping[str, str]) -> dict[str, Any]:
    """The body of ``/api/create``. ``files`` and ``adapters`` by the digests that they have on the server."""
    return {
        "model": request.model,
        "stream": request.stream,
        **_filled(
            **{"from": request.source_model},
            files=dict(files),
            adapters=dict(adapters),
            quantize=request.quantize,
            template=request.template,
            system=request.system,
            license=list(request.license),
            parameters={name: value for name, value in request.parameters.items() if value is not None},
            messages=[_message(message) for message in request.messages],
            renderer=request.renderer,
            parser=request.parser,
            requires=request.requires,
        ),
    }


def encoded(body: dict[str, Any]) -> bytes:
    """As ASCII, so that half a surrogate pair in a text travels too. Raises ``ValueError`` or ``TypeError``."""
    return json.dumps(body, allow_nan=False, separators=(",", ":"), default=_plain).encode("ascii")


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _set(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    return _filled(options={name: value for name, value in options.items() if value is not None})


def _format(wanted: str | Mapping[str, Any] | None) -> dict[str, Any]:
    if wanted is None or wanted == "":
        return {}
    # "json" is accepted and then not enforced for most models; this schema means the same and is enforced for all.
    return {"format": {"type": "object"} if wanted == "json" else wanted}


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
    """A call that a model made and no server can be told again goes without its arguments.

    Its result has told the model what was wrong with them, and the conversation goes on.
    """
    arguments = dict(call.arguments) if _can_be_sent(call.arguments, DEEPEST_ARGUMENTS) else {}
    sent: dict[str, Any] = {"function": {"index": index, "name": call.name, "arguments": arguments}}
    if call.id:
        sent["id"] = call.id
    return sent


def _can_be_sent(value: Any, levels: int) -> bool:
    """Servers read every number of a tool call as float64: whole ones from 2**53 on are rounded, larger ones refused."""
    if isinstance(value, Mapping):
        return levels > 0 and all(_can_be_sent(entry, levels - 1) for entry in value.values())
    if isinstance(value, (list, tuple)):
        return levels > 0 and all(_can_be_sent(entry, levels - 1) for entry in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) <= _LARGEST_FLOAT64


def _plain(value: Any) -> Any:
    """Read-only mappings are objects too."""
    if hasattr(value, "keys"):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent")
