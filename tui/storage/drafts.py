"""What was typed and not sent. A draft outlives the program, not a loss of power in the same second.

Everything here blocks; under an event loop it is called through ``asyncio.to_thread``.
"""

from __future__ import annotations

from pathlib import Path

from tui.atomic import FileMissing, make_private_folder, read_bounded, write_atomically
from tui.conversations.ids import is_id
from tui.failures import Failure
from tui.places import Places
from tui.storage.disk_failures import disk_failure

NEW = "new"
"""Stands for the id of a conversation that has none yet."""

DRAFT_LIMIT_BYTES = 64 * 1024 * 1024


def save_draft(places: Places, conversation_id: str, text: str) -> None:
    """Keeps ``text`` as the draft of that conversation, or of ``NEW``; an empty text removes it.

    Raises ``Failure`` when the disk refuses or the text has more than ``DRAFT_LIMIT_BYTES``; the older draft stays.
    """
    path = _path(places, conversation_id)
    if not text:
        clear_draft(places, conversation_id)
        return
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > DRAFT_LIMIT_BYTES:
        limit = f"it has more than {DRAFT_LIMIT_BYTES // 1024 // 1024} MB"
        raise Failure("cannot keep this draft", limit, "send it, or put it in a file")
    make_private_folder(places.drafts)
    try:
        write_atomically(path, data, sync=False)
    except OSError as error:
        raise disk_failure(error, "cannot keep this draft") from error


def load_draft(places: Places, conversation_id: str) -> str:
    """The draft of that conversation; empty when there is none. Raises ``Failure`` when it cannot be read.

    Bytes that are no text become U+FFFD: most of a draft is better than none.
    """
    try:
        data = read_bounded(_path(places, conversation_id), DRAFT_LIMIT_BYTES)
    except FileMissing:
        return ""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def clear_draft(places: Places, conversation_id: str) -> None:
    """Removes the draft, if there is one. Raises ``Failure`` when the disk refuses."""
    try:
        _path(places, conversation_id).unlink(missing_ok=True)
    except OSError as error:
        raise disk_failure(error, "cannot remove the draft") from error


def _path(places: Places, conversation_id: str) -> Path:
    if conversation_id != NEW and not is_id(conversation_id):
        raise ValueError(f"no id of a conversation: {conversation_id!r}")
    return places.drafts / f"{conversation_id}.txt"
