"""Records of a journal: what happened to a conversation, each as one line of ASCII JSON with a number and a check sum.

A line is ``{"c":"<CRC-32 of the record, 8 hex digits>","r":<record>}`` and a record
``{"n":<number>,"k":"<kind>",…}``. ASCII, because no reader then sees more lines than were written, and half of a
surrogate pair can be kept as well. A kind that is not known here was written by a newer chinwag.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import msgspec

from tui.conversations.control import NOTHING_SET, Control
from tui.conversations.values import Branch, Conversation, Message
from tui.engine import ToolCall
from tui.storage.documents import (
    control_of_record,
    in_utc,
    message_of_record,
    record_of_control,
    record_of_message,
    record_of_tool_call,
    tool_call_of_record,
)
from tui.storage.schema import ControlRecord, MessageRecord, ToolCallRecord

FORMAT = 1
"""The version of the lines that are written here."""

LINE_START = b'{"c":"'
"""What every line begins with. Inside of a text it cannot stand: quotes are escaped there."""

_MIDDLE = b'","r":'
_SUM_END = len(LINE_START) + 8
_RECORD_START = _SUM_END + len(_MIDDLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The first record of every journal: the conversation without its messages, as the document has it."""

    id: str
    created_at: datetime
    updated_at: datetime
    title: str = ""
    model: str = ""
    control: Control = NOTHING_SET
    format: int = FORMAT
    reader: int = FORMAT
    """The oldest format whose programs may read and continue this journal."""

    @staticmethod
    def of(conversation: Conversation) -> Began:
        return Began(
            id=conversation.id,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
            title=conversation.title,
            model=conversation.model,
            control=conversation.control,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPrompt:
    """A prompt that is about to leave or waits: its state is ``not_sent``. The first one gives the title."""

    message: Message
    before: str = ""
    """The id of the waiting prompt that it goes before; empty: it goes to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPrompt:
    """A kept prompt leaves: it is ``complete`` from here on, and ``at`` is its time."""

    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunAnswer:
    """An answer under way; it goes before the prompts that wait."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class GrownAnswer:
    """What one read of the socket brought."""

    message_id: str
    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    after: int | None = None
    """How much text and thinking the answer had before, in UTF-16 units. None: whoever writes it knows."""
    pieces: int | None = None
    """In how many pieces it came, which is about its tokens. None: nobody counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAnswer:
    """The whole answer in its last state, whatever became of its parts."""

    message: Message
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacedMessage:
    """A message was edited: this one stands in the place of the one that has its id."""

    message: Message
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedMessage:
    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedFrom:
    """The message and all after it are gone."""

    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchedOff:
    """The message and all that follow it stand beside the line from here on; prompts that wait stay where they are."""

    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SteppedTo:
    """The branch that begins with the message is on the line, and what was there stands in its place."""

    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedBranch:
    """The branch that begins with the message is gone, with all that hung on it."""

    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredBranches:
    """What ``RemovedBranch`` took is there again."""

    branches: tuple[Branch, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertedMessage:
    """A message among others: one that was taken out stands in its place again, or a summary in that of many."""

    message: Message
    after: str
    """The id of the message that it follows; empty: it begins the conversation."""
    carried: tuple[str, ...] = ()
    """The first messages of the branches that hang on it from here on."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTitle:
    title: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedModel:
    model: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedControl:
    """What the conversation has set for itself, all of it."""

    control: Control
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownKind:
    """What a newer chinwag wrote. It is skipped, and its journal is kept."""

    kind: str


Event = (
    KeptPrompt
    | SentPrompt
    | BegunAnswer
    | GrownAnswer
    | EndedAnswer
    | ReplacedMessage
    | RemovedMessage
    | RemovedFrom
    | BranchedOff
    | SteppedTo
    | RemovedBranch
    | RestoredBranches
    | InsertedMessage
    | ChangedTitle
    | ChangedModel
    | ChangedControl
)
"""What happens to a conversation."""

RecordValue = Event | Began | UnknownKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    sequence: int
    """Counts a conversation's records through all of its journals. That of ``Began`` is the one before the first."""
    value: RecordValue


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

_ENCODE = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode


def encode_line(sequence: int, value: Event | Began) -> bytes:
    """One line with its end. Raises ``Failure`` when the arguments of a tool call are no JSON at all."""
    kind, fields = _fields_of(value)
    body = _ENCODE({"n": sequence, "k": kind, **fields}).encode("ascii")
    return b'{"c":"%08x","r":%b}\n' % (crc32(body), body)


def _fields_of(value: Event | Began) -> tuple[str, dict[str, Any]]:
    match value:
        case GrownAnswer():
            return "grown", _grown_fields(value)
        case KeptPrompt(message=message, before=before):
            return "prompt", {"m": _message_fields(message), **({"before": before} if before else {})}
        case SentPrompt(message_id=message_id, at=at):
            return "sent", {"id": message_id, "at": _time(at)}
        case BegunAnswer(message=message):
            return "began", {"m": _message_fields(message)}
        case EndedAnswer(message=message, at=at):
            return "ended", {"m": _message_fields(message), "at": _time(at)}
        case ReplacedMessage(message=message, at=at):
            return "replaced", {"m": _message_fields(message), "at": _time(at)}
        case RemovedMessage(message_id=message_id, at=at):
            return "removed", {"id": message_id, "at": _time(at)}
        case RemovedFrom(message_id=message_id, at=at):
            return "removed-from", {"id": message_id, "at": _time(at)}
        case BranchedOff(message_id=message_id, at=at):
            return "branched-off", {"id": message_id, "at": _time(at)}
        case SteppedTo(message_id=message_id, at=at):
            return "stepped-to", {"id": message_id, "at": _time(at)}
        case RemovedBranch(message_id=message_id, at=at):
            return "removed-branch", {"id": message_id, "at": _time(at)}
        case RestoredBranches(branches=branches, at=at):
            return "restored-branches", {"branches": [_branch_fields(one) for one in branches], "at": _time(at)}
        case InsertedMessage(message=message, at=at):
            return "inserted", {
                "m": _message_fields(message),
                "after": value.after,
                "carried": list(value.carried),
                "at": _time(at),
            }
        case ChangedTitle(title=title, at=at):
            return "title", {"title": title, "at": _time(at)}
        case ChangedModel(model=model, at=at):
            return "model", {"model": model, "at": _time(at)}
        case ChangedControl(control=control, at=at):
            return "control", {"control": _control_fields(control), "at": _time(at)}
        case Began():
            return "head", {
                "format": value.format,
                "reader": value.reader,
                "id": value.id,
                "created_at": _time(value.created_at),
                "updated_at": _time(value.updated_at),
                "title": value.title,
                "model": value.model,
                **({"control": _control_fields(value.control)} if value.control.is_set else {}),
            }


def _grown_fields(value: GrownAnswer) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": value.message_id}
    if value.after is not None:
        fields["o"] = value.after
    if value.pieces is not None:
        fields["p"] = value.pieces
    if value.text:
        fields["x"] = value.text
    if value.thinking:
        fields["th"] = value.thinking
    if value.tool_calls:
        fields["calls"] = [
            msgspec.to_builtins(record_of_tool_call(call, arguments_as_text=False)) for call in value.tool_calls
        ]
    return fields


def _control_fields(control: Control) -> Any:
    return msgspec.to_builtins(record_of_control(control))


def _message_fields(message: Message) -> Any:
    return msgspec.to_builtins(record_of_message(message, arguments_as_text=False))


def _branch_fields(branch: Branch) -> dict[str, Any]:
    return {"after": branch.after, "messages": [_message_fields(one) for one in branch.messages]}


def _time(at: datetime) -> str:
    return in_utc(at).isoformat()


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def decode_line(line: bytes) -> Record | None:
    """The record in a line without its end; None when the line is not, to the last bit, one that was written so."""
    if not (line.startswith(LINE_START) and line.endswith(b"}") and line[_SUM_END:_RECORD_START] == _MIDDLE):
        return None
    body = line[_RECORD_START:-1]
    if line[len(LINE_START) : _SUM_END] != b"%08x" % crc32(body):
        return None
    try:
        found = json.loads(body)
        sequence, kind = found["n"], found["k"]
        if type(sequence) is not int or sequence < 0 or not isinstance(kind, str):
            return None
        reader = _READERS.get(kind)
        return Record(sequence=sequence, value=UnknownKind(kind=kind) if reader is None else reader(found))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        # The sum is right, so this was written by something else than this program.
        return None


def _read_grown(found: Mapping[str, Any]) -> GrownAnswer:
    calls = msgspec.convert(found.get("calls", []), list[ToolCallRecord])
    after, pieces = found.get("o"), found.get("p")
    return GrownAnswer(
        message_id=_text(found["id"]),
        text=_text(found.get("x", "")),
        thinking=_text(found.get("th", "")),
        tool_calls=tuple(tool_call_of_record(call, field=f"calls[{number}]") for number, call in enumerate(calls)),
        after=None if after is None else _number(after),
        pieces=None if pieces is None else _number(pieces),
    )


def _read_head(found: Mapping[str, Any]) -> Began:
    if _number(found["reader"]) > FORMAT:
        # Whatever else it says may mean something new.
        unknown = datetime.min.replace(tzinfo=UTC)
        return Began(
            id="", created_at=unknown, updated_at=unknown, format=_number(found["format"]), reader=found["reader"]
        )
    return Began(
        id=_text(found["id"]),
        created_at=_moment(found["created_at"]),
        updated_at=_moment(found["updated_at"]),
        title=_text(found["title"]),
        model=_text(found["model"]),
        control=_control(found.get("control", {})),
        format=_number(found["format"]),
        reader=_number(found["reader"]),
    )


def _read_message(found: Mapping[str, Any]) -> Message:
    record = msgspec.convert(found["m"], MessageRecord)
    return message_of_record(record, message_id=record.id, field="m")


def _read_branch(found: Mapping[str, Any]) -> Branch:
    messages = tuple(_read_message({"m": one}) for one in found["messages"])
    if not messages:
        raise ValueError("a branch without a message")
    return Branch(after=_text(found["after"]), messages=messages)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Event | Began]] = {
    "grown": _read_grown,
    "head": _read_head,
    "prompt": lambda found: KeptPrompt(message=_read_message(found), before=_text(found.get("before", ""))),
    "sent": lambda found: SentPrompt(message_id=_text(found["id"]), at=_moment(found["at"])),
    "began": lambda found: BegunAnswer(message=_read_message(found)),
    "ended": lambda found: EndedAnswer(message=_read_message(found), at=_moment(found["at"])),
    "replaced": lambda found: ReplacedMessage(message=_read_message(found), at=_moment(found["at"])),
    "removed": lambda found: RemovedMessage(message_id=_text(found["id"]), at=_moment(found["at"])),
    "removed-from": lambda found: RemovedFrom(message_id=_text(found["id"]), at=_moment(found["at"])),
    "branched-off": lambda found: BranchedOff(message_id=_text(found["id"]), at=_moment(found["at"])),
    "stepped-to": lambda found: SteppedTo(message_id=_text(found["id"]), at=_moment(found["at"])),
    "removed-branch": lambda found: RemovedBranch(message_id=_text(found["id"]), at=_moment(found["at"])),
    "restored-branches": lambda found: RestoredBranches(
        branches=tuple(_read_branch(one) for one in found["branches"]), at=_moment(found["at"])
    ),
    "inserted": lambda found: InsertedMessage(
        message=_read_message(found),
        after=_text(found["after"]),
        carried=tuple(_text(one) for one in found["carried"]),
        at=_moment(found["at"]),
    ),
    "title": lambda found: ChangedTitle(title=_text(found["title"]), at=_moment(found["at"])),
    "control": lambda found: ChangedControl(control=_control(found["control"]), at=_moment(found["at"])),
    "model": lambda found: ChangedModel(model=_text(found["model"]), at=_moment(found["at"])),
}


def _control(found: Any) -> Control:
    return control_of_record(msgspec.convert(found, ControlRecord))


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise TypeError("expected text")
    return found


def _number(found: Any) -> int:
    if type(found) is not int or found < 0:
        raise TypeError("expected a number from 0")
    return found


def _moment(found: Any) -> datetime:
    return in_utc(datetime.fromisoformat(_text(found)))
