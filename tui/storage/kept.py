"""What is on the disk of one conversation: its document and its journal together. Everything here blocks."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tui.atomic import FileMissing, read_bounded
from tui.conversations.values import Conversation
from tui.storage.disk_failures import disk_failure
from tui.storage.documents import DOCUMENT_LIMIT_BYTES, Document, NewerDocument, UnreadableDocument, read_document
from tui.storage.journal import JOURNAL_LIMIT_BYTES, JournalFile, Scan, keep_aside, scan
from tui.storage.records import FORMAT
from tui.storage.replay import Damage, Replayed, replay
from tui.storage.summaries import Stamp, stamp_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDocument:
    document: Document
    stamp: Stamp
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundJournal:
    data: bytes
    scan: Scan
    stamp: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that is on the disk of one conversation."""

    conversation: Conversation
    sequence: int
    """The number of the last record."""
    document_bytes: int
    """0 without a document."""
    has_unknown_kinds: bool
    """A newer chinwag wrote into the journal; only it can make a document of all of it."""
    damage: Damage


def read_one_document(path: Path, conversation_id: str) -> FoundDocument:
    """Raises ``FileMissing``, ``UnreadableDocument`` or another ``Failure``."""
    try:
        stamp = stamp_of(path.lstat())
    except FileNotFoundError as error:
        raise FileMissing(f"file {path.name} is missing") from error
    except OSError as error:
        raise disk_failure(error, f"cannot read {path.name}") from error
    data = read_bounded(path, DOCUMENT_LIMIT_BYTES)
    document = read_document(data, name=path.name, conversation_id=conversation_id)
    return FoundDocument(document=document, stamp=stamp, size_bytes=len(data))


def read_journal(path: Path) -> FoundJournal | None:
    """None when there is none. Raises ``NewerDocument`` for a journal that must not be read here, or ``Failure``."""
    try:
        stamp = stamp_of(path.lstat())
        data = read_bounded(path, JOURNAL_LIMIT_BYTES)
    except (FileNotFoundError, FileMissing):
        return None
    except OSError as error:
        raise disk_failure(error, f"cannot read {path.name}") from error
    found = scan(data)
    if found.reader > FORMAT:
        raise NewerDocument(
            f"cannot open {path.name}",
            f"it was written in format {found.reader}; this chinwag knows formats up to {FORMAT}",
            "update chinwag; the file is left as it is",
        )
    return FoundJournal(data=data, scan=found, stamp=stamp)


def put_together(conversation_id: str, found: FoundDocument | None, journal: FoundJournal | None) -> Replayed:
    """Raises ``UnreadableDocument`` when there is no document and nothing in the journal can be read."""
    records = Scan() if journal is None else journal.scan
    if found is not None:
        return replay(conversation_id, found.document.conversation, found.document.sequence, records)
    if not records.records:
        what = "nothing in it can be read" if journal and journal.data else "it is empty"
        raise UnreadableDocument(f"cannot read {conversation_id}.journal", what, "the file is left as it is")
    return replay(conversation_id, None, 0, records)


def kept_of(replayed: Replayed, found: FoundDocument | None) -> Kept:
    return Kept(
        conversation=replayed.conversation,
        sequence=replayed.sequence,
        document_bytes=0 if found is None else found.size_bytes,
        has_unknown_kinds=replayed.has_unknown_kinds,
        damage=replayed.damage,
    )


def go_on_with(
    path: Path, conversation_id: str, journal: FoundJournal, damage: Damage, *, now: datetime
) -> tuple[JournalFile, Damage]:
    """The journal opened to be continued. What cannot be read of it is kept beside it before it is taken out of it.

    For the holder of the lock. Raises ``Failure``; the journal is then as it was.
    """
    try:
        if not journal.scan.is_clean:
            damage = replace(damage, kept=_take_out_damage(path, conversation_id, journal, now))
        opened = JournalFile.open(path)
        if journal.scan.lacks_line_end:
            _, error = opened.append([b"\n"])
            if error is not None:
                opened.close()
                raise error
    except OSError as error:
        raise disk_failure(error, f"cannot go on with {path.name}") from error
    return opened, damage


def _take_out_damage(path: Path, conversation_id: str, journal: FoundJournal, now: datetime) -> Path:
    data, found = journal.data, journal.scan
    if not found.unreadable and found.torn is not None:
        # Only the end was cut off, as a writer leaves it that was killed.
        start, end = found.torn
        aside = keep_aside(path.parent, conversation_id, data[start:end], now=now)
        os.truncate(path, start)
        return aside
    aside = keep_aside(path.parent, conversation_id, data, now=now)
    written = JournalFile.create(path, [data[start:end] + b"\n" for start, end in found.good], sync=True)
    try:
        written.sync()
    finally:
        written.close()
    return aside
