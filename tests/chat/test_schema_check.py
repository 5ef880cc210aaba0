"""A JSON schema that somebody writes: what is wrong with it, and where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chat.answer_format import check_answer
from tui.chat.schema_check import check_schema

GOOD = """{
  "type": "object",
  "properties": {
    "name": {"type": ["string", "null"], "maxLength": 20},
    "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "uniqueItems": true}
  },
  "required": ["name"],
  "additionalProperties": false,
  "$defs": {"tag": {"enum": ["a", "b"]}}
}
"""


def said(text: str) -> list[str]:
    return [str(one) for one in check_schema(text).problems]


def test_a_schema_is_taken_as_it_is() -> None:
    found = check_schema(GOOD)
    assert found.problems == ()
    assert found.schema is not None
    assert found.schema == json.loads(GOOD)
    assert check_answer('{"name": null}', found.schema).is_right


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: nothing is written here"),
        ('{\n  "type": "object",\n}', "line "),
        ('{\n  "type" "object"\n}', "line 2: expecting ':' delimiter, at column 10"),
        ("[1]", "line 1: a schema is an object"),
        ('{\n"minimum": NaN}', "line 1: NaN is no JSON"),
        ('{\n\n  "type": "strnig"\n}', 'line 3: type: "strnig" is none of object, array'),
        ('{"properties": {\n "a": {\n  "type": 3}}}', "line 3: type: 3 is none of"),
        ('{"properties": {\n "a": "string"}}', "line 2: a: a schema is an object, true or false"),
        ('{\n"properties": ["a"]}', "line 2: properties: it needs to be an object of schemas"),
        ('{\n"required": "a"}', "line 2: required: it needs to be a list of names"),
        ('{\n"enum": []}', "line 2: enum: it needs to be a list of what is allowed"),
        ('{"anyOf": [\n{"type": "string"},\n{"maxLength": -1}]}', "line 3: maxLength: it needs to be a whole number"),
        ('{\n"items": [{}, {\n"minimum": "3"}]}', "line 3: minimum: it needs to be a number"),
        ('{\n"$ref": "#/$defs/no"}', "line 2: $ref: #/$defs/no is not in this schema"),
        ('{\n"$ref": "https://example.com/x"}', "line 2: $ref: https://example.com/x is not in this schema"),
        ('{"properties": {}, "additionalProperties": false,\n"required": ["a"]}', "line 2: required: a is not among"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, problem: str) -> None:
    assert said(text)[0].startswith(problem), said(text)


@pytest.mark.parametrize("levels", [201, 100_000])
def test_what_is_nested_too_deeply_is_said_in_plain_words(levels: int) -> None:
    text = '{"items":\n' * levels + "{}" + "}" * levels
    assert said(text) == ["line 201: it is nested too deeply, over 200 levels"]


def test_a_number_that_is_too_long_is_said_in_plain_words() -> None:
    assert said('{"minimum": ' + "9" * 5000 + "}") == ["line 1: a number in it has too many digits"]


def test_of_many_problems_the_first_three_are_named() -> None:
    text = "{" + ",".join(f'\n"p{number}": 1' for number in range(9)) + "}"
    problems = said(f'{{"properties":\n{text}}}')
    assert [one.partition(":")[0] for one in problems] == ["line 3", "line 4", "line 5"]


_NAMES = st.text(max_size=4)
_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | _NAMES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_NAMES | st.sampled_from(["type", "items"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(_JSON, st.sampled_from([None, 1, 4]))
def test_whatever_is_written_has_an_answer_and_its_lines_are_there(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    found = check_schema(text)
    assert (found.schema is None) == bool(found.problems)
    assert all(1 <= one.line <= text.count("\n") + 1 for one in found.problems)


@given(st.text(max_size=40))
def test_what_is_no_json_is_said_and_nothing_breaks(text: str) -> None:
    assert check_schema(text).problems or check_schema(text).schema is not None
