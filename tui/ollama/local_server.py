"""Starting the ``ollama`` program of this machine, and stopping it again when it was started here."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from tui.cleaning import clean_line
from tui.engine import Host
from tui.failures import Failure
from tui.ollama.address import is_loopback

PROGRAM = "ollama"
LOG_LINES = 200
LOG_LINE_BYTES = 4096
LOG_LINE_CELLS = 300
STOP_SECONDS = 5.0
"""How long it may take to let its models go before it is killed."""
_READ_BYTES = 65_536
_VARIABLE_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


def may_be_started(host: Host) -> bool:
    """Whether a server at this address would be one on this machine, at the root of plain http."""
    parts = urlsplit(host.url)
    return host.source != "demo" and parts.scheme == "http" and not parts.path and is_loopback(parts.hostname or "")


def find_program(chosen: str, environ: Mapping[str, str]) -> Path | None:
    """The ``ollama`` program: the chosen one, else the one on the path. None when there is none that can be run."""
    name = str(Path(chosen).expanduser()) if chosen else PROGRAM
    found = shutil.which(name, path=environ.get("PATH", ""))
    return None if found is None else Path(found)


def read_environment(text: str) -> dict[str, str]:
    """``OLLAMA_NUM_PARALLEL=2 OLLAMA_MODELS="/data/my models"`` as variables. Raises ``Failure`` for anything else."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _no_environment(str(error).lower()) from error
    variables: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not set(name) <= _VARIABLE_LETTERS or name[0].isdigit():
            raise _no_environment(f"{clean_line(word, 40)} is not NAME=value")
        variables[name] = value
    return variables


class LocalServer:
    """One ``ollama serve``. ``start`` returns as soon as the program runs; whether it answers is asked over HTTP."""

    def __init__(self, host: Host, *, program: Path, environ: Mapping[str, str]) -> None:
        """``environ`` is the whole environment of the program; where it listens is added from ``host``."""
        self.host = host
        self.program = program
        self._environ = {**environ, "OLLAMA_HOST": urlsplit(host.url).netloc}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._is_stopping = False

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that it wrote, clean, the newest last."""
        return tuple(self._lines)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def failure(self) -> Failure | None:
        """Why it ended, when nobody stopped it."""
        process = self._process
        if process is None or process.returncode is None or self._is_stopping:
            return None
        last = next((line for line in reversed(self._lines) if line), "it said nothing")
        return Failure(
            f"{PROGRAM} ended with exit code {process.returncode}",
            clean_line(last, 160),
            f"start {self.program} by hand to see all of it",
        )

    async def start(self) -> None:
        """Raises ``Failure`` when the program cannot be run."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                str(self.program),
                "serve",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environ,
                # What the terminal sends to the program in front, such as ctrl+z, is not meant for it.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            cause = (getattr(error, "strerror", None) or str(error)).lower()
            raise Failure(f"cannot start {self.program}", cause, "check the setting server.ollama_program") from error
        self._reading = asyncio.create_task(self._read(), name="reading what ollama says")

    async def ended(self) -> None:
        """Returns when the program has ended and all that it said was read."""
        if self._process is not None and self._reading is not None:
            await self._process.wait()
            await asyncio.wait({self._reading})

    async def stop(self, *, within_seconds: float = STOP_SECONDS) -> None:
        """Asks it to end, and kills it when it does not. Its runners end with it."""
        process = self._process
        if process is None:
            return
        self._is_stopping = True
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), within_seconds)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    # Its session is its own: the runners, which would outlive it, are in there with it.
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if self._reading is not None:
            # A runner that outlived the program may hold its end of the pipe.
            await asyncio.wait({self._reading}, timeout=0.5)
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _read(self) -> None:
        """Until the program closes its end; a line without an end is kept as far as it goes."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        rest = b""
        while data := await process.stdout.read(_READ_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._keep(line)
            rest = rest[-LOG_LINE_BYTES:]
        if rest:
            self._keep(rest)

    def _keep(self, line: bytes) -> None:
        self._lines.append(clean_line(line[:LOG_LINE_BYTES].decode("utf-8", "replace"), LOG_LINE_CELLS))


def _no_environment(why: str) -> Failure:
    return Failure(
        "the environment for ollama cannot be read",
        why,
        "write it as NAME=value NAME=value in server.ollama_environment",
    )
