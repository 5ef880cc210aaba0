"""What somebody who only follows a conversation asks of the chinwag that writes it: a line in ``control/<id>``.

Everything here blocks; under an event loop it is called through ``asyncio.to_thread``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from tui.atomic import FileMissing, make_private_folder, read_bounded
from tui.conversations.ids import is_id
from tui.failures import Failure
from tui.places import Places
from tui.storage.disk_failures import disk_failure

STALE_SECONDS = 30.0
"""A request that nobody took for so long was meant for an answer that is over."""

_LIMIT_BYTES = 64 * 1024


class Request(StrEnum):
    stop = "stop"
    """End the answer under way; what came of it stays."""
    hand_over = "hand-over"
    """Let go of the conversation as soon as no answer runs, so that it can be written elsewhere."""


def ask_owner(places: Places, conversation_id: str, request: Request) -> None:
    """Returns when the request lies where the owner looks. Raises ``Failure``."""
    line = json.dumps({"request": request.value, "pid": os.getpid()}).encode("ascii") + b"\n"
    try:
        make_private_folder(places.control)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(_path(places, conversation_id), flags, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise disk_failure(error, "cannot ask the other chinwag") from error


def take_requests(places: Places, owned: Collection[str]) -> list[tuple[str, Request]]:
    """What is asked of the conversations of these ids, each request once; what is too old or no request is dropped."""
    try:
        names = [entry.name for entry in os.scandir(places.control)]
    except OSError:
        return []
    taken: list[tuple[str, Request]] = []
    for name in names:
        if name in owned:
            taken += [(name, request) for request in _take(_path(places, name))]
    return taken


def forget_requests(places: Places, conversation_id: str) -> None:
    """For a new owner: what was asked before was asked of somebody else."""
    with suppress(OSError):
        _path(places, conversation_id).unlink(missing_ok=True)


def _take(path: Path) -> list[Request]:
    # Under another name nobody adds to it while it is read.
    taken = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.rename(taken)
    except OSError:
        return []
    try:
        is_fresh = time.time() - taken.lstat().st_mtime < STALE_SECONDS
        lines = read_bounded(taken, _LIMIT_BYTES).split(b"\n") if is_fresh else []
    except (OSError, FileMissing, Failure):
        lines = []
    finally:
        with suppress(OSError):
            taken.unlink(missing_ok=True)
    # Asked twice is asked once.
    return list(dict.fromkeys(request for line in lines if (request := _request_of(line)) is not None))


def _request_of(line: bytes) -> Request | None:
    try:
        return Request(json.loads(line)["request"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _path(places: Places, conversation_id: str) -> Path:
    if not is_id(conversation_id):
        raise ValueError(f"no id of a conversation: {conversation_id!r}")
    return places.control / conversation_id
