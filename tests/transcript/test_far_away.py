"""What is far from the view costs nothing: long conversations, long reading, and standing still."""

from __future__ import annotations

import subprocess
import sys
import time

from textual.geometry import Region

from tests.transcript.host import LOOK, PALETTE, Host, answer, conversation, prompt, rows_of
from tui.app.transcript.conversation_rows import KEPT_ROWS, OPEN_MESSAGES
from tui.app.transcript.entry import Entry
from tui.conversations.values import Message, MessageState

TEXT = "## Title\n\nsome words " * 3 + "\n\n- one\n- two\n\n```py\nprint(1)\n```\n\n" + "and a longer paragraph " * 12


def long_conversation(count: int) -> list[Message]:
    return [prompt(f"question {n}", n) if n % 2 == 0 else answer(f"{n}\n\n{TEXT}", n) for n in range(count)]


async def test_ten_thousand_messages_open_at_once() -> None:
    host = Host()
    async with host.run_test(size=(120, 40)):
        messages = long_conversation(10_000)
        started = time.process_time()
        host.transcript.show(conversation(*messages))
        host.transcript.render_lines(Region(0, 0, 119, 40))
        # Aimed for are 0.1 s; a busy machine may take longer.
        assert time.process_time() - started < 1.0
        assert sum(entry.is_open for entry in host.transcript._rows.entries) < 20


def questions(host: Host) -> set[str]:
    # The last row may have the way back to the end at its right.
    return {line.split("↓")[0].rstrip() for line in host.screen_lines() if "question" in line}


async def test_reading_a_whole_conversation_keeps_only_what_is_near() -> None:
    host = Host()
    async with host.run_test(size=(120, 40)):
        host.transcript.show(conversation(*long_conversation(1_200)))
        seen = questions(host)
        while host.transcript.scroll_y > 0:
            host.transcript.action_page_up()
            seen |= questions(host)
        assert len(seen) == 600
        rows = host.transcript._rows
        assert rows._rendered_rows <= KEPT_ROWS
        assert sum(entry.is_open for entry in rows.entries) <= OPEN_MESSAGES


async def test_guessed_heights_become_true_when_the_message_is_seen() -> None:
    host = Host()
    async with host.run_test(size=(120, 40)):
        messages = long_conversation(60)
        host.transcript.show(conversation(*messages))
        while host.transcript.scroll_y > 0:
            host.transcript.action_page_up()
        expected = 0
        for message in messages:
            entry = Entry(message)
            entry.open(LOOK)
            expected += len(rows_of(entry))
        assert host.transcript._rows.heights.total == expected


def is_drawing(host: Host) -> bool:
    return host.transcript._frames.is_due or host.transcript._numbers.is_due


async def test_nothing_is_due_when_nothing_comes() -> None:
    host = Host()
    async with host.run_test(size=(120, 40)) as pilot:
        host.transcript.show(conversation(prompt("go")))
        host.transcript.add(answer("", state=MessageState.answering))
        host.transcript.grow("some text")
        for more in (", quite some", " and more", " of it"):
            host.transcript.grow(more)
        for _ in range(3_000):
            if not is_drawing(host):
                break
            await pilot.pause(0.01)
        assert not is_drawing(host)
        assert "some text, quite some and more of it" in "".join(host.screen_lines())


async def test_the_end_of_what_is_written_is_marked_while_it_comes() -> None:
    host = Host()
    async with host.run_test(size=(120, 40)):
        host.transcript.show(conversation(prompt("go"), answer("so far", state=MessageState.answering)))
        strip = host.transcript.render_lines(Region(0, 0, 119, 40))[3]
        marked = [segment for segment in strip.crop(9, 10) if segment.style and segment.style.bgcolor]
        assert [segment.style.bgcolor.name for segment in marked if segment.style and segment.style.bgcolor] == [
            PALETTE.muted
        ]


async def test_what_is_selected_is_tinted() -> None:
    host = Host()
    async with host.run_test(size=(120, 40)) as pilot:
        host.transcript.show(conversation(answer("some words here")))
        await pilot.click(host.transcript, offset=(9, 1), times=2)
        strip = host.transcript.render_lines(Region(0, 0, 119, 40))[1]
        tinted = "".join(
            segment.text
            for segment in strip
            if segment.style and segment.style.bgcolor and segment.style.bgcolor.name == PALETTE.selection
        )
        assert tinted == "words"


async def test_a_reference_leads_where_a_later_line_says() -> None:
    host = Host()
    async with host.run_test(size=(120, 40)) as pilot:
        growing = answer("", state=MessageState.answering)
        text = "see [the page][1] and [nothing][2]\n\n[1]: https://e.org/page"
        host.transcript.show(conversation(growing))
        host.transcript.grow(text)
        before = host.screen_lines()
        host.transcript.settle(answer(text))
        assert [line.rstrip() for line in host.screen_lines()] == [line.rstrip() for line in before]
        await pilot.click(host.transcript, offset=(9, 1))
        await pilot.click(host.transcript, offset=(28, 1))
        assert host.posted == [("link", "https://e.org/page")]


def test_the_start_waits_for_no_parser_and_no_lexer() -> None:
    program = "import sys, tui.app.transcript.view; print({'markdown_it', 'pygments'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
