"""The machine has no more of something: memory, files, processes, a name server that answers. Nothing is lost, and it is
said."""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.program import (
    ANSWERING,
    LIST_FRAME,
    LONG_SECONDS,
    READY,
    STOPPED,
    app_of,
    ask,
    chinwag,
    kept_conversations,
    leave,
    moments,
    press_until,
    wait_for_end_of,
    wait_until_usable,
    write,
)
from tests.end_to_end.served import Served
from tests.terminal import Key, Terminal, ctrl
from tui.conversations.values import Message

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process are Linux's own")

COUNTER = "script-count-100000-100"
LONGEST_LOOKUP_SECONDS = 600
AT_REST = {7, 25}

SLOW_NAMES = f"""
import socket, time
at_once = socket.getaddrinfo
def getaddrinfo(host, *more, **named):
    if "slow" in str(host):
        time.sleep({LONGEST_LOOKUP_SECONDS})
    return at_once(host, *more, **named)
socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def steady() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def counting(server: Served, home: Path) -> Terminal:
    return chinwag("--host", server.url, "--model", COUNTER, home=home)


def begin_to_count(terminal: Terminal) -> None:
    wait_until_usable(terminal)
    ask(terminal, "count for me")
    terminal.wait_until(lambda screen: highest_number(screen) >= 5, LONG_SECONDS)


def highest_number(text: str) -> int:
    return max((int(number) for number in re.findall(r"^ *([0-9]+)$", text, re.MULTILINE)), default=0)


def kept(home: Path) -> tuple[Message, ...]:
    (conversation,) = kept_conversations(home)
    return conversation.messages


def address_space_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def test_no_memory_left_in_the_middle_of_an_answer_keeps_what_was_shown_and_says_why(
    steady: Served, home: Path
) -> None:
    with counting(steady, home) as terminal:
        begin_to_count(terminal)
        app = app_of(terminal)
        limit = address_space_bytes(app)
        resource.prlimit(app, resource.RLIMIT_AS, (limit, limit))
        # It goes on in what it has, until something that it asks for is not to be had.
        told = terminal.wait_until(
            lambda screen: not terminal.is_running or "MemoryError" in screen or "no memory" in screen, LONG_SECONDS
        )
        seen = highest_number(told)
        if terminal.is_running:
            terminal.kill(signal.SIGTERM)
        assert terminal.exit_code(LONG_SECONDS) != 0
        assert terminal.private_modes == AT_REST
        assert "Traceback" not in terminal.screen()
    prompt, answer = kept(home)
    assert prompt.text == "count for me"
    assert highest_number(answer.text) >= seen


def test_no_more_files_can_be_opened_and_the_answer_goes_on(steady: Served, home: Path) -> None:
    with counting(steady, home) as terminal:
        begin_to_count(terminal)
        app = app_of(terminal)
        open_files = len(list(Path(f"/proc/{app}/fd").iterdir()))
        resource.prlimit(app, resource.RLIMIT_NOFILE, (open_files // 2, open_files))
        terminal.send(ctrl("o"))
        terminal.wait_for("too many files are open", LONG_SECONDS)
        terminal.send(Key.escape)
        terminal.wait_until_gone(LIST_FRAME, LONG_SECONDS)
        seen = highest_number(terminal.wait_for(ANSWERING, LONG_SECONDS))
        terminal.wait_until(lambda screen: highest_number(screen) >= seen + 20, LONG_SECONDS)
        press_until(terminal, Key.escape, STOPPED)
        leave(terminal)
        assert terminal.private_modes == AT_REST
    prompt, answer = kept(home)
    assert prompt.text == "count for me"
    assert highest_number(answer.text) >= seen + 20


@pytest.mark.parametrize("most", [8, 12, 20])
def test_a_start_with_hardly_any_files_says_so_or_works(most: int, steady: Served, home: Path) -> None:
    command = f'ulimit -n {most}; exec "{sys.executable}" -m tui --host {steady.url} --model fast:1b'
    with Terminal(["/bin/sh", "-c", command], home=home, columns=100, rows=30) as terminal:
        # What ends says so; what does not end can be ended.
        for _ in moments():
            if not terminal.is_running or READY in terminal.screen():
                break
        if terminal.is_running:
            terminal.kill(signal.SIGTERM)
            assert terminal.exit_code(LONG_SECONDS) == 128 + signal.SIGTERM
        else:
            assert terminal.exit_code(LONG_SECONDS) in (1, 2)
            assert "files" in terminal.screen()
        assert terminal.private_modes == AT_REST
        assert "Traceback" not in terminal.screen()
        assert "starting" not in terminal.screen()


def _leave(terminal: Terminal) -> None:
    leave(terminal)


def _end(terminal: Terminal) -> None:
    terminal.kill(signal.SIGTERM)
    assert terminal.exit_code(LONG_SECONDS) == 128 + signal.SIGTERM


def _hang_up(terminal: Terminal) -> None:
    app = app_of(terminal)
    terminal.hang_up()
    wait_for_end_of(app)


@pytest.mark.parametrize("end", [_leave, _end, _hang_up], ids=["quit", "SIGTERM", "hang-up"])
def test_a_name_server_that_does_not_answer_keeps_neither_keys_nor_the_end(
    end: Callable[[Terminal], None], home: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_NAMES)
    environment = {"PYTHONPATH": str(tmp_path)}
    with chinwag("--host", "http://slow.example:11434", home=home, environment=environment) as terminal:
        terminal.wait_for("asking http://slow.example", LONG_SECONDS)
        write(terminal, "meanwhile")
        # A minute is long, and much shorter than the look-up.
        end(terminal)


def test_without_a_second_process_it_runs_in_one(steady: Served, home: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import errno, os\n"
        "def fork():\n"
        "    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))\n"
        "os.fork = fork\n"
    )
    environment = {"PYTHONPATH": str(tmp_path)}
    with chinwag("--host", steady.url, "--model", "fast:1b", home=home, environment=environment) as terminal:
        wait_until_usable(terminal)
        children = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children")
        assert not children.exists() or children.read_text() == ""
        leave(terminal)
        assert terminal.private_modes == AT_REST


def test_both_ends_asleep_for_a_while_lose_nothing(steady: Served, home: Path) -> None:
    """As when a computer is closed and opened again: nothing of ours ran meanwhile."""
    with counting(steady, home) as terminal:
        begin_to_count(terminal)
        app = app_of(terminal)
        for pid in (terminal.pid, app):
            os.kill(pid, signal.SIGSTOP)
        steady.wait_for_tokens(200)
        for pid in (app, terminal.pid):
            os.kill(pid, signal.SIGCONT)
        seen = steady.tokens_sent // 2 - 10
        terminal.wait_until(lambda screen: highest_number(screen) >= seen, LONG_SECONDS)
        press_until(terminal, Key.escape, STOPPED)
        leave(terminal)
    assert highest_number(kept(home)[1].text) >= seen
