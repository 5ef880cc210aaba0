"""What can still be read of a document that is damaged. Pure: the file is somebody else's to keep.

Only whole messages are taken, each as it was written: in JSON wherever they stand, since there a text has no line ends
of its own and so cannot look like the beginning of a message; in TOML up to the first damage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from tui.conversations.ids import time_of_id
from tui.conversations.titles import title_from_prompt
from tui.failures import Failure
from tui.storage.documents import Document, message_of_record, read_document
from tui.storage.schema import VERSION, BranchRecord, ControlRecord, DocumentRecord, EndRecord, MessageRecord
from tui.toml import read_toml

_LARGEST_BYTES = 1024 * 1024 * 1024
_TOP_LEVEL = re.compile(rb'  "([a-z_]+)": (.*?),?')
_SEQUENCE = re.compile(rb' *"sequence": ([0-9]{1,15}),')
_MESSAGES = re.compile(r'"messages"\s*:\s*\[\s*')
_BETWEEN = re.compile(r"\s*,?\s*")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_BLOCKS_OF_TOML = re.compile(rb"^\[(?:\[messages\]\]|\[branches\]\]|end\]$)", re.MULTILINE)
_FURTHER_BLOCKS = 8

R = TypeVar("R", MessageRecord, BranchRecord, ControlRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    document: Document
    """``sequence`` is 0 where it is not known."""
    is_sequence_known: bool
    unreadable_messages: int
    """Whole ones that are lost, as far as they can be told apart."""
    unreadable_bytes: int


@dataclass(slots=True, kw_only=True)
class _Pieces:
    fields: dict[str, Any] = field(default_factory=dict)
    control: ControlRecord | None = None
    messages: list[MessageRecord] = field(default_factory=list)
    branches: list[BranchRecord] = field(default_factory=list)
    sequence: int | None = None
    unreadable_messages: int = 0
    unreadable_bytes: int = 0

    def lose(self, data: bytes) -> None:
        self.unreadable_messages += 1
        self.unreadable_bytes += len(data)


def salvage(data: bytes, *, name: str, conversation_id: str) -> Salvaged | None:
    """None when not one message can be read, or a newer chinwag wrote it."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        pieces = _of_our_json(data) if b"\n    {\n" in data else _of_any_json(data)
    else:
        pieces = _of_toml(data, name)
    version = pieces.fields.get("chinwag")
    if not pieces.messages or (type(version) is int and version > VERSION):
        return None
    ids = {one.id for one in pieces.messages}
    whole = [one for one in pieces.branches if not one.after or one.after in ids]
    pieces.unreadable_messages += sum(len(one.messages) for one in pieces.branches if one not in whole)
    record = DocumentRecord(
        chinwag=VERSION,
        id=conversation_id,
        created_at=_moment(pieces.fields.get("created_at")) or time_of_id(conversation_id),
        updated_at=_moment(pieces.fields.get("updated_at")) or pieces.messages[-1].at,
        title=_text(pieces.fields.get("title")) or _first_words(pieces.messages),
        model=_text(pieces.fields.get("model")),
        control=pieces.control,
        messages=pieces.messages,
        branches=whole,
        end=EndRecord(sequence=pieces.sequence or 0, complete=True),
    )
    try:
        whole_again = json.dumps(msgspec.to_builtins(record)).encode("ascii")
        document = read_document(whole_again, name=name, conversation_id=conversation_id)
    except Failure:
        return None
    return Salvaged(
        document=document,
        is_sequence_known=pieces.sequence is not None,
        unreadable_messages=pieces.unreadable_messages,
        unreadable_bytes=pieces.unreadable_bytes,
    )


# ── JSON as it is written here: a message begins and ends on lines of its own ────────────────────────────────────


def _of_our_json(data: bytes) -> _Pieces:
    pieces = _Pieces()
    for section, block in _blocks(data):
        if section == b"control" and block.startswith(b"{"):
            pieces.control = _decoded(block, ControlRecord)
        elif section == b"end":
            found = _SEQUENCE.search(block)
            pieces.sequence = int(found[1]) if found else None
        elif not block.startswith(b"    {"):
            pieces.fields.setdefault(section.decode(), _value(block))
        elif (message := _decoded(block, MessageRecord)) is not None and _is_sound(message):
            pieces.messages.append(message)
        elif (branch := _decoded(block, BranchRecord)) is not None and all(map(_is_sound, branch.messages)):
            pieces.branches.append(branch)
        else:
            pieces.lose(block)
    return pieces


def _blocks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name of the section, and a message, a branch, or what stands behind the name."""
    section, lines, is_in_list = b"", list[bytes](), False
    for line in data.split(b"\n"):
        top_level = _TOP_LEVEL.fullmatch(line)
        if (top_level or line == b"    {") and lines:
            yield section, b"\n".join(lines)
            lines = []
        if top_level:
            section, is_in_list = top_level[1], top_level[2] == b"["
            lines = [] if is_in_list else [top_level[2]]
        elif line == b"    {" or (lines and not line.startswith(b"    }")):
            lines.append(line)
        elif lines:
            lines.append(line.rstrip(b","))
            yield section, b"\n".join(lines)
            lines = []
    if lines:
        yield section, b"\n".join(lines)


def _decoded(block: bytes, kind: type[R]) -> R | None:
    block = block.strip().removesuffix(b",")
    try:
        return msgspec.json.decode(block, type=kind)
    except (ValueError, RecursionError):
        pass
    try:
        # Half of a surrogate pair, which only this one reads.
        return msgspec.convert(json.loads(block.decode("utf-8")), kind)
    except (ValueError, RecursionError):
        return None


def _is_sound(record: MessageRecord) -> bool:
    try:
        message_of_record(record, message_id=record.id, field="")
    except ValueError:
        return False
    return True


def _value(block: bytes) -> Any:
    try:
        return json.loads(block)
    except (ValueError, RecursionError):
        return None


# ── JSON that somebody wrote otherwise: one value after the other, up to the first that is none ──────────────────


def _of_any_json(data: bytes) -> _Pieces:
    pieces = _Pieces()
    text = data.decode("utf-8", "surrogateescape")
    begin = _MESSAGES.search(text)
    if begin is None:
        return pieces
    place, decoder = begin.end(), json.JSONDecoder()
    while place < len(text) and text[place] == "{":
        try:
            found, end = decoder.raw_decode(text, place)
            if _NOT_UTF8.search(text, place, end):
                break
            message = msgspec.convert(found, MessageRecord)
        except (ValueError, RecursionError):
            break
        if not _is_sound(message):
            break
        pieces.messages.append(message)
        between = _BETWEEN.match(text, end)
        place = end if between is None else between.end()
    pieces.unreadable_bytes = len(text[place:].encode("utf-8", "surrogateescape"))
    return pieces


# ── TOML: a text can hold lines that look like a message, so nothing is taken behind the damage ──────────────────


def _of_toml(data: bytes, name: str) -> _Pieces:
    pieces = _Pieces()
    # A block is whole when another one stands behind it: one that was cut off may be TOML as well.
    table, end = _longest_table(data, [found.start() for found in _BLOCKS_OF_TOML.finditer(data)], name)
    behind = _table(data[end:], name) if data.startswith(b"[end]", end) else None
    pieces.unreadable_bytes = len(data) - end if behind is None else 0
    pieces.fields = {key: value for key, value in table.items() if not isinstance(value, (dict, list))}
    try:
        pieces.control = msgspec.convert(table.get("control"), ControlRecord | None)
    except ValueError:
        pieces.control = None
    for found in _tables(table.get("messages")):
        message = _converted(found)
        if message is None:
            pieces.unreadable_messages += 1
        else:
            pieces.messages.append(message)
    last = behind.get("end") if behind else None
    if isinstance(last, dict) and last.get("complete") is True and type(last.get("sequence")) is int:
        pieces.sequence = last["sequence"]
    return pieces


def _longest_table(data: bytes, places: list[int], name: str) -> tuple[dict[str, Any], int]:
    """What the bytes up to one of the places say, and that place."""
    best, best_end = dict[str, Any](), 0
    low, high = 0, len(places)
    while low < high:
        middle = (low + high) // 2
        # A place in the middle of a text is none; one of the next is.
        for number in range(middle, min(high, middle + _FURTHER_BLOCKS)):
            table = _table(data[: places[number]], name)
            if table is not None:
                best, best_end, low = table, places[number], number + 1
                break
        else:
            high = middle
    return best, best_end


def _table(data: bytes, name: str) -> dict[str, Any] | None:
    try:
        return read_toml(data, name=name, limit_bytes=_LARGEST_BYTES)
    except Failure:
        return None


def _tables(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _converted(found: Any) -> MessageRecord | None:
    try:
        message = msgspec.convert(found, MessageRecord)
    except (ValueError, RecursionError):
        return None
    return message if _is_sound(message) else None


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _moment(found: Any) -> datetime | None:
    try:
        return msgspec.convert(found, datetime | None)
    except ValueError:
        return None


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


def _first_words(messages: list[MessageRecord]) -> str:
    return next((title_from_prompt(one.text) for one in messages if one.role == "user"), "")
