"""A real pseudo-terminal for tests, pictures and benchmarks.

``Terminal`` starts a program in a terminal of its own, answers what programs ask a terminal, keeps every byte with its
time, and shows the screen. Reading goes on in a thread, so the program never waits for the test; the screen is worked out
only when somebody looks at it, so a measured program keeps the processor to itself.

Every wait blocks the thread that calls it. A test that runs a server on its own event loop waits in
``asyncio.to_thread``.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.emulator import Emulator

REPOSITORY = Path(__file__).resolve().parent.parent
QUESTION = re.compile(rb"\x1b\[[?>]?[0-9;]*(?:\$p|[cnqtu])|\x1b\][0-9]+;\?")
LONGEST_QUESTION_BYTES = 32
SYNCHRONISED = 2026
"""The mode that is on while a picture is drawn."""


class Key(StrEnum):
    """What a terminal sends for a key. Each member is the text itself: ``terminal.send(Key.up)``."""

    enter = "\r"
    escape = "\x1b"
    tab = "\t"
    shift_tab = "\x1b[Z"
    backspace = "\x7f"
    delete = "\x1b[3~"
    up = "\x1b[A"
    down = "\x1b[B"
    right = "\x1b[C"
    left = "\x1b[D"
    home = "\x1b[H"
    end = "\x1b[F"
    page_up = "\x1b[5~"
    page_down = "\x1b[6~"
    f1 = "\x1bOP"
    f2 = "\x1bOQ"


def ctrl(letter: str) -> str:
    """What Ctrl with this key sends: ``ctrl("q")``."""
    return chr(ord(letter.upper()) & 0x1F)


def pasted(text: str) -> str:
    """``text`` as a terminal sends a paste, bracketed."""
    return f"\x1b[200~{text}\x1b[201~"


LINE_STEP_SECONDS = 0.005
"""A slow line is read in pieces of this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What one read of the terminal brought, and when (``time.perf_counter``)."""

    at_seconds: float
    data: bytes


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment that carries nothing of the person who runs the tests but PATH and TMPDIR.

    HOME and the XDG folders lie below ``home``, which is made private (0700). ``more`` is added last.
    """
    folders = {
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_DATA_HOME": home / ".local" / "share",
        "XDG_STATE_HOME": home / ".local" / "state",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_RUNTIME_DIR": home / "run",
    }
    for folder in (home, home / "run"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "TMPDIR": tempfile.gettempdir(),
        "HOME": str(home),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        **{name: str(folder) for name, folder in folders.items()},
        **more,
    }


class Terminal:
    """A program in a terminal of its own, of ``columns`` x ``rows`` cells; use it in ``with``.

    ``environment`` is added to ``clean_environment``; ``home`` is kept when given, else made and removed.
    ``folder`` is where the program starts, by default the root of the repository.
    ``foreground``, ``background`` and ``replies`` are the terminal's answers (see ``Emulator``);
    ``answers=False`` is a terminal that never answers. ``line_bytes_per_second`` is how much of the program's output
    the line to the terminal carries; without it, all of it at once.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        columns: int = 120,
        rows: int = 40,
        environment: Mapping[str, str] | None = None,
        home: Path | None = None,
        folder: Path = REPOSITORY,
        foreground: str | None = None,
        background: str | None = None,
        replies: Mapping[str, str] | None = None,
        answers: bool = True,
        line_bytes_per_second: float | None = None,
    ) -> None:
        self.argv = [str(word) for word in argv]
        self.columns = columns
        self.rows = rows
        self.started_seconds = 0.0
        """When the program was started (``time.perf_counter``)."""
        self._folder = folder
        self._environment = dict(environment or {})
        self._own_home = None if home else tempfile.TemporaryDirectory(prefix="terminal-home-")
        self.home = home or Path(self._own_home.name if self._own_home else "")
        self._answers = answers
        self._line_bytes_per_second = line_bytes_per_second
        self._emulator = Emulator(columns, rows, foreground=foreground, background=background, replies=replies)
        self._changed = threading.Condition(threading.RLock())
        self._reads: list[Read] = []
        self._shown_reads = 0
        self._ended = False
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._controller = -1
        self._wake_reader = -1

    # ------------------------------------------------------------------ start and end

    def __enter__(self) -> Self:
        self._controller, program_side = pty.openpty()
        wake, self._wake_reader = os.pipe()
        self._set_size()
        os.set_blocking(self._controller, False)
        try:
            self.started_seconds = time.perf_counter()
            # The shell opens the terminal as the leader of a new session, which makes it the controlling one, and
            # becomes the program; a hook between fork and exec would be unsafe beside the reading threads.
            self._process = subprocess.Popen(
                [
                    "/bin/sh",
                    "-c",
                    'tty=$1; shift; exec "$@" <>"$tty" >&0 2>&0',
                    "sh",
                    os.ttyname(program_side),
                    *self.argv,
                ],
                stdin=subprocess.DEVNULL,
                stdout=program_side,
                stderr=program_side,
                cwd=self._folder,
                env=clean_environment(self.home, **self._environment),
                start_new_session=True,
            )
            self._thread = threading.Thread(target=self._keep_reading, args=(self._controller, wake), daemon=True)
            self._thread.start()
        except BaseException:
            os.close(wake)
            self._close()
            raise
        finally:
            os.close(program_side)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.hang_up()
        if self._own_home is not None:
            self._own_home.cleanup()

    def hang_up(self) -> None:
        """The line drops: the terminal goes away, and the program with it unless it takes care."""
        if self._wake_reader >= 0:
            os.close(self._wake_reader)
            self._wake_reader = -1
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._controller >= 0:
            os.close(self._controller)
            self._controller = -1

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("a Terminal is used in a with statement")
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the program itself; SIGKILL to every process of it, as when the machine has no memory left."""
        if number == signal.SIGKILL and self.is_running:
            os.killpg(self.pid, number)
        else:
            self.process.send_signal(number)

    def exit_code(self, timeout_seconds: float = 10) -> int:
        """Wait for the end of the program and of its output; below 0 is the signal that ended it."""
        try:
            code = self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(self._complaint(f"still running after {timeout_seconds} s")) from None
        # A grandchild may hold the terminal open: what it writes is not waited for.
        with self._changed:
            self._changed.wait_for(lambda: self._ended, timeout=1)
        return code

    # ------------------------------------------------------------------ reading, in its own thread

    def _keep_reading(self, controller: int, wake: int) -> None:
        tail = b""
        rate = self._line_bytes_per_second
        at_once = 1 << 16 if rate is None else max(1, round(rate * LINE_STEP_SECONDS))
        try:
            while True:
                readable, _, _ = select.select([controller, wake], [], [])
                if wake in readable:
                    break
                try:
                    data = os.read(controller, at_once)
                except BlockingIOError:
                    continue
                except OSError:  # Linux says EIO when the last program has closed the terminal
                    break
                if not data:
                    break
                if rate is not None:
                    # A byte is on the screen when the last one of its step has come through the line.
                    time.sleep(len(data) / rate)
                at_seconds = time.perf_counter()
                answer = b""
                with self._changed:
                    self._reads.append(Read(at_seconds=at_seconds, data=data))
                    if QUESTION.search(tail + data):
                        answer = self._show()
                    self._changed.notify_all()
                tail = (tail + data)[-LONGEST_QUESTION_BYTES:]
                if answer and self._answers:
                    self._write(answer, deadline_seconds=at_seconds + 5)
        finally:
            os.close(wake)
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _show(self) -> bytes:
        """Bring the screen up to what was read; returns the terminal's answers. Called with the lock held."""
        data = b"".join(read.data for read in self._reads[self._shown_reads :])
        self._shown_reads = len(self._reads)
        return self._emulator.feed(data)

    # ------------------------------------------------------------------ writing

    def send(self, keys: str | bytes) -> float:
        """Send ``keys`` as they are; returns when the last byte was handed over (``time.perf_counter``)."""
        data = keys.encode() if isinstance(keys, str) else keys
        if not self._write(data, deadline_seconds=time.perf_counter() + 10):
            raise AssertionError(self._complaint("the program does not read what is typed"))
        return time.perf_counter()

    def _write(self, data: bytes, *, deadline_seconds: float) -> bool:
        rest = memoryview(data)
        while rest and time.perf_counter() < deadline_seconds:
            _, writable, _ = select.select([], [self._controller], [], 0.1)
            if writable:
                try:
                    rest = rest[os.write(self._controller, rest[:4096]) :]
                except BlockingIOError:
                    continue
                except OSError:
                    return False
        return not rest

    def resize(self, columns: int, rows: int) -> None:
        with self._changed:
            self._show()
            self.columns, self.rows = columns, rows
            self._emulator.resize(columns, rows)
        self._set_size()

    def _set_size(self) -> None:
        fcntl.ioctl(self._controller, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))

    # ------------------------------------------------------------------ what came

    @property
    def reads(self) -> tuple[Read, ...]:
        with self._changed:
            return tuple(self._reads)

    @property
    def raw(self) -> bytes:
        """Every byte that the program wrote."""
        return b"".join(read.data for read in self.reads)

    def emulator(self) -> Emulator:
        """The screen with its cells and colours, up to date; ``emulator().screen`` is pyte's."""
        with self._changed:
            self._show()
            return self._emulator

    def lines(self) -> list[str]:
        with self._changed:
            self._show()
            return self._emulator.lines()

    def screen(self) -> str:
        """The text on the screen, a line a row, without the blanks at the end of each."""
        return "\n".join(self.lines())

    def row_of(self, text: str) -> int:
        """The first row (from 0) that shows ``text``."""
        for row, line in enumerate(self.lines()):
            if text in line:
                return row
        raise AssertionError(self._complaint(f"no row shows {text!r}"))

    def cell(self, column: int, row: int) -> Any:
        """One cell as pyte has it: ``data``, ``fg``, ``bg`` (names or rrggbb), ``bold``, ``reverse`` and so on."""
        with self._changed:
            self._show()
            return self._emulator.screen.buffer[row][column]

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row, from 0."""
        with self._changed:
            self._show()
            return self._emulator.cursor

    @property
    def title(self) -> str:
        with self._changed:
            self._show()
            return self._emulator.title

    @property
    def private_modes(self) -> frozenset[int]:
        """The DEC modes that are on: 25 a visible cursor, 1049 the second screen, 2004 bracketed paste, 1000 mouse."""
        with self._changed:
            self._show()
            return frozenset(self._emulator.private_modes)

    # ------------------------------------------------------------------ waiting

    def wait_for(self, what: str | re.Pattern[str], timeout_seconds: float = 10) -> str:
        """Wait until the screen shows ``what``; returns the screen. A pattern is searched in the whole text."""
        return self._wait(lambda screen: _shows(screen, what), timeout_seconds, f"no {_name(what)} on the screen")

    def wait_until_gone(self, what: str | re.Pattern[str], timeout_seconds: float = 10) -> str:
        """Wait until the screen no longer shows ``what``; returns the screen."""
        return self._wait(
            lambda screen: not _shows(screen, what), timeout_seconds, f"{_name(what)} stays on the screen"
        )

    def wait_until(self, holds: Callable[[str], bool], timeout_seconds: float = 10) -> str:
        """Wait until ``holds(screen)``; returns the screen."""
        return self._wait(holds, timeout_seconds, "what was awaited does not come")

    def wait_for_bytes(self, what: bytes, timeout_seconds: float = 10, *, start: int = 0) -> float:
        """Wait until ``what`` stands in the output behind byte ``start``; returns when it was complete.

        The screen is not worked out, so this costs a measured program nothing.
        """
        deadline_seconds = time.perf_counter() + timeout_seconds
        seen = bytearray()
        ends: list[tuple[int, float]] = []
        with self._changed:
            while True:
                for read in self._reads[len(ends) :]:
                    seen += read.data
                    ends.append((len(seen), read.at_seconds))
                at = seen.find(what, start)
                if at >= 0:
                    return next(seconds for end, seconds in ends if end >= at + len(what))
                if not self._wait_for_more(len(ends), deadline_seconds):
                    raise AssertionError(self._complaint(f"no {what!r} in the output"))

    def wait_until_quiet(self, quiet_seconds: float = 0.3, timeout_seconds: float = 10) -> str:
        """Wait until nothing was written for ``quiet_seconds``; returns the screen. For pictures and measurements."""
        deadline_seconds = time.perf_counter() + timeout_seconds
        with self._changed:
            while True:
                now_seconds = time.perf_counter()
                last_seconds = self._reads[-1].at_seconds if self._reads else self.started_seconds
                if self._ended or now_seconds - last_seconds >= quiet_seconds:
                    return self.screen()
                if now_seconds >= deadline_seconds:
                    raise AssertionError(self._complaint(f"never quiet for {quiet_seconds} s"))
                self._changed.wait(min(last_seconds + quiet_seconds, deadline_seconds) - now_seconds)

    def _wait(self, holds: Callable[[str], bool], timeout_seconds: float, complaint: str) -> str:
        deadline_seconds = time.perf_counter() + timeout_seconds
        with self._changed:
            while True:
                seen_reads = len(self._reads)
                screen = self.screen()
                # A terminal shows nobody a half-drawn picture.
                if (self._ended or SYNCHRONISED not in self._emulator.private_modes) and holds(screen):
                    return screen
                if not self._wait_for_more(seen_reads, deadline_seconds):
                    raise AssertionError(self._complaint(f"{complaint} after {timeout_seconds} s"))

    def _wait_for_more(self, seen_reads: int, deadline_seconds: float) -> bool:
        """Whether more was written before the deadline; False at once when the program has ended."""
        left_seconds = deadline_seconds - time.perf_counter()
        self._changed.wait_for(lambda: self._ended or len(self._reads) > seen_reads, max(0.0, left_seconds))
        return len(self._reads) > seen_reads

    def _complaint(self, what: str) -> str:
        if self._ended:  # the output ends a moment before the program can be waited for
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
        code = self.process.poll()
        state = "running" if code is None else f"ended with {code}"
        column, row = self.cursor
        edge = "─" * self.columns
        return (
            f"{what}\n{' '.join(self.argv)}: {state}, cursor at column {column}, row {row}\n"
            f"{edge}\n{self.screen()}\n{edge}"
        )


def _shows(screen: str, what: str | re.Pattern[str]) -> bool:
    return what in screen if isinstance(what, str) else what.search(screen) is not None


def _name(what: str | re.Pattern[str]) -> str:
    return repr(what) if isinstance(what, str) else repr(what.pattern)


def python_program(source: str) -> list[str]:
    """The argv that runs ``source`` in the Python that runs the tests."""
    return [sys.executable, "-c", source]
