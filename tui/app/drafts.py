"""What was typed and not sent, by conversation: in memory at once, on the disk soon after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tui.chat.faults import report_fault_of
from tui.failures import Failure
from tui.places import Places
from tui.storage.drafts import load_draft, save_draft

TRY_AGAIN_SECONDS = 5.0
CLOSE_SECONDS = 2.0
"""A disk that hangs does not keep the program from ending."""


def joined(*texts: str) -> str:
    """One text of those that are not empty, each on lines of its own."""
    return "\n".join(text for text in texts if text)


class Drafts:
    """Keys are ids of conversations, or ``NEW``. One write at a time, always of the newest text.

    Nothing on the disk is overwritten unread: a draft that nobody was given yet stands before what is kept under its
    key, and one that another chinwag wrote meanwhile stays.
    """

    def __init__(
        self,
        places: Places,
        *,
        failed: Callable[[Failure], None],
        load: Callable[[Places, str], str] = load_draft,
        save: Callable[[Places, str, str], None] = save_draft,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``failed`` hears once that the disk refuses, and again after it had taken something meanwhile.

        ``load`` and ``save`` block and are called in threads; ``sleep`` waits that many seconds before the next try.
        """
        self._places = places
        self._failed = failed
        self._load, self._save, self._sleep = load, save, sleep
        self._texts: dict[str, str] = {}
        self._on_disk: dict[str, str] = {}
        """As it was read or written here; no key of a draft that was not read yet."""
        self._ungiven: dict[str, str] = {}
        """What the disk had and nobody asked for yet."""
        self._unsaved: dict[str, str] = {}
        self._put_off: dict[str, str] = {}
        self._reads: dict[str, asyncio.Task[Failure | None]] = {}
        self._writer: asyncio.Task[None] | None = None
        self._retry: asyncio.Task[None] | None = None
        self._is_refused = False
        self._is_closing = False

    async def text_of(self, key: str) -> str:
        """What was kept, or what the disk has; what is kept while it is read comes after it.

        Raises ``Failure`` when it cannot be read.
        """
        if key in self._on_disk:
            self._ungiven.pop(key, None)
            return self._texts[key]
        await self._read(key)
        return self._ungiven.pop(key, "")

    def keep(self, key: str, text: str) -> None:
        """An empty text removes it."""
        text = joined(self._ungiven.get(key, ""), text)
        if self._texts.get(key) == text:
            return
        self._texts[key] = text
        self._unsaved[key] = text
        self._put_off.pop(key, None)
        self._write_soon()

    async def close(self, *, limit_seconds: float = CLOSE_SECONDS) -> None:
        """Returns when everything is on the disk, as far as that takes it; the limit is for all of it."""
        self._is_closing = True
        if self._retry is not None:
            self._retry.cancel()
        try:
            async with asyncio.timeout(limit_seconds):
                await self._written()
                self._bring_back()
                await self._written()
        except TimeoutError:
            for task in (self._writer, *self._reads.values()):
                if task is not None:
                    task.cancel()

    async def _written(self) -> None:
        if self._writer is not None:
            await asyncio.wait({self._writer})

    # Reading

    async def _read(self, key: str) -> None:
        task = self._reads.get(key)
        if task is None:
            task = self._reads[key] = asyncio.create_task(self._read_once(key), name="reading a draft")
        failure = await asyncio.shield(task)
        if failure is not None:
            raise failure

    async def _read_once(self, key: str) -> Failure | None:
        try:
            text = await asyncio.to_thread(self._load, self._places, key)
        except Failure as failure:
            return failure
        finally:
            del self._reads[key]
        self._on_disk[key] = self._ungiven[key] = text
        kept = self._texts.get(key)
        self._texts[key] = joined(text, kept or "")
        if kept is not None:
            self._unsaved[key] = self._texts[key]
            self._write_soon()
        return None

    # Writing

    def _write_soon(self) -> None:
        if self._writer is None and self._unsaved:
            self._writer = asyncio.create_task(self._write(), name="keeping a draft")
            self._writer.add_done_callback(report_fault_of)

    async def _write(self) -> None:
        try:
            while self._unsaved:
                key = next(iter(self._unsaved))
                try:
                    if key not in self._on_disk:
                        await self._read(key)
                except Failure as failure:
                    self._refused(key, self._unsaved.pop(key), failure)
                    continue
                text = self._unsaved.pop(key)
                try:
                    is_kept = await asyncio.to_thread(self._put, key, text, is_last=self._is_closing)
                except Failure as failure:
                    self._refused(key, text, failure)
                    continue
                self._is_refused = False
                if not is_kept:
                    self._try_later(key, text)
        finally:
            self._writer = None

    def _refused(self, key: str, text: str, failure: Failure) -> None:
        self._try_later(key, text)
        if not self._is_refused:
            self._failed(failure)
        self._is_refused = True

    def _put(self, key: str, text: str, *, is_last: bool) -> bool:
        """Blocks. False when the draft on the disk is another chinwag's and this one has to wait.

        When this is the last chance, it is written behind that one.
        """
        there = self._load(self._places, key)
        if there not in ("", self._on_disk[key], text):
            if not text:
                return True
            if not is_last:
                return False
            text = joined(there, text)
        self._save(self._places, key, text)
        self._on_disk[key] = text
        return True

    def _try_later(self, key: str, text: str) -> None:
        """Unless something newer is to be written anyway."""
        if key in self._unsaved:
            return
        self._put_off[key] = text
        if self._retry is None and not self._is_closing:
            self._retry = asyncio.create_task(self._wait_and_retry(), name="keeping a draft later")
            self._retry.add_done_callback(report_fault_of)

    async def _wait_and_retry(self) -> None:
        await self._sleep(TRY_AGAIN_SECONDS)
        self._retry = None
        self._bring_back()

    def _bring_back(self) -> None:
        self._unsaved = {**self._put_off, **self._unsaved}
        self._put_off = {}
        self._write_soon()
