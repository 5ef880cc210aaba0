"""Breaking lines: every row fits, nothing is lost but the spaces at a break."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tui.app.transcript.wrap import cut, width_of, wrap

TEXTS = st.text(alphabet="ab cd.,-  é漢字かな、。👩\u200d💻\u0301한국 ", max_size=200)


def rows(text: str, width: int) -> list[str]:
    return [text[start:end] for start, end in wrap(text, width)]


def test_words_go_to_the_next_row_whole() -> None:
    assert rows("one two three four", 9) == ["one two", "three", "four"]


def test_a_word_wider_than_a_row_is_broken() -> None:
    assert rows("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_spaces_at_a_break_belong_to_no_row() -> None:
    assert rows("aaaa      bbbb", 5) == ["aaaa", "bbbb"]


def test_text_without_spaces_breaks_between_letters_and_not_before_a_full_stop() -> None:
    assert rows("漢字かな交じり文。", 8) == ["漢字かな", "交じり", "文。"]


def test_an_emoji_of_several_code_points_stays_whole() -> None:
    coder = "👩\u200d💻"
    assert rows(coder * 5, 4) == [coder * 2, coder * 2, coder]


@given(TEXTS, st.integers(min_value=4, max_value=40))
def test_every_row_fits_and_only_spaces_are_left_out(text: str, width: int) -> None:
    found = wrap(text, width)
    assert all(width_of(text[start:end]) <= width for start, end in found)
    kept = "".join(text[start:end] for start, end in found)
    assert kept.replace(" ", "") == text.replace(" ", "")
    assert all(end <= start for (_, end), (start, _) in pairwise(found))


@given(TEXTS, st.integers(min_value=1, max_value=40))
def test_a_cut_text_fits(text: str, width: int) -> None:
    assert width_of(cut(text, width, "…")) <= width
