"""What is typed and pasted, as a terminal sends it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.end_to_end.program import (
    LONG_SECONDS,
    ask_and_wait,
    chinwag,
    leave,
    open_newest,
    wait_for_answer,
    wait_until_usable,
    write,
)
from tests.end_to_end.served import Served
from tests.terminal import Key, ctrl, pasted


def log_of(lines: int) -> str:
    return "\n".join(f"line {number} of a log that somebody wants explained\there" for number in range(1, lines + 1))


@pytest.mark.parametrize(
    ("lines", "marked"),
    [
        pytest.param(2200, True, id="100 kB, bracketed"),
        # Every character is a key of its own here, which costs time; this is still many reads long.
        pytest.param(500, False, id="25 kB, as keys"),
    ],
)
def test_a_large_paste_never_sends_becomes_a_chip_and_is_sent_whole(
    lines: int, marked: bool, server: Served, home: Path
) -> None:
    log = log_of(lines)
    keys = log.replace("\n", "\r")
    with chinwag("--host", server.url, "--model", "script-prose-20-0", home=home) as terminal:
        wait_until_usable(terminal)
        terminal.send(pasted(keys) if marked else keys)
        # Where nothing marks a paste, a machine that falls behind takes it for several.
        chip = re.compile(f"pasted {lines:,} lines" if marked else "pasted [0-9,]+ lines")
        terminal.wait_for(chip, LONG_SECONDS)
        write(terminal, " what is this")
        assert server.chats() == []
        terminal.send(Key.enter)
        wait_for_answer(terminal, "ENDMARK")
        (turn,) = server.chats()[0]["messages"]
        assert turn["content"] == f"{log} what is this"
        leave(terminal)


def test_a_new_line_is_made_by_ctrl_j_and_enter_sends_both(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        write(terminal, "first line")
        terminal.send(ctrl("j"))
        write(terminal, "second line")
        assert server.chats() == []
        terminal.send(Key.enter)
        server.wait_for_chats(1)
        assert server.chats()[0]["messages"][0]["content"] == "first line\nsecond line"
        wait_for_answer(terminal, "You wrote 4 words")
        leave(terminal)


def test_the_draft_of_a_conversation_survives_quitting(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        ask_and_wait(terminal, "hello you")
        write(terminal, "half a thought about")
        leave(terminal)
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        open_newest(terminal, "hello you")
        terminal.wait_for("› half a thought about", LONG_SECONDS)
        leave(terminal)


def test_the_draft_of_a_new_conversation_survives_quitting(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        write(terminal, "the first thing that I")
        leave(terminal)
    with chinwag("--host", server.url, home=home) as terminal:
        terminal.wait_for("› the first thing that I", LONG_SECONDS)
        leave(terminal)


def test_what_was_cleared_by_mistake_comes_back_with_up(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        write(terminal, "a long and careful question")
        terminal.send(ctrl("c"))
        terminal.wait_until_gone("a long and careful question", LONG_SECONDS)
        terminal.send(Key.up)
        terminal.wait_for("› a long and careful question", LONG_SECONDS)
        assert server.chats() == []
        leave(terminal)
