"""The objects of an answer as ``/api/chat`` and ``/api/generate`` shape them."""

from __future__ import annotations

import secrets
import string
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.demo.answers import CalledTool
from tui.demo.speaking import Counts, Part, Piece
from tui.demo.tokens import cut
from tui.demo.wire import nanoseconds

VOCABULARY = 32_000


@dataclass(slots=True)
class Said:
    """What an object says, or what was said so far."""

    content: str = ""
    thinking: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)

    def add(self, piece: Piece, *, rendered: bool) -> None:
        if piece.part is Part.content:
            self.content += piece.text
        elif piece.part is Part.thinking:
            self.thinking += piece.text
        elif piece.call is not None:
            self.tool_calls.append(_tool_call(piece.call, len(self.tool_calls), rendered=rendered))

    @property
    def says_something(self) -> bool:
        return bool(self.content or self.thinking or self.tool_calls)


Shape = Callable[[str, str, Said, Mapping[str, Any]], dict[str, Any]]
"""Takes the model's name as asked, the time, what is said, and ``done`` with what belongs to it."""


def chat_object(model: str, created_at: str, said: Said, rest: Mapping[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.content}
    if said.thinking:
        message["thinking"] = said.thinking
    if said.tool_calls:
        message["tool_calls"] = said.tool_calls
    return {"model": model, "created_at": created_at, "message": message, **rest}


def generate_object(model: str, created_at: str, said: Said, rest: Mapping[str, Any]) -> dict[str, Any]:
    thinking = {"thinking": said.thinking} if said.thinking else {}
    calls = {"tool_calls": said.tool_calls} if said.tool_calls else {}
    return {"model": model, "created_at": created_at, "response": said.content, **thinking, **rest, **calls}


def counted(counts: Counts, *, total_seconds: float, load_seconds: float) -> dict[str, int]:
    """The figures of the last object. A zero is left out, as Go's ``omitempty`` does."""
    figures = {
        "total_duration": nanoseconds(total_seconds),
        "load_duration": nanoseconds(load_seconds),
        "prompt_eval_count": counts.prompt_tokens,
        "prompt_eval_duration": nanoseconds(counts.prompt_seconds),
        "eval_count": counts.answer_tokens,
        "eval_duration": nanoseconds(counts.answer_seconds),
    }
    return {name: figure for name, figure in figures.items() if figure}


def token_numbers(texts: Iterable[str]) -> list[int]:
    """The legacy ``context`` array: a number for each token of the whole conversation."""
    return [zlib.crc32(piece.encode("utf-8", "surrogatepass")) % VOCABULARY for text in texts for piece in cut(text)]


def _tool_call(call: CalledTool, index: int, *, rendered: bool) -> dict[str, Any]:
    if rendered:
        letters = string.ascii_lowercase + string.digits
        call_id = "call_" + "".join(secrets.choice(letters) for _ in range(8))
    else:
        letters = string.ascii_letters + string.digits
        call_id = "".join(secrets.choice(letters) for _ in range(32))
    return {"id": call_id, "function": {"index": index, "name": call.name, "arguments": dict(call.arguments)}}
