"""What a model gave fits the schema afterwards, or the model is told why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tui.tools.arguments import BadArguments, checked_arguments


def one(schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": schema}, **({"required": ["x"]} if required else {})}


INTEGER, NUMBER, STRING, BOOLEAN = ({"type": kind} for kind in ("integer", "number", "string", "boolean"))
NUMBERS = {"type": "array", "items": INTEGER}


@pytest.mark.parametrize(
    ("schema", "given_value", "value"),
    [
        (INTEGER, 3, 3), (INTEGER, 3.0, 3), (INTEGER, " 3 ", 3), (INTEGER, "-12", -12),
        (NUMBER, 3, 3.0), (NUMBER, "3.5e2", 350.0), (NUMBER, ".5", 0.5),
        (STRING, 3, "3"), (STRING, True, "true"), (STRING, "", ""),
        (BOOLEAN, "True", True), (BOOLEAN, False, False),
        (NUMBERS, [1, "2", 3.0], [1, 2, 3]), (NUMBERS, "[1, 2]", [1, 2]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}), ({"type": ["string", "null"]}, None, None),
        ({"type": ["integer", "string"]}, "7", "7"), ({"anyOf": [NUMBERS, {"type": "null"}]}, None, None),
        ({"type": "string", "enum": ["a", "b"]}, "b", "b"), ({}, {"any": ["thing"]}, {"any": ["thing"]}),
    ],
)  # fmt: skip
def test_what_is_clear_is_turned_into_the_right_type(schema: dict[str, Any], given_value: Any, value: Any) -> None:
    found = checked_arguments(one(schema), {"x": given_value})["x"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (INTEGER, "three", 'x must be integer, it is "three"'),
        (INTEGER, 3.5, "x must be integer"), (INTEGER, True, "x must be integer"), (INTEGER, None, "x must be integer"),
        (INTEGER, "9" * 5000, "x must be integer"), (INTEGER, float("inf"), "x must be integer"),
        (NUMBER, "nan", "x must be number"), (NUMBER, "1e999", "x must be number"), (NUMBER, 10**400, "x must be number"),
        (BOOLEAN, 1, "x must be boolean"), (STRING, ["a"], "x must be string"), (STRING, None, "x must be string"),
        (NUMBERS, "[1, 2", "x must be array"), (NUMBERS, [1, "b"], "x[1] must be integer"),
        ({"type": "object"}, "[1]", "x must be object"), ({"type": "string", "enum": ["a"]}, "b", "one of"),
        ({"anyOf": [NUMBERS, {"type": "null"}]}, "b", "x must be array or null"),
        ({"type": "unheard-of"}, 1, "x must be unheard-of"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_its_place(schema: dict[str, Any], value: Any, said: str) -> None:
    with pytest.raises(BadArguments) as raised:
        checked_arguments(one(schema), {"x": value})
    assert said in str(raised.value)
    assert len(str(raised.value)) < 400


def test_what_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(BadArguments, match="missing: x"):
        checked_arguments(one(STRING), {})
    with pytest.raises(BadArguments, match="unknown: y; there are: x"):
        checked_arguments(one(STRING), {"x": "a", "y": "b"})
    with pytest.raises(BadArguments, match="unknown: y; there are: none"):
        checked_arguments({"type": "object", "properties": {}}, {"y": 1})
    inner = {"type": "object", "properties": {"a": STRING}, "required": ["a"]}
    with pytest.raises(BadArguments, match=r"missing: x\.a"):
        checked_arguments(one(inner), {"x": {}})


def test_null_means_left_out_where_that_is_possible() -> None:
    assert checked_arguments(one(INTEGER, required=False), {"x": None}) == {}
    assert checked_arguments(one({}, required=False), {"x": None}) == {"x": None}


def test_a_bomb_is_refused() -> None:
    with pytest.raises(BadArguments, match="at most"):
        checked_arguments(one(STRING), {"x": "a" * 200_000})
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(BadArguments):
        checked_arguments(one(NUMBERS), {"x": deep})


@pytest.mark.parametrize("text", HOSTILE_STRINGS)
def test_a_complaint_about_hostile_arguments_is_clean(text: str) -> None:
    for arguments in ({"x": text}, {text: 1}, {"x": {text: text}}):
        with pytest.raises(BadArguments) as raised:
            checked_arguments(one(NUMBERS), arguments)
        assert "\x1b" not in str(raised.value)
        assert "\x9b" not in str(raised.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "a", ""]), inner, max_size=3),
    max_leaves=8,
)
SCHEMAS = st.recursive(
    st.sampled_from(
        [INTEGER, NUMBER, STRING, BOOLEAN, {}, {"type": ["integer", "null"]}, {"type": "string", "enum": ["a"]}]
    ),
    lambda inner: st.builds(lambda items: {"type": "array", "items": items}, inner) | st.builds(one, inner),
    max_leaves=4,
)


@given(SCHEMAS, st.dictionaries(st.sampled_from(["x", "y"]), JSON, max_size=2))
def test_checked_arguments_stay_as_they_are_when_checked_again(
    schema: dict[str, Any], arguments: dict[str, Any]
) -> None:
    try:
        once = checked_arguments(one(schema), arguments)
    except BadArguments:
        return
    assert repr(checked_arguments(one(schema), once)) == repr(once)
