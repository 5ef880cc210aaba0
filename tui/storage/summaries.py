"""The cache of summaries: what the list shows of each file, so that unchanged files are not read again.

It is only ever a guess that can be checked: an entry counts while the file has the size, time and inode that it had.
Damaged or missing, it is made anew.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from tui.atomic import make_private_folder, read_bounded, write_atomically
from tui.conversations.values import Summary
from tui.failures import Failure

_FORMAT = 2
_LIMIT_BYTES = 64 * 1024 * 1024


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """What changes when a file does."""

    mtime_ns: int
    size_bytes: int
    inode: int


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    stamp: Stamp
    summary: Summary | None = None
    """None when the file cannot be read: then ``fault`` says why."""
    fault: tuple[str, str, str] = ("", "", "")
    """Title, message and advice."""


class _CacheRecord(msgspec.Struct, kw_only=True):
    format: int
    entries: dict[str, Entry]


def stamp_of(found: os.stat_result) -> Stamp:
    return Stamp(found.st_mtime_ns, found.st_size, found.st_ino)


def read_cache(path: Path) -> dict[str, Entry]:
    """Entries by file name; empty when there is no cache that can be read."""
    try:
        record = msgspec.json.decode(read_bounded(path, _LIMIT_BYTES), type=_CacheRecord)
    except (Failure, ValueError, RecursionError):
        return {}
    return record.entries if record.format == _FORMAT else {}


def write_cache(path: Path, entries: Mapping[str, Entry]) -> None:
    """Keeps the entries for the next start. What the disk refuses is not missed: the files are read again."""
    kept = dict(entries)
    try:
        data = msgspec.json.encode(_CacheRecord(format=_FORMAT, entries=kept))
    except UnicodeEncodeError:
        # Half of a surrogate pair in a title; that conversation is simply read each time.
        kept = {name: entry for name, entry in kept.items() if _is_utf8(entry)}
        data = msgspec.json.encode(_CacheRecord(format=_FORMAT, entries=kept))
    with suppress(OSError, Failure):
        make_private_folder(path.parent)
        write_atomically(path, data, sync=False)


def _is_utf8(entry: Entry) -> bool:
    try:
        msgspec.json.encode(entry)
    except UnicodeEncodeError:
        return False
    return True
