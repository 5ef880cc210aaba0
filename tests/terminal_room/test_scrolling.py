"""Rows that moved are found, wherever they moved, and the scroll found leads to the picture."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.app.terminal.cells import UNKNOWN, Cells
from tui.app.terminal.scrolling import Scroll, find_scroll


def rows(*texts: str) -> list[Cells]:
    return [(text.ljust(8), "\0" * 8) for text in texts]


def found(before: list[Cells], after: list[Cells]) -> Scroll | None:
    return find_scroll(before, dict(enumerate(after)))


LINES = [f"line {number}" for number in range(8)]


def test_a_page_that_moved_up_or_down() -> None:
    assert found(rows(*LINES), rows(*LINES[1:], "new")) == Scroll(top=0, bottom=7, rows=1)
    assert found(rows(*LINES), rows(*LINES[3:], "a", "b", "c")) == Scroll(top=0, bottom=7, rows=3)
    assert found(rows(*LINES), rows("new", *LINES[:-1])) == Scroll(top=0, bottom=7, rows=-1)


def test_what_stands_around_it_is_left_alone() -> None:
    before = rows("head", *LINES[:5], "status")
    after = rows("head", *LINES[1:5], "new", "status")
    assert found(before, after) == Scroll(top=1, bottom=5, rows=1)


def test_a_row_that_changed_on_the_way_does_not_end_it() -> None:
    after = [*LINES[1:], "new"]
    after[3] = "line 4 ▃"
    assert found(rows(*LINES), rows(*after)) == Scroll(top=0, bottom=7, rows=1)


def test_little_is_not_worth_it() -> None:
    assert found(rows(*LINES), rows(*LINES)) is None
    assert found(rows(*LINES), rows("line 1", *LINES[1:])) is None
    assert found(rows("a", "b", "", "", "", ""), rows("c", "a", "", "", "", "x")) is None
    assert found(rows(*[""] * 8), rows(*LINES)) is None


def test_what_is_not_known_is_not_moved() -> None:
    unknown = [(UNKNOWN * 8, "\0" * 8)] * 8
    assert found(unknown, rows(*LINES)) is None


WORDS = st.sampled_from(["", "a", "b", "c", "long row", "d d"])


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=12))
def test_a_scroll_never_leaves_the_screen(pairs: list[tuple[str, str]]) -> None:
    before, after = rows(*(pair[0] for pair in pairs)), rows(*(pair[1] for pair in pairs))
    scroll = found(before, after)
    if scroll is not None:
        assert 0 <= scroll.top < scroll.bottom < len(before)
        assert 0 < abs(scroll.rows) <= scroll.bottom - scroll.top
        moved = list(before)
        block = moved[scroll.top : scroll.bottom + 1]
        blank = rows(*[""] * abs(scroll.rows))
        moved[scroll.top : scroll.bottom + 1] = (
            block[scroll.rows :] + blank if scroll.rows > 0 else blank + block[: scroll.rows]
        )
        right_before = sum(one == other and one[0].strip() != "" for one, other in zip(before, after, strict=True))
        right_after = sum(one == other and one[0].strip() != "" for one, other in zip(moved, after, strict=True))
        assert right_after > right_before
