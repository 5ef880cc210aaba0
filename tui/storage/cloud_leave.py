"""Which servers may hand on what a person writes to models in the cloud: by the server's address, given once.

Everything here blocks; under an event loop it is called through ``asyncio.to_thread``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from tui.atomic import make_private_folder, read_bounded, write_atomically
from tui.failures import Failure
from tui.places import Places
from tui.storage.disk_failures import disk_failure

LIMIT_BYTES = 256 * 1024
LIMIT_SERVERS = 500


def read_leave(places: Places) -> frozenset[str]:
    """The addresses of the servers with leave. A file that cannot be read, or says something else, gives none."""
    return frozenset(_read(places))


def keep_leave(places: Places, host_url: str, *, at: datetime) -> None:
    """From here on that server has leave. Raises ``Failure`` when the disk refuses; then nothing has changed."""
    kept = {url: since for url, since in _read(places).items() if url != host_url}
    kept[host_url] = at.isoformat(timespec="seconds")
    _write(places, dict(list(kept.items())[-LIMIT_SERVERS:]))


def take_back_leave(places: Places, host_urls: Iterable[str]) -> None:
    """Those servers have no leave any more. Raises ``Failure`` when the disk refuses; then nothing has changed."""
    gone = frozenset(host_urls)
    kept = _read(places)
    if gone & kept.keys():
        _write(places, {url: since for url, since in kept.items() if url not in gone})


def _read(places: Places) -> dict[str, str]:
    """Address to the time of the leave. Only what is exactly understood counts: anything else is to be asked again."""
    try:
        found = json.loads(read_bounded(places.cloud_leave_file, LIMIT_BYTES))
    except (Failure, ValueError, RecursionError):
        return {}
    servers = found.get("cloud") if isinstance(found, dict) else None
    if not isinstance(servers, dict):
        return {}
    return {url: since for url, since in servers.items() if url and isinstance(since, str)}


def _write(places: Places, servers: dict[str, str]) -> None:
    data = json.dumps({"cloud": servers}, indent=2).encode() + b"\n"
    make_private_folder(places.cloud_leave_file.parent)
    try:
        write_atomically(places.cloud_leave_file, data)
    except OSError as error:
        raise disk_failure(error, "cannot keep the answer about the cloud") from error
