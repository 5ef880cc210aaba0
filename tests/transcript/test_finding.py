"""Finding: every hit of the source, marked where it is seen, and no key waits for it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.pilot import Pilot
from textual.strip import Strip

from tests.transcript.host import PALETTE, TERMINAL, Host, answer, conversation, prompt, rendered
from tests.transcript.test_far_away import long_conversation
from tui.app.transcript.finding import Finder, FindState, Hit, Needle
from tui.app.transcript.selecting import with_marks
from tui.conversations.values import MessageState

SIZE = (120, 40)
LETTERS = st.text(alphabet="abAB ßİΣςé漢", max_size=30)


class Texts(list[str]):
    """Messages that are nothing but their text."""

    def messages(self) -> list[Searched]:
        return [Searched(text) for text in self]


class Searched:
    def __init__(self, text: str) -> None:
        self.text = text

    def searched(self) -> str:
        return self.text


def marked(host: Host, ground: str = PALETTE.warning) -> list[str]:
    """The pieces of text on the screen that have this ground."""
    region = host.transcript.scrollable_content_region.at_offset((0, 0))
    return [
        segment.text
        for strip in host.transcript.render_lines(region)
        for segment in strip
        if segment.style is not None and segment.style.bgcolor is not None and segment.style.bgcolor.name == ground
    ]


async def complete(host: Host, pilot: Pilot[None]) -> FindState:
    """The state when everything is looked through, in the background."""
    while not host.transcript.find_state.is_complete:
        await pilot.pause()
    return host.transcript.find_state


# What is a hit


@pytest.mark.parametrize(
    ("needle", "text", "places"),
    [
        ("node", "Node, node, NODE", [0, 6, 12]),
        ("Node", "Node, node, NODE", [0]),
        ("aa", "aaaaa", [0, 2]),
        ("straße", "Straße", [0]),
        ("οδος", "ΟΔΟΣ οδοσ", [0, 5]),
        ("b", "İİb", [2]),
        ("a.b", "a.b axb", [0]),
    ],
)
def test_small_letters_find_capitals_and_capitals_only_themselves(needle: str, text: str, places: list[int]) -> None:
    assert list(Needle(needle).places(text)) == places


@given(st.lists(LETTERS, max_size=8), LETTERS.filter(bool), st.integers(1, 40), st.data())
def test_in_slices_as_in_one_go(texts: list[str], text: str, slice_characters: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, max(0, len(texts) - 1)))
    offset = data.draw(st.integers(0, 30))
    finder = Finder(text, Texts(texts).messages(), first=first, offset=offset)
    while not finder.state.is_complete:
        finder.search(slice_characters)
    hits = [(index, place) for index, one in enumerate(texts) for place in Needle(text).places(one)]
    assert finder.state.count == len(hits)
    below = [number for number, hit in enumerate(hits) if hit >= (first, offset)]
    expected = (below[0] if below else len(hits) - 1) + 1
    assert finder.state.current == expected
    seen = []
    for _ in hits:
        assert finder.current is not None
        seen.append((finder.current.message, finder.offset_of(finder.current)))
        finder.step(1)
    assert sorted(seen) == hits


def test_a_message_that_changes_is_counted_anew() -> None:
    messages = Texts(["a a", "b", "a"]).messages()
    finder = Finder("a", messages, first=2)
    finder.search()
    assert finder.state == FindState(3, 3)
    messages[1].text = "a a a"
    finder.changed(1)
    finder.search()
    assert finder.state == FindState(6, 6)
    messages.append(Searched("aa"))
    finder.changed(3)
    finder.search()
    assert finder.state == FindState(8, 6)
    messages[2].text = ""
    finder.changed(2)
    finder.search()
    assert finder.state == FindState(7, 1)
    assert finder.current == Hit(0, 0)


@given(
    st.lists(st.text("ab 漢", max_size=9), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), max_size=8),
)
def test_marks_change_the_style_of_their_columns_and_nothing_else(
    texts: list[str], gaps: list[tuple[int, int]]
) -> None:
    strip = Strip([Segment(text, Style(bold=number % 2 == 0)) for number, text in enumerate(texts)])
    marks: list[tuple[int, int, Style]] = []
    end = 0
    for gap, cells in gaps:
        marks.append((end + gap, end + gap + cells, Style(reverse=True)))
        end += gap + cells
    marked = with_marks(strip, marks)
    assert marked.text == strip.text
    assert marked.cell_length == strip.cell_length
    if strip.text.isascii():
        column = 0
        for segment in marked:
            for _ in segment.text:
                assert segment.style is not None
                assert bool(segment.style.reverse) == any(start <= column < stop for start, stop, _ in marks)
                column += 1


# What is seen of it


@pytest.mark.parametrize(
    ("text", "needle", "seen"),
    [
        ("some **bold** words", "bold", ["bold"]),
        ("x " * 44 + "wrapped words", "wrapped words", ["wrapped", "words"]),
        ("- item\n  - Item", "item", ["item", "Item"]),
        ("```python\nimport python\n```", "python", ["python", "python"]),
        ("```\n" + "y" * 111 + "needle\n```", "needle", ["ne", "edle"]),
        ("| a | b |\n|---|---|\n| needle | hay |", "needle", ["needle"]),
        ("> 漢字 needle 漢字", "needle", ["needle"]),
        ("漢字かな漢字", "漢字", ["漢字", "漢字"]),
        ("[label](https://needle.org/needle)", "needle", ["needle"]),
    ],
)
def test_hits_are_found_among_the_rows(text: str, needle: str, seen: list[str]) -> None:
    rows = rendered(text)
    hits = Needle(needle).shown_in(rows)
    assert [rows[piece.row].strip.crop(piece.start, piece.end).text for hit in hits for piece in hit] == seen


async def test_what_is_found_is_marked_and_the_current_hit_stands_out() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(prompt("a needle"), answer("another needle and a *needle*")))
        assert host.transcript.find("needle") == FindState(3, 1)
        assert marked(host) == ["needle"]
        assert marked(host, PALETTE.selection) == ["needle", "needle"]
        assert host.transcript.find_next() == FindState(3, 2)
        assert host.transcript.find_previous() == FindState(3, 1)
        assert host.transcript.find_previous() == FindState(3, 3)
        assert host.transcript.find("") == FindState()
        assert marked(host) == marked(host, PALETTE.selection) == []


async def test_in_the_terminals_own_colours_hits_are_reversed() -> None:
    host = Host(TERMINAL)
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(answer("needle, needle")))
        host.transcript.find("needle")
        strip = host.transcript.render_lines(Region(0, 0, 119, 40))[1]
        styles = [segment.style for segment in strip if segment.text == "needle"]
        assert [style.reverse for style in styles if style] == [True, True]
        assert [bool(style.underline) for style in styles if style] == [True, False]


async def test_hits_come_into_view_wherever_they_are() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        messages = long_conversation(400)
        messages[10] = answer("far above\n\n" + "words\n\n" * 300 + "the needle\n\n" + "words\n\n" * 300, 10)
        messages[390] = answer("and the needle [here](https://needle.org)", 390)
        host.transcript.show(conversation(*messages))
        host.transcript.find("the needle")
        assert (await complete(host, pilot)).count == 2
        for expected in ("and the needle", "the needle", "and the needle", "the needle"):
            assert any(expected in line for line in host.screen_lines()[1:-2])
            assert marked(host) == ["the needle"]
            host.transcript.find_previous()
        host.transcript.find("needle.org")
        assert (await complete(host, pilot)).count == 1
        assert any("here needle.org" in line for line in host.screen_lines())


async def test_typing_more_letters_stays_at_the_hit() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(answer("no nothing nor none")))
        assert host.transcript.find("no").current == 1
        host.transcript.find_next()
        host.transcript.find_next()
        assert host.transcript.find("nor") == FindState(1, 1)
        assert host.transcript.find("no") == FindState(4, 3)


async def test_a_search_goes_on_while_an_answer_comes() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        growing = answer("", state=MessageState.answering)
        host.transcript.show(conversation(prompt("needle")))
        host.transcript.find("needle")
        host.transcript.add(growing)
        for _ in range(10):
            host.transcript._pending.append(("a needle ", ""))
            host.transcript._draw_pending()
        host.transcript.settle(replace(growing, text="a needle " * 10, state=MessageState.complete))
        assert host.transcript.find_state == FindState(11, 1)
        host.transcript.remove("prompt-1")
        assert host.transcript.find_state == FindState(10, 1)
        host.transcript.show(conversation(answer("needle")))
        assert host.transcript.find_state == FindState(1, 1)


async def test_folded_thinking_is_found_when_it_is_open() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(answer("So.", thinking="a needle in thought")))
        assert host.transcript.find("needle").count == 0
        host.transcript.toggle_thinking()
        assert host.transcript.find_state == FindState(1, 1)
        assert marked(host) == ["needle"]


async def test_a_hit_behind_the_edge_of_cut_code_wraps_it() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.wraps_code = False
        host.transcript.show(conversation(answer("```\n" + "x" * 200 + " needle\n```")))
        assert "needle" not in "".join(host.screen_lines())
        host.transcript.find("needle")
        assert marked(host) == ["needle"]


async def test_a_resize_keeps_the_hit_in_view() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(answer("word " * 3_000 + "needle " + "word " * 3_000)))
        host.transcript.find("needle")
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert marked(host) == ["needle"]


async def test_ten_thousand_messages_are_looked_through_without_a_pause() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(*long_conversation(10_000)))
        worst = 0.0
        started = time.process_time()
        host.transcript.find("longer")
        while not host.transcript.find_state.is_complete:
            before = time.process_time()
            host.transcript._find_more()
            worst = max(worst, time.process_time() - before)
        # Aimed for are 0.1 s in slices of 5 ms; a busy machine may take longer.
        assert time.process_time() - started < 1.0
        assert worst < 0.1
        assert host.transcript.find_state.count == 60_000
