"""Files on their way to a server: their digest, and their bytes in pieces, read beside the event loop."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import AsyncGenerator, Callable
from io import FileIO
from pathlib import Path
from typing import TypeVar

from tui.engine import ErrorKind, LayerProgress, Progress, ProgressPhase
from tui.ollama.calls import Calls
from tui.ollama.errors import OllamaError, OllamaResponseError, one_line
from tui.ollama.request_log import Asking
from tui.ollama.transport import Upload

_DIGEST = re.compile(r"sha256[:-][0-9a-fA-F]{64}")
_HASHED_BYTES = 16 * 1024 * 1024
"""How much is read for the digest before progress is told."""
_PIECE_BYTES = 1024 * 1024

Read = TypeVar("Read")


def blob_path(digest: str) -> str:
    """Where a server keeps the file of this digest. Raises ``OllamaResponseError`` for what is no digest."""
    if not _DIGEST.fullmatch(digest):
        raise OllamaResponseError(
            f"{one_line(digest, 80)!r} is not a digest",
            "one is written as sha256: and 64 hexadecimal digits",
            "name a file, or the digest of one that was uploaded",
            kind=ErrorKind.refused,
        )
    return f"/api/blobs/{digest.replace('-', ':').lower()}"


class LocalFile:
    """One file of this machine, and its digest once it was read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = one_line(self.path.name, 80)
        self.size_bytes = 0
        self.digest = ""

    async def read(self) -> AsyncGenerator[Progress, None]:
        """Finds its size and its digest. Raises ``OllamaError`` when it cannot be read."""
        file, self.size_bytes = await asyncio.to_thread(self._open)
        hashed = hashlib.sha256()
        read_bytes = 0

        def more() -> int:
            data = file.read(_HASHED_BYTES)
            hashed.update(data)
            return len(data)

        try:
            while (found_bytes := await self._safely(more)) > 0:
                read_bytes += found_bytes
                yield Progress(
                    status=f"reading {self.name}",
                    phase=ProgressPhase.preparing,
                    completed_bytes=min(read_bytes, self.size_bytes),
                    total_bytes=self.size_bytes,
                )
        finally:
            await asyncio.to_thread(file.close)
        self.size_bytes = read_bytes
        self.digest = f"sha256:{hashed.hexdigest()}"

    async def pieces(self, sent: Callable[[int], None]) -> AsyncGenerator[bytes, None]:
        """All of its bytes. ``sent`` hears how many were taken. Raises ``OllamaError`` when it became shorter."""
        file, _ = await asyncio.to_thread(self._open)
        read_bytes = 0

        def more() -> bytes:
            return file.read(min(_PIECE_BYTES, self.size_bytes - read_bytes))

        try:
            while read_bytes < self.size_bytes:
                data = await self._safely(more)
                if not data:
                    raise self._unreadable("it became shorter while it was sent")
                read_bytes += len(data)
                yield data
                sent(read_bytes)
        finally:
            await asyncio.to_thread(file.close)

    def uploaded(self) -> Progress:
        """The server has it."""
        return Progress(
            status="success",
            phase=ProgressPhase.done,
            digest=self.digest,
            completed_bytes=self.size_bytes,
            total_bytes=self.size_bytes,
            layers=(self._layer(self.size_bytes),),
        )

    def uploading(self, sent_bytes: int) -> Progress:
        return Progress(
            status=f"uploading {self.name}",
            phase=ProgressPhase.transferring,
            digest=self.digest,
            completed_bytes=sent_bytes,
            total_bytes=self.size_bytes,
            layers=(self._layer(sent_bytes),),
        )

    def _layer(self, completed_bytes: int) -> LayerProgress:
        return LayerProgress(digest=self.digest, completed_bytes=completed_bytes, total_bytes=self.size_bytes)

    def _open(self) -> tuple[FileIO, int]:
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):  # opening a pipe would wait for somebody to write
                raise self._unreadable("it is not a file")
            file = self.path.open("rb", buffering=0)
        except (OSError, ValueError) as error:
            raise self._unreadable(str(error)) from error
        return file, os.fstat(file.fileno()).st_size

    async def _safely(self, read: Callable[[], Read]) -> Read:
        try:
            return await asyncio.to_thread(read)
        except OSError as error:
            raise self._unreadable(str(error)) from error

    def _unreadable(self, why: str) -> OllamaError:
        return OllamaResponseError(
            f"{self.name} cannot be read", one_line(why, 200), "check the file", kind=ErrorKind.refused
        )


async def upload(calls: Calls, file: LocalFile, asking: Asking) -> AsyncGenerator[Progress, None]:
    """Sends a file that was ``read``; ends when the server has all of it. Raises ``OllamaError``."""
    sent_bytes = 0
    has_news = asyncio.Event()

    def sent(total_bytes: int) -> None:
        nonlocal sent_bytes
        sent_bytes = total_bytes
        exchange.note_sent()
        has_news.set()

    body = Upload(pieces=lambda: file.pieces(sent), size_bytes=file.size_bytes)
    async with calls.uploading(blob_path(file.digest), body, asking=asking) as (exchange, uploaded):
        answering = asyncio.ensure_future(uploaded())
        answering.add_done_callback(lambda _: has_news.set())
        try:
            while not answering.done():
                await has_news.wait()
                has_news.clear()
                if answering.done():
                    break
                yield file.uploading(sent_bytes)
            await answering
        finally:
            answering.cancel()
            await asyncio.wait({answering})
