"""What was typed and not sent. A draft is written into two slots in turn, so that a whole one is there at any moment.

A slot is ``<id>.a`` or ``<id>.b``: a line ``chinwag draft 1 <number> <CRC-32 of the text, 8 hex digits>``, then the
text in UTF-8. Everything here blocks; under an event loop it is called through ``asyncio.to_thread``.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from tui.atomic import FileMissing, make_private_folder, read_bounded, sync_descriptor
from tui.conversations.ids import is_id
from tui.failures import Failure
from tui.places import Places
from tui.storage.disk_failures import disk_failure

NEW = "new"
"""Stands for the id of a conversation that has none yet."""

DRAFT_LIMIT_BYTES = 64 * 1024 * 1024

_HEAD = re.compile(rb"chinwag draft 1 ([0-9]{1,18}) ([0-9a-f]{8})\n")
_HEAD_LIMIT_BYTES = 64


@dataclass(frozen=True, slots=True)
class _Slot:
    path: Path
    number: int = 0
    """Of its draft; 0 when nothing whole stands in it."""
    text: bytes = b""


def save_draft(places: Places, conversation_id: str, text: str) -> None:
    """Keeps ``text`` as the draft of that conversation, or of ``NEW``; an empty text removes it. On the disk on return.

    Raises ``Failure`` when the disk refuses or the text has more than ``DRAFT_LIMIT_BYTES``; the older draft stays.
    """
    paths = _paths(places, conversation_id)
    if not text:
        clear_draft(places, conversation_id)
        return
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > DRAFT_LIMIT_BYTES:
        limit = f"it has more than {DRAFT_LIMIT_BYTES // 1024 // 1024} MB"
        raise Failure("cannot keep this draft", limit, "send it, or put it in a file")
    make_private_folder(places.drafts)
    slots = [_read_slot(path) for path in paths]
    older, newer = sorted(slots, key=lambda slot: slot.number)
    if newer.number and newer.text == data:
        return
    try:
        _write(older.path, b"chinwag draft 1 %d %08x\n" % (newer.number + 1, crc32(data)), data)
        _path_of_one_slot(places, conversation_id).unlink(missing_ok=True)
    except OSError as error:
        raise disk_failure(error, "cannot keep this draft") from error


def load_draft(places: Places, conversation_id: str) -> str:
    """The draft of that conversation; empty when there is none. Raises ``Failure`` when it cannot be read.

    Bytes that are no text become U+FFFD: most of a draft is better than none.
    """
    paths = _paths(places, conversation_id)
    newest = max((_read_slot(path) for path in paths), key=lambda slot: slot.number)
    if newest.number:
        return _decoded(newest.text)
    rests: list[bytes] = []
    failures: list[Failure] = []
    for path in (*paths, _path_of_one_slot(places, conversation_id)):
        try:
            data = read_bounded(path, DRAFT_LIMIT_BYTES + _HEAD_LIMIT_BYTES)
        except FileMissing:
            continue
        except Failure as failure:
            failures.append(failure)
        else:
            head = data.find(b"\n") if data.startswith(b"chinwag draft ") else -1
            rests.append(data[head + 1 :])
    if failures and not rests:
        raise failures[0]
    return _decoded(max(rests, key=len, default=b""))


def clear_draft(places: Places, conversation_id: str) -> None:
    """Removes the draft, if there is one. Raises ``Failure`` when the disk refuses."""
    # Older ones first: what is left after a loss of power is the draft that was there.
    slots = sorted((_read_slot(path) for path in _paths(places, conversation_id)), key=lambda slot: slot.number)
    try:
        for path in (_path_of_one_slot(places, conversation_id), *(slot.path for slot in slots)):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_failure(error, "cannot remove the draft") from error


def _read_slot(path: Path) -> _Slot:
    try:
        data = read_bounded(path, DRAFT_LIMIT_BYTES + _HEAD_LIMIT_BYTES)
    except Failure:
        return _Slot(path)
    head = _HEAD.match(data)
    if head is None:
        return _Slot(path)
    text = data[head.end() :]
    return _Slot(path, int(head[1]), text) if crc32(text) == int(head[2], 16) else _Slot(path)


def _write(path: Path, *parts: bytes) -> None:
    """In place: the other slot has the draft before it until this one is whole and on the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        rest = memoryview(b"".join(parts))
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        sync_descriptor(descriptor)
    except OSError:
        # Half a draft would only be in the way.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
        raise
    finally:
        os.close(descriptor)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _paths(places: Places, conversation_id: str) -> tuple[Path, Path]:
    return _path(places, conversation_id, "a"), _path(places, conversation_id, "b")


def _path_of_one_slot(places: Places, conversation_id: str) -> Path:
    """Where the first version of chinwag kept the only copy, without a head."""
    return _path(places, conversation_id, "txt")


def _path(places: Places, conversation_id: str, suffix: str) -> Path:
    if conversation_id != NEW and not is_id(conversation_id):
        raise ValueError(f"no id of a conversation: {conversation_id!r}")
    return places.drafts / f"{conversation_id}.{suffix}"
