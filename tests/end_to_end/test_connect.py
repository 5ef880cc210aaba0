"""No server, a server that comes later, a server that goes."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from tests.end_to_end.program import (
    ANSWERING,
    DONE,
    LONG_SECONDS,
    TRY_AGAIN,
    ask,
    ask_and_wait,
    chinwag,
    leave,
    press_until,
    wait_until_usable,
    write,
)
from tests.end_to_end.served import Served
from tests.terminal import Key

NO_ANSWER = re.compile("no answer from Ollama at", re.IGNORECASE)
TAKES_ENTER = re.compile("› .*take a look with the demo")


def free_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_without_a_server_it_says_what_it_tried_and_enter_takes_the_demo(home: Path) -> None:
    port = free_port()
    with chinwag(home=home, environment={"OLLAMA_HOST": f"127.0.0.1:{port}"}) as terminal:
        screen = terminal.wait_for(NO_ANSWER, LONG_SECONDS)
        assert f"http://127.0.0.1:{port}" in screen
        terminal.wait_for("OLLAMA_HOST", LONG_SECONDS)
        terminal.wait_for("next try in", LONG_SECONDS)
        terminal.wait_for(TAKES_ENTER, LONG_SECONDS)
        press_until(terminal, Key.enter, "the demo: scripted answers")
        ask_and_wait(terminal, "???")
        leave(terminal)


def test_a_server_that_appears_later_is_noticed(home: Path) -> None:
    port = free_port()
    with chinwag("--host", f"127.0.0.1:{port}", home=home) as terminal:
        terminal.wait_for(NO_ANSWER, LONG_SECONDS)
        with Served(port=port, speed=10):
            terminal.wait_until_gone(NO_ANSWER, LONG_SECONDS)
            terminal.wait_for("tour:8b", LONG_SECONDS)
            ask_and_wait(terminal, "hello you")
            leave(terminal)


def test_keys_typed_while_nothing_answers_stay_in_the_prompt(home: Path) -> None:
    port = free_port()
    with chinwag("--host", f"127.0.0.1:{port}", home=home) as terminal:
        wait_until_usable(terminal)
        write(terminal, "a question in hand")
        terminal.wait_for("no answer from", LONG_SECONDS)
        screen = terminal.wait_for("› a question in hand", LONG_SECONDS)
        assert NO_ANSWER.search(screen) is None
        with Served(port=port, speed=10) as server:
            terminal.wait_for("tour:8b", LONG_SECONDS)
            terminal.send(Key.enter)
            terminal.wait_for(DONE, LONG_SECONDS)
            assert server.chats()[0]["messages"][0]["content"] == "a question in hand"
            leave(terminal)


def test_another_address_is_taken_from_connect_and_kept_for_the_next_start(server: Served, home: Path) -> None:
    port = free_port()
    environment = {"OLLAMA_HOST": f"127.0.0.1:{port}"}
    with chinwag(home=home, environment=environment) as terminal:
        terminal.wait_for(NO_ANSWER, LONG_SECONDS)
        press_until(terminal, "a", "http://gpu-box:11434")
        write(terminal, f"127.0.0.1:{server.port}")
        terminal.send(Key.enter)
        terminal.wait_for("Ask tour:8b", LONG_SECONDS)
        leave(terminal)
    with chinwag(home=home, environment=environment) as terminal:
        terminal.wait_for("Ask tour:8b", LONG_SECONDS)
        leave(terminal)


def test_a_server_that_goes_away_in_the_middle_is_told_and_comes_back(home: Path) -> None:
    with Served() as server:
        port = server.port
        terminal = chinwag("--host", server.url, "--model", "script-count-100000-50", home=home)
        with terminal:
            wait_until_usable(terminal)
            ask(terminal, "count")
            terminal.wait_for(ANSWERING, LONG_SECONDS)
            server.wait_for_tokens(20)
            server.close()
            terminal.wait_for(TRY_AGAIN, LONG_SECONDS)
            with Served(port=port) as again:
                again.wait_until(lambda served: any(one.path == "/api/version" for one in served.received))
                terminal.send(Key.enter)
                again.wait_for_chats(1)
                terminal.wait_for(ANSWERING, LONG_SECONDS)
                terminal.send(Key.escape)
                terminal.wait_for("stopped", LONG_SECONDS)
                leave(terminal)
