"""The process dies, the terminal goes away, two are open at once: nothing that was said is lost."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from tests.end_to_end.program import (
    ANSWERING,
    DONE,
    LONG_SECONDS,
    TRY_AGAIN,
    app_of,
    ask,
    ask_and_wait,
    chinwag,
    documents,
    kept_conversations,
    leave,
    open_newest,
    wait_for_answer,
    wait_for_end_of,
    wait_until_usable,
    write,
)
from tests.end_to_end.served import Served
from tests.terminal import Key
from tui.conversations.values import MessageState, Role

COUNTER = "script-count-100000-40"
"""One number a line; every number and every line break is a token."""
SHORT_COUNTER = "script-count-120-40"
LAST_WORD = "ENDMARK"
TOKENS_IN_TWO_SECONDS = 80


def highest_number(text: str) -> int:
    return max((int(number) for number in re.findall(r"^ *([0-9]+)$", text, re.MULTILINE)), default=0)


def test_after_kill_9_the_prompt_and_the_answer_so_far_are_there_and_enter_tries_again(
    steady: Served, home: Path
) -> None:
    with chinwag("--host", steady.url, "--model", COUNTER, home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "count for me")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        terminal.wait_until(lambda screen: highest_number(screen) >= 10, LONG_SECONDS)
        seen = highest_number(terminal.screen())
        steady.wait_for_tokens(TOKENS_IN_TWO_SECONDS)
        terminal.kill(signal.SIGKILL)
        terminal.exit_code(LONG_SECONDS)
    (conversation,) = kept_conversations(home)
    prompt, answer = conversation.messages
    assert prompt.text == "count for me"
    assert highest_number(answer.text) >= seen
    with chinwag("--host", steady.url, home=home) as terminal:
        wait_until_usable(terminal)
        open_newest(terminal, "count for me")
        terminal.wait_for("interrupted", LONG_SECONDS)
        terminal.wait_for(TRY_AGAIN, LONG_SECONDS)
        terminal.wait_until(lambda screen: highest_number(screen) >= seen, LONG_SECONDS)
        before = len(steady.chats())
        terminal.send(Key.enter)
        steady.wait_for_chats(before + 1)
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        terminal.send(Key.escape)
        terminal.wait_for("stopped", LONG_SECONDS)
        leave(terminal)


def test_the_prompt_is_on_disk_before_the_server_has_said_a_word(steady: Served, home: Path) -> None:
    with chinwag("--host", steady.url, "--model", "slow:70b", home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "keep this")
        steady.wait_for_chats(1)
        terminal.kill(signal.SIGKILL)
        terminal.exit_code(LONG_SECONDS)
    (conversation,) = kept_conversations(home)
    assert conversation.title == "keep this"
    assert conversation.messages[0].text == "keep this"


def test_an_answer_goes_on_to_its_end_when_the_terminal_goes_away(steady: Served, home: Path) -> None:
    with chinwag("--host", steady.url, "--model", SHORT_COUNTER, home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "count for me")
        terminal.wait_until(lambda screen: highest_number(screen) >= 10, LONG_SECONDS)
        ask(terminal, "and then this")
        terminal.wait_for("1 queued", LONG_SECONDS)
        app = app_of(terminal)
        terminal.hang_up()
        wait_for_end_of(app)
    (conversation,) = kept_conversations(home)
    _, answer, waiting = conversation.messages
    assert answer.text.endswith(LAST_WORD)
    assert answer.state is MessageState.complete
    assert (waiting.text, waiting.state) == ("and then this", MessageState.not_sent)
    assert len(steady.chats()) == 1


def test_an_answer_that_goes_on_without_its_terminal_is_seen_and_stopped_at_the_next_start(
    steady: Served, home: Path
) -> None:
    with chinwag("--host", steady.url, "--model", COUNTER, home=home) as first:
        wait_until_usable(first)
        ask(first, "count for me")
        first.wait_until(lambda screen: highest_number(screen) >= 10, LONG_SECONDS)
        app = app_of(first)
        first.hang_up()
        with chinwag("--host", steady.url, "--model", COUNTER, home=home) as second:
            wait_until_usable(second)
            open_newest(second, "count for me")
            second.wait_for("open in another chinwag", LONG_SECONDS)
            second.wait_for(ANSWERING, LONG_SECONDS)
            seen = highest_number(second.screen())
            second.wait_until(lambda screen: highest_number(screen) > seen + 10, LONG_SECONDS)
            second.send(Key.escape)
            wait_for_end_of(app)
            second.wait_for("the other chinwag left this conversation", LONG_SECONDS)
            second.wait_for("stopped", LONG_SECONDS)
            ask(second, "mine now")
            steady.wait_for_chats(2)
            second.wait_for(ANSWERING, LONG_SECONDS)
            second.send(Key.escape)
            second.wait_until_gone(ANSWERING, LONG_SECONDS)
            leave(second)
    (conversation,) = kept_conversations(home)
    assert conversation.messages[1].state is MessageState.stopped
    assert conversation.messages[2].text == "mine now"


def test_a_terminal_that_goes_away_while_nothing_runs_takes_chinwag_along(steady: Served, home: Path) -> None:
    with chinwag("--host", steady.url, "--model", SHORT_COUNTER, home=home) as terminal:
        wait_until_usable(terminal)
        write(terminal, "not sent yet")
        terminal.hang_up()
        terminal.process.wait(LONG_SECONDS)
    with chinwag("--host", steady.url, "--model", SHORT_COUNTER, home=home) as terminal:
        terminal.wait_for("not sent yet", LONG_SECONDS)
        leave(terminal)


def test_a_second_chinwag_reads_what_the_first_has_open(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home) as first:
        wait_until_usable(first)
        ask_and_wait(first, "hello you")
        with chinwag("--host", server.url, home=home) as second:
            wait_until_usable(second)
            open_newest(second, "hello you")
            second.wait_for("Hello, and welcome", LONG_SECONDS)
            ask(second, "me too")
            second.wait_for("open in another chinwag", LONG_SECONDS)
            second.wait_for("› me too", LONG_SECONDS)
            assert len(server.chats()) == 1
            leave(second)
        ask(first, "still mine")
        wait_for_answer(first, "You wrote 2 words")
        leave(first)
    (document,) = documents(home)
    assert [message["text"] for message in document["messages"] if message["role"] == "user"] == [
        "hello you",
        "still mine",
    ]


def test_two_chinwags_keep_two_conversations(server: Served, home: Path) -> None:
    with (
        chinwag("--host", server.url, "--model", "fast:1b", home=home) as first,
        chinwag("--host", server.url, "--model", "fast:1b", home=home) as second,
    ):
        wait_until_usable(first)
        wait_until_usable(second)
        write(first, "one")
        write(second, "two")
        first.send(Key.enter)
        second.send(Key.enter)
        first.wait_for(DONE, LONG_SECONDS)
        second.wait_for(DONE, LONG_SECONDS)
        leave(first)
        leave(second)
    assert sorted(document["title"] for document in documents(home)) == ["one", "two"]


def test_a_damaged_document_is_named_and_left_alone(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, "--model", "fast:1b", home=home) as terminal:
        wait_until_usable(terminal)
        ask_and_wait(terminal, "hello you")
        leave(terminal)
    folder = home / ".local" / "share" / "chinwag" / "conversations"
    (good,) = folder.glob("*.json")
    broken = folder / "01BRKENBRKENBRKENBRKENBRKE.json"
    broken.write_bytes(b'{"chinwag": 1, "messages": [')
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        terminal.send("\x0f")
        terminal.wait_for("left alone", LONG_SECONDS)
        screen = terminal.wait_for("hello you", LONG_SECONDS)
        assert "01BRKEN" in screen
        terminal.send(Key.enter)
        terminal.wait_for("fast:1b", LONG_SECONDS)
        leave(terminal)
    assert broken.read_bytes() == b'{"chinwag": 1, "messages": ['
    assert good.exists()


def test_a_conversation_that_is_asked_for_changes_hands(server: Served, home: Path) -> None:
    with (
        chinwag("--host", server.url, home=home) as first,
        chinwag("--host", server.url, home=home) as second,
    ):
        wait_until_usable(first)
        ask_and_wait(first, "hello you")
        wait_until_usable(second)
        open_newest(second, "hello you")
        second.wait_for("read only", LONG_SECONDS)
        ask(second, "/takeover")
        first.wait_for("another chinwag took this conversation over", LONG_SECONDS)
        first.wait_for("read only", LONG_SECONDS)
        second.wait_for("it can be written here", LONG_SECONDS)
        ask(second, "from the second")
        first.wait_for("from the second", LONG_SECONDS)
        wait_for_answer(first, "You wrote 3 words")
        wait_for_answer(second, "You wrote 3 words")
        leave(second)
        first.wait_for("the other chinwag left this conversation", LONG_SECONDS)
        leave(first)
    (conversation,) = kept_conversations(home)
    assert [one.text for one in conversation.messages if one.role is Role.user] == ["hello you", "from the second"]
