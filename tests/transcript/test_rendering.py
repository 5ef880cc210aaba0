"""Markdown to rows: what it looks like, that nothing is lost, and that a stream ends as the text from disk."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transcript.host import COLUMNS, PALETTE, colours, grounds, lines, rendered, same_rows, streamed
from tui.app.glyphs import UNICODE
from tui.app.transcript.look import Look
from tui.app.transcript.rendering import codes_of
from tui.app.transcript.rows import Page
from tui.app.transcript.selecting import copied_text
from tui.app.transcript.styles import Styles

PIECES = st.sampled_from(
    [
        *(
            "a",
            "word ",
            "two ",
            "*",
            "**",
            "`",
            "```",
            "\n",
            "\n\n",
            "\n- ",
            "\n1. ",
            "\n2. ",
            "  ",
            "    ",
            "\n> ",
            "|",
        ),
        *(
            "\n|a|b|\n|-|-|\n",
            "\n|c|d|",
            "[",
            "](http://e.org)",
            "\n# ",
            "~~",
            "<div>",
            "<!--",
            "-->",
            "$$",
            "\\[",
            "\\(",
        ),
        *("\n---", "\n===", "漢字", "👩\u200d💻", "é", "\t", "\n```py\n", "\n~~~\n", "x = '1'\n", "_", "\\", "&#27;"),
        *(
            "&amp;",
            "\r\n",
            "\r",
            "![",
            "\n[a]: http://x.y\n",
            "\n   - ",
            "\n     ",
            "[a]",
            "\x1b[31m",
            "\x9b",
            "\u202e",
        ),
        *("<br>", "5$"),
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(TEXTS, st.data())
def test_a_stream_ends_as_the_same_text_from_disk_however_it_was_cut(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(min_value=0, max_value=len(text)), max_size=30))
    assert same_rows(streamed(text, cuts), rendered(text))


@FEW
@given(TEXTS)
def test_no_segment_holds_a_control_character_and_every_row_is_as_wide_as_the_page(text: str) -> None:
    for row in rendered(text):
        assert row.strip.cell_length == COLUMNS
        assert sum(segment.cell_length for segment in row.strip) == COLUMNS
        shown = row.strip.text
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", shown)


MARKS = st.sampled_from(
    [
        *(
            "**",
            "*",
            "_",
            "`",
            "\n",
            "\n\n",
            "\n- ",
            "\n1. ",
            "\n> ",
            "\n\n    ",
            "\n# ",
            "~~",
            "\n---\n",
            "|",
            "\n```\n",
        ),
        *("\n~~~\n", "<i>", "\n<div>\n", "$", "[", "]", "\n  - ", "\n|a|\n|-|\n|", "\n=\n", " "),
    ]
)


@FEW
@given(st.lists(MARKS, max_size=30))
def test_every_word_is_on_the_screen(marks: list[str]) -> None:
    text = "".join(f"{mark}w{number}w" for number, mark in enumerate(marks))
    shown = "".join(lines(rendered(text)))
    assert [f"w{number}w" for number in range(len(marks)) if f"w{number}w" not in shown] == []


SAMPLES = {
    "heading": ("# One\n\nTwo\n===\n\n### Three ###", ["   One", "", "   Two", "", "   Three"]),
    "lines stay lines": ("one\ntwo  \nthree", ["   one", "   two", "   three"]),
    "list": ("- a\n- b\n\n- c", ["   • a", "   • b", "   • c"]),
    "nested list": ("- a\n  - b\n    1. c\n- d", ["   • a", "     • b", "       1. c", "   • d"]),
    "numbers go on": ("1. a\n1. b\n1. c", ["   1. a", "   2. b", "   3. c"]),
    "numbers start": ("7) a\n8) b", ["   7) a", "   8) b"]),
    "tasks": ("- [ ] a\n- [x] b", ["   • [ ] a", "   • [x] b"]),
    "item with paragraphs": ("- a\n\n  b\n- c", ["   • a", "", "     b", "   • c"]),
    "quote": ("> a\n> b\n>\n> c", ["   ▌ a", "   ▌ b", "   ▌", "   ▌ c"]),
    "link": ("[label](https://example.org/x)", ["   label example.org"]),
    "link that says where it goes": ("[example.org](https://example.org)", ["   example.org"]),
    "link with a false host": ("[x](https://good.org@evil.org/)", ["   x evil.org"]),
    "dangerous link": ("[x](javascript:alert)", ["   [x](javascript:alert)"]),
    "image": ("![a cat](https://example.org/c.png)", ["   image: a cat example.org"]),
    "reference": ("[text][1]\n\n[1]: https://e.org", ["   [text][1]", "", "   [1]: https://e.org"]),
    "footnote": ("a[^1]\n\n[^1]: b", ["   a[^1]", "", "   [^1]: b"]),
    "html": ("<div>\na <b>b</b>\n</div>", ["   <div>", "   a <b>b</b>", "   </div>"]),
    "formula": ("\\(a_1 * b_1\\) $x*y*z$", ["   \\(a_1 * b_1\\) $x*y*z$"]),
    "formula on its own": ("\\[\nx = a_1 * b_1\n\\]", ["   \\[", "   x = a_1 * b_1", "   \\]"]),
    "money": ("it costs $5 and $10 *now*", ["   it costs $5 and $10 now"]),
    "rule": ("a\n\n---", ["   a", "", "   " + "─" * 96]),
    "indented code": ("    a\n\n    b", ["", "    a", "", "    b", ""]),
    "entity": ("&lt;&#65;", ["   <A"]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_markdown_looks_as_it_should(name: str) -> None:
    text, expected = SAMPLES[name]
    assert lines(rendered(text)) == expected


def test_a_table_has_aligned_columns_and_a_quiet_line() -> None:
    assert lines(rendered("| name | n |\n|:--|--:|\n| a | 1 |\n| bb | 22 |")) == [
        "   name    n",
        "   ────   ──",
        "   a       1",
        "   bb     22",
    ]


def test_a_table_wider_than_the_window_loses_no_text() -> None:
    cells = [f"cell{number} " + " ".join(f"word{number}{index}" for index in range(12)) for number in range(4)]
    text = f"|{'|'.join('abcd')}|\n|-|-|-|-|\n|{'|'.join(cells)}|"
    rows = rendered(text)
    shown = " ".join(lines(rows))
    assert all(word in shown for cell in cells for word in cell.split())


def test_a_table_of_more_columns_than_fit_becomes_a_list() -> None:
    columns = 40
    text = f"|{'|'.join(f'h{n}h' for n in range(columns))}|\n{'|-' * columns}|\n|{'|'.join(f'c{n}c' for n in range(columns))}|"
    shown = lines(rendered(text))
    assert shown[0] == "   h0h: c0c"
    assert shown[columns - 1] == f"   h{columns - 1}h: c{columns - 1}c"


def test_code_stands_on_its_ground_under_its_label() -> None:
    rows = rendered("```python\nprint(1)\n```")
    assert lines(rows) == ["    python" + " " * (COLUMNS - 18) + "copy 1", "    print(1)", ""]
    assert all(set(grounds(row)) == {PALETTE.background, PALETTE.code_background} for row in rows)
    assert colours(rows[1])["print"] == PALETTE.function


def test_code_wider_than_the_window_goes_on_in_the_next_row() -> None:
    line = "x" * 300
    rows = rendered(f"```\n{line}\n```")
    assert "".join(text.strip() for text in lines(rows)[1:-1]) == line
    assert [row.join for row in rows[1:-1]] == ["\n", "", ""]


def test_the_ground_is_as_wide_as_the_window_whatever_lies_on_it() -> None:
    narrow, wide = rendered("```\na\n```"), rendered("```\n" + "a" * 100 + "\n```")
    assert [grounds(row)[PALETTE.code_background] for row in narrow] == [COLUMNS - 4] * 3
    assert [grounds(row)[PALETTE.code_background] for row in wide] == [COLUMNS - 4] * 3


def test_a_block_comment_is_one_colour_once_the_code_is_closed() -> None:
    rows = streamed("```c\n/* a\n   b */\nint x;\n```\n", [10, 15, 18])
    assert [set(colours(row).values()) for row in rows[1:3]] == [{PALETTE.comment}, {PALETTE.comment}]


def test_an_address_ends_where_the_sentence_goes_on() -> None:
    rows = rendered("(see https://e.org/a_(b), or https://e.org/c.)")
    assert [target.value for target in rows[0].targets] == ["https://e.org/a_(b)", "https://e.org/c"]


def test_an_unknown_language_is_never_guessed() -> None:
    rows = rendered("```nosuchlanguage\ndef f(): return 1\n```")
    assert set(colours(rows[1]).values()) == {PALETTE.foreground}


def test_codes_are_counted_in_lists_and_quotes_too() -> None:
    text = "```\none\n```\n- a\n  ```sh\n  two\n  ```\n> ```\n> three\n> ```\n\n```py\nfour\n"
    assert [codes_of(text, number) for number in range(1, 6)] == ["one\n", "two\n", "three\n", "four\n", None]
    assert [line.split()[-1] for line in lines(rendered(text)) if "copy" in line] == ["1", "2", "3", "4"]


def test_nothing_is_lost_in_a_very_narrow_window() -> None:
    look = Look(Page.of(20, 96), Styles(PALETTE), UNICODE)
    text = (
        "- " * 12 + "deep\n\n" + "> " * 30 + "quoted\n\n| a | b | c |\n|-|-|-|\n| one | two | three |\n\n```\ncode\n```"
    )
    shown = "".join(lines(rendered(text, look=look)))
    assert all(word in shown for word in ("deep", "quoted", "one", "two", "three", "code"))


def test_deep_nesting_is_shown_as_it_is_written() -> None:
    for text in ("> " * 1_500 + "end", "- " * 1_500 + "end", "[" * 3_000 + "end", "*a " * 1_300 + "end"):
        assert "end" in "".join(lines(rendered(text)))


def test_a_long_item_is_rendered_in_parts_and_looks_whole() -> None:
    nested = [f"{'   ' * (1 + number % 3)}- point {number} of many" for number in range(200)]
    text = "1. first\n" + "\n".join(nested) + "\n\n   a paragraph\n2. second"
    expected = ["   1. first"]
    expected += [f"      {'  ' * (number % 3)}• point {number} of many" for number in range(200)]
    assert lines(rendered(text)) == [*expected, "", "      a paragraph", "   2. second"]


def test_a_long_paragraph_goes_on_in_the_next_row_and_is_copied_whole() -> None:
    words = " ".join(f"word{number}" for number in range(2_000))
    rows = rendered(words)
    assert copied_text((row, 0, None) for row in rows) == words
