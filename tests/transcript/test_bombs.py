"""Texts that are meant to hurt, or just are that long: what one look at them costs is bounded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest
from textual.geometry import Region

from tests.transcript.host import Host, answer, conversation, prompt
from tui.conversations.values import MessageState

BOMBS: dict[str, Callable[[], str]] = {
    "a fence of 1 MB": lambda: "```python\n" + "x = [1, 'two', 3.0]  # four\n" * 36_000,
    "20,000 paragraphs": lambda: "some words in a paragraph\n\n" * 20_000,
    "a table of 5,000 rows": lambda: "| a | b | c |\n|---|---|---|\n" + "| one | **two** | three four five |\n" * 5_000,
    "a line of 1 MB": lambda: "words and *more* " * 60_000,
    "a line of 1 MB without a space": lambda: "x" * 1_000_000,
    "a line of code of 1 MB": lambda: "```python\n" + "(" * 1_000_000,
    "quotes in quotes": lambda: "> " * 100_000,
    "lists in lists": lambda: "".join("  " * depth + "- a\n" for depth in range(1_000)),
    "brackets": lambda: "[" * 200_000,
    "stars": lambda: "*a " * 100_000,
    "a list of 20,000 items": lambda: "- an item of it\n" * 20_000,
    "one item with 20,000 lines": lambda: "- first\n" + "  and more\n" * 20_000,
    "a table of 90 columns": lambda: "|" + "a|" * 90 + "\n|" + "-|" * 90 + "\n" + ("|" + "b|" * 90 + "\n") * 300,
}
LONGEST_SECONDS = 2.0
"""Far above what is aimed for (0.3 s), so that a busy machine does not fail the test."""


@pytest.mark.parametrize("name", BOMBS)
async def test_the_first_look_and_the_next_ones_are_quick(name: str) -> None:
    text = BOMBS[name]()
    host = Host()
    async with host.run_test(size=(120, 40)):
        view = host.transcript
        started = time.process_time()
        view.show(conversation(prompt("go"), answer(text)))
        view.render_lines(Region(0, 0, 119, 40))
        assert time.process_time() - started < LONGEST_SECONDS
        for look in (view.action_page_up, view.action_scroll_home, view.action_page_down, view.scroll_to_end):
            started = time.process_time()
            look()
            view.render_lines(Region(0, 0, 119, 40))
            assert time.process_time() - started < LONGEST_SECONDS


@pytest.mark.parametrize("name", BOMBS)
async def test_a_frame_at_the_end_costs_what_it_costs_at_the_start(name: str) -> None:
    text = BOMBS[name]()[:60_000]
    host = Host()
    async with host.run_test(size=(120, 40)):
        view = host.transcript
        view.show(conversation(prompt("go")))
        view.add(answer("", state=MessageState.answering))

        def draw(half: str) -> None:
            for start in range(0, len(half), 500):
                view._pending.append((half[start : start + 500], ""))
                view._draw_pending()

        first, second = (calls_made(partial(draw, half)) for half in (text[:30_000], text[30_000:]))
        assert second < 1.5 * first + 10_000


def calls_made(work: Callable[[], None]) -> int:
    """How many functions ``work`` calls: its cost on any machine, however busy."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls
