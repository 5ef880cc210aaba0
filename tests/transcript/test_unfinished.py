"""The line that is just being written shows no marker that is only half there."""

from __future__ import annotations

import pytest

from tests.transcript.host import LOOK, answer, lines, rows_of
from tui.app.transcript.entry import Entry
from tui.conversations.values import MessageState


def so_far(text: str) -> list[str]:
    entry = Entry(answer(text, state=MessageState.answering))
    entry.open(LOOK)
    return lines(rows_of(entry)[1:])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("some **bo", ["   some bo"]),
        ("some **", ["   some"]),
        ("some **bold*", ["   some bold"]),
        ("some `co", ["   some co"]),
        ("some `", ["   some"]),
        ("2 * 3 is", ["   2 * 3 is"]),
        ("snake_case an", ["   snake_case an"]),
        ("see [label](https://exa", ["   see label"]),
        ("text\n-", ["   text"]),
        ("text\n\n#", ["   text"]),
        ("text\n\n1", ["   text"]),
        ("text\n\n``", ["   text"]),
        ("text\n\n```pyt", ["   text"]),
        ("- a\n- ", ["   • a"]),
        ("- a\n- **b", ["   • a", "   • b"]),
        ("text\n\n| a | b", ["   text"]),
        ("text\n\n| a | b |\n|--", ["   text"]),
        ("```\ncode\n``", ["" + " " * 92 + "copy 1", "    code", ""]),
    ],
)
def test_half_a_marker_is_not_shown(text: str, expected: list[str]) -> None:
    assert [line.strip() for line in so_far(text)] == [line.strip() for line in expected]


def test_a_table_grows_row_by_row_and_cell_by_cell() -> None:
    head = "| a | b |\n|---|---|\n"
    assert so_far(head)[0] == "   a   b"
    assert so_far(head + "| one | t")[2] == "   one   t"


def test_code_is_coloured_while_it_comes() -> None:
    entry = Entry(answer("```python\ndef f", state=MessageState.answering))
    entry.open(LOOK)
    styles = {segment.text: segment.style for segment in rows_of(entry)[2].strip}
    assert styles["def"] != styles["f"]
