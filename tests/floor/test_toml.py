from __future__ import annotations

import math
import tomllib
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tui.failures import Failure
from tui.toml import read_toml, write_toml

awkward = st.sampled_from(
    [*map(chr, range(0xA1)), '"', "'", "\\", "\r\n", '"""', "\n", "\ufdd0", "\ufdd0cr", "\ufdd0d800"]
)
texts = st.lists(st.characters() | awkward).map("".join)
numbers = st.integers() | st.floats(allow_nan=False)
# Fixed offsets: Python holds a moment in a zone's doubled hour unequal to every other, its own self in UTC included.
zones = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
moments = st.datetimes(timezones=st.none() | zones) | st.dates() | st.times()
scalars = texts | numbers | st.booleans() | moments
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=12)
tables = st.dictionaries(texts, values, max_size=5)


@given(tables)
@example({"a": [{"b": "x\r\ny\ny" * 30}, {"\ud800": {"": []}}], "c": {"d": {}}})
@example({"a": "\ufdd0\ufdd0cr \ufdd0\r\n \r\r\n\ud83d\ude00"})
@example({"at": datetime(1900, 1, 1, tzinfo=timezone(timedelta(minutes=19, seconds=32)))})
def test_what_is_written_is_read(table: dict[str, Any]) -> None:
    assert read_toml(write_toml(table), name="it") == table


@given(tables)
def test_nothing_that_a_terminal_obeys_is_in_the_file(table: dict[str, Any]) -> None:
    text = write_toml(table).decode()
    assert not {character for character in text if character in "\x7f\u202e\u2028" or "\x80" <= character <= "\x9f"}
    assert not {character for character in text if character < " "} - {"\n", "\t"}


@pytest.mark.parametrize("hostile", HOSTILE_STRINGS)
def test_hostile_strings_survive_as_value_and_key(hostile: str) -> None:
    table = {hostile: {"text": hostile, "more": [hostile, {hostile: hostile}]}}
    assert read_toml(write_toml(table), name="it") == table


def test_numbers_keep_their_kind() -> None:
    read = read_toml(write_toml({"zero": 0.0, "one": 1, "yes": True, "large": 1e300, "nan": math.nan}), name="it")
    assert [type(read[key]) for key in ("zero", "one", "yes", "large")] == [float, int, bool, float]
    assert math.isnan(read["nan"])


def test_none_is_absent_at_every_depth() -> None:
    table = {"a": None, "b": {"c": None, "d": [1, None, {"e": None, "f": ()}]}}
    assert read_toml(write_toml(table), name="it") == {"b": {"d": [1, {"f": []}]}}


def test_long_texts_are_readable() -> None:
    text = write_toml(
        {"messages": [{"role": "user", "text": "first line\n\tsecond line\nschön 漢字 👩\u200d👧\n"}]}
    ).decode()
    assert 'text = """\nfirst line\n\tsecond line\nschön 漢字 👩\u200d👧\n"""' in text


def test_other_readers_of_toml_read_it_too() -> None:
    table = {"text": "a\x85b\r\nc", "at": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), "on": date(2026, 1, 2)}
    assert tomllib.loads(write_toml(table).decode()) == table


def test_times_of_day_are_kept() -> None:
    assert read_toml(write_toml({"at": time(1, 2, 3)}), name="it") == {"at": time(1, 2, 3)}


def test_what_toml_has_not_is_a_type_error() -> None:
    for value in (b"bytes", {1, 2}, object()):
        with pytest.raises(TypeError):
            write_toml({"value": value})


def test_a_value_nested_too_deeply_is_not_written() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(Failure, match="nested too deeply"):
        write_toml({"value": value})


def test_a_byte_order_mark_and_dos_lines_are_no_errors() -> None:
    assert read_toml(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n", name="it") == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a = 1\nb = \n", "line 2: invalid value"),
        (b"a = 1\na = 2\n", "line 2: cannot overwrite a value"),
        (b"a = 1\n\nb = 'open", "line 3"),
        (b"[a\n", "line 1: expected ']' at the end of a table declaration"),
        (b"a = 1\nb = '\xff'\n", "not text in UTF-8 · line 2"),
        (b"a = 1\nb = '\xed\xa0\x80'\n", "not text in UTF-8 · line 2"),
        (b"a = 1\x00\n", "line 1"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"9" * 5000, "is not read"),
        (b"a = 2026-02-30\n", "line 1: invalid date or datetime"),
        (b"a = '" + b"x" * 2000 + b"'\n", "the limit is 1 KB"),
    ],
)
def test_every_error_names_the_file_the_line_and_the_next_step(data: bytes, words: str) -> None:
    limit_bytes = 1024 if b"xxx" in data else 1 << 20
    with pytest.raises(Failure) as caught:
        read_toml(data, name="themes/mine.toml", limit_bytes=limit_bytes)
    assert caught.value.title.startswith("themes/mine.toml ")
    assert words in str(caught.value)
    assert caught.value.advice


@given(st.binary() | st.text(st.sampled_from("ab=[]{}.\"'\\\n\t #1-:TZe+_\ufdd0\x00")).map(str.encode))
def test_any_bytes_are_a_table_or_a_failure(data: bytes) -> None:
    with suppress(Failure):
        assert isinstance(read_toml(data, name="it"), dict)
