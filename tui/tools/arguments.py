"""Arguments that a model gave, held to the schema: what is clear is turned into the right type, the rest is told it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from tui.cleaning import clean_line

MOST_CHARACTERS = 100_000
"""Of all arguments of one call as JSON: a person is shown all of them before something is done."""
DEEPEST = 40
_INTEGER = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,18}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)


class BadArguments(ValueError):
    """The arguments do not fit. Its text is for the model: what is wrong, and what would be right."""


def checked_arguments(parameters: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """``arguments`` in the types of the schema ``parameters``. Raises ``BadArguments``."""
    try:
        size = len(json.dumps(dict(arguments), ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        raise BadArguments("the arguments are no JSON") from None
    if size > MOST_CHARACTERS:
        raise BadArguments(f"the arguments have {size:,} characters, at most {MOST_CHARACTERS:,} are taken")
    return _checked_object(parameters, arguments, "", 0)


def _checked(schema: Mapping[str, Any], value: Any, where: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise BadArguments(f"{where} is nested too deeply")
    if "anyOf" in schema:
        return _checked_any([one for one in schema["anyOf"] if isinstance(one, Mapping)], value, where, depth)
    kinds = schema.get("type")
    if isinstance(kinds, list):
        # Without a "type" of several, so that each is tried as it would be alone.
        return _checked_any([{**schema, "type": kind} for kind in kinds], value, where, depth)
    found = _typed(schema, kinds, value, where, depth)
    allowed = schema.get("enum")
    if isinstance(allowed, list) and not any(type(found) is type(one) and found == one for one in allowed):
        raise BadArguments(f"{where} must be one of {json.dumps(allowed)}, it is {_said(value)}")
    return found


def _checked_any(schemas: list[Mapping[str, Any]], value: Any, where: str, depth: int) -> Any:
    """As the first of ``schemas`` that it fits unchanged, else the first that it can be turned into."""
    fitting: list[Any] = []
    for schema in schemas:
        try:
            found = _checked(schema, value, where, depth + 1)
        except BadArguments:
            continue
        if type(found) is type(value) and found == value:
            return found
        fitting.append(found)
    if fitting:
        return fitting[0]
    wanted = " or ".join(dict.fromkeys(str(schema.get("type", "value")) for schema in schemas)) or "nothing"
    raise BadArguments(f"{where} must be {wanted}, it is {_said(value)}")


def _typed(schema: Mapping[str, Any], kind: Any, value: Any, where: str, depth: int) -> Any:
    match kind:
        case "string" if isinstance(value, str):
            return value
        case "string" if isinstance(value, bool | int | float):
            return json.dumps(value)
        case "integer" if not isinstance(value, bool):
            if isinstance(value, int):
                return value
            if isinstance(value, float) and math.isfinite(value) and value == int(value):
                return int(value)
            if isinstance(value, str) and _INTEGER.match(value.strip()):
                return int(value)
        case "number" if not isinstance(value, bool):
            if isinstance(value, int | float) and abs(value) < 1e300:
                return float(value)
            if isinstance(value, str) and _NUMBER.match(value.strip()) and math.isfinite(float(value)):
                return float(value)
        case "boolean" if isinstance(value, bool):
            return value
        case "boolean" if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
            return value.strip().lower() == "true"
        case "null" if value is None:
            return None
        case "array":
            items = schema.get("items")
            if isinstance(entries := _unpacked(value), list):
                inner = items if isinstance(items, Mapping) else {}
                return [_checked(inner, entry, f"{where}[{at}]", depth + 1) for at, entry in enumerate(entries)]
        case "object":
            if isinstance(entry := _unpacked(value), Mapping):
                return _checked_object(schema, entry, where, depth + 1)
        case None:
            return value
        case _:
            pass
    raise BadArguments(f"{where} must be {kind}, it is {_said(value)}")


def _checked_object(schema: Mapping[str, Any], value: Mapping[str, Any], where: str, depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return dict(value) if where else _nothing_but({}, value, where)
    required = schema.get("required", ())
    found: dict[str, Any] = {}
    missing = [name for name in required if name not in value]
    if missing:
        raise BadArguments(f"missing: {', '.join(_path(where, name) for name in missing)}")
    _nothing_but(properties, value, where)
    for name, inner in properties.items():
        # Models write null for what they leave out.
        if name not in value or (value[name] is None and name not in required and not _may_be_null(inner)):
            continue
        found[name] = _checked(inner, value[name], _path(where, name), depth + 1)
    return found


def _nothing_but(properties: Mapping[str, Any], value: Mapping[str, Any], where: str) -> dict[str, Any]:
    if unknown := [name for name in value if name not in properties]:
        there = ", ".join(_path(where, name) for name in properties) or "none"
        raise BadArguments(f"unknown: {clean_line(', '.join(map(str, unknown)), 200)}; there are: {there}")
    return {}


def _may_be_null(schema: Any) -> bool:
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    return not kinds or kinds == "null" or (isinstance(kinds, list) and "null" in kinds)


def _unpacked(value: Any) -> Any:
    """Some models write JSON into a string where an array or object is wanted."""
    if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _said(value: Any) -> str:
    return clean_line(json.dumps(value, ensure_ascii=False, default=str), 80)
