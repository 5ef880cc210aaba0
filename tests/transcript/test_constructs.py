"""Every construct of Markdown with what a person must see of it, streamed and from disk alike."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transcript.host import COLUMNS, lines, rendered, same_rows, streamed
from tui.app.transcript.inline import InlineLines
from tui.app.transcript.inline_text import PIECE_CHARACTERS, InlineText, Lines
from tui.app.transcript.parser import parse_inline
from tui.app.transcript.styles import Pen

# Source and the words that must be on the screen, in this order.
EXAMPLES: dict[str, tuple[str, str]] = {
    # Blocks of text
    "two paragraphs": ("The tide comes in.\n\nThe boats lift.", "The tide comes in. The boats lift."),
    "lines of one paragraph": ("red\n  green\n      blue", "red green blue"),
    "hard breaks": ("first  \nsecond\\\nthird", "first second third"),
    "blank lines with blanks": ("one\n   \n\t\ntwo", "one two"),
    "a lonely newline at the end": ("done\n", "done"),
    "headings of all sizes": ("# a\n## b\n### c\n#### d\n##### e\n###### f", "a b c d e f"),
    "seven hashes are text": ("####### seven", "####### seven"),
    "a hash without a space is text": ("#5 in the list", "#5 in the list"),
    "a closed heading": ("## Chapter ##", "Chapter"),
    "an empty heading": ("##\n\nafter", "after"),
    "underlined headings": ("Big\n===\n\nSmall\n---", "Big Small"),
    "an underlined heading of two lines": ("Very\nbig\n===", "Very big"),
    "rules": ("above\n\n***\n\nmiddle\n\n_ _ _\n\nbelow", "above middle below"),
    "a heading right under text": ("text\n# title\nmore", "text title more"),
    # Code
    "indented code": ("    if x:\n        y", "if x: y"),
    "indented code after text is text": ("text\n    goes on", "text goes on"),
    "indented code with an empty line": ("    a\n\n    b\n\nc", "a b c"),
    "a fence of tildes": ("~~~ruby x\nputs 1\n~~~", "ruby x copy 1 puts 1"),
    "a fence in a longer fence": ("````\n```\ninner\n```\n````", "copy 1 ``` inner ```"),
    "a fence that is never closed": ("```\nleft open\n\nstill code", "copy 1 left open still code"),
    "a fence with nothing in it": ("```\n```\nafter", "copy 1 after"),
    "an indented fence": ("  ```\n  two\n    four\n  ```", "copy 1 two four"),
    "a fence right under text": ("text\n```\ncode\n```\ntext", "text copy 1 code text"),
    "backticks in an info string are no fence": ("``` a`b ```", "a`b"),
    "markup in code is code": ("```\n**a** [b](c) <d> &amp;\n```", "copy 1 **a** [b](c) <d> &amp;"),
    # Lists
    "bullets of three kinds": ("- a\n+ b\n* c", "• a • b • c"),
    "numbers with dots and brackets": ("3. a\n4. b\n\n1) c", "3. a 4. b 1) c"),
    "a number that is no list": ("the year was\n1986. A good one.", "the year was 1986. A good one."),
    "a nested list": ("- a\n  1. b\n     - c\n- d", "• a 1. b • c • d"),
    "a list that is not indented enough": ("- a\n - b\n  - c", "• a • b • c"),
    "an item with two paragraphs": ("- a\n\n  b\n\n- c", "• a b • c"),
    "an item that goes on lazily": ("- a\ngoes on\n- b", "• a goes on • b"),
    "an item with code": ("1. a\n\n   ```sh\n   ls -l\n   ```\n2. b", "1. a sh copy 1 ls -l 2. b"),
    "an item that begins with code": ("-     code\n- text", "• code • text"),
    "an item with a quote and a table": ("- > q\n\n  | a | b |\n  |---|---|\n  | c | d |", "q a b c d"),
    "an empty item": ("- a\n-\n- c", "• a • • c"),
    "a list right under text": ("text\n- a\n- b", "text • a • b"),
    "two lists with a comment between them": ("- a\n\n<!-- -->\n\n- b", "• a <!-- --> • b"),
    "tasks": ("- [ ] open\n- [x] closed\n  - [X] deep", "• [ ] open • [x] closed • [X] deep"),
    "a list in a list in a list": ("- - - deep", "deep"),
    "a rule that looks like an item": ("- a\n\n* * *\n\n- b", "• a • b"),
    # Quotes
    "a quote": ("> a\nlazy\n> b", "a lazy b"),
    "quotes in a quote": ("> a\n>> b\n>\n> c", "a b c"),
    "a list in a quote": ("> - a\n>   - b\n>\n> text", "• a • b text"),
    "code in a quote": ("> ```py\n> x = 1\n> ```\n> end", "py copy 1 x = 1 end"),
    "a heading in a quote": ("> # T\n> text", "T text"),
    "a table in a quote": ("> | a | b |\n> |---|---|\n> | c | d |", "a b c d"),
    "a quote that ends": ("> a\n\nb", "a b"),
    # Tables
    "a table without outer bars": ("a | b\n---|---\nc | d", "a b c d"),
    "a table with bars in cells": ("| a \\| b |\n|---|\n| `c \\| d` |", "a | b c | d"),
    "a table with uneven rows": ("| a | b |\n|---|---|\n| c |\n| d | e | f |", "a b c d e f"),
    "a table with markup": ("| **a** | [b](https://e.org) |\n|---|---|\n| ~~c~~ | `d` |", "a b e.org c d"),
    "a table that ends": ("| a |\n|---|\n| b |\n\nafter", "a b after"),
    "bars that are no table": ("a | b\nc | d", "a | b c | d"),
    # HTML and other sources
    "html": ("<details>\n<summary>More</summary>\ntext\n</details>", "<details> <summary>More</summary> text </details>"),
    "html over empty lines": ("<pre>\na\n\nb\n</pre>\nafter", "<pre> a b </pre> after"),
    "a comment over empty lines": ("<!-- a\n\nb -->\nafter", "<!-- a b --> after"),
    "html in an item in a quote": ("> 1. <pre>\n> ", "1. <pre>"),
    "html in text": ("press <kbd>Esc</kbd> now", "press <kbd>Esc</kbd> now"),
    "a break in a line": ("one<br>two<BR />three", "one two three"),
    "less and more": ("if a < b and c > d", "if a < b and c > d"),
    "a formula on lines of its own": ("$$\n\\frac{a_1}{b_2}\n$$", "$$ \\frac{a_1}{b_2} $$"),
    "formulas in text": ("with \\(x_1*y\\) and $a_b$ it costs $5", "with \\(x_1*y\\) and $a_b$ it costs $5"),
    "a footnote": ("so[^n]\n\n[^n]: because", "so[^n] [^n]: because"),
    "definitions": ("[a]: https://e.org\n[b]: <https://f.org> 'T'", "[a]: https://e.org [b]: https://f.org 'T'"),
    # Inside text
    "emphasis": ("*a* _b_ **c** __d__ ***e*** ~~f~~", "a b c d e f"),
    "emphasis inside words": ("un*frigging*believable, snake_case_name", "unfriggingbelievable, snake_case_name"),
    "marks that pair with nothing": ("2 * 3, a** b, ~ c, _d", "2 * 3, a** b, ~ c, _d"),
    "emphasis over a line break": ("**one\ntwo** three", "one two three"),
    "code spans": ("`a` ``b`c`` ` d `", "a b`c d"),
    "a code span that is never closed": ("an ` open one", "an ` open one"),
    "escapes": ("\\*a\\* \\# \\_b\\_ \\\\ \\`", "*a* # _b_ \\ `"),
    "entities": ("&lt;&copy;&#x41;&nope;&amp;lt;", "<©A&nope;&lt;"),
    "links": ("[a](https://e.org 'T') <https://f.org> https://g.org", "a e.org https://f.org https://g.org"),
    "an address with brackets": ("[a](https://e.org/b_(c))", "a e.org"),
    "a label with markup": ("[**a** `b`](https://e.org)", "a b e.org"),
    "brackets that are no link": ("[a] [b](c d) [e", "[a] [b](c d) [e"),
    "an image in a link": ("[![alt](https://e.org/i.png)](https://f.org)", "alt"),
    "a reference": ("see [that][x] and [x]\n\n[x]: https://e.org", "see [that][x] and [x] [x]: https://e.org"),
    "foreign controls": ("a\x1b[31mb\x07c\u202ed", "a␛[31mb␇c⟦RLO⟧d"),
    "tabs": ("a\tb\n\n-\tc\n\n\td", "a b • c d"),
}  # fmt: skip


def shown(text: str) -> str:
    return " ".join(" ".join(lines(rendered(text))).replace("▌", " ").replace("─", " ").split())


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_word_is_lost(name: str) -> None:
    source, expected = EXAMPLES[name]
    place = 0
    text = shown(source)
    for word in expected.split():
        found = text.find(word, place)
        assert found >= 0, (word, text)
        place = found + len(word)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_letter_by_letter_ends_as_from_disk(name: str, newline: str) -> None:
    text = EXAMPLES[name][0].replace("\n", newline)
    assert same_rows(streamed(text, list(range(1, len(text)))), rendered(EXAMPLES[name][0]))


# Blocks in blocks in blocks

LEAVES = st.sampled_from([source for source, _ in EXAMPLES.values()])


def quoted(source: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in source.split("\n"))


def item(source: str, marker: str) -> str:
    first, *rest = source.split("\n")
    indent = " " * (len(marker) + 1)
    return "\n".join([f"{marker} {first}", *(indent + line if line else "" for line in rest)])


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map(quoted),
        st.tuples(inner, st.sampled_from(["-", "*", "1.", "12)", "- [ ]"])).map(lambda pair: item(*pair)),
        st.lists(inner, min_size=2, max_size=4).flatmap(
            lambda parts: st.sampled_from(["\n", "\n\n", "\n\n\n"]).map(lambda between: between.join(parts))
        ),
    )


DOCUMENTS = st.recursive(LEAVES, nested, max_leaves=12)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SOME
@given(DOCUMENTS, st.sampled_from(["\n", "\r\n"]), st.data())
def test_whatever_stands_in_whatever_a_stream_ends_as_from_disk(text: str, newline: str, data: st.DataObject) -> None:
    text = text.replace("\n", newline)
    cuts = data.draw(st.lists(st.integers(min_value=0, max_value=len(text)), max_size=30))
    assert same_rows(streamed(text, cuts), rendered(text))


@SOME
@given(DOCUMENTS)
def test_whatever_stands_in_whatever_every_row_is_as_wide_as_the_page(text: str) -> None:
    assert {row.strip.cell_length for row in rendered(text)} <= {COLUMNS}


WORDS = st.lists(st.text("abcdefgh", min_size=3, max_size=8), min_size=1, max_size=30, unique=True)


@SOME
@given(WORDS, st.data())
def test_whatever_stands_in_whatever_no_word_is_lost(words: list[str], data: st.DataObject) -> None:
    forms = st.sampled_from(["{}", "**{}**", "# {}", "- {}", "> {}", "| {} |\n|---|", "```\n{}\n```", "<b>{}</b>"])
    leaves = st.sampled_from(words).flatmap(lambda word: forms.map(lambda form: form.format(word)))
    text = data.draw(st.recursive(leaves, nested, max_leaves=12))
    seen = shown(text)
    assert [word for word in words if word in text and word not in seen] == []


# Long texts in pieces

PAIRED = st.sampled_from(
    (
        *("word ", "and ", "*em* ", "**strong words** ", "`code` ", "[a](https://e.org) ", "[x] ", "\\* ", "$a*b$ "),
        *("snake_case ", "&amp; ", "\n", "  \n", "漢字 ", "\\(x\\) ", "<b>b</b> ", "a < b ", "2 * 3 "),
    )
)
SINGLE = st.sampled_from(
    ("**", "*", "_", "`", "``", "[", "](u)", "<b", ">", "~~", "$", "5*3 ", "\\(", "\\)", "\\", "$$")
)


def with_singles(words: list[str], singles: list[tuple[int, str]]) -> str:
    """Marks that pair with nothing, or with each other from afar, among words where all do."""
    for place, mark in singles:
        words.insert(place % len(words), mark)
    return "".join(words)


LONG_TEXTS = st.builds(
    with_singles,
    st.lists(PAIRED, min_size=150, max_size=300),
    st.lists(st.tuples(st.integers(0, 300), SINGLE), max_size=4),
)


def joined(found: Lines) -> list[list[tuple[str, Pen, str]]]:
    """Lines with neighbours of one style together: where pieces were cut does not show."""
    result = []
    for spans in found:
        line: list[tuple[str, Pen, str]] = []
        for text, pen, link in spans:
            if line and line[-1][1:] == (pen, link):
                line[-1] = (line[-1][0] + text, pen, link)
            else:
                line.append((text, pen, link))
        result.append(line)
    return result


@SOME
@given(LONG_TEXTS)
def test_text_in_pieces_is_the_text_in_one(text: str) -> None:
    assert len(text) > PIECE_CHARACTERS
    tokens = parse_inline(text)
    assert tokens is not None
    whole = InlineLines(Pen(), {}).add(tokens)
    assert joined(InlineText({}).lines(text, Pen())) == joined(whole)


@SOME
@given(st.lists(st.sampled_from(["word", " ", "  ", "\n", "\t", "(", "!", "]", "https://e.org/a.", "漢"])).map("".join))
def test_text_without_marks_needs_no_parser(text: str) -> None:
    tokens = parse_inline(text)
    assert tokens is not None
    assert InlineLines(Pen(), {}).add_plain(text) == InlineLines(Pen(), {}).add(tokens)
