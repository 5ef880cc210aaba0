"""The widget: what a person sees of a conversation, and what stays where it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.geometry import Region
from textual.pilot import Pilot

from tests.transcript.host import TERMINAL, Host, answer, conversation, prompt
from tui.app.glyphs import ASCII
from tui.conversations.values import Message, MessageState
from tui.engine import FinalCounts, ToolCall

SIZE = (120, 40)
LONG = "\n\n".join(f"paragraph {number} " + "with some words " * 9 for number in range(60))


def many(count: int) -> list[Message]:
    messages: list[Message] = []
    for number in range(count):
        messages += [
            prompt(f"question {number}", number),
            answer(f"answer {number}\n\n- one\n- two\n\n" + LONG[:900], number),
        ]
    return messages


async def until(pilot: Pilot[None], text: str) -> list[str]:
    """The lines of the screen once ``text`` is among them."""
    host = pilot.app
    assert isinstance(host, Host)
    for _ in range(200):
        shown = host.screen_lines()
        if any(text in line for line in shown):
            return shown
        await pilot.pause(0.01)
    raise AssertionError("\n".join(host.screen_lines()))


async def test_a_conversation_shows_its_end() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(prompt("first"), answer(LONG), prompt("really?\nyes", 2), answer("*No.*", 2)))
        await pilot.pause()
        assert host.screen_lines()[-5:] == [" ▌ really?", " ▌ yes", "", "   No.", ""]
        assert host.transcript.following


async def test_an_empty_conversation_says_what_to_do() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(), empty=("qwen3:8b", "type a question"))
        await pilot.pause()
        assert host.screen_lines()[:3] == ["", "   qwen3:8b", "   type a question"]
        host.transcript.add(prompt("hello"))
        assert host.screen_lines()[:2] == ["", " ▌ hello"]


async def test_what_a_person_writes_is_never_markdown_or_markup() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(prompt("**a** [b]c[/b] # d\n\x1b[31mred")))
        assert host.screen_lines()[1:3] == [" ▌ **a** [b]c[/b] # d", " ▌ ␛[31mred"]


async def test_an_answer_that_comes_in_pieces_is_drawn_at_once_and_then_with_the_frames() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        growing = answer("", state=MessageState.answering)
        host.transcript.show(conversation(prompt("go")))
        host.transcript.add(growing)
        host.transcript.grow("A **bo")
        assert host.screen_lines()[3] == "   A bo"
        host.transcript.grow("ld** word")
        await until(pilot, "A bold word")
        host.transcript.grow(" more")
        host.transcript.settle(replace(growing, text="A **bold** word more", state=MessageState.complete))
        assert host.screen_lines()[3] == "   A bold word more"


async def test_an_answer_that_ends_moves_no_row() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        growing = answer("", state=MessageState.answering)
        host.transcript.show(conversation(prompt("go")))
        host.transcript.add(growing)
        text = "# Title\n\ntext with `code`\n\n1. a\n2. b\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        host.transcript.grow("", "hm")
        host.transcript.grow(text)
        await until(pilot, "1   2")
        before = [line.replace("thought", "").strip() for line in host.screen_lines()]
        host.transcript.settle(replace(growing, text=text, thinking="hm", state=MessageState.complete))
        assert [line.replace("thought", "").strip() for line in host.screen_lines()] == before


async def test_thinking_is_one_line_until_it_is_opened() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        growing = answer("", state=MessageState.answering)
        host.transcript.show(conversation(prompt("go")))
        host.transcript.add(growing)
        host.transcript.grow("", "first this\n")
        assert host.screen_lines()[3] == "   ▸ thinking…"
        host.transcript.toggle_thinking()
        host.transcript.grow("", "then that")
        shown = await until(pilot, "then that")
        assert shown[3:6] == ["   ▾ thinking…", "     first this", "     then that"]
        host.transcript.grow("So.")
        host.transcript.note_thinking(3.0, None)
        assert host.screen_lines()[3] == "   ▾ thought for 3.0 s"
        done = replace(growing, text="So.", thinking="first this\nthen that", state=MessageState.complete)
        host.transcript.settle(replace(done, thinking_seconds=3.24, thinking_pieces=1212))
        assert host.screen_lines()[3:8] == [
            "   ▾ thought for 3.2 s · ~1,212 tokens",
            "     first this",
            "     then that",
            "",
            "   So.",
        ]
        await pilot.click(host.transcript, offset=(6, 3))
        assert host.screen_lines()[3:6] == ["   ▸ thought for 3.2 s · ~1,212 tokens", "", "   So."]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (replace(answer("half"), state=MessageState.stopped, pieces=87), "■ stopped · ~87 tokens kept"),
        (
            replace(answer("half"), state=MessageState.broken_off, counts=FinalCounts(answer_tokens=1234)),
            "■ broken off · 1.2k tokens kept",
        ),
        (replace(answer(""), state=MessageState.failed, failure="no memory\nuse a smaller one"), "no memory"),
        (
            replace(answer("x"), tool_calls=(ToolCall(name="search", arguments={"query": "a\nb"}),)),
            '▸ tool search(query="a\\nb")',
        ),
        (replace(prompt("later"), state=MessageState.not_sent), "not sent"),
    ],
)
async def test_what_became_of_an_answer_is_one_line_under_it(message: Message, expected: str) -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(message))
        assert f"   {expected}" in host.screen_lines()


async def test_queued_prompts_wait_under_the_answer() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(prompt("go"), answer("fine")))
        host.transcript.queue(("next\nplease", "and then"))
        assert host.screen_lines()[3:8] == ["   fine", "", " ▌ queued · next please", "", " ▌ queued · and then"]
        host.transcript.queue(())
        assert host.screen_lines()[3:8] == ["   fine", "", "", "", ""]


async def test_a_reader_who_scrolled_up_is_not_disturbed() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        growing = answer("", 999, state=MessageState.answering)
        host.transcript.show(conversation(*many(20)))
        host.transcript.add(growing)
        host.transcript.grow("It begins. ")
        host.transcript.action_page_up()
        assert not host.transcript.following
        before = host.screen_lines()[:-1]
        host.transcript.grow(LONG)
        for _ in range(100):
            if host.transcript.new_rows:
                break
            await pilot.pause(0.01)
        await until(pilot, "new rows · ctrl+end")
        assert host.screen_lines()[:-1] == before
        await pilot.pause()
        assert ("follow", False, 0) in host.posted
        host.transcript.focus()
        await pilot.press("ctrl+end")
        assert "paragraph 59" in "".join(host.screen_lines())
        await pilot.pause()
        assert host.posted[-1] == ("follow", True, 0)


async def test_scrolling_down_to_the_end_follows_again() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(*many(5)))
        host.transcript.action_scroll_up()
        assert not host.transcript.following
        host.transcript.action_page_up()
        for _ in range(2):
            host.transcript.action_page_down()
        assert host.transcript.following


async def test_every_row_passes_by_when_one_pages_through_a_long_conversation() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        messages = many(12)
        host.transcript.show(conversation(*messages))
        pages = [host.screen_lines()]
        while host.transcript.scroll_y > 0:
            host.transcript.action_page_up()
            shown = host.screen_lines()
            # Two rows stay, so that the eye finds its place.
            assert host.transcript.scroll_y == 0 or shown[-2] == pages[-1][0]
            pages.append(shown)
        text = "\n".join(line for page in reversed(pages) for line in page)
        assert all(f"question {number}\n" in text and f"answer {number}\n" in text for number in range(12))


async def test_going_from_message_to_message() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(*many(10)))
        host.transcript.action_scroll_home()
        assert host.screen_lines()[1] == " ▌ question 0"
        host.transcript.action_next_message()
        assert host.screen_lines()[1] == "›  answer 0"
        host.transcript.action_next_message()
        assert host.screen_lines()[1] == "›▌ question 1"
        host.transcript.action_previous_message()
        assert host.screen_lines()[1] == "›  answer 0"
        assert host.transcript.current_message_id == "answer-0"


async def test_resizing_keeps_the_message_at_the_top() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(*many(30)))
        host.transcript.action_scroll_home()
        for _ in range(31):
            host.transcript.action_next_message()
        top = host.screen_lines()[1]
        await pilot.resize_terminal(70, 30)
        await pilot.pause()
        assert host.screen_lines()[1] == top == "›  answer 15"


async def test_a_message_that_is_removed_is_gone() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(prompt("one"), answer("two"), prompt("three", 3)))
        host.transcript.remove("answer-1")
        assert host.screen_lines()[:4] == ["", " ▌ one", "", " ▌ three"]


async def test_another_theme_and_other_glyphs() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(prompt("go"), answer("- a")))
        host.transcript.use_theme(TERMINAL, ASCII)
        assert host.screen_lines()[1:4] == [" | go", "", "   - a"]


async def test_prose_can_be_narrower() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(answer("word " * 30)))
        host.transcript.prose_width_columns = 40
        assert host.screen_lines()[1] == "   " + "word " * 7 + "word"


async def test_without_colour_there_is_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(prompt("go")))
        strips = host.transcript.render_lines(Region(0, 0, 119, 3))
        triplets = [s.style.color.triplet for s in strips[1] if s.style and s.style.color and s.style.color.triplet]
        assert triplets
        assert all(red == green == blue for red, green, blue in triplets)


async def test_links_and_code_can_be_clicked() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(answer("[label](https://e.org/x)\n\n```py\nprint()\n```")))
        await pilot.click(host.transcript, offset=(4, 1))
        assert host.posted == [("link", "https://e.org/x")]
        await pilot.click(host.transcript, offset=(host.screen_lines()[3].index("copy"), 3))
        assert host.posted[1:] == [("code", 1, "print()\n")]


async def test_code_and_the_last_answer_can_be_taken_by_number() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        first = "```\none\n```\n\n```\n\ttwo\x1b\n```"
        host.transcript.show(conversation(answer(first), prompt("more"), answer("```\nthree\n```", 2)))
        assert host.transcript.code_block(1) == "three\n"
        assert host.transcript.code_block(2) == "\ttwo\x1b\n"
        assert host.transcript.code_block(3) is None
        assert host.transcript.answer_source() == "```\nthree\n```"


async def test_a_selection_copies_what_was_written() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        text = (
            "- "
            + "word " * 25
            + "\n- two\n\n> quoted\n\n```py\nif x:\n\tprint(1)\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        )
        host.transcript.show(conversation(prompt("go\non"), answer(text)))
        await pilot.mouse_down(host.transcript, offset=(0, 1))
        await pilot.hover(host.transcript, offset=(110, 18))
        await pilot.mouse_up(host.transcript, offset=(110, 18))
        await pilot.pause()
        assert host.screen.get_selected_text() == (
            "go\non\n\n- "
            + ("word " * 25).strip()
            + "\n- two\n\n> quoted\n\nif x:\n\tprint(1)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        )


async def test_a_selection_in_wide_text_begins_at_the_letter_under_the_mouse() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(answer("漢字かな交じり文")))
        await pilot.mouse_down(host.transcript, offset=(5, 1))
        await pilot.hover(host.transcript, offset=(9, 1))
        await pilot.mouse_up(host.transcript, offset=(9, 1))
        assert host.screen.get_selected_text() == "字かな"


async def test_a_double_click_selects_a_word() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(answer("some plain_words here")))
        await pilot.click(host.transcript, offset=(10, 1), times=2)
        assert host.screen.get_selected_text() == "plain_words"


async def test_a_drag_that_ends_on_a_link_follows_no_link() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(answer("some [label](https://e.org/x)")))
        await pilot.mouse_down(host.transcript, offset=(3, 1))
        await pilot.hover(host.transcript, offset=(10, 1))
        await pilot.mouse_up(host.transcript, offset=(10, 1))
        await pilot.pause()
        assert host.screen.get_selected_text() == "some lab"
        assert host.posted == []


async def test_the_wheel_scrolls_and_leaves_the_end() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(*many(5)))
        end = host.transcript.scroll_y
        await pilot._post_mouse_events([MouseScrollUp], host.transcript, offset=(5, 5), button=0)
        assert host.transcript.scroll_y < end
        assert not host.transcript.following
        await pilot._post_mouse_events([MouseScrollDown], host.transcript, offset=(5, 5), button=0)
        assert host.transcript.following
