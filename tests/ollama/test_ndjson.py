from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ollama.ndjson import LineCutter, LineTooLongError, NotJsonError, decoded, decoded_prefix

SEPARATORS = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r"]


def lines_of(parts: list[bytes]) -> list[bytes]:
    cutter = LineCutter()
    lines = [line for part in parts for line in cutter.feed(part)]
    tail = cutter.tail()
    return [*lines, tail] if tail else lines


@given(st.lists(st.binary(max_size=12).map(lambda data: data.replace(b"A", b"\n")), max_size=12))
def test_lines_do_not_depend_on_where_the_bytes_were_split(parts: list[bytes]) -> None:
    assert lines_of(parts) == lines_of([b"".join(parts)])
    stripped = [line.strip(b" \t\r") for line in b"".join(parts).split(b"\n")]
    assert lines_of(parts) == [line for line in stripped if line]


@pytest.mark.parametrize("separator", SEPARATORS)
def test_no_other_separator_ends_a_line(separator: str) -> None:
    line = f'{{"a":"x{separator}y"}}'.encode()
    for cut in range(len(line)):
        (found,) = lines_of([line[:cut], line[cut:] + b"\n"])
        assert decoded(found) == {"a": f"x{separator}y"}


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert list(LineCutter(10).feed(b"0123456789\n")) == [b"0123456789"]
    with pytest.raises(LineTooLongError):
        list(LineCutter(10).feed(b"01234567890"))
    cutter = LineCutter(10)
    assert list(cutter.feed(b"01234")) == []
    with pytest.raises(LineTooLongError):
        list(cutter.feed(b"5678901\n"))


def test_whole_lines_come_before_the_one_that_is_too_long() -> None:
    cutter = LineCutter(4)
    feeding = cutter.feed(b"ab\ncd\n0123456")
    assert next(feeding) == b"ab"
    assert next(feeding) == b"cd"
    with pytest.raises(LineTooLongError):
        next(feeding)


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "-Infinity", '{"a":NaN}', "{", "", "[" * 200_000, "1" * 5000, '{"a":' * 50_000, "nul", "{} {}"],
)
def test_what_json_does_not_know_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(NotJsonError):
        decoded(text.encode())


def test_a_number_that_is_too_large_stays_finite() -> None:
    assert decoded(b"1e999") > 1e300
    assert math.isfinite(decoded(b"-1e999"))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'"a\xffb"', "a\ufffdb"),
        (b'"\\ud800"', "\ufffd"),
        (b'"\\uDC00x"', "\ufffdx"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\ud800"', "\\ud800"),
        (b'"\\\\\\ud800"', "\\\ufffd"),
        (b'"\x00\x1b"', "\x00\x1b"),
        (b'{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_odd_bytes_become_text_that_can_be_stored(data: bytes, value: Any) -> None:
    assert decoded(data) == value
    json.dumps(value, ensure_ascii=False).encode("utf-8")


@given(st.text(st.characters(), max_size=30))
def test_every_text_survives_json(text: str) -> None:
    found = decoded(json.dumps({"a": text}).encode())["a"]
    found.encode("utf-8")  # or it could not be stored
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert found == text


def test_what_stands_behind_the_json_is_kept() -> None:
    assert decoded_prefix(' {"a":1}\nout of memory ') == ({"a": 1}, "out of memory")
    with pytest.raises(NotJsonError):
        decoded_prefix("model runner has stopped")
