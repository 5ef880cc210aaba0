"""A fault of chinwag's own: the terminal is given back, what was said is kept, and nothing is told of what it was."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.end_to_end.program import (
    DONE,
    LONG_SECONDS,
    ask,
    ask_and_wait,
    chinwag,
    kept_conversations,
    kept_files,
    leave,
    wait_until_usable,
    write,
)
from tests.end_to_end.served import Served
from tests.terminal import Key, Terminal, ctrl

KEY = "canary-key-51c2"
SECRET = "the canary sings at dawn"
"""What is said in the conversation."""
AT_REST = {7, 25}

# A module of this name on the path is imported by every Python before anything else.
FAULTS = '''
import sys
from importlib.machinery import PathFinder

class Breaker:
    """Gives the page keys of the conversation something to fail at."""

    def find_spec(self, name, path=None, target=None):
        if name != "tui.app.screens.chat_commands":
            return None
        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def and_break(module):
            execute(module)
            break_keys(module.ChatScreen)

        spec.loader.exec_module = and_break
        return spec

def break_keys(screen):
    import asyncio, threading

    def fail(self):
        key = "KEYWORD"
        said = [message.text for message in self._session.conversation.messages]
        raise ValueError("no use for " + said[0] + " with " + key)

    async def fail_later(self):
        fail(self)

    screen.action_view_page_up = fail
    screen.action_view_page_down = KIND

sys.meta_path.insert(0, Breaker())
'''
KINDS = {
    "callback": "lambda self: asyncio.get_running_loop().call_soon(fail, self)",
    "thread": "lambda self: threading.Thread(target=fail, args=(self,)).start()",
}
IN_A_WORKER = "lambda self: self.run_worker(fail_later(self))"


def faulty(server: Served, home: Path, folder: Path, kind: str, *arguments: str) -> Terminal:
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(FAULTS.replace("KEYWORD", KEY).replace("KIND", kind))
    environment = {"PYTHONPATH": str(folder), "SOME_API_KEY": KEY}
    return chinwag("--host", server.url, "--model", "fast:1b", *arguments, home=home, environment=environment)


def reports(home: Path) -> list[Path]:
    return [file for file in kept_files(home) if file.name.startswith("crash-")]


def assert_tells_nothing(text: str) -> None:
    assert KEY not in text
    assert SECRET not in text
    assert "─ locals ─" not in text


@pytest.mark.parametrize("key", [Key.page_up, Key.page_down], ids=["in an action", "in a worker"])
def test_a_crash_says_what_and_where_and_keeps_the_rest(key: Key, server: Served, home: Path, tmp_path: Path) -> None:
    with faulty(server, home, tmp_path / "faults", IN_A_WORKER) as terminal:
        wait_until_usable(terminal)
        ask_and_wait(terminal, SECRET)
        write(terminal, "half a thought")
        terminal.send(key)
        assert terminal.exit_code(LONG_SECONDS) == 1
        assert terminal.private_modes == AT_REST
        screen = terminal.screen()
    assert "chinwag: a fault of its own ended it: ValueError: no use" in screen
    assert_tells_nothing(screen)
    (report,) = reports(home)
    assert report.name in "".join(screen.split("\n"))
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert stat.S_IMODE(report.parent.stat().st_mode) == 0o700
    text = report.read_text()
    assert "in fail" in text
    assert "ValueError: no use" in text
    assert_tells_nothing(text)
    (conversation,) = kept_conversations(home)
    assert conversation.messages[0].text == SECRET
    assert len(conversation.messages) == 2
    with chinwag("--host", server.url, "--model", "fast:1b", home=home) as terminal:
        wait_until_usable_again(terminal)
        terminal.send(ctrl("o"))
        terminal.wait_for(SECRET, LONG_SECONDS)
        terminal.send(Key.enter)
        terminal.wait_for("half a thought", LONG_SECONDS)
        leave(terminal)


def wait_until_usable_again(terminal: Terminal) -> None:
    terminal.wait_for("fast:1b", LONG_SECONDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_that_nobody_waits_for_is_said_once_and_the_rest_goes_on(
    kind: str, server: Served, home: Path, tmp_path: Path
) -> None:
    with faulty(server, home, tmp_path / "faults", KINDS[kind]) as terminal:
        wait_until_usable(terminal)
        ask_and_wait(terminal, SECRET)
        terminal.send(Key.page_down)
        terminal.wait_for("a fault in chinwag", LONG_SECONDS)
        terminal.send(Key.page_down)
        ask(terminal, "and on it goes")
        terminal.wait_until(lambda screen: "and on it goes" in screen and bool(DONE.search(screen)), LONG_SECONDS)
        leave(terminal)
    (report,) = reports(home)
    assert "ValueError: no use" in report.read_text()
    assert_tells_nothing(report.read_text())


def test_a_private_crash_leaves_no_report(server: Served, home: Path, tmp_path: Path) -> None:
    with faulty(server, home, tmp_path / "faults", IN_A_WORKER, "--private") as terminal:
        wait_until_usable(terminal)
        ask_and_wait(terminal, SECRET)
        terminal.send(Key.page_up)
        assert terminal.exit_code(LONG_SECONDS) == 1
        screen = terminal.screen()
    assert "ValueError: no use" in screen
    assert_tells_nothing(screen)
    assert reports(home) == []


def test_a_fault_of_the_start_is_told_the_same_way(home: Path, tmp_path: Path) -> None:
    (tmp_path / "textual").mkdir()
    (tmp_path / "textual" / "__init__.py").write_text(
        "def start(key):\n    return 1 / 0\n\n\nstart('canary-key-51c2')\n"
    )
    with chinwag("--demo", home=home, environment={"PYTHONPATH": str(tmp_path)}) as terminal:
        assert terminal.exit_code(LONG_SECONDS) == 1
        assert terminal.private_modes == AT_REST
        assert "chinwag: a fault of its own ended it: ZeroDivisionError: division by zero" in terminal.screen()
    (report,) = reports(home)
    assert "in start" in report.read_text()
