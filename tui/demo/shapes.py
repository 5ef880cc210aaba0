"""A value that fits a JSON schema: for a scripted model's tool arguments and for ``format``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEEPEST = 8


def example_of(schema: Any, *, text: str = "demo", depth: int = 0) -> Any:
    """The plainest value that ``schema`` allows: its first enum entry, ``text`` for a string, 1 for a number.

    What the schema leaves open, or says deeper than eight levels, is null.
    """
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return None
    for fixed in ("const", "default"):
        if fixed in schema:
            return schema[fixed]
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    for several in ("anyOf", "oneOf", "allOf"):
        options = schema.get(several)
        if isinstance(options, list) and options:
            return example_of(options[0], text=text, depth=depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object":
        properties = schema.get("properties")
        inside = properties.items() if isinstance(properties, Mapping) else ()
        return {name: example_of(part, text=text, depth=depth + 1) for name, part in inside}
    if kind == "array":
        return [example_of(schema.get("items"), text=text, depth=depth + 1)]
    plain: dict[Any, Any] = {"string": text, "integer": 1, "number": 1.5, "boolean": True}
    return plain.get(kind) if isinstance(kind, str) else None
