"""Whether a text that somebody wrote is a JSON schema, and on which line it is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tui.cleaning import clean_line

MOST_PROBLEMS = 3
DEEPEST = 60
MOST_LEVELS = 200
"""Of brackets within brackets: no server takes more of them, and no person reads them."""
TYPES = ("object", "array", "string", "boolean", "null", "integer", "number")
_SCHEMAS_BY_NAME = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_ONE_SCHEMA = ("additionalProperties", "items", "not", "contains", "propertyNames", "if", "then", "else")
_SCHEMAS = ("prefixItems", "anyOf", "oneOf", "allOf")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_TEXTS = ("$ref", "pattern", "format", "title", "description")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaProblem:
    """A clean line about one place of the text; ``line`` counts from 1."""

    message: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSchema:
    schema: Mapping[str, Any] | None = None
    """None when it is none; the problems then say why."""
    problems: tuple[SchemaProblem, ...] = ()
    """At most ``MOST_PROBLEMS``, in the order of their lines."""


def check_schema(text: str) -> CheckedSchema:
    """Never raises."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return _wrong(SchemaProblem(message=_json_words(error, text), line=error.lineno))
    except RecursionError:
        return _wrong(*_too_deep(text))
    except _NoJson as error:
        return _wrong(SchemaProblem(message=clean_line(str(error), 120), line=1))
    except ValueError:
        return _wrong(SchemaProblem(message="a number in it has too many digits", line=1))
    if deep := _too_deep(text):
        return _wrong(*deep)
    if not isinstance(found, dict):
        return _wrong(SchemaProblem(message='a schema is an object: begin with {"type": "object"}', line=1))
    said = list(_problems(found, found, (), 0))
    if not said:
        return CheckedSchema(schema=found)
    lines = _lines(text)
    problems = [SchemaProblem(message=clean_line(words, 160), line=_line(lines, place)) for place, words in said]
    return _wrong(*sorted(problems, key=lambda one: one.line))


def _wrong(*problems: SchemaProblem) -> CheckedSchema:
    return CheckedSchema(problems=problems[:MOST_PROBLEMS])


class _NoJson(ValueError):
    """In words for the person."""


def _refuse(constant: str) -> Any:
    raise _NoJson(f"{constant} is no JSON")


def _too_deep(text: str) -> tuple[SchemaProblem, ...]:
    """At the line of the first bracket that is one too many."""
    levels = 0
    for token in _TOKEN.finditer(text):
        levels += (token[0] in "[{") - (token[0] in "]}")
        if levels > MOST_LEVELS:
            words = f"it is nested too deeply, over {MOST_LEVELS} levels"
            return (SchemaProblem(message=words, line=text.count("\n", 0, token.start()) + 1),)
    return ()


def _json_words(error: json.JSONDecodeError, text: str) -> str:
    if not text.strip():
        return "nothing is written here"
    message = error.msg[:1].lower() + error.msg[1:]
    return f"{message}, at column {error.colno}"


# ---------------------------------------------------------------------- what a schema may say


def _problems(schema: Any, root: Any, place: Place, depth: int) -> Iterator[tuple[Place, str]]:
    if isinstance(schema, bool) or depth > DEEPEST:
        return
    if not isinstance(schema, dict):
        yield place, f"{_name(place)}: a schema is an object, true or false"
        return
    yield from _simple(schema, root, place)
    for name in _SCHEMAS_BY_NAME:
        inner = schema.get(name, {})
        if not isinstance(inner, dict):
            yield (*place, name), f"{name}: it needs to be an object of schemas, by their names"
            continue
        for key, one in inner.items():
            yield from _problems(one, root, (*place, name, key), depth + 1)
    for name in _ONE_SCHEMA:
        # Earlier drafts have a list in ``items``.
        if name in schema and not (name == "items" and isinstance(schema[name], list)):
            yield from _problems(schema[name], root, (*place, name), depth + 1)
    lists = _SCHEMAS if not isinstance(schema.get("items"), list) else (*_SCHEMAS, "items")
    for name in (one for one in lists if one in schema):
        inner = schema[name]
        if not isinstance(inner, list) or not inner:
            yield (*place, name), f"{name}: it needs to be a list of schemas"
            continue
        for index, one in enumerate(inner):
            yield from _problems(one, root, (*place, name, index), depth + 1)


def _simple(schema: Mapping[str, Any], root: Any, place: Place) -> Iterator[tuple[Place, str]]:
    for name, value in schema.items():
        at = (*place, name)
        if name == "type":
            yield from ((at, words) for words in _type_problems(value))
        elif name == "enum" and not (isinstance(value, list) and value):
            yield at, "enum: it needs to be a list of what is allowed"
        elif name == "required" and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            yield at, "required: it needs to be a list of names"
        elif name in _COUNTS and not (type(value) is int and value >= 0):
            yield at, f"{name}: it needs to be a whole number from 0 on"
        elif name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            yield at, f"{name}: it needs to be a number"
        elif name == "uniqueItems" and not isinstance(value, bool):
            yield at, "uniqueItems: it needs to be true or false"
        elif name in _TEXTS and not isinstance(value, str):
            yield at, f"{name}: it needs to be text"
        elif name == "$ref" and not _leads_somewhere(root, value):
            yield at, f"$ref: {value} is not in this schema"
    known = schema.get("properties")
    if isinstance(known, dict) and isinstance(required := schema.get("required"), list):
        closed = schema.get("additionalProperties") is False
        for one in required:
            if closed and isinstance(one, str) and one not in known:
                yield (*place, "required"), f"required: {one} is not among the properties, and no others are allowed"


def _type_problems(value: Any) -> Iterator[str]:
    names = value if isinstance(value, list) and value else [value]
    for one in names:
        if one not in TYPES:
            yield f"type: {json.dumps(one, ensure_ascii=False)} is none of {', '.join(TYPES)}"
            return


def _leads_somewhere(root: Any, reference: str) -> bool:
    """Within this text; where it leads out of it nobody knows, and the server follows nothing."""
    if not reference.startswith("#"):
        return False
    found = root
    for part in filter(None, reference[1:].split("/")):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return False
    return True


def _name(place: Place) -> str:
    return str(place[-1]) if place else "the schema"


# ---------------------------------------------------------------------- lines


def _lines(text: str) -> dict[Place, int]:
    """The line of every key and entry of a readable JSON text; of what is written twice, the last, which holds."""
    found: dict[Place, int] = {}
    stack: list[str | int | None] = []
    """For each bracket that is open, the key or the number of the entry inside; None before the key."""
    line, read_to = 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", read_to, token.start())
        read_to = token.start()
        said = token[0]
        if said in "}]":
            stack.pop()
        elif said == ",":
            last = stack[-1]
            stack[-1] = last + 1 if isinstance(last, int) else None
        elif said != ":":
            is_key = bool(stack) and stack[-1] is None
            if is_key:
                stack[-1] = json.loads(said)
            place = tuple(one for one in stack if one is not None)
            if is_key or not place or isinstance(place[-1], int):
                found[place] = line
            if said in "{[":
                stack.append(None if said == "{" else 0)
    return found


def _line(lines: Mapping[Place, int], place: Place) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)
