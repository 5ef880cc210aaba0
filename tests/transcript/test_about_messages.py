"""What stands about a message: its details, the tools it called, and which one the keys are about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.transcript.host import LOOK, STARTED, TERMINAL, Host, answer, conversation, prompt
from tests.transcript.test_view import SIZE, many
from tui.app.glyphs import ASCII
from tui.app.transcript.details import details_of, result_words
from tui.app.transcript.entry import Entry
from tui.conversations.values import Message, MessageState, Role
from tui.engine import FinalCounts, ToolCall

COUNTS = FinalCounts(
    done_reason="length",
    load_seconds=3.2,
    prompt_tokens=1_412,
    answer_tokens=412,
    answer_seconds=6.6,
)
NUMBERED = replace(answer("fine"), model="qwen3:8b", seconds=7.1, first_token_seconds=0.31, counts=COUNTS)
DAY = f"{STARTED.astimezone():%Y-%m-%d %H:%M}"
RESULT = Message(id="tool-1", role=Role.tool, text='{"a": 1,\n "b": 2}', at=STARTED, tool_outcome="done", seconds=0.2)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            NUMBERED,
            f"qwen3:8b · {DAY} · 62.4 tok/s · 412 tokens in 7.1 s · first 0.31 s · 1.4k read · loaded in 3.2 s · cut off",
        ),
        (prompt("go"), f"you · {DAY}"),
        (replace(answer("x"), model="", pieces=1), f"model · {DAY} · ~1 token"),
        (replace(answer("x"), model="\x1b[31mm\n", counts=FinalCounts()), f"␛[31mm · {DAY}"),
        (replace(RESULT, role=Role.system), f"system · {DAY}"),
    ],
)
def test_details_are_one_line_of_what_is_known(message: Message, expected: str) -> None:
    assert details_of(message, "·", room_cells=200) == expected


def test_where_there_is_no_room_the_least_important_goes_first() -> None:
    whole = details_of(NUMBERED, "·", room_cells=200)
    seen = [details_of(NUMBERED, "·", room_cells=room) for room in range(len(whole), 20, -1)]
    assert all(len(one) <= room for one, room in zip(seen, range(len(whole), 35, -1), strict=False))
    assert list(dict.fromkeys(len(one.split(" · ")) for one in seen)) == [8, 7, 6, 5, 4, 3, 2]
    assert "cut off" in details_of(NUMBERED, "·", room_cells=60)
    assert seen[-1] == f"qwen3:8b · {DAY}"


async def test_details_come_and_go_above_the_message() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(prompt("go"), NUMBERED))
        before = host.screen_lines()
        host.transcript.toggle_details()
        assert host.screen_lines()[3].startswith(f"   qwen3:8b · {DAY} · 62.4 tok/s")
        assert host.screen_lines()[3].endswith("cut off")
        assert host.screen_lines()[4:6] == ["", "   fine"]
        host.transcript.toggle_details("prompt-1")
        assert host.screen_lines()[1:4] == [f"   you · {DAY}", "", " ▌ go"]
        host.transcript.toggle_details("prompt-1")
        host.transcript.toggle_details()
        assert host.screen_lines() == before
        host.transcript.toggle_details("nobody")
        assert host.screen_lines() == before


async def test_details_of_the_current_message_move_nothing_below_them() -> None:
    host = Host()
    async with host.run_test(size=(100, 20)):
        host.transcript.show(conversation(*many(8)))
        for _ in range(6):
            host.transcript.action_previous_message()
        host.transcript.action_scroll_down()
        host.transcript.action_scroll_down()
        host.transcript.action_scroll_down()
        before = host.screen_lines()
        host.transcript.toggle_details()
        assert [line.lstrip("›") for line in host.screen_lines()] == [line.lstrip("›") for line in before]
        host.transcript.toggle_details()
        assert host.screen_lines() == before


async def test_opening_thinking_moves_nothing_that_is_read() -> None:
    host = Host()
    async with host.run_test(size=(100, 20)):
        thinking = "\n".join(f"thought {number}" for number in range(200))
        text = "\n\n".join(f"paragraph {number}" for number in range(60))
        host.transcript.show(conversation(prompt("go"), answer(text, thinking=thinking)))
        host.transcript.action_page_up()
        before = host.screen_lines()
        host.transcript.toggle_thinking()
        assert host.screen_lines() == before
        host.transcript.action_scroll_home()
        assert "   ▾ thought" in host.screen_lines()
        assert "     thought 3" in host.screen_lines()


def current(host: Host) -> str | None:
    return host.transcript.current_message_id


async def test_the_current_message_is_marked_until_the_view_leaves_it() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(*many(10)))
        assert current(host) is None
        host.transcript.action_previous_message()
        assert current(host) == "answer-9"
        host.transcript.action_previous_message()
        assert current(host) == "prompt-9"
        assert [line for line in host.screen_lines() if line.startswith("›")] == ["›▌ question 9"]
        host.transcript.action_next_message()
        assert current(host) == "answer-9"
        host.transcript.action_next_message()
        assert current(host) is None
        assert host.transcript.following
        host.transcript.action_previous_message()
        host.transcript.action_page_up()
        host.transcript.action_page_up()
        assert current(host) is None
        assert not any(line.startswith("›") for line in host.screen_lines())


async def test_who_listens_is_told_which_message_is_current() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        host.transcript.show(conversation(prompt("one"), answer("two")))
        host.transcript.focus()
        await pilot.press("alt+up", "alt+up")
        host.transcript.remove("prompt-1")
        await pilot.pause()
        assert [told for told in host.posted if told[0] == "current"] == [
            ("current", "answer-1"),
            ("current", "prompt-1"),
            ("current", None),
        ]


async def test_what_a_tool_gave_is_one_line_until_it_is_opened() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        call = ToolCall(name="search", arguments={"query": "a\nb", "limit": 3})
        host.transcript.show(
            conversation(replace(answer("let me see"), tool_calls=(call,)), RESULT, answer("It is 1.", 2))
        )
        folded = [
            "",
            "   let me see",
            "",
            '   ▸ search(query="a\\nb", limit=3) · done · 0.2 s · 2 lines',
            "",
            "   It is 1.",
        ]
        assert host.screen_lines()[:6] == folded
        await pilot.click(host.transcript, offset=(6, 3))
        assert host.screen_lines()[3:10] == [
            '   ▾ search(query="a\\nb", limit=3) · done · 0.2 s · 2 lines',
            "     query: a",
            "     b",
            "     limit: 3",
            '     {"a": 1,',
            '      "b": 2}',
            "",
        ]
        host.transcript.toggle_fold()
        assert host.screen_lines()[:6] == folded


async def test_calls_stand_alone_until_their_results_come() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        calls = (ToolCall(name="search", arguments={"query": "a"}), ToolCall(name="clock"))
        host.transcript.show(conversation(replace(answer(""), tool_calls=calls)))
        await pilot.pause()
        assert host.screen_lines()[:3] == ["", '   ▸ tool search(query="a")', "   ▸ tool clock()"]
        host.transcript.add(RESULT)
        await pilot.pause()
        assert host.screen_lines()[:4] == [
            "",
            "   ▸ tool clock()",
            "",
            '   ▸ search(query="a") · done · 0.2 s · 2 lines',
        ]
        refused = replace(RESULT, id="tool-2", text="the person said no", tool_outcome="refused", seconds=None)
        host.transcript.add(refused)
        await pilot.pause()
        assert [line for line in host.screen_lines() if line.strip()] == [
            '   ▸ search(query="a") · done · 0.2 s · 2 lines',
            "   ▸ clock() · refused",
        ]


async def test_long_call_leaves_room_for_what_came_of_it_and_hides_nothing() -> None:
    host = Host()
    async with host.run_test(size=SIZE) as pilot:
        call = ToolCall(name="run\x1b[2J", arguments={"a\u202eb": "x\u200by" * 200})
        result = replace(RESULT, tool_outcome="timed out", tool_name="run")
        host.transcript.show(conversation(replace(answer(""), tool_calls=(call,)), result))
        await pilot.pause()
        row = next(line for line in host.screen_lines() if line.strip()).rstrip()
        assert row.endswith("… · timed out · 0.2 s")
        assert "⟦U+001B⟧" in row


def test_thousand_calls_are_a_few_rows() -> None:
    entry = Entry(replace(answer(""), tool_calls=tuple(ToolCall(name="x") for _ in range(1000))))
    entry.open(LOOK)
    assert entry.height < 30


def test_a_tool_that_gave_nothing_or_a_lot_is_one_line() -> None:
    assert result_words(" \n", "·") == "result · empty"
    assert result_words("word " * 100_000, "·").startswith("result · word word")
    assert len(result_words("word " * 100_000, "·")) < 500


async def test_the_mark_has_a_glyph_of_its_own_without_unicode() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(prompt("go"), replace(answer("half"), state=MessageState.stopped)))
        host.transcript.use_theme(TERMINAL, ASCII)
        host.transcript.action_previous_message()
        assert host.screen_lines()[3] == ">  half"
