"""A document is cut where a reader would cut it, and no word of it is lost."""

from __future__ import annotations

from itertools import pairwise
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.documents.passages import split_passages
from tui.documents.reading import document_of
from tui.documents.values import DocumentKind, DocumentText, Passage


def passages(text: str, kind: DocumentKind, *, largest: int = 200, overlap: int = 40) -> tuple[Passage, ...]:
    return split_passages(
        document_of(text.encode(), "name", kind), largest_characters=largest, overlap_characters=overlap
    )


def test_a_section_of_markdown_stands_alone_under_its_headings() -> None:
    text = dedent("""\
        # Tides

        Why the sea comes and goes, in a few words that fill some room.

        ## The moon

        It pulls at the water on one side more than on the other, twice.

        ```sh
        # no heading
        ```
        """)
    first, second = passages(text, DocumentKind.markdown)
    assert (first.heading, first.first, first.last) == ("Tides", 1, 3)
    assert (second.heading, second.first, second.last) == ("Tides › The moon", 5, 11)
    assert "# no heading" in second.text


def test_functions_are_cut_apart_with_their_decorators() -> None:
    body = "".join(f"    line_{number} = {number}\n" for number in range(8))
    text = f"import os\n\n\n@cached\ndef one():\n{body}\n\nclass Two:\n{body}\n\nasync def three():\n{body}"
    found = passages(text, DocumentKind.code, largest=220)
    assert [passage.text.split("\n")[0] for passage in found[1:]] == ["class Two:", "async def three():"]
    assert [passage.heading for passage in found[1:]] == ["class Two", "async def three()"]
    assert "@cached\ndef one():" in found[0].text


def test_neighbours_within_a_section_share_some_lines() -> None:
    text = "\n".join(f"line number {number} of a long paragraph" for number in range(20))
    found = passages(text, DocumentKind.text)
    for before, after in pairwise(found):
        assert before.first < after.first <= before.last < after.last
        assert before.text.endswith(after.text.split("\n")[0])


def test_paragraphs_stay_whole_where_they_can() -> None:
    text = "\n\n".join("words of one thought " * 6 for _ in range(4))
    for passage in passages(text, DocumentKind.text, overlap=0):
        assert passage.text.startswith("words of")


def test_a_line_longer_than_a_passage_is_cut_behind_a_space() -> None:
    found = passages("word " * 100, DocumentKind.text, overlap=0)
    assert len(found) > 1
    assert {(passage.first, passage.last) for passage in found} == {(1, 1)}
    assert "".join(passage.text for passage in found).split() == ["word"] * 100


def test_pages_of_html_tell_the_lines_of_their_source() -> None:
    source = "<html><title>Tides</title>\n<body>\n<h1>Why</h1>\n\n<p>The\nmoon.</p>\n<ul><li>a\n<li>b</ul>"
    document = document_of(source.encode(), "a.html", DocumentKind.html)
    assert document.title == "Tides"
    assert list(zip(document.lines, document.places, strict=True)) == [
        ("# Why", 3), ("The moon.", 5), ("- a", 7), ("- b", 8),
    ]  # fmt: skip
    [passage] = split_passages(document)
    assert (passage.heading, passage.first, passage.last) == ("Why", 3, 8)


@pytest.mark.parametrize("kind", [DocumentKind.text, DocumentKind.markdown, DocumentKind.code])
def test_nothing_makes_no_passage(kind: DocumentKind) -> None:
    assert passages("", kind) == ()
    assert passages(" \n\t\n\n", kind) == ()


LINES = st.lists(
    st.one_of(
        st.text(alphabet="ab \t#`", max_size=30),
        st.sampled_from(["", "# one", "## two", "```", "def f():", "@x", "class A:", "x" * 90, "y z " * 40]),
    ),
    max_size=40,
)


@given(
    LINES,
    st.sampled_from([DocumentKind.text, DocumentKind.markdown, DocumentKind.code]),
    st.integers(4, 120),
    st.integers(0, 60),
)
def test_every_word_is_in_a_passage_and_none_is_too_large(
    lines: list[str], kind: DocumentKind, largest: int, overlap: int
) -> None:
    document = DocumentText(kind=kind, title="t", lines=tuple(lines), places=tuple(range(1, len(lines) + 1)))
    found = split_passages(document, largest_characters=largest, overlap_characters=overlap)
    for passage in found:
        assert 0 < len(passage.text) <= largest
        assert passage.text in "\n".join(lines[passage.first - 1 : passage.last])
    assert sorted(passage.first for passage in found) == [passage.first for passage in found]
    for number, line in enumerate(lines, 1):
        holding = "".join(passage.text for passage in found if passage.first <= number <= passage.last)
        assert set(line.split()) <= set(holding.split()) or set(line) - set(" \t") <= set(holding)
        if line.strip() and len(line) <= largest:
            assert any(line.strip() in passage.text for passage in found if passage.first <= number <= passage.last)


def test_a_large_file_is_cut_in_one_go() -> None:
    text = "some words in a line\n" * 200_000
    found = passages(text, DocumentKind.text, largest=1000, overlap=150)
    assert found[-1].last == 200_000


@pytest.mark.parametrize(
    "line", ["# " * 500_000 + "x", "#" * 1_000_000, "`" * 1_000_000, "export " * 200_000, "[" * 1_000_000]
)
def test_no_line_keeps_it_busy(line: str) -> None:
    for kind in (DocumentKind.markdown, DocumentKind.code, DocumentKind.text):
        assert passages(f"{line}\n{line}", kind, largest=1000)
