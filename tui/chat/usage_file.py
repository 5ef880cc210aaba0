"""The statistics over all answers, on the disk."""

from __future__ import annotations

import os
from pathlib import Path

from tui.atomic import make_private_folder
from tui.conversations.values import Message
from tui.failures import Failure
from tui.metrics.usage import UsageRecord, decode_usage, encode_usage

TAIL_BYTES = 1_000_000
"""How much is read back: far more than the history of loads needs."""
ALL_BYTES = 64_000_000
"""How much statistics are made of at most: some hundred thousand answers, the latest ones."""


def read_usage(file: Path, *, tail_bytes: int = TAIL_BYTES) -> tuple[UsageRecord, ...]:
    """Blocks. A file that cannot be read is an empty one."""
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, size - tail_bytes))
            return decode_usage(opened.read())
    except OSError:
        return ()


def append_usage(file: Path, record: UsageRecord) -> None:
    """Blocks. A disk that refuses statistics is named where conversations are saved, not here."""
    try:
        make_private_folder(file.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(file, flags, 0o600)
        try:
            os.write(descriptor, encode_usage(record))
        finally:
            os.close(descriptor)
    except (OSError, Failure):
        return


def usage_of(message: Message, *, host: str) -> UsageRecord:
    """The record of an answer that has ended."""
    counts = message.counts
    return UsageRecord(
        at=message.at.isoformat(timespec="seconds"),
        host=host,
        model=message.model,
        outcome=message.state.value,
        prompt_tokens=counts.prompt_tokens if counts else None,
        answer_tokens=counts.answer_tokens if counts else None,
        answer_seconds=counts.answer_seconds if counts else None,
        load_seconds=counts.load_seconds if counts else None,
        first_token_seconds=message.first_token_seconds,
    )
