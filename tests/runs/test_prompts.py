"""Prompts out of files of three kinds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.failures import Failure
from tui.runs.prompts import PROMPT, PromptRow, fill, read_prompts, rows_of


def columns(data: bytes, name: str) -> list[dict[str, str]]:
    return [dict(row.columns) for row in rows_of(data, name=name)]


def test_every_line_of_a_text_is_a_prompt_and_empty_ones_are_none(tmp_path: Path) -> None:
    file = tmp_path / "asked.txt"
    file.write_text("first\n\n  \nsecond\r\nthird", encoding="utf-8")
    rows = read_prompts(file)
    assert [(row.line, row.columns[PROMPT]) for row in rows] == [(1, "first"), (4, "second"), (5, "third")]


def test_json_lines_are_texts_or_objects() -> None:
    data = '"just so"\n{"prompt": "a", "n": 3, "tags": ["x", "ü"]}\n'.encode()
    assert columns(data, "p.jsonl") == [{"prompt": "just so"}, {"prompt": "a", "n": "3", "tags": '["x", "ü"]'}]


def test_a_line_separator_inside_a_json_text_ends_no_line() -> None:
    assert columns('{"prompt": "a\u2028b"}'.encode(), "p.jsonl") == [{"prompt": "a\u2028b"}]


def test_csv_has_quoted_lines_and_a_byte_order_mark() -> None:
    data = b'\xef\xbb\xbfprompt,who\n"two\nlines, one cell",ada\n,\nplain,\n'
    assert columns(data, "p.csv") == [
        {"prompt": "two\nlines, one cell", "who": "ada"},
        {"prompt": "plain", "who": ""},
    ]


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b'{"a": 1}\n{"a"\n', "p.jsonl", "p.jsonl, line 2: not JSON"),
        (b"17\n", "p.jsonl", "line 1: neither a text nor an object"),
        (b"a,b\n1,2,3\n", "p.csv", "line 2: more values than columns"),
        (b'a\n"x" y\n', "p.csv", "line 2: not CSV"),
        (b"\n \n", "p.txt", "nothing to ask in p.txt"),
        (b"ok\n\xff\n", "p.txt", "byte 3 is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(data: bytes, name: str, said: str) -> None:
    with pytest.raises(Failure) as raised:
        rows_of(data, name=name)
    assert said in str(raised.value)


def test_a_template_is_filled_once_and_what_it_is_filled_with_is_no_template() -> None:
    row = PromptRow(line=7, columns={"who": "{{what}}", "what": "tea"})
    assert fill("{{ who }} drinks {{what}} {not} {{}}", row, name="p") == "{{what}} drinks tea {not} {{}}"


def test_a_missing_column_is_named_with_those_there_are() -> None:
    with pytest.raises(Failure) as raised:
        fill("{{whom}}", PromptRow(line=7, columns={"who": "a"}), name="p.csv")
    assert "p.csv, line 7: there is no column whom" in str(raised.value)
    assert "its columns are who" in str(raised.value)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1), min_size=1))
def test_every_text_comes_back_from_json_lines(texts: list[str]) -> None:
    import json

    data = "\n".join(json.dumps({"prompt": text}, ensure_ascii=False) for text in texts).encode()
    assert [row.columns[PROMPT] for row in rows_of(data, name="x.jsonl")] == texts
