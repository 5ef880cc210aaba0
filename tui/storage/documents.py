"""A conversation as a document: JSON or TOML that a person can read, and back, with errors that name the field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from tui.conversations.control import NOTHING_SET, Control
from tui.conversations.ids import is_id
from tui.conversations.values import (
    Attachment,
    AttachmentKind,
    Branch,
    Conversation,
    Message,
    MessageState,
    Role,
    Source,
)
from tui.engine import FinalCounts, ToolCall
from tui.failures import Failure
from tui.storage.schema import (
    CONTROL_VERSION,
    PLAIN_VERSION,
    VERSION,
    AttachmentRecord,
    BranchRecord,
    ControlRecord,
    CountsRecord,
    DocumentRecord,
    EndRecord,
    MessageRecord,
    SourceRecord,
    ToolCallRecord,
)
from tui.toml import read_toml, write_toml

DocumentFormat = Literal["json", "toml"]

DOCUMENT_LIMIT_BYTES = 256 * 1024 * 1024

_NESTED_PLAINLY_LEVELS = 20
_SOMETHING = re.compile(rb"[^ \t\r\n\0]")
_OBJECT = re.compile(rb"[ \t\r\n]*\{")
_UNSEEN = re.compile("[\x80-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]")
"""What stays an escape in JSON: what UTF-8 cannot carry, and what a terminal would obey when someone prints the file."""

_UNSEEN_IN_UTF8 = re.compile(rb"\xc2[\x80-\x9f]|\xe2(?:\x80[\xa8-\xae]|\x81[\xa6-\xa9])|\xf3\xa0[\x80\x81][\x80-\xbf]")
"""The same in bytes; UTF-8 has no surrogates."""


class UnreadableDocument(Failure):
    """A document that is damaged, foreign or too large. It is left alone."""


class NewerDocument(UnreadableDocument):
    """A document that a newer chinwag wrote in a newer format. It must not be written over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    conversation: Conversation
    sequence: int
    """The number of the last journal record that the document holds; 0 without a journal."""


def encode(conversation: Conversation, *, format: DocumentFormat, sequence: int = 0) -> bytes:  # noqa: A002
    """The whole conversation as UTF-8 text. Raises ``Failure`` when tool arguments are no JSON at all."""
    if format == "toml":
        record = _record_of(conversation, sequence, arguments_as_text=True)
        return write_toml(msgspec.to_builtins(record, builtin_types=(datetime,)))
    return b"".join(_json_parts(conversation, sequence))


def decode(data: bytes, *, name: str, conversation_id: str | None = None) -> Conversation:
    """The conversation in a JSON or TOML document. Raises ``UnreadableDocument``; ``name`` is the file's, for that.

    ``conversation_id`` is the one that the file's name gives: it wins over what the document says of itself.
    """
    return read_document(data, name=name, conversation_id=conversation_id).conversation


def read_document(data: bytes, *, name: str, conversation_id: str | None = None) -> Document:
    """As ``decode``, with what else the document says."""
    if len(data) > DOCUMENT_LIMIT_BYTES:
        raise _unreadable(name, f"it is larger than {DOCUMENT_LIMIT_BYTES // 1024 // 1024} MB")
    if not _SOMETHING.search(data):
        raise _unreadable(name, "it holds nothing but zeros" if b"\0" in data else "it is empty")
    try:
        record = _read_record(data, name)
        if conversation_id is None and not is_id(record.id):
            raise ValueError("id: not 26 characters of base 32")
        conversation = _conversation_of(record, conversation_id or record.id)
        return Document(conversation=conversation, sequence=record.end.sequence)
    except (ValueError, OverflowError) as error:
        raise _unreadable(name, _in_words(error)) from error
    except RecursionError as error:
        raise _unreadable(name, "it is nested too deeply") from error


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_record(data: bytes, name: str) -> DocumentRecord:
    data = data.removeprefix(b"\xef\xbb\xbf")
    if _OBJECT.match(data):
        try:
            # Twice as fast, and stricter than JSON in Python: what it refuses, the other reader decides.
            record = msgspec.json.decode(data, type=DocumentRecord)
        except (ValueError, RecursionError):
            record = _typed(json.loads(data.decode("utf-8")), name)
    else:
        record = _typed(_toml(data, name), name)
    _check_version(record.chinwag, name)
    return record


def _toml(data: bytes, name: str) -> dict[str, Any]:
    try:
        return read_toml(data, name=name, limit_bytes=DOCUMENT_LIMIT_BYTES)
    except Failure as failure:
        raise _unreadable(name, failure.message) from failure


def _typed(found: Any, name: str) -> DocumentRecord:
    if not isinstance(found, dict) or "chinwag" not in found:
        raise ValueError("it is not a conversation of chinwag")
    # First of all: a newer format may have changed every other field.
    _check_version(found["chinwag"], name)
    if "end" not in found:
        raise ValueError("it was cut short: the end is missing")
    return msgspec.convert(found, DocumentRecord)


def _check_version(version: Any, name: str) -> None:
    if type(version) is not int or version < 1:
        raise ValueError("chinwag: expected the version of the format, a number from 1")
    if version > VERSION:
        raise NewerDocument(
            f"cannot open {name}",
            f"it was written in format {version}; this chinwag knows formats up to {VERSION}",
            "update chinwag; the file is left as it is",
        )


def _conversation_of(record: DocumentRecord, conversation_id: str) -> Conversation:
    if not record.end.complete:
        raise ValueError("end.complete: the document says that it is not complete")
    everything = [*record.messages, *(message for branch in record.branches for message in branch.messages)]
    ids = _unique(message.id for message in everything)
    messages = zip(record.messages, ids, range(len(record.messages)), strict=False)
    return Conversation(
        id=conversation_id,
        created_at=in_utc(record.created_at),
        updated_at=in_utc(record.updated_at),
        title=record.title,
        model=record.model,
        control=NOTHING_SET if record.control is None else control_of_record(record.control),
        messages=tuple(
            message_of_record(message, message_id=message_id, field=f"messages[{position}]")
            for message, message_id, position in messages
        ),
        branches=_branches_of(record, ids[len(record.messages) :]),
    )


def _branches_of(record: DocumentRecord, ids: list[str]) -> tuple[Branch, ...]:
    """``ids`` are those of their messages, one after the other. A branch without messages is none."""
    left = iter(ids)
    return tuple(
        Branch(
            after=branch.after,
            messages=tuple(
                message_of_record(message, message_id=next(left), field=f"branches[{number}].messages[{position}]")
                for position, message in enumerate(branch.messages)
            ),
        )
        for number, branch in enumerate(record.branches)
        if branch.messages
    )


def control_of_record(record: ControlRecord) -> Control:
    return Control(
        preset=record.preset,
        system=record.system,
        options=MappingProxyType(
            {name: tuple(value) if isinstance(value, list) else value for name, value in record.options.items()}
        ),
        format=record.format,
        format_name=record.format_name,
        when_full=record.when_full,
        left_out_until=record.left_out_until,
        left_out_at=record.left_out_at,
        tools=tuple(record.tools),
        tool_choice=record.tool_choice,
        allowed_tools=tuple(record.allowed_tools),
        documents=record.documents,
        is_pinned=record.is_pinned,
    )


def message_of_record(record: MessageRecord, *, message_id: str, field: str) -> Message:
    """Raises ``ValueError``; ``field`` is where the record stands, for that."""
    return Message(
        id=message_id,
        role=Role(record.role),
        text=record.text,
        at=in_utc(record.at),
        state=MessageState(record.state),
        model=record.model,
        thinking=record.thinking,
        thinking_seconds=record.thinking_seconds,
        thinking_pieces=record.thinking_pieces,
        tool_calls=tuple(
            tool_call_of_record(call, field=f"{field}.tool_calls[{number}]")
            for number, call in enumerate(record.tool_calls)
        ),
        tool_name=record.tool_name,
        tool_call_id=record.tool_call_id,
        tool_outcome=record.tool_outcome,
        attachments=tuple(_attachment_of(one) for one in record.attachments),
        sources=tuple(Source(**msgspec.structs.asdict(one)) for one in record.sources),
        first_token_seconds=record.first_token_seconds,
        seconds=record.seconds,
        pieces=record.pieces,
        counts=None if record.counts is None else FinalCounts(**msgspec.structs.asdict(record.counts)),
        failure=record.failure,
    )


def _attachment_of(record: AttachmentRecord) -> Attachment:
    if not re.fullmatch("[0-9a-f]{64}", record.sha256):
        raise ValueError("attachments: sha256: expected 64 hex digits")
    return Attachment(
        name=record.name,
        sha256=record.sha256,
        size_bytes=record.size_bytes,
        kind=AttachmentKind(record.kind),
        source=record.source,
        tokens=record.tokens,
    )


def tool_call_of_record(record: ToolCallRecord, *, field: str) -> ToolCall:
    """Raises ``ValueError``; ``field`` is where the record stands, for that."""
    return ToolCall(name=record.name, arguments=_arguments_of(record.arguments, f"{field}.arguments"), id=record.id)


def _arguments_of(arguments: dict[str, Any] | str, field: str) -> dict[str, Any]:
    if isinstance(arguments, dict):
        return arguments
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{field}: {_in_words(error)}") from error
    if isinstance(found, dict):
        return found
    raise ValueError(f"{field}: expected an object in JSON")


def _unique(ids: Iterator[str]) -> list[str]:
    """The ids in their order; one that came before gets a number, so that each still names one message."""
    unique: dict[str, None] = {}
    for wished in ids:
        given, number = wished, 2
        while given in unique:
            given, number = f"{wished}-{number}", number + 1
        unique[given] = None
    return list(unique)


def in_utc(moment: datetime) -> datetime:
    """A time without a zone counts as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _unreadable(name: str, cause: str) -> UnreadableDocument:
    return UnreadableDocument(f"cannot read {name}", cause, "the file is left as it is")


def _in_words(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return f"line {error.lineno}, column {error.colno}: {error.msg}"
        case UnicodeDecodeError():
            return f"byte {error.start + 1} is not UTF-8"
        case RecursionError():
            return "nested too deeply"
        case msgspec.ValidationError():
            what, _, field = str(error).partition(" - at `$.")
            what = (what[:1].lower() + what[1:]).replace("`", "")
            return f"{field.rstrip('`')}: {what}" if field else what
        case _:
            return str(error)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _json_parts(conversation: Conversation, sequence: int) -> Iterator[bytes]:
    """Message by message: other threads get their turn while a large document is written."""
    record = _record_of(replace(conversation, messages=()), sequence, arguments_as_text=False)
    record.chinwag = version_of(conversation)
    frame = _indented_json(record)
    before, end, after = frame.rpartition(b'  "end": {')
    yield before
    for number, message in enumerate(conversation.messages):
        yield b",\n    " if number else b'  "messages": [\n    '
        yield _indented_json(record_of_message(message, arguments_as_text=False)).replace(b"\n", b"\n    ")
    if conversation.messages:
        yield b"\n  ],\n"
    yield end + after + b"\n"


def _indented_json(record: msgspec.Struct) -> bytes:
    try:
        data = msgspec.json.format(msgspec.json.encode(record), indent=2)
    except UnicodeEncodeError:
        # Half of a surrogate pair: only the slower encoder writes it.
        return _escaped(json.dumps(msgspec.to_builtins(record), ensure_ascii=False, indent=2)).encode()
    return data if data.isascii() else b"".join(map(_escaped_line, data.splitlines(keepends=True)))


def _record_of(conversation: Conversation, sequence: int, *, arguments_as_text: bool) -> DocumentRecord:
    return DocumentRecord(
        chinwag=version_of(conversation),
        id=conversation.id,
        created_at=in_utc(conversation.created_at),
        updated_at=in_utc(conversation.updated_at),
        title=conversation.title,
        model=conversation.model,
        control=record_of_control(conversation.control) if conversation.control.is_set else None,
        messages=[record_of_message(message, arguments_as_text=arguments_as_text) for message in conversation.messages],
        branches=[
            BranchRecord(
                after=branch.after,
                messages=[record_of_message(one, arguments_as_text=arguments_as_text) for one in branch.messages],
            )
            for branch in conversation.branches
        ],
        end=EndRecord(sequence=sequence, complete=True),
    )


def version_of(conversation: Conversation) -> int:
    """The oldest format that loses nothing of it: as many programs as possible can read the document."""
    lines = (conversation.messages, *(branch.messages for branch in conversation.branches))
    control = conversation.control
    tools = control.tools or control.tool_choice or control.allowed_tools
    is_newer = bool(tools or control.documents or control.is_pinned)
    if conversation.branches or is_newer or any(_needs_newest(message) for line in lines for message in line):
        return VERSION
    return CONTROL_VERSION if conversation.control.is_set else PLAIN_VERSION


def _needs_newest(message: Message) -> bool:
    return bool(message.attachments or message.sources or message.tool_name or message.tool_call_id)


def record_of_control(control: Control) -> ControlRecord:
    return ControlRecord(
        preset=control.preset,
        system=control.system,
        options={
            name: list(value) if isinstance(value, tuple) else value for name, value in sorted(control.options.items())
        },
        format=control.format,
        format_name=control.format_name,
        when_full=control.when_full,
        left_out_until=control.left_out_until,
        left_out_at=control.left_out_at,
        tools=list(control.tools),
        tool_choice=control.tool_choice,
        allowed_tools=list(control.allowed_tools),
        documents=control.documents,
        is_pinned=control.is_pinned,
    )


def record_of_message(message: Message, *, arguments_as_text: bool) -> MessageRecord:
    """The message as it stands in a document. Raises ``Failure`` when tool arguments are no JSON at all."""
    return MessageRecord(
        id=message.id,
        role=message.role.value,
        at=in_utc(message.at),
        state=message.state.value,
        model=message.model,
        thinking=message.thinking,
        text=message.text,
        failure=message.failure,
        thinking_seconds=message.thinking_seconds,
        thinking_pieces=message.thinking_pieces,
        first_token_seconds=message.first_token_seconds,
        seconds=message.seconds,
        pieces=message.pieces,
        counts=None if message.counts is None else _record_of_counts(message.counts),
        tool_calls=[record_of_tool_call(call, arguments_as_text=arguments_as_text) for call in message.tool_calls],
        tool_name=message.tool_name,
        tool_call_id=message.tool_call_id,
        tool_outcome=message.tool_outcome,
        attachments=[_record_of_attachment(one) for one in message.attachments],
        sources=[_record_of_source(one) for one in message.sources],
    )


def _record_of_attachment(attachment: Attachment) -> AttachmentRecord:
    return AttachmentRecord(
        name=attachment.name,
        sha256=attachment.sha256,
        size_bytes=attachment.size_bytes,
        kind=attachment.kind.value,
        source=attachment.source,
        tokens=attachment.tokens,
    )


def _record_of_source(source: Source) -> SourceRecord:
    return SourceRecord(
        title=source.title,
        path=source.path,
        first=source.first,
        last=source.last,
        unit="page" if source.unit == "page" else "line",
        score=source.score,
    )


def record_of_tool_call(call: ToolCall, *, arguments_as_text: bool) -> ToolCallRecord:
    """Raises ``Failure`` when the arguments are no JSON at all."""
    return ToolCallRecord(name=call.name, arguments=_record_of_arguments(call, arguments_as_text), id=call.id)


def _record_of_counts(counts: FinalCounts) -> CountsRecord:
    return CountsRecord(
        done_reason=counts.done_reason,
        total_seconds=counts.total_seconds,
        load_seconds=counts.load_seconds,
        prompt_tokens=counts.prompt_tokens,
        prompt_seconds=counts.prompt_seconds,
        answer_tokens=counts.answer_tokens,
        answer_seconds=counts.answer_seconds,
    )


def _record_of_arguments(call: ToolCall, as_text: bool) -> dict[str, Any] | str:
    try:
        text = json.dumps(call.arguments, ensure_ascii=False, default=_mapping_as_dict)
        plain = json.loads(text, parse_constant=_refuse_constant)
    except _NoJson:
        return _escaped(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise Failure(
            f"cannot write the arguments of the tool {call.name}",
            _in_words(error),
            "the conversation is not saved; take that message out of it",
        ) from error
    if as_text or not _is_within(plain, _NESTED_PLAINLY_LEVELS):
        return _escaped(text)
    if not isinstance(plain, dict):
        raise Failure(f"cannot write the arguments of the tool {call.name}", "they are not an object")
    return plain


class _NoJson(Exception):
    """NaN or an infinity, which Python writes and other readers of JSON refuse."""


def _refuse_constant(constant: str) -> Any:
    raise _NoJson(constant)


def _mapping_as_dict(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a type that JSON has")


def _is_within(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        return True
    return levels > 0 and all(_is_within(part, levels - 1) for part in inner)


def _escaped_line(line: bytes) -> bytes:
    if line.isascii():
        return line
    return _UNSEEN_IN_UTF8.sub(lambda found: json.dumps(found.group().decode())[1:-1].encode(), line)


def _escaped(json_text: str) -> str:
    if json_text.isascii():
        return json_text
    return _UNSEEN.sub(lambda found: json.dumps(found.group())[1:-1], json_text)
