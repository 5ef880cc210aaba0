"""A function's parameters as a JSON schema, in what Ollama keeps of one.

A server drops every key but ``type``, ``anyOf``, ``items``, ``description``, ``enum``, ``properties`` and ``required``, so
what else a model should know, such as a default, is put into words.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from tui.failures import Failure

_PLAIN: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_SECTION = re.compile(r"\s*(Args|Arguments|Parameters|Returns?|Yields|Raises|Examples?|Notes?)\s*:?\s*$")
_ENTRY = re.compile(r"\s*(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_FIELD = re.compile(r"\s*:(\w+)(?:\s+(\w+))?\s*:\s*(.*)$")
_SUPPORTED = "str, int, float, bool, None, list, dict[str, ...], Literal, TypedDict, Any, Annotated and unions of these"


def parameters_of(function: Callable[..., Any]) -> dict[str, Any]:
    """An ``object`` schema from the type hints, with descriptions from the docstring or ``Annotated[T, "..."]``.

    Raises ``Failure`` for a parameter without a type, of a type that JSON has no word for, or that has no name.
    """
    _, described = documented(function)
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError) as error:
        raise _no_tool(function, f"its types cannot be read: {error}") from error
    properties: dict[str, Any] = {}
    required: list[str] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise _no_tool(function, f"its parameter {name} cannot be given by name")
        if name not in hints:
            raise _no_tool(function, f"its parameter {name} has no type")
        schema = _with_words(_schema(hints[name], function, name), described.get(name, ""), parameter)
        properties[name] = schema
        if parameter.default is parameter.empty:
            required.append(name)
    return _object(properties, required)


def documented(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """What a docstring says of a function, and of each parameter: in an ``Args:`` section or as ``:param name:``."""
    lines = (inspect.getdoc(function) or "").split("\n")
    about: list[str] = []
    parameters: dict[str, list[str]] = {}
    section, current, indent = "", "", 0
    for line in lines:
        if found := _SECTION.match(line):
            section, current = found[1], ""
        elif found := _FIELD.match(line):
            section = "Args" if found[1] in {"param", "arg", "argument", "parameter"} else "Returns"
            current, indent = found[2] or "", len(line) - len(line.lstrip())
            if section == "Args" and current:
                parameters[current] = [found[3]]
        elif not section:
            about.append(line)
        elif section in {"Args", "Arguments", "Parameters"} and line.strip():
            depth = len(line) - len(line.lstrip())
            entry = _ENTRY.match(line) if not current or depth <= indent else None
            if entry:
                current, indent = entry[1].lstrip("*"), depth
                parameters[current] = [entry[2]]
            elif current in parameters:
                parameters[current].append(line.strip())
    words = re.sub(r"(?<!\n)\n(?!\n)", " ", "\n".join(about).strip())
    return words, {name: " ".join(part for part in parts if part) for name, parts in parameters.items()}


def _schema(hint: Any, function: Callable[..., Any], name: str) -> dict[str, Any]:
    if hint is Any:
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if hint is list or hint is dict:
        return {"type": "array" if hint is list else "object"}
    if typing.is_typeddict(hint):
        members = typing.get_type_hints(hint, include_extras=True)
        properties = {key: _schema(value, function, f"{name}.{key}") for key, value in members.items()}
        return _object(properties, [key for key, value in members.items() if _is_required(hint, key, value)])
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        words = next((extra for extra in arguments[1:] if isinstance(extra, str)), "")
        inner = _schema(arguments[0], function, name)
        return {**inner, "description": words} if words else inner
    if origin in (typing.Required, typing.NotRequired):
        return _schema(arguments[0], function, name)
    if origin is typing.Literal:
        return {"type": _literal_type(arguments, function, name), "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], function, name)}
    if origin is dict and arguments[0] is str:
        return {"type": "object"}
    if origin in (typing.Union, types.UnionType):
        return _union([_schema(one, function, name) for one in arguments])
    raise _no_tool(function, f"its parameter {name} is a {getattr(hint, '__name__', hint)}; there are {_SUPPORTED}")


def _is_required(owner: Any, key: str, hint: Any) -> bool:
    """By its own mark first: where annotations are kept as text, the class knows nothing of the marks."""
    mark = typing.get_origin(hint)
    if mark in (typing.Required, typing.NotRequired):
        return mark is typing.Required
    return key in owner.__required_keys__


def _literal_type(values: tuple[Any, ...], function: Callable[..., Any], name: str) -> Any:
    kinds = list(dict.fromkeys(_PLAIN[type(value)] for value in values if type(value) in _PLAIN))
    if not kinds or any(type(value) not in _PLAIN for value in values):
        raise _no_tool(function, f"the values of its parameter {name} are none that JSON has")
    return kinds[0] if len(kinds) == 1 else kinds


def _union(members: list[dict[str, Any]]) -> dict[str, Any]:
    if any(not member for member in members):
        return {}
    if all(set(member) == {"type"} and isinstance(member["type"], str) for member in members):
        return {"type": [member["type"] for member in members]}
    return {"anyOf": members}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def _with_words(schema: dict[str, Any], words: str, parameter: inspect.Parameter) -> dict[str, Any]:
    said = words or str(schema.get("description", ""))
    if parameter.default is not parameter.empty and parameter.default is not None:
        said = f"{said} (default {parameter.default!r})".strip()
    return {**schema, "description": said} if said else schema


def _no_tool(function: Callable[..., Any], cause: str) -> Failure:
    return Failure(
        f"{getattr(function, '__name__', 'this')} is no tool", cause, "give each parameter a name and a type"
    )
