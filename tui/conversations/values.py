"""Conversation and Message: frozen values; ``edits`` makes new ones from old ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tui.conversations.control import NOTHING_SET, Control
from tui.engine import FinalCounts, ToolCall


class Role(StrEnum):
    system = "system"
    user = "user"
    assistant = "assistant"
    tool = "tool"


class MessageState(StrEnum):
    """How far a message came. Words on the screen are ``look.md``'s, not these."""

    complete = "complete"
    not_sent = "not_sent"
    """A prompt that was queued or typed and never left."""
    answering = "answering"
    """An answer under way; found on disk at a start, it was interrupted."""
    stopped = "stopped"
    """The person stopped it; what came is kept."""
    broken_off = "broken_off"
    """It ended without the server saying that it was done; what came is kept."""
    failed = "failed"
    """Nothing came; ``failure`` says why."""


class AttachmentKind(StrEnum):
    file = "file"
    """Text that goes along with the prompt."""
    image = "image"
    page = "page"
    """The text of a web page, as it was when it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What goes along with a prompt. Its content is kept beside the conversations, by its hash."""

    name: str
    """As the person named it: ``src/main.py``, ``cat.png``, ``https://example.org/``. Foreign text, raw."""
    sha256: str
    """Of the content, in hex: where it is kept."""
    size_bytes: int
    kind: AttachmentKind = AttachmentKind.file
    source: str = ""
    """Where it came from: an absolute path or an address."""
    tokens: int | None = None
    """About how many it costs; None when nobody can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A passage that the model was shown for an answer, numbered by its place."""

    title: str
    path: str
    first: int
    """Where it begins and ends, both included, in ``unit``."""
    last: int
    unit: str = "line"
    """``line`` or ``page``."""
    score: float | None = None

    @property
    def range_words(self) -> str:
        """``lines 10-25``, ``page 3``."""
        return f"{self.unit} {self.first}" if self.first == self.last else f"{self.unit}s {self.first}-{self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: str
    """Unique in its conversation."""
    role: Role
    text: str
    at: datetime
    """When it was sent or began, in UTC."""
    state: MessageState = MessageState.complete
    model: str = ""
    """Which model answered; empty for what a person wrote."""
    thinking: str = ""
    thinking_seconds: float | None = None
    thinking_pieces: int | None = None
    """About how many tokens the thinking had, counted from what arrived."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""
    """Of the tool whose result this is, for the role ``tool``."""
    tool_call_id: str = ""
    tool_outcome: str = ""
    """In one or two words: ``done``, ``refused``."""
    attachments: tuple[Attachment, ...] = ()
    sources: tuple[Source, ...] = ()
    first_token_seconds: float | None = None
    """From sending to the first text or thinking, on this machine's clock."""
    seconds: float | None = None
    """From sending to the end, on this machine's clock."""
    pieces: int | None = None
    """About how many tokens arrived, for an answer whose counts the server never gave."""
    counts: FinalCounts | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Another way the conversation went: an earlier version of a prompt or an answer, with all that followed it."""

    after: str
    """The id of the message that it follows, on the line or in another branch; empty: it begins the conversation."""
    messages: tuple[Message, ...]
    """At least one. Ids are unique over the line and all branches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    id: str
    """26 characters of Crockford's base 32; it names the file."""
    created_at: datetime
    updated_at: datetime
    title: str = ""
    """Empty until the first prompt gives one."""
    model: str = ""
    """The model that the next prompt goes to; empty: the default."""
    messages: tuple[Message, ...] = ()
    """The line that is shown and asked with, oldest first."""
    branches: tuple[Branch, ...] = ()
    """What is beside it, in the order in which it was left; with the line it makes a tree."""
    control: Control = NOTHING_SET


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a list shows of a conversation, without its messages."""

    id: str
    title: str
    model: str
    created_at: datetime
    updated_at: datetime
    message_count: int
    opening: str = ""
    """The beginning of the first prompt."""
    is_pinned: bool = False
