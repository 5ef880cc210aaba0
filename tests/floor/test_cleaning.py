from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tui.cleaning import cell_width, clean, clean_line, for_model, hidden_characters, shown_controls

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
REORDERING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
TAGS = re.compile(r"[\U000e0000-\U000e007f]")

any_character = st.characters()  # surrogates too
suspects = st.sampled_from(
    [chr(code) for code in (*range(0xA0), *range(0x2000, 0x2070), 0xAD, 0xFEFF, 0xD800, 0xE0041)]
)
foreign_text = st.text(any_character | suspects | st.sampled_from(HOSTILE_STRINGS[6]))


def test_there_are_forty_hostile_strings() -> None:
    assert len(set(HOSTILE_STRINGS)) == 40


@pytest.mark.parametrize("hostile", HOSTILE_STRINGS)
def test_no_hostile_string_keeps_a_control_alive(hostile: str) -> None:
    for safe in (clean(hostile), clean_line(hostile), shown_controls(hostile)):
        assert not CONTROLS.search(safe)
        assert not TAGS.search(safe)
        safe.encode()
    assert not REORDERING.search(clean(hostile))


@given(foreign_text)
def test_any_text_comes_out_without_controls_overrides_tags_and_surrogates(text: str) -> None:
    cleaned = clean(text)
    assert not CONTROLS.search(cleaned)
    assert not REORDERING.search(cleaned)
    assert not TAGS.search(cleaned)
    cleaned.encode()


@given(foreign_text)
def test_a_newline_is_the_only_end_of_a_row(text: str) -> None:
    ended = clean(text) + "."
    assert ended.splitlines() == ended.split("\n")
    assert ended.count("\n") == text.count("\n")


@given(foreign_text, foreign_text)
def test_it_does_not_matter_where_a_stream_is_cut(first: str, second: str) -> None:
    assert clean(first) + clean(second) == clean(first + second)


@pytest.mark.parametrize("hostile", HOSTILE_STRINGS[:36])
def test_every_cut_of_a_hostile_string_gives_the_same(hostile: str) -> None:
    whole = clean(hostile)
    assert all(clean(hostile[:at]) + clean(hostile[at:]) == whole for at in range(len(hostile)))


@given(foreign_text)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert clean_line(clean_line(text, 20), 20) == clean_line(text, 20)
    assert shown_controls(shown_controls(text)) == shown_controls(text)


@given(foreign_text)
def test_what_was_hidden_is_counted(text: str) -> None:
    assert (hidden_characters(text) == 0) == (clean(text) == text)
    assert hidden_characters(text) == sum(clean(character) != character for character in text)


def test_clean_text_is_not_copied() -> None:
    for text in ("plain words\n\tand a tab", "schön 漢字 👩\u200d👧 می\u200cخواهم ☺\ufe0f"):
        assert clean(text) is text


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x00\x07\x08\x7f", "␀␇␈␡"),
        ("rm -rf ~\rls", "rm -rf ~␍ls"),
        ("a\r\nb", "a␍\nb"),
        ("\x9b31m", "⟦9B⟧31m"),
        ("a\x85b", "a⟦85⟧b"),
        ("a\u2028b\u2029c", "a⟦LS⟧b⟦PS⟧c"),
        ("x\u202ey\u202c\u2066z\u2069", "x⟦RLO⟧y⟦PDF⟧⟦LRI⟧z⟦PDI⟧"),
        ("a\U000e0041\U000e007fb", "ab"),
        ("a\u200bb\u2060c\u2063d\ufeffe\u00adf", "abcdef"),
        ("\ud83d", "\ufffd"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),
        ("\u3164", "⟦HF⟧"),
        ("[red]x[/x]", "[red]x[/x]"),
    ],
)
def test_each_kind_is_shown_as_documented(foreign: str, shown: str) -> None:
    assert clean(foreign) == shown


@given(foreign_text, st.integers(min_value=0, max_value=40))
def test_a_line_is_one_line_and_fits(text: str, limit_cells: int) -> None:
    line = clean_line(text, limit_cells)
    assert cell_width(line) <= limit_cells
    assert not re.search(r"[\n\t]|  |^ | $", line)


@pytest.mark.parametrize(
    ("foreign", "limit_cells", "line"),
    [
        ("  two\n\n words\t ", 200, "two words"),
        ("a" * 201, 200, "a" * 199 + "…"),
        ("a" * 200, 200, "a" * 200),
        ("漢字漢字", 8, "漢字漢字"),
        ("漢字漢字", 7, "漢字漢…"),
        ("漢字漢字", 6, "漢字…"),
        ("one two", 5, "one…"),
        ("one two", 1, "…"),
        ("one two", 0, ""),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        (" " * 100_000 + "far away", 200, "…"),
    ],
)
def test_a_line_is_cut_by_cells(foreign: str, limit_cells: int, line: str) -> None:
    assert clean_line(foreign, limit_cells) == line


def test_a_tower_of_marks_does_not_pass_as_one_cell() -> None:
    assert len(clean_line("e" + "\u0301" * 1_000_000, 200)) <= 16 * 200 + 2


def test_the_clipboard_gets_the_source_with_controls_as_symbols() -> None:
    source = "a\u200bb\u202ec\tשלום\u200f\n"
    assert shown_controls(source) == source
    assert shown_controls("\x1b]52;c;x\x07 \x9b \x7f \r\n") == "␛]52;c;x␇ ⟦9B⟧ ␡ ␍\n"
    assert shown_controls("a\U000e0041b\ud800") == "ab\ufffd"


def test_a_model_gets_raw_text_without_tags() -> None:
    raw = "\x1b[31m \x9b \u202e \u200b 👩\u200d👧"
    assert for_model(raw) == raw
    assert for_model("obey" + "\U000e0068\U000e0069" + " me") == "obey me"


def test_widths_are_never_less_than_terminals_take() -> None:
    assert [cell_width(text) for text in ("", "abc", "漢字", "e\u0301", "👍🏽", "☺\ufe0f", "␛⟦RLO⟧")] == [
        0,
        3,
        4,
        1,
        4,
        2,
        6,
    ]
