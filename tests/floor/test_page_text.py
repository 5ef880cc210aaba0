"""Any text is a page, read in a time that grows with it and no faster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.page_text import read_html, text_of_html


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>a<br/>b<BR>c", "a\nb\nc"),
        ("a < b &amp; c > d &lt;p&gt;", "a < b & c > d <p>"),
        ("<p title='a > b' class=\"x\">words</p>", "words"),
        ("<p don't>words</p>", "words"),
        ("<p a='x>words</p> more", "words\nmore"),
        ("one <!-- <p>not</p> --> two", "one two"),
        ("one <!-- no end <b>two</b>", "one no end two"),
        ("<!DOCTYPE html><?php x ?><p>words", "words"),
        ("<SCRIPT>if (a<b) '</p>'</Script >words", "words"),
        ("<script>never ends <p>not words", ""),
        ("<svg/>words <nav>no</nav><form>no<p>no</form>more", "words more"),
        ("<textarea><b>as it is</b></textarea>", "<b>as it is</b>"),
        ("<h2>Why</h2><ul><li>a</li></ul>", "## Why\n- a"),
        ("<pre>  a\n\n  b</pre>", "a\n\n  b"),
        ("ends in <", "ends in <"),
        ("ends in <b", "ends in <b"),
        ("", ""),
    ],
)
def test_a_page_is_read_as_a_person_reads_it(source: str, text: str) -> None:
    assert text_of_html(source)[1] == text


def test_each_line_knows_where_it_stands() -> None:
    page = read_html("<!doctype html>\n<title>\nThe\ntide</title>\n\n<p>\n  one\n<p>two\n<pre>\nthree\nfour</pre>")
    assert page.title == "The tide"
    assert list(zip(page.lines, page.source_lines, strict=True)) == [
        ("one", 7),
        ("two", 8),
        ("", 8),
        ("three", 10),
        ("four", 11),
    ]


@pytest.mark.parametrize(
    "bomb",
    ["<", "</", "<x ", "</x ", "<?", "<!", "<![CDATA[", "<!--", "<!-- --!", '<a b="', "<a b='>", "<a b='x>'", "&#", "<script>",
     "<title>", "<textarea>", "<style><!--", "<svg>", "<div>", "</div>", "<li>", "<pre>\n", "= '", "<a ='"],
)  # fmt: skip
def test_no_page_keeps_it_busy(bomb: str) -> None:
    # Where each beginning is searched to the end of the page, this takes many minutes.
    read_html(bomb * (300_000 // len(bomb)))


@given(st.lists(st.sampled_from(["<p>", "</p>", "<", ">", "<!--", "-->", "'", '"', "=", "<a b=", "<script>", "</script>",
                                 "<pre>", "\n", "words", " ", "&amp;", "<title>", "</title>", "<li/>"]), max_size=30))  # fmt: skip
def test_any_page_has_lines_that_stand_somewhere(parts: list[str]) -> None:
    source = "".join(parts)
    page = read_html(source)
    assert len(page.lines) == len(page.source_lines)
    assert all(1 <= line <= source.count("\n") + 1 for line in page.source_lines)
    assert list(page.source_lines) == sorted(page.source_lines)
    assert not any("\n" in line for line in page.lines)
