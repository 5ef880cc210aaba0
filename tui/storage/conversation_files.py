"""Conversations as files in a folder: reading, replacing, listing, the trash. Everything here blocks.

A file's name is ``<id>.json`` or ``<id>.toml``; the id comes from there and from nowhere else. Calls that touch the
same conversation must come one after the other; ``shelf`` sees to that.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

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
from tui.storage.summaries import Entry, Stamp, read_cache, stamp_of, write_cache

TOML_LIMIT_BYTES = 4 * 1024 * 1024
"""A longer conversation is kept as JSON: TOML of that size takes seconds to read."""

TRASH_KEPT = timedelta(days=30)

_FORMATS: tuple[DocumentFormat, ...] = get_args(DocumentFormat)
_TEMPORARY_KEPT_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a save came to."""

    path: Path
    format: DocumentFormat
    """JSON for a conversation over ``TOML_LIMIT_BYTES``, whatever was asked for."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file whose name says that it is a conversation."""

    name: str
    id: str
    stamp: Stamp
    is_regular: bool


class ConversationFiles:
    """The folder of conversations and the trash beside it."""

    def __init__(self, places: Places, *, now: Callable[[], datetime], random_bytes: Callable[[int], bytes]) -> None:
        self._places = places
        self._now = now
        self._random_bytes = random_bytes
        # The state in which this object last read or wrote a file: another one means that somebody else was there.
        self._known: dict[str, Stamp] = {}
        self._trashed: dict[str, Deleted] = {}
        self._cache_path = places.cache / "summaries.json"
        self._entries: dict[str, Entry] | None = None
        self._entries_changed = False

    # ── one conversation ─────────────────────────────────────────────────────────────────────────────────────────

    def read(self, conversation_id: str) -> Conversation:
        """The conversation. Raises ``FileMissing``, ``UnreadableDocument`` or another ``Failure``.

        Where a change of format was cut short there are two files: the one that was updated last counts.
        """
        found: list[Conversation] = []
        failures: list[Failure] = []
        for path in self._paths(conversation_id):
            try:
                stamp = stamp_of(path.lstat())
                data = read_bounded(path, DOCUMENT_LIMIT_BYTES)
                found.append(decode(data, name=path.name, conversation_id=conversation_id))
            except (FileNotFoundError, FileMissing):
                continue
            except OSError as error:
                failures.append(disk_failure(error, f"cannot read {path.name}"))
            except Failure as failure:
                failures.append(failure)
            else:
                self._known[path.name] = stamp
        for refused in failures:
            # What a newer version wrote must not be continued from an older copy beside it.
            if not found or isinstance(refused, NewerDocument):
                raise refused
        if not found:
            raise FileMissing("this conversation is gone", f"no file is named {conversation_id}", "open another one")
        return max(found, key=lambda conversation: conversation.updated_at)

    def write(self, conversation: Conversation, *, wished: DocumentFormat, sync: bool) -> Saved:
        """Replaces the conversation's file as a whole; with ``sync`` it is on the disk on return.

        The conversation ends up in one file: that of another format goes when the new one was read back.
        A conversation that was deleted is replaced where it lies in the trash. Raises ``Failure``; the older file is
        then still there.
        """
        name = _checked(conversation.id)
        if conversation.id in self._trashed:
            return self._write_into_trash(conversation, self._trashed[conversation.id])
        data, suffix = _encoded(conversation, wished)
        target = self._places.conversations / f"{name}.{suffix}"
        others = [path for path in self._paths(name) if path != target and os.path.lexists(path)]
        make_private_folder(self._places.conversations)
        try:
            set_aside = [self._set_aside_what_is_not_ours(target)]
            # The older file goes only when the newer one would outlive a loss of power.
            write_atomically(target, data, sync=sync or bool(others))
            self._remember(target, conversation)
            set_aside.extend(self._remove_after_reading_back(other, target, data) for other in others)
        except OSError as error:
            self._know_again(target, data)
            raise disk_failure(error, "cannot save the conversation") from error
        return Saved(path=target, format=suffix, size_bytes=len(data), set_aside=tuple(filter(None, set_aside)))

    def delete(self, conversation_id: str) -> Deleted:
        """Moves the conversation into the trash. Raises ``FileMissing`` or ``Failure``."""
        name = _checked(conversation_id)
        at = self._now()
        deletion = new_id(at, self._random_bytes)
        make_private_folder(self._places.trash)
        names: list[str] = []
        try:
            for path in self._paths(name):
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
            for trash_name in deleted.names:
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
        """Where the writer's lock is; the folder around it exists on return."""
        make_private_folder(self._places.conversations)
        return self._places.conversations / f"{_checked(conversation_id)}.lock"

    # ── all of them ──────────────────────────────────────────────────────────────────────────────────────────────

    def find(self) -> list[FoundFile]:
        """Everything named like a conversation; other names are not ours. Raises ``Failure``."""
        found: list[FoundFile] = []
        try:
            with os.scandir(self._places.conversations) as entries:
                for entry in entries:
                    conversation_id, _, suffix = entry.name.partition(".")
                    if suffix not in _FORMATS or not is_id(conversation_id):
                        continue
                    with suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        is_regular = stat.S_ISREG(status.st_mode)
                        stamp = stamp_of(status)
                        found.append(FoundFile(name=entry.name, id=conversation_id, stamp=stamp, is_regular=is_regular))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise disk_failure(error, "cannot list the conversations") from error
        return found

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
                if len(parts) != 3 or parts[2] not in _FORMATS or not (is_id(parts[0]) and is_id(parts[1])):
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
            data = read_bounded(self._places.conversations / file.name, DOCUMENT_LIMIT_BYTES)
            summary = summary_of(decode(data, name=file.name, conversation_id=file.id))
        except FileMissing:
            raise
        except Failure as failure:
            return Entry(stamp=file.stamp, fault=(failure.title, failure.message, failure.advice))
        return Entry(stamp=file.stamp, summary=summary)

    def _remember(self, path: Path, conversation: Conversation) -> None:
        stamp = stamp_of(path.lstat())
        self._known[path.name] = stamp
        if self._entries is not None:
            self._entries[path.name] = Entry(stamp=stamp, summary=summary_of(conversation))
            self._entries_changed = True

    def _know_again(self, target: Path, data: bytes) -> None:
        """After a failure: when only the folder could not be synced, the file is there and it is ours."""
        with suppress(OSError, Failure):
            stamp = stamp_of(target.lstat())
            if self._known.get(target.name) != stamp and read_bounded(target, len(data)) == data:
                self._known[target.name] = stamp

    def _write_into_trash(self, conversation: Conversation, deleted: Deleted) -> Saved:
        target = self._places.trash / deleted.names[0]
        suffix: DocumentFormat = "toml" if target.suffix == ".toml" else "json"
        data = encode(conversation, format=suffix)
        make_private_folder(self._places.trash)
        try:
            write_atomically(target, data)
            self._known[f"{conversation.id}{target.suffix}"] = stamp_of(target.lstat())
        except OSError as error:
            raise disk_failure(error, "cannot save the conversation") from error
        return Saved(path=target, format=suffix, size_bytes=len(data))

    def _remove_after_reading_back(self, other: Path, target: Path, data: bytes) -> Path | None:
        if read_bounded(target, DOCUMENT_LIMIT_BYTES) != data:
            raise Failure(
                "cannot save the conversation",
                f"{target.name} reads otherwise than it was written",
                f"check the disk; {other.name} is left as it is",
            )
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
        make_private_folder(self._places.trash)
        aside = self._places.trash / f"{path.stem}.{new_id(self._now(), self._random_bytes)}{path.suffix}"
        if not stat.S_ISREG(status.st_mode):
            path.rename(aside)
            return aside
        if _is_from_newer_version(path):
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


def _is_from_newer_version(path: Path) -> bool:
    try:
        decode(read_bounded(path, DOCUMENT_LIMIT_BYTES), name=path.name)
    except NewerDocument:
        return True
    except Failure:
        return False
    return False


def _encoded(conversation: Conversation, wished: DocumentFormat) -> tuple[bytes, DocumentFormat]:
    text_characters = sum(len(message.text) + len(message.thinking) for message in conversation.messages)
    if wished == "toml" and text_characters <= TOML_LIMIT_BYTES:
        data = encode(conversation, format="toml")
        if len(data) <= TOML_LIMIT_BYTES:
            return data, "toml"
    data = encode(conversation, format="json")
    if len(data) > DOCUMENT_LIMIT_BYTES:
        limit = f"it has more than {DOCUMENT_LIMIT_BYTES // 1024 // 1024} MB"
        raise Failure("cannot save the conversation", limit, "go on in a new one; what was saved before is still there")
    return data, "json"


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
