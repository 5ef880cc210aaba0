"""The full-text index of all conversations: a file in the cache folder that can be thrown away at any time.

What it says is believed only of files that are as they were when it read them. Damaged, foreign or of another version,
it is made anew; where no file can be had it is made in memory. Everything here blocks and may be called from any thread.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from tui.atomic import make_private_folder
from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.storage.conversation_files import FoundFile
from tui.storage.hits import FoundPassage, IndexState

_VERSION = 1
_LOCK_SECONDS = 0.2
_PIECE_CHARACTERS = 8_000
_PIECES_BITS = 20
_QUERY_CHARACTERS = 1_000
_QUERY_WORDS = 24
_BEFORE_CHARACTERS = 80
_AFTER_CHARACTERS = 160

_WITHOUT_SPACES = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
"""Scripts that put no space between words: each character counts as a word."""

_BOUNDARY, _MATCH_BEGINS, _MATCH_ENDS = "\x1f", "\x02", "\x03"
_OUR_MARKS = str.maketrans({"\x00": " ", _BOUNDARY: " ", _MATCH_BEGINS: " ", _MATCH_ENDS: " "})
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH)

_ATTEMPTS = 3
"""As it is, made anew, and in memory."""

_SCHEMA = (
    "create table about (folder text not null)",
    """create table conversation (
        number integer primary key,
        id text not null unique,
        stamp text not null,
        updated_at real not null,
        sums blob not null
    )""",
    """create virtual table passage using fts5(
        text, message unindexed, sum unindexed, tokenize = "unicode61 remove_diacritics 2"
    )""",
)

_FIND = f"""
select id, stamp, last
from (
    select rowid >> {_PIECES_BITS} as number, min(rowid) as first, max(rowid) as last
    from passage where passage match ? group by 1
) join conversation using (number)
order by first = number << {_PIECES_BITS} desc, updated_at desc
"""  # noqa: S608
"""The last passage of each conversation; those whose title matches come first."""

_SHOW = "select rowid, text, message, sum, highlight(passage, 0, ?, ?) from passage where passage match ?"
"""Not ``snippet``: that takes time with the square of how often a word is there.

The rows are asked for with a plus sign, since FTS5 would otherwise look for the words anew for each row.
"""

T = TypeVar("T")


class SearchIndex:
    """One index for one folder of conversations, followed by name, time, size and inode of its files."""

    def __init__(self, path: Path, *, folder: Path, read: Callable[[str], Conversation]) -> None:
        """``read`` gives a conversation by its id and raises ``Failure``."""
        self._path = path
        self._folder = folder
        self._read = read
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._times_false = 0
        self._searches: set[object] = set()
        self.is_in_memory = False
        """No file could be had; it is made anew at each start."""

    def refresh(self, files: Sequence[FoundFile], *, for_seconds: float, gives_way: bool = False) -> IndexState:
        """Reads what changed since the last time, for about that long. ``files`` are all that there are.

        Another program that is at it at the same time goes first, and with ``gives_way`` so does a search: then less
        may be done than there was time for.
        """
        return self._refresh(stamps_of(files), for_seconds=for_seconds, gives_way=gives_way)

    def search(
        self, text: str, files: Sequence[FoundFile], *, limit: int, for_seconds: float
    ) -> tuple[IndexState, list[FoundPassage]]:
        """``refresh``, and then at most ``limit`` conversations that have all the words in one message or in the title;
        the last word may be the beginning of one. Titles come first, then what was updated last.
        """
        stamps = stamps_of(files)
        query = query_of(text) if limit > 0 else ""
        state, found = IndexState(total=len(stamps)), list[FoundPassage]()
        this_one = object()
        self._searches.add(this_one)
        try:
            for _ in range(_ATTEMPTS):
                state = self._refresh(stamps, for_seconds=for_seconds)
                times_false = self._times_false
                if query:
                    found = self._guarded(lambda connection: _find(connection, query, stamps, limit)) or []
                if times_false == self._times_false:
                    break
                # The index was false and is made anew: what was found in it is not enough.
        finally:
            self._searches.discard(this_one)
        return state, found

    def close(self) -> None:
        with self._turn:
            self._disconnect()

    # ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _guarded(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """``work`` on a sound index; None when another program has it locked for too long."""
        with self._turn:
            for _ in range(_ATTEMPTS):
                try:
                    if self._connection is None:
                        self._connection = self._open()
                    return work(self._connection)
                except (sqlite3.Error, _FalseIndexError, OSError, ValueError, TypeError) as error:
                    self._disconnect()
                    if _code_of(error) in _BUSY:
                        return None
                    self._times_false += 1
                    if self.is_in_memory:
                        raise Failure("cannot search", str(error), "try it again") from error
                    if not (_code_of(error) in _BROKEN and self._remove()):
                        self.is_in_memory = True
        raise Failure("cannot search", "the index breaks each time it is made", f"remove {self._path}")

    def _open(self) -> sqlite3.Connection:
        if not self.is_in_memory:
            try:
                self._make_file()
            except (OSError, Failure):
                self.is_in_memory = True
        connection = sqlite3.connect(
            ":memory:" if self.is_in_memory else self._path,
            timeout=_LOCK_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for pragma in ("trusted_schema=off", "cell_size_check=on", "journal_mode=wal", "synchronous=normal"):
                _ = connection.execute(f"pragma {pragma}").fetchall()
            # What was deleted is not to be found in free pages.
            _ = connection.execute("pragma secure_delete=on").fetchall()
            self._make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_file(self) -> None:
        make_private_folder(self._path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("it is not a regular file")
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        try:
            found = self._folder.stat()
            folder = f"{self._folder} {found.st_dev} {found.st_ino}"
        except OSError:
            folder = str(self._folder)
        if _version_of(connection) == 0:
            connection.execute("begin immediate")
            if _version_of(connection) == 0:
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.execute("insert into about values (?)", (folder,))
                connection.execute(f"pragma user_version={_VERSION}")
            connection.execute("commit")
        if _version_of(connection) != _VERSION:
            raise _FalseIndexError("another version made the index")
        if connection.execute("select folder from about").fetchall() != [(folder,)]:
            raise _FalseIndexError("the index is of another folder")

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _remove(self) -> bool:
        try:
            for suffix in ("", "-wal", "-shm", "-journal"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        except OSError:
            return False
        return True

    # ── what is in it ────────────────────────────────────────────────────────────────────────────────────────────

    def _refresh(self, stamps: Mapping[str, str], *, for_seconds: float, gives_way: bool = False) -> IndexState:
        until = time.monotonic() + for_seconds

        def is_over() -> bool:
            return time.monotonic() > until or (gives_way and bool(self._searches))

        done = self._guarded(lambda connection: self._bring_up_to_date(connection, stamps, is_over))
        return done or IndexState(total=len(stamps))

    def _bring_up_to_date(
        self, connection: sqlite3.Connection, stamps: Mapping[str, str], is_over: Callable[[], bool]
    ) -> IndexState:
        known = dict(connection.execute("select id, stamp from conversation"))
        gone = sorted(known.keys() - stamps.keys())
        # The newest are wanted first.
        changed = sorted((one for one in stamps if known.get(one) != stamps[one]), reverse=True)
        done = 0
        if gone or changed:
            connection.execute("begin immediate")
            for conversation_id in gone:
                _take_out(connection, conversation_id)
            for conversation_id in changed:
                self._take_in(connection, conversation_id, stamps[conversation_id])
                done += 1
                if is_over():
                    break
            connection.execute("commit")
        return IndexState(indexed=len(stamps) - len(changed) + done, total=len(stamps))

    def _take_in(self, connection: sqlite3.Connection, conversation_id: str, stamp: str) -> None:
        try:
            conversation = self._read(conversation_id)
            pieces, updated_at = list(_pieces_of(conversation)), conversation.updated_at.timestamp()
        except Failure:
            # It is not read again before it changes.
            pieces, updated_at = [], 0.0
        sums = array("I", (_sum_of(message_id, text) for message_id, text in pieces))
        row = connection.execute("select number, sums from conversation where id = ?", (conversation_id,)).fetchone()
        if row is None:
            number, before = None, array("I")
        else:
            number, before = row[0], array("I", row[1])
        number = connection.execute(
            "insert or replace into conversation values (?, ?, ?, ?, ?) returning number",
            (number, conversation_id, stamp, updated_at, sums.tobytes()),
        ).fetchone()[0]
        first = number << _PIECES_BITS
        for place in range(max(len(before), len(sums))):
            if place < len(before) and place < len(sums) and before[place] == sums[place]:
                continue
            if place < len(before):
                connection.execute("delete from passage where rowid = ?", (first + place,))
            if place < len(sums):
                message_id, text = pieces[place]
                connection.execute(
                    "insert into passage(rowid, text, message, sum) values (?, ?, ?, ?)",
                    (first + place, text, message_id, sums[place]),
                )


def query_of(text: str) -> str:
    """What a person typed as a query of FTS5: every word quoted, so that none is taken for an operator.

    The last word may be the beginning of one, unless a space follows it. Empty when there is no word in it.
    """
    text = _storable(text[:_QUERY_CHARACTERS])
    words = [word for word in text.split() if any(character.isalnum() for character in word)][-_QUERY_WORDS:]
    quoted = ['"' + _spread(word).replace('"', '""') + '"' for word in words]
    if quoted and not text[-1:].isspace():
        quoted[-1] += "*"
    return " ".join(dict.fromkeys(quoted))


def stamps_of(files: Iterable[FoundFile]) -> dict[str, str]:
    """By conversation, what changes when a file of it does."""
    stamps: dict[str, str] = {}
    for file in sorted(files, key=lambda file: file.name):
        own = f"{file.name[-1]}{file.stamp.mtime_ns}:{file.stamp.size_bytes}:{file.stamp.inode}"
        stamps[file.id] = f"{stamps[file.id]} {own}" if file.id in stamps else own
    return stamps


def _find(connection: sqlite3.Connection, query: str, stamps: Mapping[str, str], limit: int) -> list[FoundPassage]:
    rows: dict[int, str] = {}
    for conversation_id, stamp, row in connection.execute(_FIND, (query,)):
        if stamps.get(conversation_id) == stamp:
            rows[row] = conversation_id
        if len(rows) == limit:
            break
    if not rows:
        return []
    marks = ", ".join("?" * len(rows))
    shown = {
        row: _shown(rows[row], text, message_id, stored_sum, marked)
        for row, text, message_id, stored_sum, marked in connection.execute(
            f"{_SHOW} and +rowid in ({marks})",
            (_MATCH_BEGINS, _MATCH_ENDS, query, *rows),
        )
    }
    if len(shown) != len(rows):
        raise _FalseIndexError("the index lacks a passage that it names")
    return [shown[row] for row in rows]


def _shown(conversation_id: str, text: str, message_id: str, stored_sum: int, marked: str) -> FoundPassage:
    before, begins, rest = marked.partition(_MATCH_BEGINS)
    match, ends, after = rest.partition(_MATCH_ENDS)
    if _sum_of(message_id, text) != stored_sum or not (begins and ends):
        raise _FalseIndexError("the index says what was never said")
    return FoundPassage(
        conversation_id=conversation_id,
        message_id=message_id,
        before=_plain(before[-4 * _BEFORE_CHARACTERS :])[-_BEFORE_CHARACTERS:],
        match=_plain(match),
        after=_plain(after[: 4 * _AFTER_CHARACTERS])[:_AFTER_CHARACTERS],
    )


def _plain(marked: str) -> str:
    for mark in (_BOUNDARY, _MATCH_BEGINS, _MATCH_ENDS):
        marked = marked.replace(mark, "")
    return re.sub(r"\s+", " ", marked)


def _take_out(connection: sqlite3.Connection, conversation_id: str) -> None:
    (number,) = connection.execute("select number from conversation where id = ?", (conversation_id,)).fetchone()
    first = number << _PIECES_BITS
    last = first + (1 << _PIECES_BITS) - 1
    connection.execute("delete from passage where rowid between ? and ?", (first, last))
    connection.execute("delete from conversation where number = ?", (number,))


def _pieces_of(conversation: Conversation) -> Iterator[tuple[str, str]]:
    """Message ids and texts; the title is the first one, without an id, and what is beside the line the last."""
    yield "", _spread(_storable(conversation.title))
    left = (1 << _PIECES_BITS) - 1
    for message in chain(conversation.messages, *(branch.messages for branch in conversation.branches)):
        text = _storable(message.text)
        for start in range(0, len(text), _PIECE_CHARACTERS):
            if not left:
                return
            left -= 1
            yield _storable(message.id), _spread(text[start : start + _PIECE_CHARACTERS])


def _sum_of(message_id: str, text: str) -> int:
    return crc32(f"{message_id}\0{text}".encode())


def _storable(text: str) -> str:
    """Without what SQLite cannot hold, and without our own marks."""
    return text.encode("utf-8", "replace").decode().translate(_OUR_MARKS)


def _spread(text: str) -> str:
    return text if text.isascii() else _WITHOUT_SPACES.sub(rf"\1{_BOUNDARY}", text)


def _version_of(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("pragma user_version").fetchone()[0]
    return found


def _code_of(error: Exception) -> int:
    if isinstance(error, OSError):
        return sqlite3.SQLITE_IOERR
    # Text that is no UTF-8 and values of another type have no code; neither was written here.
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)) & 0xFF


class _FalseIndexError(Exception):
    """The index is sound for SQLite and cannot be true."""
