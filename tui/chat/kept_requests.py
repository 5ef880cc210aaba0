"""The log of requests as the settings of this moment want it. What a private conversation asks is never in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tui.failures import Failure
from tui.ollama.request_log import Record, RequestLog
from tui.settings.values import LogSettings

PRIVATE = "is_private"
"""In the metadata of a request of which nothing may be kept."""


class KeptRequests(RequestLog):
    """Nothing is on the disk, the folder included, before there is something to keep."""

    def __init__(self, folder: Path, settings: LogSettings, *, on_failure: Callable[[Failure], None]) -> None:
        super().__init__(
            folder, largest_bytes=settings.largest_bytes, kept_files=settings.kept_files, on_failure=on_failure
        )
        self._is_on = False
        self.use(settings)

    def use(self, settings: LogSettings) -> None:
        """From here on: whether it is kept, and with which text. The sizes of its files stay as they were."""
        self._is_on = settings.requests
        self.with_text = settings.requests and settings.text

    def note(self, record: Record) -> None:
        if self._is_on and not record.metadata.get(PRIVATE):
            super().note(record)
