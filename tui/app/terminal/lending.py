"""The terminal lent to another program for a while, such as an editor. The app goes on without it: nothing is drawn
and no key is read until it is back, and whatever else is under way comes to its end.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from textual.app import App

from tui.app.terminal.driver import ChinwagDriver
from tui.atomic import write_atomically

LEAVE_PATIENCE_SECONDS = 1.0
"""How long a program that was asked to end may take for that."""


class LentTerminal:
    """One program at a time has it."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_lent(self) -> bool:
        return self._process is not None

    async def run(self, argv: Sequence[str], *, environ: Mapping[str, str]) -> int:
        """Runs the program in the terminal and gives its exit code, below 0 when a signal ended it.

        Raises ``OSError`` when it cannot be started. Whoever is cancelled ends the program, too.
        """
        driver = self._app._driver
        terminal: AbstractContextManager[None] = nullcontext()
        standard_input = output = None
        if isinstance(driver, ChinwagDriver):
            terminal = self._app.suspend()
            standard_input, output = driver.fileno, driver.terminal_descriptor
        elif driver is None or not driver.can_suspend:
            # Without a terminal of its own the program has none either.
            standard_input = output = asyncio.subprocess.DEVNULL
        with terminal:
            process = await asyncio.create_subprocess_exec(
                *argv, env=dict(environ), stdin=standard_input, stdout=output, stderr=output
            )
            self._process = process
            try:
                return await process.wait()
            except asyncio.CancelledError:
                await self.end()
                raise
            finally:
                self._process = None

    async def end(self) -> None:
        """Asks the program to end, and goes on when it has or does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), LEAVE_PATIENCE_SECONDS)


class EditedFile:
    """A text in a file for its owner alone, for as long as an editor has it. Every method blocks."""

    def __init__(self, name: str, text: str) -> None:
        """Raises ``OSError``. ``name`` has the ending by which an editor knows what it is: ``prompt.md``."""
        # A folder of its own: editors put their own files beside the one that is edited.
        self._folder = tempfile.TemporaryDirectory(prefix="chinwag-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name) / name
        write_atomically(self.path, text.encode("utf-8", "replace"), sync=False)

    def read(self, *, limit_bytes: int) -> str:
        """What is in it by now, without the line end that editors add. Raises ``OSError``, also for too much."""
        if self.path.stat().st_size > limit_bytes:
            raise OSError(0, f"it has more than {limit_bytes >> 20} MB")
        text = self.path.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
        return text.replace("\r\n", "\n").removesuffix("\n")

    def remove(self) -> None:
        self._folder.cleanup()
