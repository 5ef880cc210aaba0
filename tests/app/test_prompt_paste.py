"""The burst rule and the chips, without a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tui.app.widgets.paste import (
    LONG_PASTE_BYTES,
    Act,
    Chips,
    Insert,
    KeyBurst,
    Press,
    is_long,
    line_count,
    paste_label,
    with_newlines,
)
from tui.cleaning import clean

WITHIN_A_READ_SECONDS = 0.00003


@dataclass
class Terminal:
    """Reads in, what the prompt holds and does out. Between reads the timer fires when it is due."""

    burst: KeyBurst = field(default_factory=KeyBurst)
    now_seconds: float = 100.0
    text: str = ""
    done: list[str] = field(default_factory=list)
    edits: int = 0

    def read(self, read: str) -> None:
        for character in read:
            self.now_seconds += WITHIN_A_READ_SECONDS
            self.take(self.key(character))

    def key(self, character: str) -> list[Act]:
        match character:
            case "\r":
                return self.burst.carriage_return(self.now_seconds)
            case "\n":
                return self.burst.line_feed(self.now_seconds)
            case "\t":
                return self.burst.tab(self.now_seconds)
        return self.burst.character(character, self.now_seconds)

    def wait(self, seconds: float) -> None:
        end_seconds = self.now_seconds + seconds
        while (due := self.burst.deadline_seconds) is not None and due <= end_seconds:
            self.take(self.burst.tick(due))
        self.now_seconds = end_seconds

    def take(self, acts: list[Act]) -> None:
        for act in acts:
            match act:
                case Insert():
                    assert self.text.endswith(act.before)
                    self.text += act.text
                    self.edits += 1
                case Press(key="ctrl+j"):
                    self.text += "\n"
                case Press():
                    self.done.append(f"{act.key} after {self.text!r}")


pasted_lines = st.lists(st.text(st.sampled_from("ab é漢"), max_size=6), min_size=2, max_size=8)
line_end = st.sampled_from(["\r", "\n", "\r\n"])


@st.composite
def cut_pastes(draw: st.DrawFn) -> tuple[str, list[tuple[str, float]]]:
    """A text of several lines, and the reads in which it arrives with the pause before each."""
    pasted = "".join(line + draw(line_end) for line in draw(pasted_lines)) + draw(st.sampled_from(["", "end"]))
    cuts = sorted(draw(st.sets(st.integers(1, len(pasted) - 1))))
    edges = [0, *cuts, len(pasted)]
    reads = [pasted[start:end] for start, end in pairwise(edges)]
    return pasted, [(read, draw(st.floats(0, 0.019))) for read in reads]


@given(cut_pastes())
def test_paste_cut_anywhere_arrives_whole_and_never_sends(cut: tuple[str, list[tuple[str, float]]]) -> None:
    pasted, reads = cut
    terminal = Terminal()
    for read, pause_seconds in reads:
        terminal.wait(pause_seconds)
        terminal.read(read)
    terminal.wait(1.0)
    # One LF alone in a read is Ctrl+J, and then a CR may end a burst that has no line end yet.
    only_line_feeds_before = "\r" not in pasted[:-1]
    if not (only_line_feeds_before and terminal.done):
        assert terminal.done == []
        assert terminal.text == with_newlines(pasted)
    else:
        assert terminal.text == with_newlines(pasted[:-1])


@given(st.text(st.sampled_from("abc é"), min_size=1, max_size=20), st.floats(0.021, 0.4))
def test_typed_text_shows_at_once_and_then_enter_sends(text: str, pause_seconds: float) -> None:
    terminal = Terminal()
    for number, character in enumerate(text, 1):
        terminal.wait(pause_seconds)
        terminal.read(character)
        assert terminal.text == text[:number]
    terminal.wait(pause_seconds)
    terminal.read("\r")
    assert terminal.done == []
    terminal.wait(0.020)
    assert terminal.done == [f"enter after {text!r}"]
    terminal.wait(pause_seconds)
    terminal.read("x")
    assert terminal.text == text + "x"


@given(
    st.lists(st.tuples(st.text("ab \r\n\t", max_size=40), st.sampled_from([0.0, 0.004, 0.015, 0.05, 0.12])), max_size=8)
)
def test_text_at_once_is_the_same_as_its_keys_at_that_time(reads: list[tuple[str, float]]) -> None:
    one_by_one, at_once = Terminal(), Terminal()
    for text, pause_seconds in reads:
        for character in text:
            one_by_one.take(one_by_one.key(character))
        at_once.take(at_once.burst.text(text, at_once.now_seconds))
        assert at_once.burst.waiting == one_by_one.burst.waiting
        for terminal in (one_by_one, at_once):
            terminal.wait(pause_seconds)
    for terminal in (one_by_one, at_once):
        terminal.wait(1.0)
    assert (at_once.text, at_once.done) == (one_by_one.text, one_by_one.done)


def test_line_and_enter_in_one_read_is_sent() -> None:
    terminal = Terminal()
    terminal.read("hello there\r")
    terminal.wait(0.03)
    assert terminal.done == ["enter after 'hello there'"]


def test_enter_waits_for_what_follows_by_arrival_and_not_by_when_it_is_looked_at() -> None:
    burst = KeyBurst()
    assert burst.carriage_return(1.0) == []
    # A busy loop looks late: the key came long after the Enter.
    assert burst.character("x", 1.5) == [Press(key="enter"), Insert(text="x")]


def test_text_within_twenty_milliseconds_makes_a_line_end() -> None:
    burst = KeyBurst()
    assert burst.carriage_return(1.0) == []
    assert burst.character("x", 1.019) == []
    assert burst.tick(1.2) == [Insert(text="\nx")]


def test_trailing_line_end_of_several_lines_is_text() -> None:
    terminal = Terminal()
    terminal.read("one\rtwo\r")
    terminal.wait(1.0)
    assert (terminal.text, terminal.done) == ("one\ntwo\n", [])


def test_rest_of_a_burst_is_one_edit() -> None:
    terminal = Terminal()
    terminal.read("def f():\r\treturn 1\r\rprint(f())")
    terminal.wait(1.0)
    assert terminal.text == "def f():\n\treturn 1\n\nprint(f())"
    assert terminal.edits == 3, "two keys that might have been typed, and the rest"


def test_paste_that_begins_with_a_tab_keeps_it() -> None:
    terminal = Terminal()
    terminal.read("\tindented\r\tmore")
    terminal.wait(1.0)
    assert (terminal.text, terminal.done) == ("\tindented\n\tmore", [])


def test_tab_alone_is_the_key() -> None:
    terminal = Terminal()
    terminal.read("/mod")
    terminal.wait(0.2)
    terminal.read("\t")
    terminal.wait(0.2)
    assert terminal.done == ["tab after '/mod'"]


def test_one_long_line_with_its_line_end_is_not_sent() -> None:
    terminal = Terminal()
    terminal.read("x" * (LONG_PASTE_BYTES + 1) + "\r")
    terminal.wait(1.0)
    assert terminal.done == []
    assert terminal.text.endswith("x\n")


def test_pause_of_a_slow_line_inside_a_paste_does_not_send() -> None:
    terminal = Terminal()
    terminal.read("one\rtwo\r")
    terminal.wait(0.09)
    terminal.read("three\r")
    terminal.wait(1.0)
    assert (terminal.text, terminal.done) == ("one\ntwo\nthree\n", [])


def test_enter_after_a_paste_sends() -> None:
    terminal = Terminal()
    terminal.read("one\rtwo")
    terminal.wait(0.3)
    terminal.read("\r")
    terminal.wait(0.03)
    assert terminal.done == ["enter after 'one\\ntwo'"]


def test_burst_that_goes_on_is_shown_while_it_does() -> None:
    terminal = Terminal()
    terminal.read("abc")
    for _ in range(40):
        terminal.wait(0.01)
        terminal.read("x")
    assert len(terminal.text) > 20


def test_held_enter_comes_before_the_key_after_it() -> None:
    burst = KeyBurst()
    burst.carriage_return(1.0)
    assert burst.other_key() == [Press(key="enter")]


def test_forgotten_burst_does_nothing() -> None:
    burst = KeyBurst()
    burst.carriage_return(1.0)
    burst.forget()
    assert burst.deadline_seconds is None
    assert burst.tick(2.0) == []


# --- chips


@pytest.mark.parametrize(
    ("content", "label"),
    [
        ("x", "pasted 1 line · 1 B"),
        ("x\n", "pasted 1 line · 2 B"),
        ("x\n" * 1_204 + "y" * 93_600, "pasted 1,205 lines · 96 kB"),
        ("é" * 1_000_000, "pasted 1 line · 2.0 MB"),
        ("y" * 999_700, "pasted 1 line · 1.0 MB"),
    ],
)
def test_label_counts_lines_and_bytes(content: str, label: str) -> None:
    assert paste_label(content) == label


@pytest.mark.parametrize(
    ("text", "long"),
    [
        ("x" * 4_096, False),
        ("x" * 4_097, True),
        ("é" * 2_048, False),
        ("é" * 2_049, True),
        ("x\n" * 40, False),
        ("x\n" * 40 + "y", True),
        ("", False),
    ],
)
def test_over_four_kb_or_forty_lines_is_long(text: str, long: bool) -> None:
    assert is_long(text) is long


def test_line_count_of_nothing_is_one() -> None:
    assert [line_count(text) for text in ("", "a", "a\n", "a\nb")] == [1, 1, 1, 2]


def test_short_text_is_cleaned_and_every_line_end_is_a_newline() -> None:
    assert Chips().fold("a\r\nb\rc\nd\x1b[31m") == "a\nb\nc\nd␛[31m"


@given(st.text(max_size=30), st.text(max_size=30))
def test_long_text_comes_back_as_it_came(head: str, tail: str) -> None:
    chips = Chips()
    text = head + "x\r\n" * 50 + tail
    folded = chips.fold(text)
    assert "\n" not in folded
    assert chips.shown(folded).startswith("[pasted ")
    assert len(chips.shown(folded)) == len(folded)
    assert chips.unfold(folded) == with_newlines(text)


@given(st.text(max_size=30))
def test_short_text_shows_cleaned_or_becomes_a_chip(text: str) -> None:
    chips = Chips()
    folded = chips.fold(text)
    assert chips.unfold(folded) in (with_newlines(text), clean(with_newlines(text)))
    assert clean(chips.shown(folded)) == chips.shown(folded)


def test_text_with_marker_characters_is_never_taken_for_a_chip() -> None:
    chips = Chips()
    first = chips.fold("long\n" * 50)
    second = chips.fold(first)
    assert chips.unfold(second) == first
    assert chips.shown(second).startswith("[pasted 1 line")


def test_earlier_prompt_with_a_paste_in_it_folds_the_paste_alone() -> None:
    chips = Chips()
    listing, log = "row\n" * 60, "line\n" * 70
    shown = [chips.shown(chips.fold(paste)) for paste in (listing, log)]
    text = f"compare {listing} with {log} please, \x1b and {listing}"
    folded = chips.fold(text)
    assert chips.shown(folded) == f"compare {shown[0]} with {shown[1]} please, ␛ and {shown[0]}"
    assert chips.unfold(folded) == clean(text)


def test_two_pastes_of_one_text_side_by_side_are_two_chips() -> None:
    chips = Chips()
    run = chips.fold("row\n" * 60)
    spans = chips.spans(run + run)
    assert [(span.start, span.end) for span in spans] == [(0, len(run)), (len(run), 2 * len(run))]
    assert chips.unfold(run + run) == "row\n" * 120


def test_forgotten_chips_are_the_oldest_that_nobody_uses() -> None:
    chips = Chips()
    used, unused = chips.fold("used\n" * 50), chips.fold("unused\n" * 50)
    for number in range(20):
        newest = chips.fold(f"{number}\n" * 50)
    chips.keep(used)
    assert chips.unfold(used) == "used\n" * 50
    assert chips.unfold(newest) == "19\n" * 50
    assert chips.spans(unused) == []


@pytest.mark.parametrize("hostile", HOSTILE_STRINGS)
def test_hostile_paste_shows_no_control_character(hostile: str) -> None:
    chips = Chips()
    for text in (hostile, hostile * 500):
        for line in chips.fold(text).split("\n"):
            assert clean(chips.shown(line)) == chips.shown(line)
            assert len(line.splitlines()) <= 1
