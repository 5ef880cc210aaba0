"""Whether an answer is the JSON that was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chat.answer_format import check_answer

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "kind": {"enum": ["cat", "dog"]},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "maxItems": 2, "uniqueItems": True},
        "pair": {"prefixItems": [{"type": "string"}, {"type": "null"}], "items": False},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "maxLength": 4}},
}


def test_what_was_asked_for_is_right() -> None:
    text = '{"name": "Ada", "age": 36.0, "kind": "cat", "tags": ["a", "b"], "pair": ["x", null]}'
    assert check_answer(text, PERSON).is_right


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Sure! {}", "it is no JSON"),
        ('{"name": NaN, "age": 1}', "NaN is no JSON"),
        ("[" * 100_000, "it is nested too deeply"),
        ("[]", "answer: expected object, not array"),
        ('{"name": "Ada"}', "answer: age is missing"),
        ('{"name": "", "age": 1}', "answer.name: 0 characters, at least 1"),
        ('{"name": "a", "age": "old"}', "answer.age: expected integer, not string"),
        ('{"name": "a", "age": 1.5}', "answer.age: expected integer, not number"),
        ('{"name": "a", "age": true}', "answer.age: expected integer, not boolean"),
        ('{"name": "a", "age": 200}', "answer.age: 200, at most 150"),
        ('{"name": "a", "age": 2, "kind": "bird"}', 'answer.kind: "bird" is none of ["cat", "dog"]'),
        ('{"name": "a", "age": 2, "tags": ["toolong"]}', "answer.tags[0]: 7 characters, at most 4"),
        ('{"name": "a", "age": 2, "tags": ["a", "a"]}', "answer.tags: some entries are there twice"),
        ('{"name": "a", "age": 2, "pair": ["a", null, 3]}', "answer.pair[2]: nothing may be there"),
        ('{"name": "a", "age": 2, "more": 1}', "answer: more is not expected"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, problem: str) -> None:
    assert problem in check_answer(text, PERSON).problems[0]


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"anyOf": [{"type": "string"}, {"minimum": 3, "type": "number"}]}, 4, 2),
        ({"oneOf": [{"minimum": 3}, {"maximum": 5}]}, 2, 4),
        ({"allOf": [{"minimum": 3}, {"maximum": 5}]}, 4, 6),
        ({"not": {"type": "null"}}, 0, None),
        ({"const": 1}, 1.0, True),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 2}, 1.5, 2),
        ({"type": ["null", "string"]}, None, 3),
    ],
)
def test_the_keywords_that_combine(schema: dict[str, Any], right: Any, wrong: Any) -> None:
    assert check_answer(json.dumps(right), schema).is_right
    assert not check_answer(json.dumps(wrong), schema).is_right


def test_what_is_not_checked_is_named() -> None:
    found = check_answer('{"a": "x"}', {"properties": {"a": {"pattern": "^y"}}, "if": {}})
    assert found.is_right
    assert found.unchecked == ("if", "pattern")


def test_a_property_may_be_called_like_a_keyword() -> None:
    assert check_answer("{}", {"properties": {"pattern": {"type": "string"}}}).unchecked == ()


def test_a_schema_that_goes_round_in_circles_comes_to_an_end() -> None:
    assert check_answer("1", {"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "type": "string"}).problems


def test_json_without_a_schema_is_an_object() -> None:
    assert check_answer("{}", "json").is_right
    assert not check_answer("3", "json").is_right


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_values, st.dictionaries(st.sampled_from(["type", "items", "enum", "required", "minimum", "$ref"]), _values))
def test_no_schema_whatever_makes_it_fail(value: Any, schema: dict[str, Any]) -> None:
    _ = check_answer(json.dumps(value), schema)
