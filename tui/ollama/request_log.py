"""What was asked of servers and what came of it, one JSON object a line; for a person who wants to know afterwards.

A line has no text that anybody wrote, and never a key. Writing happens in a thread, and when it fails nothing else does.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tui.atomic import make_private_folder
from tui.engine import EngineError, FinalCounts
from tui.failures import Failure
from tui.ollama.errors import one_line

FILE_NAME = "requests.jsonl"
LONGEST_TEXT_BYTES = 256 * 1024
"""How much of a request, and of its answer, a line has when text is asked for."""
_MOST_WAITING = 1000
_MOST_WAITING_BYTES = 32 * 1024 * 1024
_LEAST_SECRET = 8
_DEEPEST_QUOTING = 4
"""A server may repeat what it was sent, as JSON inside JSON, and that is JSON in the line once more."""
_HIDDEN = "(hidden)"


@dataclass(slots=True, kw_only=True)
class Asking:
    """One question of a caller, however often it is sent."""

    id: str
    model: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    """How often it was sent so far."""


@dataclass(slots=True, kw_only=True)
class Trace:
    """One request under way, and what is seen of its answer. Clock times are seconds on the client's clock."""

    asking: Asking
    attempt: int
    method: str
    endpoint: str
    sent: bytes
    sent_bytes: int
    began_at: float
    keeps_text: bool
    status: int | None = None
    first_byte_at: float | None = None
    received_bytes: int = 0
    counts: FinalCounts | None = None
    error: EngineError | None = None
    was_left: bool = False
    _answer: bytearray = field(default_factory=bytearray)

    def head(self, status: int, now: float) -> None:
        self.status, self.first_byte_at = status, now

    def received(self, data: bytes) -> None:
        self.received_bytes += len(data)
        if self.keeps_text and len(self._answer) < LONGEST_TEXT_BYTES:
            self._answer += data[: LONGEST_TEXT_BYTES - len(self._answer)]

    def record(self, *, host: str, ended_at: float, at: float, secrets: Sequence[str]) -> Record:
        """All of it, as it is written. ``at`` is when it began, in seconds since 1970."""
        first = None if self.first_byte_at is None else self.first_byte_at - self.began_at
        fields: dict[str, Any] = {
            "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "id": self.asking.id,
            "retries": self.attempt - 1,
            "host": host,
            "method": self.method,
            "endpoint": self.endpoint,
            "model": one_line(self.asking.model, 200),
            "status": self.status,
            "outcome": self._outcome(),
            "seconds": round(ended_at - self.began_at, 6),
            "first_byte_seconds": None if first is None else round(first, 6),
            "sent_bytes": self.sent_bytes,
            "received_bytes": self.received_bytes,
        }
        if self.error is not None:
            fields["error"] = one_line(self.error.title, 200)
        if self.counts is not None:
            fields["counts"] = {
                name: value
                for name in FinalCounts.__dataclass_fields__
                if (value := getattr(self.counts, name)) not in {None, ""}
            }
        if self.keeps_text:
            fields["request"] = self.sent[:LONGEST_TEXT_BYTES].decode("utf-8", "replace")
            fields["answer"] = self._answer.decode("utf-8", "replace")
            if self.error is not None:
                fields["cause"] = self.error.message
        size_bytes = len(self._answer) + min(len(self.sent), LONGEST_TEXT_BYTES) if self.keeps_text else 0
        return Record(fields=fields, metadata=self.asking.metadata, secrets=tuple(secrets), size_bytes=size_bytes)

    def _outcome(self) -> str:
        """``answered``, ``left`` by who asked, or the kind of its error."""
        if self.error is not None:
            return self.error.kind.value
        if self.was_left:
            return "left"
        return "answered" if self.status is not None and 200 <= self.status < 300 else "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line to be. ``size_bytes``: about how much text it keeps in memory."""

    fields: Mapping[str, Any]
    metadata: Mapping[str, Any]
    secrets: tuple[str, ...]
    size_bytes: int = 0

    def line(self) -> bytes:
        """As ASCII, so that no terminal does anything when it is shown there."""
        whole = {**self.fields, "metadata": dict(self.metadata)} if self.metadata else self.fields
        try:
            line = json.dumps(whole, allow_nan=False, default=_words)
        except (TypeError, ValueError, RecursionError):
            line = json.dumps({**self.fields, "metadata": "it is nothing that json can say"}, default=_words)
        for secret in self.secrets:
            if len(secret) >= _LEAST_SECRET:
                quoted = secret
                for _ in range(_DEEPEST_QUOTING):
                    quoted = json.dumps(quoted)[1:-1]
                    line = line.replace(quoted, _HIDDEN)
        return line.encode("ascii") + b"\n"


class RequestLog:
    """``requests.jsonl`` in a folder, and older ones as ``requests.1.jsonl``, ``requests.2.jsonl`` and so on.

    Several clients, and several processes, may write to one folder. Whoever made it closes it.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        *,
        with_text: bool = False,
        largest_bytes: int = 2_000_000,
        kept_files: int = 5,
        now: Callable[[], float] = time.time,
        on_failure: Callable[[Failure], None] | None = None,
    ) -> None:
        """Nothing is made or opened before the first line is written.

        ``with_text``: what was sent and what came is written too, prompts and all, up to 256 KB of each.
        ``largest_bytes``: from there on a new file is begun; ``kept_files`` older ones stay, 0 for none.
        ``on_failure`` hears, once until it succeeds again, that a line could not be written.
        """
        self._folder = Path(folder)
        self.with_text = with_text
        self.now = now
        self._largest_bytes = max(1, largest_bytes)
        self._kept_files = max(0, kept_files)
        self._on_failure = on_failure
        self._waiting: list[Record] = []
        self._waiting_bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self._is_closed = False
        self.failure: Failure | None = None
        """Why the last lines could not be written; None when they were."""
        self.lost_lines = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def file(self) -> Path:
        return self._folder / FILE_NAME

    def note(self, record: Record) -> None:
        """Takes a line to be written soon. Never waits and never raises; when too many wait, this one is lost."""
        if (
            self._is_closed
            or len(self._waiting) >= _MOST_WAITING
            or self._waiting_bytes + record.size_bytes > _MOST_WAITING_BYTES
        ):
            self.lost_lines += 1
            return
        self._waiting.append(record)
        self._waiting_bytes += record.size_bytes
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting())

    async def flush(self) -> None:
        """Waits until all that was noted is written, or lost."""
        while self._writing is not None and not self._writing.done():
            await asyncio.wait({self._writing})

    async def aclose(self) -> None:
        """Writes what waits. Doing it twice is fine; what is noted afterwards is lost."""
        self._is_closed = True
        await self.flush()

    async def _write_waiting(self) -> None:
        while self._waiting:
            records, self._waiting, self._waiting_bytes = self._waiting, [], 0
            try:
                await asyncio.to_thread(self._write, records)
            except (OSError, ValueError, Failure) as error:
                self.lost_lines += len(records)
                self._tell(error)
            else:
                self.failure = None

    def _tell(self, error: OSError | ValueError | Failure) -> None:
        why = error.message if isinstance(error, Failure) else getattr(error, "strerror", "") or str(error)
        was_failing, self.failure = (
            self.failure is not None,
            Failure(
                "the log of requests cannot be written",
                f"{self.file}: {one_line(why, 160)}",
                "make room there, or turn the log off",
            ),
        )
        if self._on_failure is not None and not was_failing:
            self._on_failure(self.failure)

    # ------------------------------------------------------------------ in a thread

    def _write(self, records: Sequence[Record]) -> None:
        lines = b"".join(record.line() for record in records)
        make_private_folder(self._folder)
        descriptor = self._opened()
        try:
            if os.fstat(descriptor).st_size >= self._largest_bytes and self._begin_anew():
                os.close(descriptor)
                descriptor = -1
                descriptor = self._opened()
            size_bytes = os.fstat(descriptor).st_size
            if size_bytes and os.pread(descriptor, 1, size_bytes - 1) != b"\n":
                lines = b"\n" + lines  # a line was cut off there, by a full disk or a killed process
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(self.file, flags, 0o600)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError("it is not a file")
            if stat.S_IMODE(found.st_mode) != 0o600:
                os.fchmod(descriptor, 0o600)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _begin_anew(self) -> bool:
        """Moves the files on by one. False when another process is at it."""
        lock = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if self.file.stat().st_size < self._largest_bytes:
                return True  # another process has done it
            names = [self.file, *(self._folder / f"requests.{age}.jsonl" for age in range(1, self._kept_files + 1))]
            for newer, older in reversed([*pairwise(names)]):
                with suppress(FileNotFoundError):
                    newer.replace(older)
            if not self._kept_files:
                self.file.unlink(missing_ok=True)
            return True
        finally:
            os.close(lock)


def _words(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
