"""Taking text away: by key, by mouse, from a long conversation, and the links in it."""

from __future__ import annotations

import time

import pytest
from textual.geometry import Offset
from textual.selection import SELECT_ALL, Selection

from tests.transcript.host import LOOK, Host, answer, conversation, prompt, rendered
from tests.transcript.test_far_away import long_conversation
from tests.transcript.test_view import SIZE
from tui.app.transcript.conversation_rows import ConversationRows
from tui.app.transcript.links import Link, links_in
from tui.app.transcript.selected_text import LARGEST_RENDERED_ROWS, selected_text
from tui.conversations.values import Message

CODE = "Look:\n\n```py\nfirst\n```\n\n- a\n\n  ```\n  second\n  ```\n"


async def test_answers_and_codes_are_taken_as_they_came() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        view = host.transcript
        view.show(conversation(prompt("a\x1b"), answer(CODE), prompt("b", 2), answer("*two*\r\n", 2)))
        assert view.answer_source() == "*two*\r\n"
        assert view.answer_source("prompt-1") == "a\x1b"
        assert view.answer_source("nobody") is None
        assert view.code_count() == 2
        assert view.code_count("answer-2") == 0
        assert (view.code_block(1), view.code_block(2), view.code_block(3)) == ("first\n", "second\n", None)
        assert view.conversation_source() == f"a\x1b\n\n{CODE.strip()}\n\nb\n\n*two*\r"


async def test_the_current_message_is_asked_first() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        view = host.transcript
        view.show(conversation(answer(CODE), answer("```\nother\n```", 2)))
        assert view.code_block(1) == "other\n"
        view.action_previous_message()
        view.action_previous_message()
        assert view.current_message_id == "answer-1"
        assert view.code_block(1) == "first\n"
        assert view.answer_source() == CODE


async def test_an_empty_conversation_gives_nothing() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        view = host.transcript
        view.show(conversation())
        assert view.answer_source() is view.code_block(1) is None
        assert (view.code_count(), view.links_of(), view.conversation_source()) == (0, (), "")
        view.toggle_details()
        view.toggle_tool()
        view.toggle_code_wrap(1)
        view.action_previous_message()
        view.action_next_message()


# Selections


def laid_out(*messages: Message) -> ConversationRows:
    rows = ConversationRows()
    rows.use(LOOK)
    rows.show(messages)
    return rows


async def test_selecting_a_long_conversation_renders_little_of_it() -> None:
    messages = long_conversation(10_000)
    rows = laid_out(*messages)
    started = time.process_time()
    text = selected_text(rows, SELECT_ALL)
    # Aimed for are 0.1 s; a busy machine may take longer.
    assert time.process_time() - started < 1.0
    assert sum(entry.is_open for entry in rows.entries) < 5
    assert "\n\n".join(message.text.strip("\n") for message in messages[1:-1]) in text


def test_a_selection_that_is_guessed_too_short_reaches_its_end() -> None:
    """Heights of what nobody looked at are estimates; both ends are where they were seen."""
    messages = [answer("- item\n" * 3 + "| a | b |\n|-|-|\n| c | d |\n" * 3, number) for number in range(40)]
    rows = laid_out(*messages)
    assert selected_text(rows, SELECT_ALL).count("item") == 120


@pytest.mark.parametrize("kind", ["- item {n}\n", "paragraph {n}\n\n", "x = {n}\n"])
def test_of_one_very_long_answer_the_inner_part_comes_from_the_source(kind: str) -> None:
    text = "".join(kind.format(n=n) for n in range(6_000))
    source = f"```py\n{text}```\n" if kind.startswith("x") else text
    rows = laid_out(answer(source))
    copied = selected_text(rows, SELECT_ALL)
    parts = [rows.entries[0].part(index) for index in range(rows.entries[0].count)]
    assert sum(part.rows is not None for part in parts) < 10 < len(parts)
    lines = [line for line in copied.split("\n") if line and "```" not in line]
    assert lines == [line for line in text.split("\n") if line]


def test_a_long_and_a_short_selection_of_the_same_plain_text_are_the_same() -> None:
    words = [f"{number} words" for number in range(LARGEST_RENDERED_ROWS)]
    rows = laid_out(answer("\n\n".join(words)))
    assert len(list(rows.between(0, 3 * len(words)))) == 2 * len(words)
    first, last = Offset(3, 1), Offset(9, 2 * len(words) - 1)
    whole = selected_text(rows, Selection(first, last))
    halves = [
        selected_text(rows, Selection(first, Offset(119, 1999))),
        selected_text(rows, Selection(Offset(0, 2000), last)),
    ]
    assert whole == "\n".join(halves)


# Links


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[a *b*](https://e.org/x) and <https://f.org>", [("a b", "https://e.org/x"), ("https://f.org",) * 2]),
        ("see https://e.org/a, and [a](http://e.org/a).", [("https://e.org/a",) * 2, ("a", "http://e.org/a")]),
        ("[x](javascript:alert(1)) [y](file:///etc) [z](../up) ![p](data:image/png;x)", []),
        ("[m](mailto:a@b.c) <d@e.f>", [("m", "mailto:a@b.c"), ("d@e.f", "mailto:d@e.f")]),
        ("![cat](https://e.org/c.png)", [("image: cat", "https://e.org/c.png")]),
        ("[see][1] [Two words]\n\n[1]: https://e.org/1\n[two words]: <https://e.org/2>", [
            ("see", "https://e.org/1"), ("Two words", "https://e.org/2"),
        ]),
        ("- [a](https://e.org)\n- [b](https://e.org)", [("a", "https://e.org")]),
        ("| a |\n|---|\n| [b](https://e.org/t) |", [("b", "https://e.org/t")]),
        ("> [q](https://e.org/q \"a title\")", [("q", "https://e.org/q")]),
        ("```\nhttps://e.org/code\n```\n\n`https://e.org/span`", []),
    ],
)  # fmt: skip
def test_links_are_listed_in_order_and_only_those_that_may_be_followed(text: str, links: list[tuple[str, str]]) -> None:
    found = links_in(text)
    for label, address in links:
        assert Link(label, address) in found
    assert {link.address for link in found} - {"https://e.org/1", "https://e.org/2"} == {
        address for _, address in links
    } - {"https://e.org/1", "https://e.org/2"}


def test_what_cannot_be_followed_is_not_underlined() -> None:
    rows = rendered("[up](../up) [ok](https://e.org)")
    underlined = [segment.text for segment in rows[0].strip if segment.style and segment.style.underline]
    assert underlined == ["ok"]


async def test_links_of_the_last_answer_that_has_any() -> None:
    host = Host()
    async with host.run_test(size=SIZE):
        host.transcript.show(conversation(answer("[a](https://e.org)"), prompt("thanks"), answer("No links.", 2)))
        assert host.transcript.links_of() == (Link("a", "https://e.org"),)
        assert host.transcript.links_of("answer-2") == ()
