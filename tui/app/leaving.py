"""How the app ends while something runs: what is worth going on without a terminal, and what follows from the shell."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App

from tui.app.terminal.forking import WaitingParent
from tui.workspace import Workspace

ENDING_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""A hang-up leaves nobody who could read why it ended."""


def is_worth_finishing(workspace: Workspace) -> bool:
    """An answer is under way that will be on the disk when it has ended."""
    return not workspace.is_throwaway and any(
        one.is_answering and not one.is_read_only and not one.is_private for one in workspace.sessions.values()
    )


def put_in_temporary_file(text: str) -> Path | None:
    """A file that only this person can read, where the system keeps such; None when not even that is possible."""
    try:
        descriptor, name = tempfile.mkstemp(prefix="chinwag-", suffix=".md")
    except OSError:
        return None
    file = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode("utf-8", "replace"))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        with suppress(OSError):
            file.unlink()
        return None
    return file


def say_end_by_signal(code: int, workspace: Workspace) -> None:
    """On the terminal, which is as it was before, unless it takes nothing; ``code`` is the exit code."""
    number = next((one for one in ENDING_SIGNALS if code == 128 + one), None)
    if number is None:
        return
    words = f"ended by {number.name}"
    if any(one.is_unsaved for one in workspace.sessions.values()):
        words += "; the disk has not taken all of what was said"
    elif not workspace.is_throwaway:
        words += "; what was said until then is kept"
    with suppress(OSError, ValueError):
        _, can_write, _ = select.select([], [2], [], 0)
        if can_write:
            os.write(2, f"chinwag: {words}\n".encode("ascii"))


def stop_clocks(app: App[Any]) -> None:
    """Nothing of the screen ticks any more: nobody sees it."""
    for screen in app.screen_stack:
        for node in (screen, *screen.walk_children()):
            for timer in tuple(node._timers):  # noqa: SLF001  Textual stops them only together with the widget
                timer.stop()


def end_with_parent(parent: WaitingParent) -> None:
    """The app ends, as if it was asked to, when the process that waits for it was killed. On the event loop.

    The shell has the terminal from then on, and nobody would tell the app what happens to it.
    """
    if parent.life < 0:
        return
    loop = asyncio.get_running_loop()

    def hear() -> None:
        loop.remove_reader(parent.life)
        if parent.can_detach:
            os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(parent.life, hear)
