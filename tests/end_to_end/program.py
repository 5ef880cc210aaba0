"""chinwag in a terminal, and what people do with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.terminal import Key, Terminal, ctrl
from tui.conversations.values import Conversation
from tui.places import places_below
from tui.storage.conversation_files import ConversationFiles

LONG_SECONDS = 60.0
"""How long anything may take before a story is given up. Nothing waits that long unless it is broken."""

READY = "write something and press enter"
DONE = re.compile(r"[✓+] done")
ANSWERING = re.compile(r"[●*] answering")
STOPPED = re.compile(r"[■#] stopped")
TRY_AGAIN = re.compile("enter (try )?again")
LIST_FRAME = "Conversations ─"


def chinwag(
    *arguments: str,
    home: Path,
    columns: int = 100,
    rows: int = 30,
    environment: Mapping[str, str] | None = None,
) -> Terminal:
    """``python -m tui`` as it will be started by ``with``; its folders lie below ``home``."""
    return Terminal(
        [sys.executable, "-m", "tui", *arguments], home=home, columns=columns, rows=rows, environment=environment
    )


def wait_until_usable(terminal: Terminal) -> str:
    """Wait until the program has connected and a prompt can be sent."""
    return terminal.wait_for(READY, LONG_SECONDS)


def write(terminal: Terminal, text: str) -> None:
    """Type a short text, and wait until it is there: an Enter in the same breath would be part of a paste."""
    terminal.send(text)
    terminal.wait_for(text, LONG_SECONDS)


def press_until(terminal: Terminal, key: str, shown: str | re.Pattern[str]) -> None:
    """Press a key again and again until it has done something: a screen that opens by itself ignores the first keys."""
    for _ in range(int(LONG_SECONDS)):
        terminal.send(key)
        with suppress(AssertionError):
            terminal.wait_for(shown, timeout_seconds=1)
            return
    terminal.wait_for(shown, timeout_seconds=0)


def ask(terminal: Terminal, text: str) -> None:
    write(terminal, text)
    terminal.send(Key.enter)


def wait_for_answer(terminal: Terminal, words: str) -> str:
    """The screen with a whole answer that has these words. The status line tells of an earlier answer until it begins."""
    return terminal.wait_until(lambda screen: words in screen and DONE.search(screen) is not None, LONG_SECONDS)


def ask_and_wait(terminal: Terminal, text: str) -> str:
    """The screen with the whole answer, the first one of a conversation."""
    ask(terminal, text)
    return terminal.wait_for(DONE, LONG_SECONDS)


def leave(terminal: Terminal) -> None:
    terminal.send(ctrl("q"))
    code = terminal.exit_code(LONG_SECONDS)
    assert code == 0, terminal.screen()


def open_newest(terminal: Terminal, title: str) -> None:
    """Open the newest conversation, which has this title, from the list."""
    terminal.send(ctrl("o"))
    marked = re.compile(rf"› +[•●]? *{re.escape(title)}")
    terminal.wait_until(lambda screen: LIST_FRAME in screen and marked.search(screen) is not None, LONG_SECONDS)
    terminal.send(Key.enter)
    terminal.wait_until_gone(LIST_FRAME, LONG_SECONDS)


def app_of(terminal: Terminal) -> int:
    """The process that is the app; the terminal's own one only waits for it. To be asked while both run."""
    for _ in moments():
        for line in _processes("pid=,ppid=", "-A").splitlines():
            pid, parent = map(int, line.split())
            if parent == terminal.pid:
                return pid
    raise AssertionError("there is no app")


def wait_for_end_of(pid: int) -> None:
    """Wait until the process has ended, whether or not somebody has asked how."""
    for _ in moments():
        if _processes("stat=", "-p", str(pid)).strip().startswith("Z") or not is_there(pid):
            return
    raise AssertionError(f"process {pid} is still there")


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _processes(*words: str) -> str:
    what, *which = words
    return subprocess.run(["ps", "-o", what, *which], capture_output=True, text=True, check=False).stdout


def moments() -> Iterator[None]:
    """So long as anything may take, in steps: for what nobody tells."""
    until_seconds = time.monotonic() + LONG_SECONDS
    while time.monotonic() < until_seconds:
        yield
        time.sleep(0.05)


def documents(home: Path) -> list[dict[str, Any]]:
    """The conversations below ``home``, as they are on disk."""
    folder = home / ".local" / "share" / "chinwag" / "conversations"
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def kept_conversations(home: Path) -> list[Conversation]:
    """The conversations below ``home`` as the next start finds them: documents, and what happened since."""
    places = replace(places_below(home), data=home / ".local" / "share" / "chinwag")
    files = ConversationFiles(places, now=lambda: datetime.now(UTC), random_bytes=os.urandom)
    return [files.peek(file.id) for file in sorted(files.find(), key=lambda one: one.name)]


def kept_files(home: Path) -> list[Path]:
    """Every file that is below ``home``."""
    return sorted(path for path in home.rglob("*") if path.is_file())
