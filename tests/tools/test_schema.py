"""A typed function tells its schema, in what a server keeps of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest

from tui.failures import Failure
from tui.tools import Effect, tool
from tui.tools.schema import documented, parameters_of

KEPT = {"type", "anyOf", "items", "description", "enum", "properties", "required"}


class Place(TypedDict):
    city: str
    country: NotRequired[str]


def weather(
    place: Place,
    days: int = 3,
    unit: Literal["celsius", "kelvin"] = "celsius",
    *,
    hours: list[int] | None = None,
    near: Annotated[float | None, "in km"] = None,
    extra: Any = None,
) -> str:
    """The weather that comes.

    It is a guess,
    as ever.

    Args:
        place: where
        days (int): how many days,
            at most ten
    Returns:
        words: many
    """
    return ""


def test_types_become_a_schema() -> None:
    schema = parameters_of(weather)
    assert schema["required"] == ["place"]
    assert schema["properties"] == {
        "place": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
            "required": ["city"],
            "description": "where",
        },
        "days": {"type": "integer", "description": "how many days, at most ten (default 3)"},
        "unit": {"type": "string", "enum": ["celsius", "kelvin"], "description": "(default 'celsius')"},
        "hours": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
        "near": {"type": ["number", "null"], "description": "in km"},
        "extra": {},
    }


def test_nothing_is_in_a_schema_that_a_server_drops() -> None:
    def keys(schema: Any, *, names: bool = False) -> set[str]:
        if isinstance(schema, list):
            return set().union(*(keys(one) for one in schema))
        if not isinstance(schema, dict):
            return set()
        inner = [keys(value, names=key == "properties" and not names) for key, value in schema.items()]
        return set().union(set() if names else set(schema), *inner)

    assert keys(parameters_of(weather)) <= KEPT


def test_the_docstring_says_what_it_is_for() -> None:
    words, parameters = documented(weather)
    assert words == "The weather that comes.\n\nIt is a guess, as ever."
    assert parameters == {"place": "where", "days": "how many days, at most ten"}


def test_the_other_style_of_docstrings_is_read_too() -> None:
    def search(words: str, most: int) -> str:
        """Search.

        :param words: what to look for,
            in full
        :param int: no name
        :return: what was found
        """
        return words * most

    about, parameters = documented(search)
    assert about == "Search."
    assert parameters["words"] == "what to look for, in full"
    assert "most" not in parameters


def test_a_tool_is_declared_as_the_wire_wants_it() -> None:
    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    assert add.declaration == {
        "type": "function",
        "function": {
            "name": "add",
            "description": "Add two numbers.",
            "parameters": {
                "type": "object",
                "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                "required": ["a", "b"],
            },
        },
    }
    assert add.effect is Effect.acts


def untyped(a) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
def many(*a: int) -> None: ...
def keywords(**a: int) -> None: ...
def by_place(a: int, /) -> None: ...
def odd(a: set[int]) -> None: ...
def odd_keys(a: dict[int, str]) -> None: ...
def odd_values(a: Literal[b"x"]) -> None: ...
def unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("function", [untyped, many, keywords, by_place, odd, odd_keys, odd_values, unknown])
def test_a_function_that_says_too_little_is_no_tool(function: Callable[..., Any]) -> None:
    with pytest.raises(Failure, match="is no tool"):
        tool(function)


def test_a_name_that_no_server_takes_is_refused() -> None:
    with pytest.raises(Failure, match="is no name for a tool"):
        tool(name="rm -rf \x1b[2J")(weather)
