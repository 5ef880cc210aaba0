"""Chats out of oterm's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from tui.conversations.values import Role
from tui.failures import Failure
from tui.storage.oterm_database import read_oterm_database

CHAT = "CREATE TABLE chat (id INTEGER PRIMARY KEY, name TEXT, model TEXT NOT NULL, system TEXT, provider TEXT)"
OLD_CHAT = "CREATE TABLE chat (id INTEGER PRIMARY KEY, name TEXT, model TEXT NOT NULL, context TEXT)"
MESSAGE = "CREATE TABLE message (id INTEGER PRIMARY KEY, chat_id INTEGER, author TEXT, text TEXT, images TEXT)"


def database(path: Path, *statements: str, rows: Iterable[tuple[str, tuple[object, ...]]] = ()) -> Path:
    with closing(sqlite3.connect(path)) as made, made:
        for statement in statements:
            made.execute(statement)
        for statement, values in rows:
            made.execute(statement, values)
    return path


def test_chats_come_with_their_system_prompt_and_in_order(tmp_path: Path) -> None:
    path = database(
        tmp_path / "store db#1.sqlite",
        CHAT,
        MESSAGE,
        rows=[
            ("INSERT INTO chat VALUES (1, 'tides', 'llama3:8b', 'be brief', 'ollama')", ()),
            ("INSERT INTO chat VALUES (2, 'empty', 'llama3:8b', '', 'ollama')", ()),
            ("INSERT INTO message VALUES (2, 1, 'assistant', 'the moon', '[]')", ()),
            ("INSERT INTO message VALUES (1, 1, 'user', 'why tides?', '[]')", ()),
            ("INSERT INTO message VALUES (3, 1, 'ghost', 'boo', '[]')", ()),
        ],
    )
    before = path.read_bytes()
    found = read_oterm_database(path)
    assert found.left_out == 1
    [chat] = found.conversations
    assert (chat.title, chat.model) == ("tides", "llama3:8b")
    assert [(one.role, one.text) for one in chat.messages] == [
        (Role.system, "be brief"),
        (Role.user, "why tides?"),
        (Role.assistant, "the moon"),
    ]
    assert path.read_bytes() == before


def test_an_older_database_has_no_system_prompts(tmp_path: Path) -> None:
    path = database(
        tmp_path / "store.db",
        OLD_CHAT,
        MESSAGE,
        rows=[
            ("INSERT INTO chat VALUES (1, 'tides', 'm', '[]')", ()),
            ("INSERT INTO message VALUES (1, 1, 'user', ?, '')", (b"raw \xff bytes".decode("latin-1"),)),
        ],
    )
    assert [one.text for one in read_oterm_database(path).conversations[0].messages] == ["raw ÿ bytes"]


@pytest.mark.parametrize("data", [b"", b"no database at all", b"SQLite format 3\x00" + bytes(100)])
def test_what_is_no_database_of_oterms_is_said(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(data)
    with pytest.raises(Failure, match=r"cannot import store\.db"):
        read_oterm_database(path)


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no such file"):
        read_oterm_database(tmp_path / "store.db")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_has_nothing(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="nothing to import"):
        read_oterm_database(database(tmp_path / "store.db", CHAT, MESSAGE))
