"""One child process: no shell, no terminal, no keys, and an end to its time and to what it may say."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tui.cleaning import clean_line
from tui.failures import Failure

_PASSED_ON = frozenset({"HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
_ADDED = {"TERM": "dumb", "NO_COLOR": "1", "PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0"}
_READ_BYTES = 1 << 16
_LAST_WORDS_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    seconds: float = 30.0
    output_bytes: int = 200_000
    """Of each of its two outputs; what is beyond is read and dropped, from the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnd:
    exit_code: int | None
    """Below 0: the signal that ended it. None when its time was up."""
    output: str
    errors: str
    """Empty when both were wanted as one."""


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a child gets to know: where programs are and which language is spoken, and nothing that may be a key.

    Of ``PATH`` only the absolute folders: a program in the working folder is run when it is named, not by accident.
    """
    path = os.pathsep.join(part for part in environ.get("PATH", os.defpath).split(os.pathsep) if part.startswith("/"))
    kept = {name: value for name, value in environ.items() if name in _PASSED_ON or name.startswith("LC_")}
    return {**kept, **_ADDED, "PATH": path or os.defpath}


class BoundedOutput:
    """Bytes as they come, of which the beginning and the end are kept. It does not matter how they are cut."""

    __slots__ = ("_head", "_limit", "_tail", "_taken")

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._head = bytearray()
        self._tail = bytearray()
        self._taken = 0

    def add(self, data: bytes) -> None:
        self._taken += len(data)
        room = self._limit - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        excess = len(self._tail) - self._limit
        if excess > self._limit:
            del self._tail[:excess]

    @property
    def text(self) -> str:
        tail_bytes = self._limit // 4
        if self._taken <= self._limit:
            return self._head.decode("utf-8", "replace")
        head = self._head[: self._limit - tail_bytes].decode("utf-8", "replace")
        whole = (self._head + self._tail)[-tail_bytes:] if tail_bytes else b""
        left_out = self._taken - (self._limit - tail_bytes) - len(whole)
        return f"{head}\n… {left_out:,} bytes left out …\n{whole.decode('utf-8', 'replace')}"


class _Reading:
    """One end of a pipe, read as data comes, on the event loop."""

    def __init__(self, limit_bytes: int) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        self.output = BoundedOutput(limit_bytes)
        self.ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.read_end, self._take)

    def _take(self) -> None:
        try:
            data = os.read(self.read_end, _READ_BYTES)
        except BlockingIOError:
            return
        self.output.add(data)
        if not data:
            asyncio.get_running_loop().remove_reader(self.read_end)
            self.ended.set()

    def started(self) -> None:
        """The child has its end; ours would keep the pipe open."""
        os.close(self.write_end)
        self.write_end = -1

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.read_end)
        os.close(self.read_end)
        if self.write_end >= 0:
            self.started()


async def run_process(
    argv: Sequence[str],
    *,
    program: Path,
    folder: Path,
    environ: Mapping[str, str],
    limits: ProcessLimits,
    stdin: bytes | None = None,
    merges_outputs: bool = True,
) -> ProcessEnd:
    """Runs ``program`` under the name and with the arguments in ``argv``; returns when it ended or its time was up.

    ``environ`` is its whole environment. It gets a session of its own: no terminal to write to, and whatever it started
    in that session ends with it, also when this is cancelled. Raises ``Failure`` when it cannot be started.
    """
    readings = [_Reading(limits.output_bytes) for _ in range(1 if merges_outputs else 2)]
    process: asyncio.subprocess.Process | None = None
    try:
        process = await _started(argv, program, folder, environ, stdin, readings)
        with suppress(TimeoutError):
            async with asyncio.timeout(limits.seconds):
                await process.wait()
        exit_code = process.returncode
        _kill(process)
        await process.wait()
        # What left its session may hold the pipe for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                for reading in readings:
                    await reading.ended.wait()
        texts = [reading.output.text for reading in readings]
        return ProcessEnd(exit_code=exit_code, output=texts[0], errors="" if merges_outputs else texts[1])
    finally:
        if process is not None and process.returncode is None:
            _kill(process)
            await process.wait()
        for reading in readings:
            reading.close()


async def _started(
    argv: Sequence[str],
    program: Path,
    folder: Path,
    environ: Mapping[str, str],
    stdin: bytes | None,
    readings: Sequence[_Reading],
) -> asyncio.subprocess.Process:
    source: IO[bytes] | int = subprocess.DEVNULL
    if stdin is not None:
        # A file instead of a pipe: a child that does not read cannot make anybody wait.
        source = await asyncio.to_thread(_filled_file, stdin)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            executable=str(program),
            stdin=source,
            stdout=readings[0].write_end,
            stderr=readings[-1].write_end,
            cwd=folder,
            env=dict(environ),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        cause = (getattr(error, "strerror", None) or str(error)).lower()
        raise Failure(f"{clean_line(str(program), 100)} cannot be started", cause, "check its name") from error
    finally:
        if not isinstance(source, int):
            source.close()
    for reading in readings:
        reading.started()
    return process


def _filled_file(data: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115  the child gets it, then it is closed
    file.write(data)
    file.seek(0)
    return file


def _kill(process: asyncio.subprocess.Process) -> None:
    """All of its session's first group: what it started ends with it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
