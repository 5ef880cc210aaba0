"""What was typed and not sent, by conversation: in memory at once, on the disk soon after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui.chat.faults import report_fault_of
from tui.failures import Failure
from tui.places import Places
from tui.storage.drafts import load_draft, save_draft


class Drafts:
    """Keys are ids of conversations, or ``NEW``. One write at a time, always of the newest text."""

    def __init__(self, places: Places, *, failed: Callable[[Failure], None]) -> None:
        """``failed`` hears once that the disk refuses, and again after it had taken something meanwhile."""
        self._places = places
        self._failed = failed
        self._texts: dict[str, str] = {}
        self._unsaved: dict[str, str] = {}
        self._writer: asyncio.Task[None] | None = None
        self._is_refused = False

    async def text_of(self, key: str) -> str:
        """Raises ``Failure`` when it cannot be read."""
        if key not in self._texts:
            text = await asyncio.to_thread(load_draft, self._places, key)
            self._texts.setdefault(key, text)
        return self._texts[key]

    def keep(self, key: str, text: str) -> None:
        """An empty text removes it."""
        if self._texts.get(key) == text:
            return
        self._texts[key] = text
        self._unsaved[key] = text
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="keeping a draft")
            self._writer.add_done_callback(report_fault_of)

    async def close(self) -> None:
        """Returns when everything is on the disk, as far as that takes it."""
        if self._writer is not None:
            await asyncio.wait({self._writer})

    async def _write(self) -> None:
        try:
            while self._unsaved:
                key = next(iter(self._unsaved))
                text = self._unsaved.pop(key)
                try:
                    await asyncio.to_thread(save_draft, self._places, key, text)
                except Failure as failure:
                    if not self._is_refused:
                        self._failed(failure)
                    self._is_refused = True
                else:
                    self._is_refused = False
        finally:
            self._writer = None
