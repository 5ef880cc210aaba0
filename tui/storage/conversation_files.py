"""Conversations as files in a folder: reading, replacing, listing, the trash. Everything here blocks.

A document is ``<id>.json`` or ``<id>.toml``, its journal ``<id>.journal``; the id comes from there and from nowhere else.
Calls that touch the same conversation must come one after the other; ``shelf`` sees to that.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

import msgspec

from tui.atomic import (
    TEMPORARY_SUFFIX,
    FileMissing,
    make_private_folder,
    read_bounded,
    sync_folder,
    write_atomically,
)
from tui.conversations.ids import is_id, new_id, time_of_id
from tui.conversations.titles import summary_of
from tui.conversations.values import Conversation, Summary
from tui.failures import Failure
from tui.places import Places
from tui.storage.disk_failures import disk_failure
from tui.storage.documents import DOCUMENT_LIMIT_BYTES, DocumentFormat, NewerDocument, decode, encode
from tui.storage.drafts import clear_draft
from tui.storage.journal import JournalFile, keep_aside, make_lasting_folder
from tui.storage.kept import (
    FoundDocument,
    FoundJournal,
    Kept,
    go_on_with,
    kept_of,
    put_together,
    read_journal,
    read_one_document,
)
from tui.storage.replacing import check_or_bring_back, encoded, is_from_newer_version, reads_otherwise, second_name
from tui.storage.summaries import Entry, Stamp, read_cache, stamp_of, write_cache

TRASH_KEPT = timedelta(days=30)

JOURNAL = "journal"

_FORMATS: tuple[DocumentFormat, ...] = get_args(DocumentFormat)
_KEPT_ASIDE = re.compile(r"torn-[0-9]{1,20}")
_TEMPORARY_KEPT_SECONDS = 24 * 3600.0
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a save came to."""

    path: Path
    format: DocumentFormat
    """JSON for a conversation over ``replacing.TOML_LIMIT_BYTES``, whatever was asked for."""
    size_bytes: int
    set_aside: tuple[Path, ...] = ()
    """Files of that name that were not ours, or that somebody else had changed: kept here, in the trash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A conversation in the trash; the token that undoes it."""

    id: str
    at: datetime
    names: tuple[str, ...]
    """Names of files in the trash: ``<id>.<id of the deletion>.<json or toml>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One file that could not be read; it is left alone."""

    name: str
    failure: Failure


class FoundFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose name says that it is a conversation: a document, or a journal that has none."""

    name: str
    id: str
    stamp: Stamp
    """Of the document and its journal together."""


class ConversationFiles:
    """The folder of conversations and the trash beside it."""

    def __init__(self, places: Places, *, now: Callable[[], datetime], random_bytes: Callable[[int], bytes]) -> None:
        self._places = places
        self._now = now
        self._random_bytes = random_bytes
        # The state in which this object last read or wrote a file: another one means that somebody else was there.
        self._known: dict[str, Stamp] = {}
        self._sequences: dict[str, int] = {}
        self._damaged: set[str] = set()
        """Names of documents of which only a part could be read."""
        self._trashed: dict[str, Deleted] = {}
        self._cache_path = places.cache / "summaries.json"
        self._entries: dict[str, Entry] | None = None
        self._entries_changed = False

    # ── one conversation ─────────────────────────────────────────────────────────────────────────────────────────

    def read(self, conversation_id: str) -> Conversation:
        """The conversation. Raises ``FileMissing``, ``UnreadableDocument`` or another ``Failure``.

        Where a change of format was cut short there are two documents: the one that was updated last counts.
        """
        return self.read_kept(conversation_id).conversation

    def read_kept(self, conversation_id: str) -> Kept:
        """As ``read``, with what else there is to know. Nothing is changed on the disk."""
        return self._read_both(conversation_id)[0]

    def peek(self, conversation_id: str) -> Conversation:
        """As ``read``, for somebody who neither shows nor continues it: what this object knows of it stays as it is."""
        journal = read_journal(self.journal_path(conversation_id))
        found: list[FoundDocument] = []
        for path in self._paths(conversation_id):
            with suppress(Failure):
                found.append(read_one_document(path, conversation_id))
        if not found and journal is None:
            raise FileMissing("this conversation is gone")
        newest = max(found, key=_newest, default=None)
        return put_together(conversation_id, newest, journal).conversation

    def open_journal(self, conversation_id: str) -> tuple[Kept, JournalFile | None]:
        """As ``read_kept``, and the journal to go on with; None when there is none. For the holder of the lock.

        What cannot be read of the journal is kept beside it before it is taken out of it; a document that is damaged
        gives way to one of what can be read, and is kept whole.
        """
        kept, journal = self._read_both(conversation_id)
        if kept.damage.is_document:
            kept = self._without_damaged_document(kept)
        if journal is None:
            return kept, None
        path = self.journal_path(conversation_id)
        opened, damage = go_on_with(path, conversation_id, journal, kept.damage, now=self._now())
        self._known.pop(path.name, None)
        return replace(kept, damage=damage), opened

    def _without_damaged_document(self, kept: Kept) -> Kept:
        conversation = kept.conversation
        damaged = next(path for path in self._paths(conversation.id) if path.name in self._damaged)
        wished: DocumentFormat = "toml" if damaged.suffix == ".toml" else "json"
        saved = self.write(conversation, wished=wished, sync=True, sequence=kept.sequence)
        aside = next(iter(saved.set_aside), None)
        return replace(kept, document_bytes=saved.size_bytes, damage=replace(kept.damage, kept=aside))

    def open_journal_as_found(self, conversation_id: str, found: tuple[Stamp | None, ...]) -> JournalFile | None:
        """As ``open_journal``, for what was read before there was a lock, when ``stamp_all`` gave ``found``.

        Raises ``Failure`` when somebody else wrote since.
        """
        if self.stamp_all(conversation_id) != found:
            raise Failure(
                "cannot save the conversation",
                "another chinwag changed it since it was opened here",
                "copy what you need, and open it again",
            )
        return self.open_journal(conversation_id)[1]

    def write(
        self, conversation: Conversation, *, wished: DocumentFormat, sync: bool, sequence: int | None = None
    ) -> Saved:
        """Replaces the conversation's document as a whole; with ``sync`` it is on the disk on return.

        The conversation ends up in one document: that of another format goes when the new one was read back.
        ``sequence`` is that of the last record that ``conversation`` holds: the document is read back, and the journal
        stays as it is. None: it holds all there is, and a journal goes as a document of another format does.
        A conversation that was deleted is replaced where it lies in the trash. Raises ``Failure``; the older document
        is then still there.
        """
        name = _checked(conversation.id)
        if conversation.id in self._trashed:
            return self._write_into_trash(conversation, self._trashed[conversation.id])
        others: list[Path] = []
        is_checkpoint = sequence is not None
        if sequence is None:
            sequence = self._sequences.get(name, 0)
            journal = self.journal_path(name)
            if os.path.lexists(journal):
                others.append(journal)
                sequence = max(sequence, self._last_sequence(name))
        data, suffix = encoded(conversation, wished, sequence)
        target = self._places.conversations / f"{name}.{suffix}"
        others += [path for path in self._paths(name) if path != target and os.path.lexists(path)]
        make_private_folder(self._places.conversations)
        before: Path | None = None
        try:
            set_aside = [self._set_aside_what_is_not_ours(target)]
            before = second_name(target) if is_checkpoint else None
            # The older file goes only when the newer one would outlive a loss of power.
            write_atomically(target, data, sync=sync or bool(others))
            if is_checkpoint:
                check_or_bring_back(target, data, before)
            self._remember(target, conversation, sequence)
            set_aside.extend(self._remove_after_reading_back(other, target, data) for other in others)
        except OSError as error:
            if before is not None:
                with suppress(OSError):
                    before.unlink(missing_ok=True)
            self._know_again(target, data)
            raise disk_failure(error, "cannot save the conversation") from error
        return Saved(path=target, format=suffix, size_bytes=len(data), set_aside=tuple(filter(None, set_aside)))

    def delete(self, conversation_id: str) -> Deleted:
        """Moves the conversation into the trash. Raises ``FileMissing`` or ``Failure``."""
        name = _checked(conversation_id)
        if os.path.lexists(self.journal_path(name)):
            # One document is easier to bring back; where there cannot be one, all the files go as they are.
            with suppress(Failure):
                wished: DocumentFormat = "toml" if os.path.lexists(self._paths(name)[1]) else "json"
                self.write(self.read(name), wished=wished, sync=False)
        at = self._now()
        deletion = new_id(at, self._random_bytes)
        make_private_folder(self._places.trash)
        names: list[str] = []
        try:
            for path in (*self._paths(name), self.journal_path(name), *self._kept_aside(name)):
                if os.path.lexists(path):
                    trash_name = f"{name}.{deletion}{path.suffix}"
                    path.rename(self._places.trash / trash_name)
                    names.append(trash_name)
            if names:
                sync_folder(self._places.trash)
                sync_folder(self._places.conversations)
        except OSError as error:
            raise disk_failure(error, "cannot delete the conversation") from error
        if not names:
            raise FileMissing("this conversation is gone", f"no file is named {name}", "nothing to delete")
        deleted = Deleted(id=name, at=at, names=tuple(names))
        self._trashed[name] = deleted
        return deleted

    def undelete(self, deleted: Deleted) -> None:
        """Moves it back. Raises ``Failure`` when it left the trash, or something else took its place."""
        name = _checked(deleted.id)
        make_private_folder(self._places.conversations)
        try:
            for trash_name in self._names_in_trash(deleted):
                target = self._places.conversations / f"{name}{Path(trash_name).suffix}"
                if os.path.lexists(target):
                    raise Failure("cannot bring the conversation back", f"{target.name} is there again", "open it")
                (self._places.trash / trash_name).rename(target)
            sync_folder(self._places.conversations)
        except FileNotFoundError as error:
            raise FileMissing("cannot bring the conversation back", "it is no longer in the trash") from error
        except OSError as error:
            raise disk_failure(error, "cannot bring the conversation back") from error
        self._trashed.pop(name, None)

    def lock_path(self, conversation_id: str) -> Path:
        """Where the writer's lock is; the folder around it exists on return. Raises ``Failure``."""
        try:
            make_lasting_folder(self._places.conversations)
        except OSError as error:
            raise disk_failure(error, "cannot make the folder of conversations") from error
        return self._places.conversations / f"{_checked(conversation_id)}.lock"

    def journal_path(self, conversation_id: str) -> Path:
        return self._places.conversations / f"{_checked(conversation_id)}.{JOURNAL}"

    def stamp_document(self, conversation_id: str) -> tuple[Stamp, ...]:
        """Changes when the document does."""
        stamps: list[Stamp] = []
        for path in self._paths(conversation_id):
            with suppress(OSError):
                stamps.append(stamp_of(path.lstat()))
        return tuple(stamps)

    def stamp_all(self, conversation_id: str) -> tuple[Stamp | None, ...]:
        """Changes when the document or the journal does."""
        stamps: list[Stamp | None] = []
        for path in (*self._paths(conversation_id), self.journal_path(conversation_id)):
            try:
                stamps.append(stamp_of(path.lstat()))
            except OSError:
                stamps.append(None)
        return tuple(stamps)

    # ── all of them ──────────────────────────────────────────────────────────────────────────────────────────────

    def find(self) -> list[FoundFile]:
        """Everything named like a conversation; other names are not ours. Raises ``Failure``."""
        documents: list[tuple[str, str, os.stat_result]] = []
        journals: dict[str, tuple[str, str, os.stat_result]] = {}
        try:
            with os.scandir(self._places.conversations) as entries:
                for entry in entries:
                    conversation_id, _, suffix = entry.name.partition(".")
                    if (suffix not in _FORMATS and suffix != JOURNAL) or not is_id(conversation_id):
                        continue
                    with suppress(FileNotFoundError):
                        found = (entry.name, conversation_id, entry.stat(follow_symlinks=False))
                        if suffix == JOURNAL:
                            journals[conversation_id] = found
                        else:
                            documents.append(found)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise disk_failure(error, "cannot list the conversations") from error
        alone = journals.keys() - {conversation_id for _, conversation_id, _ in documents}
        return [
            FoundFile(
                name=name,
                id=conversation_id,
                stamp=_stamp_of_both(status, journals.get(conversation_id)),
            )
            for name, conversation_id, status in (*documents, *(journals[one] for one in alone))
        ]

    def summarize(self, files: Iterator[FoundFile], *, for_seconds: float) -> list[Summary | Fault]:
        """Takes files from the iterator, reads those that changed, and stops after about ``for_seconds``.

        An empty list means that there are no more.
        """
        entries = self._cached_entries()
        results: list[Summary | Fault] = []
        until = time.monotonic() + for_seconds
        for file in files:
            entry = entries.get(file.name)
            if entry is None or entry.stamp != file.stamp:
                try:
                    entry = self._entry_for(file)
                except FileMissing:
                    continue
                entries[file.name] = entry
                self._entries_changed = True
            results.append(entry.summary or Fault(name=file.name, failure=Failure(*entry.fault)))
            if time.monotonic() > until:
                break
        return results

    def keep_summaries(self, files: list[FoundFile]) -> None:
        """Writes the cache when an entry changed or a file is gone; ``files`` are all that there are."""
        entries = self._cached_entries()
        names = {file.name for file in files}
        if not self._entries_changed and entries.keys() <= names:
            return
        # A copy, because a save may add to the entries meanwhile; one that is missed here is only read again.
        self._entries = {name: entry for name, entry in entries.copy().items() if name in names}
        self._entries_changed = False
        write_cache(self._cache_path, self._entries)

    def empty_trash(self, now: datetime) -> int:
        """Removes for good what was deleted more than ``TRASH_KEPT`` ago, and what killed writers left behind.

        Returns the number of files removed. Files of other names are left alone. Raises ``Failure``.
        """
        removed = 0
        gone: set[str] = set()
        try:
            for path in _files_in(self._places.trash):
                parts = path.name.split(".")
                if len(parts) != 3 or not _is_ours(parts[2]) or not (is_id(parts[0]) and is_id(parts[1])):
                    continue
                if now - time_of_id(parts[1]) > TRASH_KEPT:
                    path.unlink(missing_ok=True)
                    removed += 1
                    gone.add(parts[0])
            for folder in (self._places.conversations, self._places.trash, self._places.drafts):
                removed += _remove_old_temporaries(folder, now)
        except OSError as error:
            raise disk_failure(error, "cannot empty the trash") from error
        for conversation_id in gone:
            self._trashed.pop(conversation_id, None)
            if not any(os.path.lexists(path) for path in self._paths(conversation_id)):
                clear_draft(self._places, conversation_id)
        return removed

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _paths(self, conversation_id: str) -> list[Path]:
        name = _checked(conversation_id)
        return [self._places.conversations / f"{name}.{suffix}" for suffix in _FORMATS]

    def _cached_entries(self) -> dict[str, Entry]:
        if self._entries is None:
            self._entries = read_cache(self._cache_path)
        return self._entries

    def _entry_for(self, file: FoundFile) -> Entry:
        try:
            journal = read_journal(self.journal_path(file.id))
            document = None
            if not file.name.endswith(f".{JOURNAL}"):
                document = read_one_document(self._places.conversations / file.name, file.id)
            elif journal is None:
                raise FileMissing("this conversation is gone")
            summary = summary_of(put_together(file.id, document, journal).conversation)
        except FileMissing:
            raise
        except Failure as failure:
            return Entry(stamp=file.stamp, fault=(failure.title, failure.message, failure.advice))
        return Entry(stamp=file.stamp, summary=summary)

    def _read_both(self, conversation_id: str) -> tuple[Kept, FoundJournal | None]:
        # The journal first: a document that is written meanwhile then holds more, never less, than it goes on from.
        path = self.journal_path(conversation_id)
        journal = read_journal(path)
        document = self._read_document(conversation_id)
        if document is None and journal is None:
            raise FileMissing("this conversation is gone", f"no file is named {conversation_id}", "open another one")
        kept = kept_of(put_together(conversation_id, document, journal), document)
        self._sequences[conversation_id] = kept.sequence
        if journal is not None and not kept.damage and not kept.has_unknown_kinds:
            self._known[path.name] = journal.stamp
        else:
            self._known.pop(path.name, None)
        return kept, journal

    def _read_document(self, conversation_id: str) -> FoundDocument | None:
        found: list[FoundDocument] = []
        failures: list[Failure] = []
        for path in self._paths(conversation_id):
            try:
                found.append(read_one_document(path, conversation_id))
            except FileMissing:
                continue
            except Failure as failure:
                failures.append(failure)
            else:
                if found[-1].damage:
                    self._known.pop(path.name, None)
                    self._damaged.add(path.name)
                else:
                    self._known[path.name] = found[-1].stamp
        for refused in failures:
            # What a newer version wrote must not be continued from an older copy beside it.
            if not found or isinstance(refused, NewerDocument):
                raise refused
        return max(found, key=_newest, default=None)

    def _last_sequence(self, conversation_id: str) -> int:
        """That of the last record which can be read of the journal."""
        journal = read_journal(self.journal_path(conversation_id))
        return 0 if journal is None else max((record.sequence for record in journal.scan.records), default=0)

    def _kept_aside(self, conversation_id: str) -> list[Path]:
        return [
            path
            for path in self._places.conversations.glob(f"{conversation_id}.torn-*")
            if _KEPT_ASIDE.fullmatch(path.suffix[1:])
        ]

    def _remember(self, path: Path, conversation: Conversation, sequence: int) -> None:
        stamp = stamp_of(path.lstat())
        self._known[path.name] = stamp
        self._sequences[conversation.id] = sequence
        if self._entries is not None:
            self._entries[path.name] = Entry(stamp=stamp, summary=summary_of(conversation))
            self._entries_changed = True

    def _know_again(self, target: Path, data: bytes) -> None:
        """After a failure: when only the folder could not be synced, the file is there and it is ours."""
        with suppress(OSError, Failure):
            stamp = stamp_of(target.lstat())
            if self._known.get(target.name) != stamp and read_bounded(target, len(data)) == data:
                self._known[target.name] = stamp

    def _names_in_trash(self, deleted: Deleted) -> list[str]:
        """What was deleted, and a document that was written into the trash since."""
        late = f"{'.'.join(deleted.names[0].split('.')[:2])}.json"
        is_late = late not in deleted.names and (self._places.trash / late).exists()
        return [*deleted.names, late] if is_late else [*deleted.names]

    def _write_into_trash(self, conversation: Conversation, deleted: Deleted) -> Saved:
        documents = [name for name in deleted.names if name.endswith((".json", ".toml"))]
        # What had no document gets one beside its journal, and undo brings back both.
        names = documents or [str(Path(deleted.names[0]).with_suffix(".json"))]
        target = self._places.trash / names[0]
        suffix: DocumentFormat = "toml" if target.suffix == ".toml" else "json"
        data = encode(conversation, format=suffix, sequence=self._sequences.get(conversation.id, 0))
        make_private_folder(self._places.trash)
        try:
            write_atomically(target, data)
            self._known[f"{conversation.id}{target.suffix}"] = stamp_of(target.lstat())
        except OSError as error:
            raise disk_failure(error, "cannot save the conversation") from error
        return Saved(path=target, format=suffix, size_bytes=len(data))

    def _remove_after_reading_back(self, other: Path, target: Path, data: bytes) -> Path | None:
        if read_bounded(target, DOCUMENT_LIMIT_BYTES) != data:
            raise reads_otherwise(target)
        decode(data, name=target.name)
        set_aside = self._set_aside_what_is_not_ours(other)
        other.unlink(missing_ok=True)
        self._known.pop(other.name, None)
        return set_aside

    def _set_aside_what_is_not_ours(self, path: Path) -> Path | None:
        """A file that this object did not leave as it is gets a second name in the trash before it is replaced.

        One that a newer chinwag wrote is not replaced at all: ``NewerDocument``.
        """
        try:
            status = path.lstat()
        except FileNotFoundError:
            return None
        if self._known.get(path.name) == stamp_of(status):
            return None
        if path.name in self._damaged:
            # Not into the trash, which is emptied some day.
            kept = keep_aside(path.parent, path.stem, read_bounded(path, DOCUMENT_LIMIT_BYTES), now=self._now())
            self._damaged.discard(path.name)
            return kept
        make_private_folder(self._places.trash)
        aside = self._places.trash / f"{path.stem}.{new_id(self._now(), self._random_bytes)}{path.suffix}"
        if not stat.S_ISREG(status.st_mode) or path.suffix == f".{JOURNAL}":
            path.rename(aside)
            return aside
        if is_from_newer_version(path):
            raise NewerDocument(
                f"cannot save over {path.name}",
                "a newer chinwag wrote it meanwhile",
                "open it with that one; what is here can be copied into a new conversation",
            )
        try:
            os.link(path, aside)
        except OSError:
            # Some file systems have no second names for a file.
            path.rename(aside)
        return aside


def _checked(conversation_id: str) -> str:
    """Ids become names of files: what is not one must never get there."""
    if not is_id(conversation_id):
        raise ValueError(f"no id of a conversation: {conversation_id!r}")
    return conversation_id


def _newest(found: FoundDocument) -> tuple[bool, int, datetime]:
    """A whole one is better than one of which a part is lost."""
    return not found.damage, found.document.sequence, found.document.conversation.updated_at


def _stamp_of_both(status: os.stat_result, journal: tuple[str, str, os.stat_result] | None) -> Stamp:
    one = stamp_of(status)
    if journal is None or journal[2] is status:
        return one
    other = stamp_of(journal[2])
    return Stamp(
        max(one.mtime_ns, other.mtime_ns), one.size_bytes + other.size_bytes, (one.inode ^ other.inode << 1) & _LARGEST
    )


def _is_ours(suffix: str) -> bool:
    return suffix in _FORMATS or suffix == JOURNAL or _KEPT_ASIDE.fullmatch(suffix) is not None


def _files_in(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _remove_old_temporaries(folder: Path, now: datetime) -> int:
    removed = 0
    for path in _files_in(folder):
        if not (path.name.startswith(".") and path.name.endswith(TEMPORARY_SUFFIX)):
            continue
        with suppress(FileNotFoundError):
            if now.timestamp() - path.lstat().st_mtime > _TEMPORARY_KEPT_SECONDS:
                path.unlink()
                removed += 1
    return removed
