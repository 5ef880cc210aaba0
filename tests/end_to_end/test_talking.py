"""Start, talk, quit, start again: the main job, as a person does it."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.end_to_end.program import (
    ANSWERING,
    LONG_SECONDS,
    STOPPED,
    TRY_AGAIN,
    ask,
    ask_and_wait,
    chinwag,
    documents,
    kept_files,
    leave,
    open_newest,
    press_until,
    wait_for_answer,
    wait_until_usable,
    write,
)
from tests.end_to_end.served import Served
from tests.terminal import Key, ctrl


def test_talk_quit_start_again_and_find_the_talk(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        terminal.wait_for("tour:8b", LONG_SECONDS)
        screen = ask_and_wait(terminal, "hello you")
        assert "Hello, and welcome" in screen
        assert "tok/s" in screen
        leave(terminal)
    (document,) = documents(home)
    assert [message["role"] for message in document["messages"]] == ["user", "assistant"]
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        open_newest(terminal, "hello you")
        terminal.wait_for("Hello, and welcome", LONG_SECONDS)
        ask(terminal, "and now?")
        server.wait_for_chats(2)
        wait_for_answer(terminal, "You wrote 2 words")
        leave(terminal)
    assert [turn["content"] for turn in server.chats()[-1]["messages"] if turn["role"] == "user"] == [
        "hello you",
        "and now?",
    ]


def test_everything_kept_is_private(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        ask_and_wait(terminal, "hello you")
        leave(terminal)
    data = home / ".local" / "share" / "chinwag"
    for path in (data, *data.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} has {mode:o}"


def test_escape_stops_at_once_and_keeps_what_came(steady: Served, home: Path) -> None:
    with chinwag("--host", steady.url, "--model", "script-count-100000-50", home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "count")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        steady.wait_for_tokens(40)
        terminal.send(Key.escape)
        steady.wait_until(lambda served: served.hang_ups == 1)
        terminal.wait_for(STOPPED, LONG_SECONDS)
        sent = steady.tokens_sent
        ask(terminal, "and go on")
        steady.wait_for_chats(2)
        assert steady.tokens_sent >= sent
        terminal.send(Key.escape)
        steady.wait_until(lambda served: served.hang_ups == 2)
        leave(terminal)
    (document,) = documents(home)
    first, stopped = document["messages"][:2]
    assert first["text"] == "count"
    assert stopped["state"] == "stopped"
    assert stopped["text"].startswith("1\n2\n3\n")


def test_a_second_prompt_waits_its_turn_and_can_be_taken_back(steady: Served, home: Path) -> None:
    with chinwag("--host", steady.url, "--model", "script-count-100000-50", home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "count")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        ask(terminal, "another thing")
        terminal.wait_for("queued", LONG_SECONDS)
        assert len(steady.chats()) == 1
        terminal.send(Key.up)
        terminal.wait_for("› another thing", LONG_SECONDS)
        terminal.send(Key.enter)
        terminal.wait_for("queued", LONG_SECONDS)
        terminal.send(Key.escape)
        terminal.wait_for("paused", LONG_SECONDS)
        assert len(steady.chats()) == 1
        leave(terminal)


def test_an_answer_goes_on_while_another_conversation_is_looked_at(steady: Served, home: Path) -> None:
    with chinwag("--host", steady.url, "--model", "script-prose-200-100", home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "talk on")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        terminal.send(ctrl("n"))
        wait_until_usable(terminal)
        terminal.wait_for("an answer is there", LONG_SECONDS)
        open_newest(terminal, "talk on")
        terminal.wait_for("ENDMARK", LONG_SECONDS)
        leave(terminal)


def test_quitting_in_the_middle_of_an_answer_asks_and_keeps_it(steady: Served, home: Path) -> None:
    with chinwag("--host", steady.url, "--model", "script-count-100000-50", home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "count")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        steady.wait_for_tokens(20)
        terminal.send(ctrl("q"))
        terminal.wait_for("› stay", LONG_SECONDS)
        press_until(terminal, Key.down, "› stop it and quit")
        terminal.send(Key.enter)
        assert terminal.exit_code(LONG_SECONDS) == 0
    steady.wait_until(lambda served: served.hang_ups == 1)
    (document,) = documents(home)
    answer = document["messages"][1]
    assert answer["state"] == "stopped"
    assert answer["text"].startswith("1\n2\n3\n")


def test_a_broken_answer_is_kept_and_enter_tries_again(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, "--model", "breaks:3b", home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "tell me")
        terminal.wait_for(TRY_AGAIN, LONG_SECONDS)
        assert len(server.chats()) == 1
        terminal.send(Key.enter)
        server.wait_for_chats(2)
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        terminal.wait_for(TRY_AGAIN, LONG_SECONDS)
        leave(terminal)


def test_the_demo_says_so_and_keeps_nothing(home: Path, tmp_path: Path) -> None:
    throwaway = tmp_path / "throwaway"
    throwaway.mkdir()
    with chinwag("--demo", home=home, environment={"TMPDIR": str(throwaway)}) as terminal:
        assert "the demo: scripted answers" in wait_until_usable(terminal)
        terminal.wait_for("tour:8b · demo · scripted answers", LONG_SECONDS)
        ask_and_wait(terminal, "???")
        write(terminal, "a draft")
        leave(terminal)
    assert kept_files(home) == []
    assert list(throwaway.iterdir()) == []


def test_private_keeps_nothing_of_what_is_said(server: Served, home: Path, tmp_path: Path) -> None:
    throwaway = tmp_path / "throwaway"
    throwaway.mkdir()
    with chinwag("--private", "--host", server.url, home=home, environment={"TMPDIR": str(throwaway)}) as terminal:
        wait_until_usable(terminal)
        terminal.wait_for("nothing is kept", LONG_SECONDS)
        ask_and_wait(terminal, "hello you")
        leave(terminal)
    assert kept_files(home) == []
    assert list(throwaway.iterdir()) == []
