"""What a subcommand reads and writes by: data on standard output, talk on standard error, exit codes that mean something."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from enum import IntEnum
from functools import partial
from typing import Any, TypeVar

from tui.cleaning import cell_width, clean, clean_line
from tui.cli.outlet import Outlet
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure
from tui.workspace import StartOptions, Workspace

WORDS_LIMIT_CELLS = 2000
GAP = "  "
"""Between the columns of a table."""
LEAST_LAST_CELLS = 16
DRAIN_PATIENCE_SECONDS = 30.0
HELD_BACK_PIECES = 256
"""So many pieces may wait for a slow reader before whoever writes them waits, too."""
LARGEST_INPUT_BYTES = 64_000_000


T = TypeVar("T")


class Exit(IntEnum):
    """What a command leaves with. Documented: scripts decide by it."""

    well = 0
    failed = 1
    """It was refused, or a part of what was asked for failed."""
    wrong_line = 2
    no_server = 3
    no_model = 4
    broken_off = 5
    """The answer ended early; what came of it was written."""
    interrupted = 128 + signal.SIGINT
    terminated = 128 + signal.SIGTERM
    closed_pipe = 128 + signal.SIGPIPE


EXIT_WORDS: Mapping[Exit, str] = {
    Exit.well: "all went well",
    Exit.failed: "it was refused, or a part of what was asked for failed",
    Exit.wrong_line: "the command line is wrong",
    Exit.no_server: "no server answers",
    Exit.no_model: "the server does not have the model",
    Exit.broken_off: "the answer broke off; what came of it was written",
    Exit.interrupted: "Ctrl+C",
    Exit.closed_pipe: "whoever read the output has gone",
    Exit.terminated: "it was told to end (SIGTERM)",
}

_BY_KIND = {
    ErrorKind.unreachable: Exit.no_server,
    ErrorKind.silent: Exit.no_server,
    ErrorKind.model_missing: Exit.no_model,
    ErrorKind.broken_off: Exit.broken_off,
}


class WrongLine(Failure):
    """A flag has a value that cannot be, or one that is needed is not there."""


def exit_of(failure: Failure) -> Exit:
    """What a command leaves with when ``failure`` ended it."""
    if isinstance(failure, WrongLine):
        return Exit.wrong_line
    return _BY_KIND.get(failure.kind, Exit.failed) if isinstance(failure, EngineError) else Exit.failed


class Door:
    """Made inside a running loop, for one command. None of the three file descriptors is closed."""

    def __init__(
        self,
        *,
        options: StartOptions,
        environ: Mapping[str, str],
        stdin: int = 0,
        stdout: int = 1,
        stderr: int = 2,
        encoding: str = "utf-8",
        as_json: bool = False,
        is_quiet: bool = False,
    ) -> None:
        """``as_json``: data is JSON, one value a line. ``is_quiet``: nothing is talked about but what went wrong."""
        self.options = options
        self.environ = environ
        self.as_json = as_json
        self.is_quiet = is_quiet
        self.stdin = stdin
        self.reads_terminal = os.isatty(stdin)
        self.writes_terminal = os.isatty(stdout)
        self.talks_terminal = os.isatty(stderr)
        self._stdout = stdout
        self._stderr = stderr
        self.lost: Exit | None = None
        """What to leave with when the data cannot be written any more; None while it can."""
        self.on_lost: Callable[[Exit], None] = lambda _code: None
        """Called once, on the loop, when that happens."""
        self._outlet = Outlet(encoding=encoding, on_broken=self._broken)
        self._status = ""
        self._pieces = 0
        self._is_line_open = False

    @property
    def columns(self) -> int:
        """Of the terminal that the data is written to; 120 for anything else."""
        return _columns(self._stdout) if self.writes_terminal else 120

    # Data

    async def write(self, text: str) -> None:
        """A piece of the data, cut anywhere: raw into a pipe or a file, cleaned for a terminal.

        Waits while whoever reads is far behind.
        """
        if not text:
            return
        self._clear_status()
        self._outlet.put(self._stdout, clean(text) if self.writes_terminal else text)
        self._is_line_open = not text.endswith("\n")
        self._pieces += 1
        if self._pieces % HELD_BACK_PIECES == 0:
            await self._outlet.drained(DRAIN_PATIENCE_SECONDS)

    async def line(self, text: str) -> None:
        await self.write(f"{text}\n")

    async def value(self, value: Any) -> None:
        """One JSON value on one line."""
        await self.line(json.dumps(value, ensure_ascii=not self.writes_terminal, default=str))

    async def done(self, words: str, value: Mapping[str, Any]) -> None:
        """Something was done: ``value`` is the data where data is JSON, else ``words`` are talked."""
        if self.as_json:
            await self.value(value)
        else:
            self.talk(words)

    async def table(self, head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[int] = ()) -> None:
        """Columns under each other; of foreign cells the lines are made one. ``numbers`` are those that end flush.

        On a terminal the last column is cut where it would wrap, unless too little of it were left.
        """
        shown = [[clean_line(cell, WORDS_LIMIT_CELLS) for cell in row] for row in (head, *rows)]
        widths = [max(cell_width(row[index]) for row in shown) for index in range(len(head))]
        left = self.columns - sum(widths[:-1]) - len(GAP) * (len(head) - 1)
        if self.writes_terminal and LEAST_LAST_CELLS <= left < widths[-1]:
            shown = [[*row[:-1], clean_line(row[-1], left)] for row in shown]
            widths[-1] = left
        for row in shown:
            cells = []
            for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
                gap = " " * (width - cell_width(cell))
                cells.append(gap + cell if index in numbers else cell + gap)
            await self.line(GAP.join(cells).rstrip())

    async def end_line(self) -> None:
        """What comes next begins a line, on a terminal and in a file to which answers are added."""
        if self._is_line_open:
            await self.write("\n")

    # Talk

    def talk(self, words: str) -> None:
        """One line about what happens; nothing when it is to be quiet."""
        if not self.is_quiet:
            self.warn(words)

    def warn(self, words: str) -> None:
        """One line that is said in any case."""
        self._clear_status()
        newline = "\n" if self._is_line_open and self.writes_terminal and self.talks_terminal else ""
        self._is_line_open = self._is_line_open and not newline
        self._outlet.put(self._stderr, f"{newline}chinwag: {clean_line(words, WORDS_LIMIT_CELLS)}\n")

    def fail(self, failure: Failure) -> Exit:
        """Says what went wrong; gives what to leave with."""
        parts = (failure.title, failure.message, failure.advice)
        self.warn("; ".join(part for part in parts if part))
        return exit_of(failure)

    def status(self, words: str) -> None:
        """One line that the next one replaces, on a terminal alone: how far a long piece of work is."""
        if not self.talks_terminal or self.is_quiet:
            return
        columns = _columns(self._stderr)
        shown = clean_line(words, columns - 1)
        if shown != self._status:
            self._status = shown
            self._outlet.put(self._stderr, f"\r{shown}\x1b[K" if shown else "\r\x1b[K")

    def _clear_status(self) -> None:
        if self._status:
            self._status = ""
            self._outlet.put(self._stderr, "\r\x1b[K")

    # Input

    async def read_input(self) -> str:
        """All of standard input, when it is no terminal; nothing else. Raises ``Failure`` over 64 MB."""
        if self.reads_terminal:
            return ""
        return (await self.read_bytes()).decode("utf-8", "replace")

    async def read_bytes(self, limit_bytes: int = LARGEST_INPUT_BYTES) -> bytes:
        """All of standard input, whatever it is: a person ends it with Ctrl+D. Raises ``Failure``."""
        return await _in_a_thread_of_its_own(partial(_read_all, self.stdin, limit_bytes))

    async def confirm(self, question: str) -> bool:
        """Whether a person at a terminal says yes. Without a terminal nobody does."""
        if not (self.reads_terminal and self.talks_terminal):
            return False
        self._clear_status()
        self._outlet.put(self._stderr, f"{clean_line(question, WORDS_LIMIT_CELLS)} [y/N] ")
        try:
            answer = await _in_a_thread_of_its_own(partial(_read_line, self.stdin))
        except asyncio.CancelledError:
            self._outlet.put(self._stderr, "\n")
            raise
        return answer.strip().lower() in ("y", "yes")

    # The rest

    @asynccontextmanager
    async def workspace(self) -> AsyncGenerator[Workspace, None]:
        """Settings, hosts, conversations and a server, as the screen has them."""
        workspace = await asyncio.to_thread(Workspace.prepare, self.options, environ=self.environ)
        try:
            await workspace.start()
            if workspace.start_complaint:
                self.warn(workspace.start_complaint)
            yield workspace
        finally:
            await _whole(workspace.close())

    @asynccontextmanager
    async def library(self) -> AsyncGenerator[Workspace, None]:
        """The same without a server: nothing is asked of one."""
        workspace = await asyncio.to_thread(Workspace.prepare, self.options, environ=self.environ)
        try:
            yield workspace
        finally:
            await _whole(workspace.close())

    async def close(self) -> None:
        """Returns when everything is written, or nobody takes it."""
        self._clear_status()
        await self._outlet.drained(DRAIN_PATIENCE_SECONDS)
        if self.lost is not None:
            # Why it was lost is told only then.
            await self._outlet.drained(DRAIN_PATIENCE_SECONDS)
        self._outlet.close()

    def _broken(self, descriptor: int, error: OSError) -> None:
        if descriptor != self._stdout or self.lost is not None:
            return
        self.lost = Exit.closed_pipe if error.errno == errno.EPIPE else Exit.failed
        if self.lost is Exit.failed:
            self.warn(f"the output cannot be written; {(error.strerror or str(error)).lower()}")
        self.on_lost(self.lost)


async def _whole(closing: Coroutine[Any, Any, object]) -> None:
    """Comes to its end also when Ctrl+C arrives meanwhile, which is told afterwards."""
    task = asyncio.ensure_future(closing)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


def _columns(descriptor: int) -> int:
    with suppress(OSError):
        return os.get_terminal_size(descriptor).columns or 80
    return 80


async def _in_a_thread_of_its_own(read: Callable[[], T]) -> T:
    """What ``read`` gives. One that waits for ever is left to itself when the command ends: it holds nothing up."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(set_it: Callable[[Any], None], value: object) -> None:
        # The loop may have ended meanwhile, or nobody wants to know any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if done.done() else set_it(value))

    def work() -> None:
        try:
            value = read()
        except Failure as failure:
            tell(done.set_exception, failure)
        else:
            tell(done.set_result, value)

    threading.Thread(target=work, name="reading the input", daemon=True).start()
    return await done


def _read_all(descriptor: int, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        while data := os.read(descriptor, 1 << 16):
            parts.append(data)
            size += len(data)
            if size > limit_bytes:
                raise Failure("the input is too long", f"it has over {limit_bytes / 1e6:.0f} MB", "give a part of it")
    except OSError as error:
        raise Failure("cannot read the input", (error.strerror or str(error)).lower()) from None
    return b"".join(parts)


def _read_line(descriptor: int) -> str:
    data = b""
    with suppress(OSError):
        while not data.endswith(b"\n") and (byte := os.read(descriptor, 1)):
            data += byte
    return data.decode("utf-8", "replace")
