"""Where a key stands in a TOML file."""

from __future__ import annotations

import tomllib
from typing import Any

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from tui.settings.toml_lines import key_lines, line_of

TEXT = b'''# a comment
about = "one"
system = """
temperature = 3
[options]
"""

[options]  # how
stop = [
    "a]",
    "b",
]
temperature = 9
"quoted name".inner = 1
[deep.'er']
x = { y = 2, z = 3 }
'''


def test_every_key_has_its_line() -> None:
    lines = key_lines(TEXT)
    assert lines["about",] == 2
    assert lines["system",] == 3
    assert ("temperature",) not in lines
    assert lines["options",] == 8
    assert lines["options", "stop"] == 9
    assert lines["options", "temperature"] == 13
    assert lines["options", "quoted name", "inner"] == 14
    assert lines["deep", "er"] == 15
    assert lines["deep", "er", "x", "z"] == 16


def test_what_has_no_line_has_that_of_its_table() -> None:
    lines = key_lines(TEXT)
    assert line_of(lines, ("options", "nothing")) == 8
    assert line_of(lines, ("nothing",)) is None


def test_a_file_that_cannot_be_read_has_some_lines_and_no_error() -> None:
    assert key_lines(b"a = 1\n[[[\n\xff = 2\nb = 3\n")["a",] == 1
    assert key_lines(b"") == {}


def test_a_text_of_many_lines_is_read_once() -> None:
    text = 'system = """\n' + "one more line\n" * 15_000 + '"""\nseed = x\nabout = "b"\n'
    assert key_lines(text.encode())["about",] == 15_004


_KEYS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)
_VALUES = st.integers() | st.booleans() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


@given(st.dictionaries(_KEYS, _VALUES | st.dictionaries(_KEYS, _VALUES | st.lists(_VALUES, max_size=3), max_size=3)))
def test_each_key_is_found_whatever_the_file_says(table: dict[str, Any]) -> None:
    data = tomli_w.dumps(table, multiline_strings=True).encode()
    assert tomllib.loads(data.decode()) == table
    lines = key_lines(data)
    for key, value in table.items():
        assert (key,) in lines
        if isinstance(value, dict):
            assert all((key, inner) in lines for inner in value)
