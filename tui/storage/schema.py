"""Versions 1 to 3 of a conversation's document, as it stands in a file: JSON and TOML carry the same.

These types are the format. They stay as they are when ``conversations.values`` changes: a document that was written
once loads for ever. A field may be added with a default; anything else is a new version beside this one.
Absent means the default. Durations are seconds, counts are tokens, times are in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

VERSION = 3
"""The newest format that is known here: with branches, attachments, sources and results of tools."""
CONTROL_VERSION = 2
"""What is written of a conversation with settings of its own and nothing of what came later."""
PLAIN_VERSION = 1
"""What is written of a conversation without settings of its own: an older chinwag, which would lose those, reads it."""


class ToolCallRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    name: str
    arguments: dict[str, Any] | str = {}
    """An object, or a string with the object's JSON in it: always so in TOML, and in JSON where no other reader
    could be trusted with it (NaN, very deep nesting)."""
    id: str = ""


class CountsRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    done_reason: str = ""
    total_seconds: float | None = None
    load_seconds: float | None = None
    prompt_tokens: int | None = None
    prompt_seconds: float | None = None
    answer_tokens: int | None = None
    answer_seconds: float | None = None


class AttachmentRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Since version 3, as all that is about attachments, sources and results of tools."""

    name: str
    sha256: str
    size_bytes: int
    kind: Literal["file", "image", "page"] = "file"
    source: str = ""
    tokens: int | None = None


class SourceRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    title: str
    path: str
    first: int
    last: int
    unit: Literal["line", "page"] = "line"
    score: float | None = None


class MessageRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    id: str
    role: Literal["system", "user", "assistant", "tool"]
    at: datetime
    state: Literal["complete", "not_sent", "answering", "stopped", "broken_off", "failed"] = "complete"
    model: str = ""
    thinking: str = ""
    text: str = ""
    failure: str = ""
    thinking_seconds: float | None = None
    thinking_pieces: int | None = None
    first_token_seconds: float | None = None
    seconds: float | None = None
    pieces: int | None = None
    counts: CountsRecord | None = None
    tool_calls: list[ToolCallRecord] = []
    tool_name: str = ""
    tool_call_id: str = ""
    tool_outcome: str = ""
    attachments: list[AttachmentRecord] = []
    sources: list[SourceRecord] = []


class BranchRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Beside the line of messages; since version 3."""

    after: str = ""
    messages: list[MessageRecord] = []


class ControlRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a conversation has set for itself; since version 2."""

    preset: str = ""
    system: str | None = None
    options: dict[str, str | bool | int | float | list[str]] = {}
    format: str | None = None
    format_name: str = ""
    when_full: str = ""
    left_out_until: str = ""
    left_out_at: str = ""
    tools: list[str] = []
    """Since version 3, as all that follow."""
    tool_choice: str = ""
    allowed_tools: list[str] = []
    documents: bool = False
    is_pinned: bool = False


class EndRecord(msgspec.Struct, kw_only=True):
    """Stands last in the file: without it the file was cut short, which TOML alone would not show."""

    sequence: int
    """The number of the last journal record that this document holds; 0 without a journal."""
    complete: bool


class DocumentRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    chinwag: int
    """The version of the format."""
    id: str
    created_at: datetime
    updated_at: datetime
    title: str = ""
    model: str = ""
    control: ControlRecord | None = None
    messages: list[MessageRecord] = []
    branches: list[BranchRecord] = []
    end: EndRecord
