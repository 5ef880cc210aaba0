"""Request bodies, read field by field, with the decoder texts of the real server when something has the wrong type."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tui.demo.answers import Turn
from tui.demo.refusals import Refusal
from tui.demo.wire import go_json, go_quote, keep_alive_span, parse_duration
from tui.documents.pictures import picture_of

THINK_LEVELS = ("high", "medium", "low", "max")
_OPTION_TYPES = {
    "num_ctx": "integer",
    "num_batch": "integer",
    "num_gpu": "integer",
    "main_gpu": "integer",
    "num_thread": "integer",
    "num_keep": "integer",
    "seed": "integer",
    "num_predict": "integer",
    "top_k": "integer",
    "repeat_last_n": "integer",
    "draft_num_predict": "integer",
    "top_p": "float32",
    "min_p": "float32",
    "typical_p": "float32",
    "temperature": "float32",
    "repeat_penalty": "float32",
    "presence_penalty": "float32",
    "frequency_penalty": "float32",
    "use_mmap": "boolean",
    "stop": "array",
}
_GO_TYPES = {bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}
_PYTHON_TO_GO = (
    ("Expecting property name", "looking for beginning of object key string"),
    ("Expecting ':' delimiter", "after object key"),
    ("Expecting ',' delimiter", "after array element or object key:value pair"),
    ("Invalid control character", "in string literal"),
    ("Invalid \\", "in string escape code"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatBody:
    """A chat or generate request. The prompt of generate is its only turn, after the system text."""

    model: str
    turns: tuple[Turn, ...]
    is_chat: bool = True
    tools: tuple[Mapping[str, Any], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = True
    think: bool | str | None = None
    format: Any = None
    keep_alive: timedelta | None = None
    truncate: bool = True
    shift: bool = True
    suffix: str = ""
    raw: bool = False

    @property
    def has_images(self) -> bool:
        return any(turn.pictures for turn in self.turns)

    @property
    def is_load_only(self) -> bool:
        """Nothing is said: the model is to be loaded, or with ``keep_alive`` 0 to be let go."""
        return not self.turns


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedBody:
    model: str
    texts: tuple[str, ...]
    truncate: bool = True
    dimensions: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    keep_alive: timedelta | None = None


def parse_chat(raw: bytes) -> ChatBody:
    body = Fields(raw, "ChatRequest")
    messages = body.list_of("messages", "[]api.Message")
    turns: list[Turn] = []
    for message in messages:
        if not isinstance(message, dict):
            raise _wrong_type(message, "ChatRequest.messages", "api.Message")
        part = Fields(message, "ChatRequest.messages")
        pictures = _pictures(part)
        _check_tool_calls(part)
        role, text = part.text("role").lower(), part.text("content")
        turns.append(Turn(role=role, text=text, pictures=pictures, tool_name=part.text("tool_name")))
    return ChatBody(turns=tuple(turns), tools=_functions(body.list_of("tools", "api.Tools")), **_shared(body))


def parse_generate(raw: bytes) -> ChatBody:
    body = Fields(raw, "GenerateRequest")
    is_raw = body.flag("raw", default=False)
    if is_raw and (body.text("template") or body.text("system") or body.value("context")):
        raise Refusal(400, "raw mode does not support template, system, or context")
    pictures = _pictures(body)
    system = Turn(role="system", text=body.text("system"))
    asked = Turn(role="user", text=body.text("prompt"), pictures=pictures)
    turns = tuple(turn for turn in (system, asked) if turn.text) if asked.text else ()
    return ChatBody(turns=turns, is_chat=False, raw=is_raw, suffix=body.text("suffix"), **_shared(body))


def parse_embed(raw: bytes) -> EmbedBody:
    body = Fields(raw, "EmbedRequest")
    given = body.value("input")
    texts = given if isinstance(given, list) else [] if given is None else [given]
    if not all(isinstance(text, str) for text in texts):
        raise Refusal(400, "invalid input type")
    return EmbedBody(
        model=body.name(),
        texts=tuple(texts),
        truncate=body.flag("truncate", default=True),
        dimensions=body.whole_number("dimensions"),
        options=checked_options(body),
        keep_alive=_keep_alive(body.value("keep_alive")),
    )


class Fields:
    """A JSON object of a request. Unknown fields are ignored, null counts as absent."""

    def __init__(self, source: bytes | dict[str, Any], struct: str) -> None:
        self._struct = struct
        self._values = parse_object(source, struct) if isinstance(source, bytes) else source

    def value(self, key: str) -> Any:
        return self._values.get(key)

    def name(self) -> str:
        """``model``, or ``name`` as older clients call it."""
        return self.text("model") or self.text("name")

    def text(self, key: str) -> str:
        found = self.value(key)
        if found is None:
            return ""
        if not isinstance(found, str):
            raise _wrong_type(found, f"{self._struct}.{key}", "string")
        return found

    def flag(self, key: str, *, default: bool) -> bool:
        found = self.value(key)
        if found is None:
            return default
        if not isinstance(found, bool):
            raise _wrong_type(found, f"{self._struct}.{key}", "bool")
        return found

    def whole_number(self, key: str) -> int:
        found = self.value(key)
        if found is None:
            return 0
        if isinstance(found, bool) or not isinstance(found, int):
            raise _wrong_type(found, f"{self._struct}.{key}", "int")
        return found

    def list_of(self, key: str, go_type: str) -> list[Any]:
        found = self.value(key)
        if found is None:
            return []
        if not isinstance(found, list):
            raise _wrong_type(found, f"{self._struct}.{key}", go_type)
        return found

    def mapping(self, key: str) -> dict[str, Any]:
        found = self.value(key)
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise _wrong_type(found, f"{self._struct}.{key}", "map[string]interface {}")
        return found


def parse_object(raw: bytes, struct: str) -> dict[str, Any]:
    """The first JSON value of ``raw``, which must be an object; what follows it is ignored, as the real server does."""
    text = raw.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise Refusal(400, "missing request body")
    try:
        value, _ = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)
    except json.JSONDecodeError as error:
        raise Refusal(400, _decoder_text(error)) from error
    except RecursionError as error:
        raise Refusal(400, "exceeded max depth") from error
    except ValueError as error:
        raise Refusal(400, f"json: cannot unmarshal number into Go value of type api.{struct}") from error
    if not isinstance(value, dict):
        raise Refusal(400, f"json: cannot unmarshal {_go_kind(value)} into Go value of type api.{struct}")
    return value


def checked_options(body: Fields) -> dict[str, Any]:
    """The options with null ones left out and floats for integers cut; a wrong type is an error, an unknown name is not."""
    options: dict[str, Any] = {}
    for name, value in body.mapping("options").items():
        if value is None:
            continue
        wanted = _OPTION_TYPES.get(name)
        if wanted is not None and not _fits(value, wanted):
            raise Refusal(500, f"option {go_quote(name)} must be of type {wanted}")
        options[name] = int(value) if wanted == "integer" else value
    return options


def _shared(body: Fields) -> dict[str, Any]:
    think = body.value("think")
    if think is not None and not isinstance(think, bool) and think not in THINK_LEVELS:
        shown = go_quote(think) if isinstance(think, str) else go_json(think).decode()
        raise Refusal(400, f'invalid think value: {shown} (must be "high", "medium", "low", "max", true, or false)')
    return {
        "model": body.name(),
        "options": checked_options(body),
        "stream": body.flag("stream", default=True),
        "think": think,
        "format": _checked_format(body.value("format")),
        "keep_alive": _keep_alive(body.value("keep_alive")),
        "truncate": body.flag("truncate", default=True),
        "shift": body.flag("shift", default=True),
    }


def _checked_format(wanted: Any) -> Any:
    if wanted is None or wanted == "":
        return None
    if wanted == "json" or isinstance(wanted, dict):
        return wanted
    shown = go_quote(go_json(wanted).decode())
    raise Refusal(500, f'invalid format: {shown}; expected "json" or a valid JSON Schema object')


def _keep_alive(value: Any) -> timedelta | None:
    if value is None:
        return None
    if isinstance(value, bool | list | dict):
        raise Refusal(400, f"Unsupported type: '{_GO_TYPES[type(value)]}'")
    if not isinstance(value, str):
        return keep_alive_span(value)
    try:
        return parse_duration(value)
    except ValueError as error:
        raise Refusal(400, str(error)) from error


def _functions(tools: list[Any]) -> tuple[Mapping[str, Any], ...]:
    functions: list[Mapping[str, Any]] = []
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict):
            raise _wrong_type(tool, "ChatRequest.tools", "api.Tool")
        if not isinstance(function.get("name", ""), str):
            raise _wrong_type(function["name"], "ChatRequest.tools.function.name", "string")
        functions.append(function)
    return tuple(functions)


def _pictures(part: Fields) -> tuple[str, ...]:
    words: list[str] = []
    for image in part.list_of("images", "[]api.ImageData"):
        if not isinstance(image, str):
            raise _wrong_type(image, "images", "api.ImageData")
        foreign = re.search(r"[^A-Za-z0-9+/=\r\n]", image)
        try:
            data = b"" if foreign is not None else base64.b64decode(image, validate=False)
        except binascii.Error as error:
            raise Refusal(400, f"illegal base64 data at input byte {len(image)}") from error
        if foreign is not None:
            raise Refusal(400, f"illegal base64 data at input byte {foreign.start()}")
        picture = picture_of(data)
        words.append("of no kind" if picture is None else f"{picture.kind}, {picture.width}×{picture.height}")
    return tuple(words)


def _check_tool_calls(part: Fields) -> None:
    for call in part.list_of("tool_calls", "[]api.ToolCall"):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise _wrong_type(call, "ChatRequest.messages.tool_calls", "api.ToolCall")
        if not isinstance(function.get("arguments", {}), dict):
            raise Refusal(400, "Value looks like object, but can't find closing '}' symbol")


def _fits(value: Any, wanted: str) -> bool:
    if wanted == "array":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if wanted == "boolean":
        return isinstance(value, bool)
    # An infinite number, such as 1e400 becomes, is none that could be cut to an integer.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 2**63


def _wrong_type(value: Any, where: str, go_type: str) -> Refusal:
    return Refusal(400, f"json: cannot unmarshal {_go_kind(value)} into Go struct field {where} of type {go_type}")


def _go_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {str: "string", int: "number", float: "number", list: "array", dict: "object"}.get(type(value), "null")


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError("Expecting value", name, 0)


def _decoder_text(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc) or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    character = error.doc[error.pos]
    shown = {"'": "\\'", '"': '"'}.get(character, go_quote(character)[1:-1])
    where = next((go for python, go in _PYTHON_TO_GO if error.msg.startswith(python)), "looking for beginning of value")
    return f"invalid character '{shown}' {where}"
