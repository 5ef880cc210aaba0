"""What a session tells whoever listens. All of them are values; the session stays the one owner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.chat.passages import Passages
from tui.conversations.values import Conversation, Message
from tui.failures import Failure
from tui.ollama.slot_leak import StuckSlot


class Phase(StrEnum):
    """What happens at this moment, named only as far as it is known."""

    idle = "idle"
    waiting = "waiting"
    """Asked, and nothing is known about why the server is silent."""
    searching = "searching"
    """The person's documents, for passages that go along; nothing was sent yet."""
    loading = "loading"
    """The server's list of models in memory lacked this one."""
    reading = "reading"
    """In memory and silent: it reads the prompt or serves somebody else first; the server does not say which."""
    thinking = "thinking"
    answering = "answering"
    asking = "asking"
    """A call of a tool waits for the person's yes."""
    calling = "calling"
    """A tool runs."""


@dataclass(frozen=True, slots=True)
class PromptAdded:
    message: Message


@dataclass(frozen=True, slots=True)
class AnswerBegan:
    message: Message


@dataclass(frozen=True, slots=True)
class AnswerGrew:
    text: str
    thinking: str


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    phase: Phase


@dataclass(frozen=True, slots=True)
class AnswerSeemsStuck:
    """Its model is loaded, and nothing has come for long. A guess, and something may come yet."""

    stuck: StuckSlot


@dataclass(frozen=True, slots=True)
class AnswerEnded:
    message: Message
    failure: Failure | None = None
    brought: Message | None = None
    """Where it went on with an answer, that with the numbers of this request alone."""


@dataclass(frozen=True, slots=True)
class ToolsNotOffered:
    """The conversation wants tools that its model is not told of, with why for each."""

    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class ToolEnded:
    """What came of a call; the message is in the conversation from here on."""

    message: Message


@dataclass(frozen=True, slots=True)
class ToolsEnded:
    """The calls of an answer are over, and the model is not asked again."""

    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class MessageRemoved:
    message_id: str


@dataclass(frozen=True, slots=True)
class MessagesLeftOut:
    """The oldest messages do not fit any more and are not shown to the model, as the conversation says."""

    count: int


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """What of the person's documents goes along with the prompt; it may be nothing."""

    passages: Passages


@dataclass(frozen=True, slots=True)
class AttachmentsLost:
    """What was attached to earlier prompts and is gone or damaged: the request goes without it and says so."""

    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class QueueChanged:
    prompts: tuple[str, ...]
    is_paused: bool


@dataclass(frozen=True, slots=True)
class ConversationChanged:
    """Its title or its model changed."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class SavingFailed:
    failure: Failure


@dataclass(frozen=True, slots=True)
class SavedAgain:
    """What could not be saved before is on disk."""


@dataclass(frozen=True, slots=True)
class ConversationReplaced:
    """Somebody else changed more of it than the other events tell: everything is to be shown anew."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class FollowingFailed:
    """What another chinwag writes is not seen any more, or could not be asked for."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class WriterLeft:
    """The other chinwag let go of the conversation: it can be opened for writing."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """Another chinwag asked for the conversation, and has it: here it is followed from now on."""


SessionEvent = (
    PromptAdded
    | AnswerBegan
    | AnswerGrew
    | AnswerSeemsStuck
    | PhaseChanged
    | AnswerEnded
    | ToolsNotOffered
    | ToolEnded
    | ToolsEnded
    | MessageRemoved
    | MessagesLeftOut
    | AttachmentsLost
    | PassagesFound
    | QueueChanged
    | ConversationChanged
    | SavingFailed
    | SavedAgain
    | ConversationReplaced
    | FollowingFailed
    | WriterLeft
    | HandedOver
)
