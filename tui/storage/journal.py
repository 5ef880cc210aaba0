"""The journal of a conversation as a file: lines that are only ever added, and what is left of them after damage.

Everything here blocks and raises ``OSError``; under an event loop it is called through ``asyncio.to_thread``.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tui.atomic import TEMPORARY_SUFFIX, make_private_folder, sync_descriptor, sync_folder
from tui.storage.records import FORMAT, LINE_START, Began, Record, decode_line

JOURNAL_LIMIT_BYTES = 1024 * 1024 * 1024

_RESYNCHRONISATIONS = 64
"""How often a damaged line is searched for the beginning of another one: a line made to be searched ends there."""

_APPEND = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What stands in the bytes of a journal. Spans are pairs of offsets, from and up to."""

    records: tuple[Record, ...] = ()
    good: tuple[tuple[int, int], ...] = ()
    """Where each of ``records`` stands, without its line's end."""
    unreadable: tuple[tuple[int, int], ...] = ()
    """Whole lines, or parts of them, that are no record."""
    torn: tuple[int, int] | None = None
    """A last line without an end that is no record."""
    lacks_line_end: bool = False
    """The last record is whole, only its line's end is missing."""

    @property
    def is_clean(self) -> bool:
        return not self.unreadable and self.torn is None

    @property
    def reader(self) -> int:
        """The oldest format whose programs may read and continue this."""
        return max((one.value.reader for one in self.records if isinstance(one.value, Began)), default=FORMAT)


def scan(data: bytes) -> Scan:
    """Reads what can be read. No record is accepted that is not, to the last bit, one that was written."""
    records: list[Record] = []
    good: list[tuple[int, int]] = []
    unreadable: list[tuple[int, int]] = []
    torn: tuple[int, int] | None = None
    lacks_line_end = False
    for start, end in _lines(data):
        if start == end:
            continue
        is_last = end == len(data)
        record, bad_bytes = _read_line(data[start:end])
        if record is not None:
            records.append(record)
            good.append((start + bad_bytes, end))
            lacks_line_end = is_last
        elif is_last:
            torn = (start, end)
            continue
        if bad_bytes:
            unreadable.append((start, start + bad_bytes))
    return Scan(
        records=tuple(records),
        good=tuple(good),
        unreadable=tuple(unreadable),
        torn=torn,
        lacks_line_end=lacks_line_end,
    )


def _lines(data: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        yield start, end
        start = end + 1
    yield start, len(data)


def _read_line(line: bytes) -> tuple[Record | None, int]:
    """The record, and how many bytes before it are none."""
    record = decode_line(line)
    if record is not None:
        return record, 0
    # A record that was cut off, or zeros, may have the next record on the same line.
    place = 0
    for _ in range(_RESYNCHRONISATIONS):
        place = line.find(LINE_START, place + 1)
        if place < 0:
            break
        record = decode_line(line[place:])
        if record is not None:
            return record, place
    return None, len(line)


class JournalFile:
    """An open journal. A record is in it whole or not at all.

    For one thread at a time; ``sync`` may run beside the others.
    """

    def __init__(self, path: Path, descriptor: int, *, length_bytes: int, is_name_synced: bool) -> None:
        self.path = path
        self._descriptor = descriptor
        self.length_bytes = length_bytes
        """Up to the end of the last whole record."""
        self._is_name_synced = is_name_synced
        self._has_rest = False

    @classmethod
    def open(cls, path: Path) -> JournalFile:
        """To continue the journal that is there; every line of it is taken as good."""
        descriptor = os.open(path, _APPEND)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file")
            if stat.S_IMODE(found.st_mode) != 0o600:
                os.fchmod(descriptor, 0o600)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor, length_bytes=found.st_size, is_name_synced=True)

    @classmethod
    def create(cls, path: Path, lines: Iterable[bytes], *, sync: bool) -> JournalFile:
        """A journal of these lines, in the place of whatever has the name: all of it is there, or nothing changed.

        With ``sync`` the lines are on the disk before the name is theirs. The name itself is with the next ``sync()``.
        """
        temporary = path.with_name(f".{os.urandom(8).hex()}{TEMPORARY_SUFFIX}")
        descriptor = os.open(temporary, _APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            length_bytes = 0
            for line in lines:
                _write(descriptor, line)
                length_bytes += len(line)
            if sync:
                _sync_data(descriptor)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            with suppress(OSError):
                os.close(descriptor)
            raise
        return cls(path, descriptor, length_bytes=length_bytes, is_name_synced=False)

    def append(self, lines: Sequence[bytes]) -> tuple[int, OSError | None]:
        """How many of the lines are in the file now, from the first on, and what the system said to the next one."""
        if self._has_rest:
            self._cut_back()
        for number, line in enumerate(lines):
            try:
                if self._has_rest:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                _write(self._descriptor, line)
            except OSError as error:
                self._cut_back()
                return number, error
            self.length_bytes += len(line)
        return len(lines), None

    def cut(self, length_bytes: int) -> None:
        """Takes away what is behind the last whole record."""
        os.ftruncate(self._descriptor, length_bytes)
        self.length_bytes = length_bytes

    def end_line(self) -> None:
        """Ends the last record, which lacks only that."""
        _write(self._descriptor, b"\n")
        self.length_bytes += 1

    def is_as_it_was_left(self) -> bool:
        """Nobody moved, replaced, cut or continued the file."""
        try:
            named, opened = os.lstat(self.path), os.fstat(self._descriptor)
        except OSError:
            return False
        return os.path.samestat(named, opened) and (self._has_rest or opened.st_size == self.length_bytes)

    def sync(self) -> None:
        """Returns when what was appended before, and the file's name, are on the disk.

        After an error the file cannot be trusted: the system may have dropped what it could not write, and says
        nothing about it the next time.
        """
        _sync_data(self._descriptor)
        if not self._is_name_synced:
            sync_folder(self.path.parent)
            self._is_name_synced = True

    def close(self) -> None:
        """Twice is no error."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self.length_bytes)
            self._has_rest = False
        except OSError:
            self._has_rest = True


def keep_aside(folder: Path, conversation_id: str, data: bytes, *, now: datetime) -> Path:
    """Keeps bytes that cannot be read as ``<id>.torn-<milliseconds since 1970>``, on the disk when it returns."""
    path, descriptor = _open_aside(folder, conversation_id, now)
    try:
        os.fchmod(descriptor, 0o600)
        _write(descriptor, data)
        sync_descriptor(descriptor)
        sync_folder(folder)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)
    return path


def move_aside(path: Path, conversation_id: str, *, now: datetime) -> Path | None:
    """Gives a file that is not as it was left another name, as ``keep_aside`` does; None when it is gone."""
    aside, descriptor = _open_aside(path.parent, conversation_id, now)
    os.close(descriptor)
    try:
        path.replace(aside)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        if isinstance(error, FileNotFoundError):
            return None
        raise
    return aside


def _open_aside(folder: Path, conversation_id: str, now: datetime) -> tuple[Path, int]:
    number = int(now.timestamp() * 1000)
    while True:
        path = folder / f"{conversation_id}.torn-{number}"
        try:
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            number += 1


def _write(descriptor: int, data: bytes) -> None:
    """In one call; where the system takes only a part, the next call tells why."""
    rest = memoryview(data)
    while rest:
        count = os.write(descriptor, rest)
        if count == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[count:]


def _sync_data(descriptor: int) -> None:
    if sys.platform == "linux":
        os.fdatasync(descriptor)
    else:
        sync_descriptor(descriptor)


def make_lasting_folder(path: Path) -> None:
    """As ``make_private_folder``, and a folder that was made is still there after a loss of power."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    make_private_folder(path)
    for folder in missing:
        sync_folder(folder.parent)
