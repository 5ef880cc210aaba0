"""Whatever is done to a transcript, in whatever order: what is painted fits, and the numbers add up."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.selection import SELECT_ALL

from tests.transcript.host import STARTED, THEME, Host, answer, conversation, prompt
from tui.app.glyphs import ASCII, UNICODE
from tui.app.transcript.entry import Entry
from tui.app.transcript.finding import Needle
from tui.conversations.values import Message, MessageState, Role

PIECES = st.sampled_from(
    [
        "word ",
        "**b** ",
        "`c` ",
        "\n",
        "\n\n",
        "- a\n",
        "```py\nx = 1\n```\n",
        f"```\n{'long' * 40}\n```\n",
        "| a |\n|-|\n| b |\n",
        "漢字",
        "> q\n",
    ]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["show"]), st.lists(TEXTS, max_size=12)),
    st.tuples(st.sampled_from(["prompt", "grow", "think", "queue", "tool"]), TEXTS),
    st.tuples(st.sampled_from(["find"]), st.sampled_from(["", "word", "b", "漢", "x = 1", "W", "```"])),
    st.tuples(st.sampled_from(["resize"]), st.tuples(st.integers(5, 130), st.integers(2, 40))),
    st.tuples(
        st.sampled_from(
            (
                *("settle", "remove", "page up", "page down", "home", "end", "previous", "next", "toggle", "glyphs"),
                *("details", "find next", "find previous", "wrap", "wrap 1", "toggle tool", "copy"),
            )
        ),
        st.none(),
    ),
)


class Story:
    """Does one step after the other, and knows which answer is under way."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.view = host.transcript
        self.messages: list[Message] = []
        self.text = self.thinking = ""
        self.count = 0

    @property
    def is_answering(self) -> bool:
        return bool(self.messages) and self.messages[-1].state is MessageState.answering

    def add(self, message: Message) -> None:
        self.messages.append(message)
        self.view.add(message)

    def show(self, texts: list[str]) -> None:
        self.messages = [prompt(text, n) if n % 2 else answer(text, n) for n, text in enumerate(texts)]
        self.count = len(texts)
        self.view.show(conversation(*self.messages), empty=("nothing yet",))

    def begin(self) -> None:
        if not self.is_answering:
            self.count += 1
            self.text = self.thinking = ""
            self.add(answer("", self.count, state=MessageState.answering))

    def settle(self) -> None:
        if self.is_answering:
            done = replace(self.messages[-1], text=self.text, thinking=self.thinking, state=MessageState.complete)
            self.messages[-1] = done
            self.view.settle(done)

    def do(self, step: str, value: str) -> None:
        match step:
            case "prompt":
                self.settle()
                self.count += 1
                self.add(prompt(value, self.count))
            case "tool":
                self.settle()
                self.count += 1
                self.add(Message(id=f"tool-{self.count}", role=Role.tool, text=value, at=STARTED))
            case "find":
                self.view.find(value)
            case "grow":
                self.begin()
                self.text += value
                self.view.grow(value)
                self.view._draw_pending()
            case "think":
                self.begin()
                self.thinking += value
                self.view.grow(thinking=value)
                self.view._draw_pending()
            case "queue":
                self.view.queue((value,) if value else ())

    def move(self, step: str) -> None:
        match step:
            case "settle":
                self.settle()
            case "remove" if self.messages and not self.is_answering:
                self.view.remove(self.messages.pop(len(self.messages) // 2).id)
            case "page up":
                self.view.action_page_up()
            case "page down":
                self.view.action_page_down()
            case "home":
                self.view.action_scroll_home()
            case "end":
                self.view.scroll_to_end()
            case "previous":
                self.view.action_previous_message()
            case "next":
                self.view.action_next_message()
            case "toggle":
                self.view.toggle_thinking()
            case "toggle tool":
                self.view.toggle_tool()
            case "details":
                self.view.toggle_details()
            case "find next":
                self.view.find_next()
            case "find previous":
                self.view.find_previous()
            case "wrap":
                self.view.wraps_code = not self.view.wraps_code
            case "wrap 1":
                self.view.toggle_code_wrap(1)
            case "copy":
                self.view.get_selection(SELECT_ALL)
            case "glyphs":
                self.view.use_theme(THEME, ASCII if self.view._glyphs is UNICODE else UNICODE)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(STEPS, min_size=5, max_size=40))
async def test_any_order_of_steps_leaves_a_whole_screen(steps: list[tuple[str, object]]) -> None:
    host = Host()
    async with host.run_test(size=(90, 25)) as pilot:
        story = Story(host)
        for step, value in steps:
            if step == "resize" and isinstance(value, tuple):
                await pilot.resize_terminal(*value)
            elif step == "show" and isinstance(value, list):
                story.show(value)
            elif isinstance(value, str):
                story.do(step, value)
            else:
                story.move(step)
            rows = host.transcript._rows
            region = host.transcript.scrollable_content_region.at_offset((0, 0))
            shown = [strip.text for strip in host.transcript.render_lines(region)]
            assert len(shown) == region.height
            assert {cell_len(line) for line in shown} <= {region.width}
            assert rows.heights.total == sum(entry.height for entry in rows.entries)
            found = host.transcript.find_state
            assert 0 <= found.current <= found.count
            current = host.transcript.current_message_id
            assert current is None or rows.index_of(current) is not None
            assert 0 <= host.transcript.scroll_y <= max(0, rows.total - region.height)
        story.settle()
        await pilot.pause()
        find = host.transcript._find
        if find is not None:
            places = [place for entry in entries_of(host) for place in Needle(find.text).places(entry.searched())]
            assert find.state.is_complete
            assert find.state.count == len(places)


def entries_of(host: Host) -> list[Entry]:
    return host.transcript._rows.entries
