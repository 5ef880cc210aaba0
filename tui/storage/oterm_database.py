"""The chats in oterm's database. It is only read, also while oterm has it open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from tui.conversations.imported import Import, ImportedConversation, ImportedMessage
from tui.conversations.values import Role
from tui.failures import Failure

_ROLES = {"user": Role.user, "assistant": Role.assistant, "system": Role.system, "tool": Role.tool}
BUSY_SECONDS = 5.0


def read_oterm_database(path: Path) -> Import:
    """Every chat of ``store.db``. Blocks. Raises ``Failure`` when it cannot be read or is none of oterm's."""
    if not path.is_file():
        raise Failure(f"cannot import {path.name}", "there is no such file", "oterm --db says where it is")
    try:
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as database:
            database.text_factory = _text
            return _read(database)
    except sqlite3.Error as error:
        raise Failure(
            f"cannot import {path.name}", f"it is no database of oterm's: {error}", "oterm --db says where it is"
        ) from None


def _read(database: sqlite3.Connection) -> Import:
    columns = {row[1] for row in database.execute("PRAGMA table_info(chat)")}
    if not {"id", "name", "model"} <= columns:
        raise sqlite3.DatabaseError("it has no table of chats")
    system = "system" if "system" in columns else "''"
    found, left_out = [], 0
    for chat_id, name, model, prompt in database.execute(f"SELECT id, name, model, {system} FROM chat ORDER BY id"):  # noqa: S608  one of two words of ours
        said = database.execute("SELECT author, text FROM message WHERE chat_id = ? ORDER BY id", (chat_id,))
        messages = [
            ImportedMessage(role=_ROLES[author], text=text) for author, text in said if author in _ROLES and text
        ]
        if not messages:
            left_out += 1
            continue
        if prompt:
            messages.insert(0, ImportedMessage(role=Role.system, text=prompt))
        found.append(ImportedConversation(title=name or "", model=model or "", messages=tuple(messages)))
    if not found:
        raise Failure("there is nothing to import", "the database has no chat in which something was said", "")
    return Import(conversations=tuple(found), left_out=left_out)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
