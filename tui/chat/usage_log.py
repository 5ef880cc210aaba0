"""What every answer cost, as it is kept, and what follows from that for the server of this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from tui.chat.usage_file import ALL_BYTES, append_usage, read_usage
from tui.metrics.slowness import Usual, usual_of
from tui.metrics.usage import UsageRecord, typical_load_seconds


class UsageLog:
    """The records of this and of earlier starts, as many as a start reads."""

    def __init__(
        self,
        file: Path,
        *,
        host_url: Callable[[], str],
        in_background: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        """``in_background`` does what nobody waits for; its name is given along."""
        self._file = file
        self._host_url = host_url
        self._in_background = in_background
        self._records: list[UsageRecord] = []

    async def read(self) -> None:
        """What earlier starts have kept."""
        self._records = list(await asyncio.to_thread(read_usage, self._file))

    def keep(self, record: UsageRecord) -> None:
        self._records.append(record)
        self._in_background(asyncio.to_thread(append_usage, self._file, record), "keeping the statistics")

    @property
    def proves_connection(self) -> bool:
        """The server of this moment has answered before."""
        host = self._host_url()
        return any(one.host == host and one.proves_connection for one in self._records)

    def typical_load_seconds(self, model: str) -> float | None:
        return typical_load_seconds(self._records, model=model, host=self._host_url())

    def usual(self, model: str) -> Usual | None:
        """How this model's answers are on this server; None before there are enough of them."""
        return usual_of(self._records, model=model, host=self._host_url())

    async def every_record(self) -> tuple[UsageRecord, ...]:
        """Of every answer that is known of, the oldest first; also of those that no disk has taken."""
        kept = await asyncio.to_thread(read_usage, self._file, tail_bytes=ALL_BYTES)
        known = set(kept)
        return (*kept, *(one for one in self._records if one not in known))

    def last_used(self) -> Mapping[str, str]:
        """Model name to the time of its last answer, ISO 8601 in UTC."""
        host = self._host_url()
        return {record.model: record.at for record in self._records if record.host == host and record.has_answer}

    def known_hosts(self) -> tuple[str, ...]:
        """The addresses of servers that answered before, this one first, then the latest."""
        latest = [one.host for one in reversed(self._records) if one.proves_connection]
        return tuple(dict.fromkeys([self._host_url(), *latest]))
