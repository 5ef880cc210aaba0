"""Whether an answer is the JSON that was asked for: the usual keywords of JSON Schema, and no others.

Checked: ``type enum const properties required additionalProperties items prefixItems minItems maxItems uniqueItems
minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum anyOf oneOf allOf not`` and ``$ref`` within the
schema. What else a schema says is named as not checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tui.cleaning import clean_line

MOST_PROBLEMS = 3
DEEPEST = 60
MOST_STEPS = 200_000
_NEVER_CHECKED = frozenset({"pattern", "patternProperties", "format", "if", "dependentRequired", "dependentSchemas"})
_NEVER_CHECKED_EITHER = frozenset({"contains", "propertyNames", "multipleOf", "unevaluatedProperties", "minProperties"})
UNCHECKED = _NEVER_CHECKED | _NEVER_CHECKED_EITHER | {"maxProperties", "unevaluatedItems", "$dynamicRef"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    problems: tuple[str, ...] = ()
    """What is wrong, at most three things of it, as clean lines; none: it is what was asked for."""
    unchecked: tuple[str, ...] = ()
    """Keywords of the schema that are not looked at."""

    @property
    def is_right(self) -> bool:
        return not self.problems


def check_answer(text: str, wanted: str | Mapping[str, Any]) -> Verdict:
    """``wanted`` is ``json`` or a schema."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        return Verdict(problems=("it is nested too deeply",))
    except ValueError as error:
        return Verdict(problems=(f"it is no JSON: {clean_line(str(error), 100)}",))
    schema: Any = wanted if isinstance(wanted, Mapping) else {"type": "object"}
    problems: list[str] = []
    for problem in _problems(value, schema, _Run(schema), "answer", 0):
        problems.append(clean_line(problem, 160))
        if len(problems) == MOST_PROBLEMS:
            break
    return Verdict(problems=tuple(problems), unchecked=tuple(sorted(_keywords(schema, 0) & UNCHECKED)))


class _Run:
    """One check: a schema that refers to itself again and again comes to an end."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.steps = 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _problems(value: Any, schema: Any, run: _Run, place: str, depth: int) -> Iterator[str]:
    run.steps += 1
    if schema is True or depth > DEEPEST or run.steps > MOST_STEPS:
        return
    if schema is False:
        yield f"{place}: nothing may be there"
        return
    if not isinstance(schema, Mapping):
        return
    if (reference := schema.get("$ref")) is not None:
        found = _referred(run.root, reference)
        if found is None:
            yield f"{place}: the schema refers to {reference}, which is not in it"
        else:
            yield from _problems(value, found, run, place, depth + 1)
    yield from _simple(value, schema, place)
    yield from _combined(value, schema, run, place, depth)
    if isinstance(value, dict):
        yield from _in_object(value, schema, run, place, depth)
    elif isinstance(value, list):
        yield from _in_list(value, schema, run, place, depth)
    elif isinstance(value, str):
        yield from _bounds(len(value), schema, place, "minLength", "maxLength", "characters")
    elif _is_number(value):
        yield from _bounds(value, schema, place, "minimum", "maximum", "")
        if _is_number(least := schema.get("exclusiveMinimum")) and value <= least:
            yield f"{place}: {value} is not above {least}"
        if _is_number(most := schema.get("exclusiveMaximum")) and value >= most:
            yield f"{place}: {value} is not below {most}"


def _simple(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    wanted = schema.get("type")
    types = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    if types and not any(_is_type(value, one) for one in types):
        yield f"{place}: expected {' or '.join(map(str, types))}, not {_type_of(value)}"
    if isinstance(allowed := schema.get("enum"), list) and not any(_same(value, one) for one in allowed):
        yield f"{place}: {json.dumps(value, ensure_ascii=False)} is none of {json.dumps(allowed, ensure_ascii=False)}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{place}: expected {json.dumps(schema['const'], ensure_ascii=False)}"


def _combined(value: Any, schema: Mapping[str, Any], run: _Run, place: str, depth: int) -> Iterator[str]:
    def fits(one: Any) -> bool:
        return next(_problems(value, one, run, place, depth + 1), None) is None

    for one in _listed(schema.get("allOf")):
        yield from _problems(value, one, run, place, depth + 1)
    if (choices := _listed(schema.get("anyOf"))) and not any(map(fits, choices)):
        yield f"{place}: it fits none of the {len(choices)} that it may be"
    if (choices := _listed(schema.get("oneOf"))) and (count := sum(map(fits, choices))) != 1:
        yield f"{place}: it fits {count} of the {len(choices)} of which it has to be one"
    if "not" in schema and fits(schema["not"]):
        yield f"{place}: it is what it must not be"


def _in_object(value: dict[str, Any], schema: Mapping[str, Any], run: _Run, place: str, depth: int) -> Iterator[str]:
    known = schema.get("properties")
    known = known if isinstance(known, Mapping) else {}
    for name in _listed(schema.get("required")):
        if isinstance(name, str) and name not in value:
            yield f"{place}: {name} is missing"
    others = schema.get("additionalProperties", True)
    if "patternProperties" in schema:
        others = True
    for name, item in value.items():
        if name in known:
            yield from _problems(item, known[name], run, f"{place}.{name}", depth + 1)
        elif others is False:
            yield f"{place}: {name} is not expected"
        else:
            yield from _problems(item, others, run, f"{place}.{name}", depth + 1)


def _in_list(value: list[Any], schema: Mapping[str, Any], run: _Run, place: str, depth: int) -> Iterator[str]:
    yield from _bounds(len(value), schema, place, "minItems", "maxItems", "entries")
    if schema.get("uniqueItems") is True:
        seen = {json.dumps(one, sort_keys=True) for one in value}
        if len(seen) < len(value):
            yield f"{place}: some entries are there twice"
    first = _listed(schema.get("prefixItems"))
    rest = schema.get("items", True)
    for index, item in enumerate(value):
        wanted = first[index] if index < len(first) else rest
        yield from _problems(item, wanted, run, f"{place}[{index}]", depth + 1)


def _bounds(
    number: float, schema: Mapping[str, Any], place: str, least_name: str, most_name: str, unit: str
) -> Iterator[str]:
    least: Any = schema.get(least_name)
    most: Any = schema.get(most_name)
    shown = f"{number} {unit}".rstrip()
    if _is_number(least) and number < least:
        yield f"{place}: {shown}, at least {least}"
    if _is_number(most) and number > most:
        yield f"{place}: {shown}, at most {most}"


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: _is_number(value) and value == value // 1,
    "number": _is_number,
}


def _is_type(value: Any, name: Any) -> bool:
    known = _TYPES.get(name) if isinstance(name, str) else None
    return known is None or known(value)


def _type_of(value: Any) -> str:
    order = ("object", "array", "string", "boolean", "null", "integer", "number")
    return next((name for name in order if _TYPES[name](value)), "that")


def _same(one: Any, other: Any) -> bool:
    """True is not 1 in JSON."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _referred(root: Any, reference: Any) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found = root
    for part in filter(None, reference[1:].split("/")):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _keywords(schema: Any, depth: int) -> set[str]:
    if depth > DEEPEST:
        return set()
    if isinstance(schema, list):
        return set().union(*(_keywords(one, depth + 1) for one in schema))
    if not isinstance(schema, Mapping):
        return set()
    found = {name for name in schema if isinstance(name, str)}
    for name, inner in schema.items():
        if name in ("properties", "$defs", "definitions") and isinstance(inner, Mapping):
            found = found.union(*(_keywords(one, depth + 1) for one in inner.values()))
        elif name not in ("enum", "const", "default", "examples"):
            found |= _keywords(inner, depth + 1)
    return found
