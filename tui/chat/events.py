"""What a session tells whoever listens. All of them are values; the session stays the one owner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.conversations.values import Conversation, Message
from tui.failures import Failure
from tui.ollama.slot_leak import StuckSlot


class Phase(StrEnum):
    """What happens at this moment, named only as far as it is known."""

    idle = "idle"
    waiting = "waiting"
    """Asked, and nothing is known about why the server is silent."""
    loading = "loading"
    """The server's list of models in memory lacked this one."""
    reading = "reading"
    """In memory and silent: it reads the prompt or serves somebody else first; the server does not say which."""
    thinking = "thinking"
    answering = "answering"


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


@dataclass(frozen=True, slots=True)
class MessageRemoved:
    message_id: str


@dataclass(frozen=True, slots=True)
class MessagesLeftOut:
    """The oldest messages do not fit any more and are not shown to the model, as the conversation says."""

    count: int


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
    | MessageRemoved
    | MessagesLeftOut
    | QueueChanged
    | ConversationChanged
    | SavingFailed
    | SavedAgain
    | ConversationReplaced
    | FollowingFailed
    | WriterLeft
    | HandedOver
)
