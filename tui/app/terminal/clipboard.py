"""Text on its way to the clipboard of the person's own terminal, over SSH and through what lies between.

OSC 52 asks the terminal to take a text. No terminal says whether it did, and many refuse without a word. So nothing here
claims more than that a text was sent, every text is kept in a file beside it, and what is likely to stand in the way
is named with what would have to be set.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tui.atomic import make_private_folder, write_atomically
from tui.cleaning import shown_controls
from tui.environment import Environment, Multiplexer
from tui.failures import Failure

SURELY_TAKEN_BYTES = 74_994
"""In base64 this is a sequence of 100,000 characters; some terminals drop a longer one."""
MOST_SENT_BYTES = 750_000
"""A terminal that reads sequences of a megabyte, as tmux does, takes no more; and a slow line would be blocked by it."""
TMUX_PATIENCE_SECONDS = 3.0
FILE_PATIENCE_SECONDS = 2.0
_SCREEN_STRING_BYTES = 252
"""GNU screen before 4.2 hands on strings of 256 bytes, the four of the frame included."""


class Way(StrEnum):
    """Who was given the text."""

    terminal = "terminal"
    tmux = "tmux"
    past_tmux = "past tmux"
    """tmux itself did not take it: it was sent to tmux and to the terminal around it, for one of them to take."""
    screen = "screen"
    file = "file"
    """Nobody but the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a text."""

    way: Way
    size_bytes: int
    doubt: str
    """Why it may not have arrived and what would have to be set, in one line; empty where nothing speaks against it."""
    file: Path | None
    """Where the text lies, too; None when it could not be kept."""

    @property
    def is_sent(self) -> bool:
        return self.way is not Way.file

    def words(self, what: str) -> str:
        """``what`` is what the text is called. Sent and not copied: no terminal says whether it took a text."""
        if self.is_sent:
            return f"{what} sent to the terminal's clipboard"
        return f"{what} lies in {self.shown_file}" if self.file is not None else f"{what} cannot be copied"

    @property
    def shown_file(self) -> str:
        """The file as people write it, below their own home with ``~``; empty without one."""
        return "" if self.file is None else shown_path(self.file)


def shown_path(file: Path) -> str:
    """As people write it, below their own home with ``~``."""
    try:
        home = Path.home()
    except RuntimeError:
        return str(file)
    return f"~/{file.relative_to(home)}" if file.is_relative_to(home) else str(file)


class TerminalClipboard:
    """Sends one text after the other. ``write`` takes bytes for the terminal as text and never waits."""

    def __init__(
        self,
        *,
        environment: Environment,
        environ: Mapping[str, str],
        file: Path,
        write: Callable[[str], None],
        tmux_patience_seconds: float = TMUX_PATIENCE_SECONDS,
    ) -> None:
        """``environ`` is that of the process, for the tmux that is asked; ``file`` gets the last text, mode 0600."""
        self._environment = environment
        self._environ = environ
        self._file = file
        self._write = write
        self._tmux_patience_seconds = tmux_patience_seconds
        self._sending = asyncio.Lock()
        self._text = ""

    @property
    def text(self) -> str:
        """What was sent last; empty before the first time."""
        return self._text

    async def send(self, text: str, *, is_kept: bool = True) -> Delivery:
        """Control characters are shown as symbols: what is pasted elsewhere may be obeyed there.

        ``is_kept=False`` leaves it out of the file.
        """
        text = shown_controls(text)
        self._text = text
        data = text.encode("utf-8", "replace")
        async with self._sending:
            way = await self._send(data)
            file = await self._kept(data) if is_kept else None
            return Delivery(way=way, size_bytes=len(data), doubt=self._doubt(way, len(data)), file=file)

    async def _send(self, data: bytes) -> Way:
        if len(data) > MOST_SENT_BYTES or self._environment.term == "linux":
            return Way.file
        match self._environment.multiplexer:
            case Multiplexer.tmux:
                if await self._given_to_tmux(data):
                    return Way.tmux
                self._write(past_tmux(data))
                self._write(osc_52(data))
                return Way.past_tmux
            case Multiplexer.screen:
                self._write(through_screen(data))
                return Way.screen
            case _:
                self._write(osc_52(data))
                return Way.terminal

    async def _given_to_tmux(self, data: bytes) -> bool:
        """From 3.2 on tmux keeps it in a buffer and hands it on, also where it refuses a program's OSC 52."""
        program = shutil.which("tmux", path=self._environ.get("PATH"))
        if program is None:
            return False
        try:
            child = await asyncio.create_subprocess_exec(
                program, "load-buffer", "-w", "-",
                stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env=dict(self._environ), start_new_session=True,
            )  # fmt: skip
        except OSError:
            return False
        try:
            async with asyncio.timeout(self._tmux_patience_seconds):
                await child.communicate(data)
        except TimeoutError:
            return False
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        return child.returncode == 0

    async def _kept(self, data: bytes) -> Path | None:
        try:
            await asyncio.wait_for(asyncio.to_thread(self._keep, data), FILE_PATIENCE_SECONDS)
        except (OSError, Failure, TimeoutError):
            return None
        return self._file

    def _keep(self, data: bytes) -> None:
        make_private_folder(self._file.parent)
        write_atomically(self._file, data, sync=False)

    def _doubt(self, way: Way, size_bytes: int) -> str:
        if way is Way.file:
            return (
                "this console has no clipboard"
                if size_bytes <= MOST_SENT_BYTES
                else f"{_size_words(size_bytes)} is more than terminals take"
            )
        if way is Way.past_tmux:
            return "if it does not arrive, tmux needs: set -g set-clipboard on"
        if way is Way.terminal and (known := _doubt_about_terminal(self._environment.term, self._environ)):
            return known
        if size_bytes > SURELY_TAKEN_BYTES:
            return f"if it does not arrive: {_size_words(size_bytes)} is more than some terminals take"
        return ""


def osc_52(data: bytes) -> str:
    """The sequence that asks a terminal to put ``data`` into its clipboard."""
    return f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\a"


def past_tmux(data: bytes) -> str:
    """The same for the terminal around tmux, which hands it on where ``allow-passthrough`` is on, or before 3.3."""
    return "\x1bPtmux;" + osc_52(data).replace("\x1b", "\x1b\x1b") + "\x1b\\"


def through_screen(data: bytes) -> str:
    """The same for the terminal around GNU screen, in pieces as short as its oldest versions need them."""
    sequence = osc_52(data)
    pieces = (sequence[at : at + _SCREEN_STRING_BYTES] for at in range(0, len(sequence), _SCREEN_STRING_BYTES))
    return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)


_DOUBTS: tuple[tuple[str, str, str], ...] = (
    ("TERM_PROGRAM", "iTerm.app", "iTerm2 needs: settings, general, selection, may access clipboard"),
    ("LC_TERMINAL", "iTerm2", "iTerm2 needs: settings, general, selection, may access clipboard"),
    ("TERM_PROGRAM", "Apple_Terminal", "older versions of Terminal do not take it"),
    ("VTE_VERSION", "", "terminals such as GNOME's often do not take it"),
    ("XTERM_VERSION", "", "xterm needs: XTerm*disallowedWindowOps: 20,21,SetXprop"),
)
"""Variable, its value or any, and what is known of the terminal that sets it."""


def _doubt_about_terminal(term: str, environ: Mapping[str, str]) -> str:
    if term.startswith(("tmux", "screen")):
        # It runs where the SSH line begins, out of reach.
        return "if it does not arrive, the tmux around this needs: set -g set-clipboard on"
    if term.startswith("rxvt"):
        return "if it does not arrive: rxvt needs an extension for it (osc-52)"
    for variable, value, words in _DOUBTS:
        found = environ.get(variable, "")
        if found and value in ("", found):
            return f"if it does not arrive: {words}"
    return ""


def _size_words(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1_000_000 else f"{size_bytes / 1e3:.0f} kB"
