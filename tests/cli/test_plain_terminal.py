"""Plain mode in a real terminal: what is typed, what Ctrl+C and Ctrl+D do, and that nothing but text comes out."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.served import Served
from tests.terminal import Terminal, ctrl

LONG_SECONDS = 60.0
PROGRAM = """
import sys
from tui.cli.arguments import read_arguments
from tui.cli.plain import run_plainly
sys.exit(run_plainly(read_arguments(sys.argv[1:])))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with Served(speed=10) as served:
        yield served


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def plain(server: Served, home: Path, *arguments: str) -> Terminal:
    return Terminal(
        [sys.executable, "-c", PROGRAM, "--host", server.url, *arguments],
        home=home,
        columns=100,
        rows=40,
        environment={"TERM": "dumb", "COLORTERM": ""},
    )


def wait_for_prompt(terminal: Terminal) -> None:
    terminal.wait_until(lambda screen: screen.rstrip("\n ").endswith("\n>"), LONG_SECONDS)


def write(terminal: Terminal, line: str) -> None:
    terminal.send(f"{line}\n")


def leave(terminal: Terminal) -> None:
    wait_for_prompt(terminal)
    terminal.send(ctrl("d"))
    assert terminal.exit_code(LONG_SECONDS) == 0


def messages(home: Path) -> list[dict[str, Any]]:
    (file,) = (home / ".local" / "share" / "chinwag" / "conversations").glob("*.json")
    found: list[dict[str, Any]] = json.loads(file.read_bytes())["messages"]
    return found


def test_a_talk_is_only_text_from_beginning_to_end(server: Served, home: Path) -> None:
    with plain(server, home) as terminal:
        wait_for_prompt(terminal)
        assert f"[tour:8b on 127.0.0.1:{server.port}, /? lists the commands]" in terminal.screen()
        write(terminal, "hello you")
        terminal.wait_for("[done, ", LONG_SECONDS)
        assert "Hello, and welcome" in terminal.screen()
        wait_for_prompt(terminal)
        write(terminal, "/bye")
        assert terminal.exit_code(LONG_SECONDS) == 0
        assert b"\x1b" not in terminal.raw
        assert b"\r" not in terminal.raw.replace(b"\r\n", b"")
    assert [one["role"] for one in messages(home)] == ["user", "assistant"]


def test_ctrl_c_stops_the_answer_keeps_it_and_twice_leaves(server: Served, home: Path) -> None:
    with plain(server, home, "--model", "script-count-100000-100") as terminal:
        wait_for_prompt(terminal)
        write(terminal, "count")
        server.wait_for_tokens(20)
        terminal.wait_for_bytes(b"\n10\r\n", LONG_SECONDS)
        terminal.send(ctrl("c"))
        terminal.wait_for("[stopped, ~", LONG_SECONDS)
        wait_for_prompt(terminal)
        terminal.send(ctrl("c"))
        terminal.wait_for("[ctrl+c again leaves]", LONG_SECONDS)
        terminal.send(ctrl("c"))
        assert terminal.exit_code(LONG_SECONDS) == 0
        assert "Traceback" not in terminal.screen()
    asked, answer = messages(home)
    assert asked["text"] == "count"
    assert answer["state"] == "stopped"
    assert answer["text"].startswith("1\n2\n3\n")


def test_ctrl_c_in_a_block_forgets_the_block_and_ctrl_d_sends_it(server: Served, home: Path) -> None:
    with plain(server, home, "--model", "script-prose-30-0") as terminal:
        wait_for_prompt(terminal)
        write(terminal, '"""')
        terminal.wait_until(lambda screen: screen.rstrip("\n ").endswith("\n."), LONG_SECONDS)
        write(terminal, "never sent")
        terminal.send(ctrl("c"))
        terminal.wait_for("[not sent, and forgotten]", LONG_SECONDS)
        wait_for_prompt(terminal)
        write(terminal, '"""')
        terminal.wait_until(lambda screen: screen.rstrip("\n ").endswith("\n."), LONG_SECONDS)
        write(terminal, "in a block")
        terminal.wait_until(lambda screen: screen.rstrip("\n ").endswith("in a block\n."), LONG_SECONDS)
        terminal.send(ctrl("d"))
        terminal.wait_for("[done, ", LONG_SECONDS)
        leave(terminal)
    assert messages(home)[0]["text"] == "in a block"


def test_what_is_pasted_is_one_prompt(server: Served, home: Path) -> None:
    with plain(server, home, "--model", "script-prose-30-0") as terminal:
        wait_for_prompt(terminal)
        terminal.send("Traceback:\n  /bye\n  line three\n")
        terminal.wait_for("[done, ", LONG_SECONDS)
        leave(terminal)
    asked, _ = messages(home)
    assert asked["text"] == "Traceback:\n  /bye\n  line three"


def test_what_is_typed_ahead_waits_for_its_turn(server: Served, home: Path) -> None:
    with plain(server, home, "--model", "script-count-600-100") as terminal:
        wait_for_prompt(terminal)
        before = len(server.chats())
        write(terminal, "first")
        server.wait_for_chats(before + 1)
        write(terminal, "second")
        server.wait_for_chats(before + 2)
        terminal.wait_until(lambda _: terminal.raw.count(b"[done, ") == 2, LONG_SECONDS)
        leave(terminal)
    assert [one["text"] for one in messages(home) if one["role"] == "user"] == ["first", "second"]


def test_a_line_that_the_terminal_cut_is_not_sent(server: Served, home: Path) -> None:
    with plain(server, home, "--model", "script-prose-30-0") as terminal:
        wait_for_prompt(terminal)
        before = len(server.chats())
        terminal.send("x" * 5000)
        terminal.send("\n")
        terminal.wait_for("may lack its end", LONG_SECONDS)
        leave(terminal)
    assert len(server.chats()) == before


def test_a_cloud_model_is_asked_about_once(server: Served, home: Path) -> None:
    with plain(server, home, "--model", "cloudy:120b-cloud") as terminal:
        wait_for_prompt(terminal)
        before = len(server.chats())
        write(terminal, "hello you")
        terminal.wait_for("yes or no:", LONG_SECONDS)
        write(terminal, "no")
        terminal.wait_for("[nothing was sent]", LONG_SECONDS)
        assert len(server.chats()) == before
        wait_for_prompt(terminal)
        write(terminal, "/again")
        terminal.wait_until(lambda screen: screen.count("yes or no:") == 2, LONG_SECONDS)
        write(terminal, "yes")
        server.wait_for_chats(before + 1)
        leave(terminal)
    assert messages(home)[0]["text"] == "hello you"


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_keeps_what_came(server: Served, home: Path, ended_by: signal.Signals) -> None:
    with plain(server, home, "--model", "script-count-100000-100") as terminal:
        wait_for_prompt(terminal)
        write(terminal, "count")
        terminal.wait_for_bytes(b"\n10\r\n", LONG_SECONDS)
        terminal.kill(ended_by)
        assert terminal.exit_code(LONG_SECONDS) == 128 + ended_by
    assert messages(home)[1]["state"] == "stopped"


def test_a_line_that_drops_ends_it_and_keeps_what_came(server: Served, home: Path) -> None:
    with plain(server, home, "--model", "script-count-100000-100") as terminal:
        wait_for_prompt(terminal)
        write(terminal, "count")
        terminal.wait_for_bytes(b"\n10\r\n", LONG_SECONDS)
        started = time.monotonic()
        terminal.hang_up()
        assert terminal.process.wait(LONG_SECONDS) > 128
        assert time.monotonic() - started < 10
    assert messages(home)[1]["state"] == "stopped"
