"""What is on the disk of one conversation: its document and its journal together. Everything here blocks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from tui.atomic import FileMissing, read_bounded
from tui.conversations.values import Conversation
from tui.storage.disk_failures import disk_failure
from tui.storage.documents import DOCUMENT_LIMIT_BYTES, Document, NewerDocument, UnreadableDocument, read_document
from tui.storage.journal import JOURNAL_LIMIT_BYTES, JournalFile, Scan, keep_aside, scan
from tui.storage.records import FORMAT, Began
from tui.storage.replay import Damage, Replayed, replay
from tui.storage.salvage import salvage
from tui.storage.summaries import Stamp, stamp_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDocument:
    document: Document
    stamp: Stamp
    size_bytes: int
    damage: Damage = field(default_factory=Damage)
    """What could not be read of it."""
    is_sequence_known: bool = True


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
    """What can be read of it: ``damage`` says what cannot.

    Raises ``FileMissing``, ``UnreadableDocument`` or another ``Failure``.
    """
    try:
        stamp = stamp_of(path.lstat())
    except FileNotFoundError as error:
        raise FileMissing(f"file {path.name} is missing") from error
    except OSError as error:
        raise disk_failure(error, f"cannot read {path.name}") from error
    data = read_bounded(path, DOCUMENT_LIMIT_BYTES)
    try:
        document = read_document(data, name=path.name, conversation_id=conversation_id)
    except NewerDocument:
        raise
    except UnreadableDocument:
        salvaged = salvage(data, name=path.name, conversation_id=conversation_id)
        if salvaged is None:
            raise
        return FoundDocument(
            document=salvaged.document,
            stamp=stamp,
            size_bytes=len(data),
            damage=Damage(
                is_document=True,
                unreadable_messages=salvaged.unreadable_messages,
                unreadable_bytes=salvaged.unreadable_bytes,
            ),
            is_sequence_known=salvaged.is_sequence_known,
        )
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
        sequence = found.document.sequence
        if not found.is_sequence_known:
            # The journal says what it goes on from.
            sequence = next((one.sequence for one in records.records if isinstance(one.value, Began)), 0)
        replayed = replay(conversation_id, found.document.conversation, sequence, records)
        return replace(replayed, damage=_both(found.damage, replayed.damage)) if found.damage else replayed
    if not records.records:
        what = "nothing in it can be read" if journal and journal.data else "it is empty"
        raise UnreadableDocument(f"cannot read {conversation_id}.journal", what, "the file is left as it is")
    return replay(conversation_id, None, 0, records)


def _both(document: Damage, journal: Damage) -> Damage:
    return replace(
        journal,
        is_document=True,
        unreadable_messages=document.unreadable_messages,
        unreadable_bytes=document.unreadable_bytes + journal.unreadable_bytes,
    )


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
    found = journal.scan
    kept: Path | None = None
    try:
        if found.unreadable:
            return _without_damage(path, conversation_id, journal, damage, now)
        opened = JournalFile.open(path)
        try:
            if found.torn is not None:
                # A writer that was killed leaves an end that was cut off, and everything before it is good.
                kept = keep_aside(path.parent, conversation_id, journal.data[found.torn[0] :], now=now)
                damage = replace(damage, kept=kept)
                opened.cut(found.torn[0])
            elif found.lacks_line_end:
                opened.end_line()
        except OSError:
            opened.close()
            _forget(kept)
            raise
    except OSError as error:
        raise disk_failure(error, f"cannot go on with {path.name}") from error
    return opened, damage


def _without_damage(
    path: Path, conversation_id: str, journal: FoundJournal, damage: Damage, now: datetime
) -> tuple[JournalFile, Damage]:
    """A new journal of the lines that can be read; the old one is kept whole."""
    kept = keep_aside(path.parent, conversation_id, journal.data, now=now)
    lines = [journal.data[start:end] + b"\n" for start, end in journal.scan.good]
    try:
        return JournalFile.create(path, lines, sync=True), replace(damage, kept=kept)
    except OSError:
        _forget(kept)
        raise


def _forget(kept: Path | None) -> None:
    """What could not be taken out is still in its place, and is kept again the next time."""
    if kept is not None:
        with suppress(OSError):
            kept.unlink()
