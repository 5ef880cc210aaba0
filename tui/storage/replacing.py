"""How a document takes the place of an older one: encoded, read back, and the older one brought back if need be.

Everything here but ``encoded`` blocks.
"""

from __future__ import annotations

import os
from pathlib import Path

from tui.atomic import TEMPORARY_SUFFIX, read_bounded
from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.storage.documents import DOCUMENT_LIMIT_BYTES, DocumentFormat, NewerDocument, decode, encode

TOML_LIMIT_BYTES = 4 * 1024 * 1024
"""A longer conversation is kept as JSON: TOML of that size takes seconds to read."""


def is_from_newer_version(path: Path) -> bool:
    try:
        decode(read_bounded(path, DOCUMENT_LIMIT_BYTES), name=path.name)
    except NewerDocument:
        return True
    except Failure:
        return False
    return False


def second_name(path: Path) -> Path | None:
    """Another name for the file, until its replacement is proven; None when there is none to be had."""
    name = path.with_name(f".{os.urandom(8).hex()}{TEMPORARY_SUFFIX}")
    try:
        os.link(path, name)
    except OSError:
        return None
    return name


def check_or_bring_back(path: Path, data: bytes, before: Path | None) -> None:
    if read_bounded(path, DOCUMENT_LIMIT_BYTES) != data:
        if before is not None:
            before.replace(path)
        raise reads_otherwise(path)
    if before is not None:
        before.unlink(missing_ok=True)


def reads_otherwise(path: Path) -> Failure:
    return Failure(
        "cannot save the conversation",
        f"{path.name} reads otherwise than it was written",
        "check the disk; what was saved before is left as it is",
    )


def encoded(conversation: Conversation, wished: DocumentFormat, sequence: int) -> tuple[bytes, DocumentFormat]:
    text_characters = sum(len(message.text) + len(message.thinking) for message in conversation.messages)
    if wished == "toml" and text_characters <= TOML_LIMIT_BYTES:
        data = encode(conversation, format="toml", sequence=sequence)
        if len(data) <= TOML_LIMIT_BYTES:
            return data, "toml"
    data = encode(conversation, format="json", sequence=sequence)
    if len(data) > DOCUMENT_LIMIT_BYTES:
        limit = f"it has more than {DOCUMENT_LIMIT_BYTES // 1024 // 1024} MB"
        raise Failure("cannot save the conversation", limit, "go on in a new one; what was saved before is still there")
    return data, "json"
