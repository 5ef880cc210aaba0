"""From records back to a conversation: the document that was written last, and what happened since.

Pure: nothing here touches a disk.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tui.conversations.edits import without_message
from tui.conversations.ids import time_of_id
from tui.conversations.titles import title_from_prompt
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.conversations.versions import (
    all_ids,
    branched_off,
    can_step_to,
    end_of_line,
    is_on_line,
    stepped_to,
    with_branches,
    with_inserted,
    without_branch,
)
from tui.engine import ToolCall
from tui.failures import Failure
from tui.storage.journal import Scan
from tui.storage.records import (
    Began,
    BegunAnswer,
    BranchedOff,
    ChangedControl,
    ChangedModel,
    ChangedTitle,
    EndedAnswer,
    Event,
    GrownAnswer,
    InsertedMessage,
    KeptPrompt,
    Record,
    RemovedBranch,
    RemovedFrom,
    RemovedMessage,
    ReplacedMessage,
    RestoredBranches,
    SentPrompt,
    SteppedTo,
    UnknownKind,
)

_Rearranged = BranchedOff | SteppedTo | RemovedBranch | RestoredBranches | InsertedMessage
"""What exchanges parts of the line, as a person does now and then."""


class _Growth:
    """What came of an answer since it was last put together."""

    def __init__(self, message: Message) -> None:
        self.text: list[str] = []
        self.thinking: list[str] = []
        self.tool_calls: list[ToolCall] = []
        self.pieces: int | None = message.pieces
        self.length = units_of(message.text) + units_of(message.thinking)

    def take(self, grown: GrownAnswer) -> None:
        self.text.append(grown.text)
        self.thinking.append(grown.thinking)
        self.tool_calls.extend(grown.tool_calls)
        if grown.pieces is not None:
            self.pieces = (self.pieces or 0) + grown.pieces
        self.length += units_of(grown.text) + units_of(grown.thinking)

    def put_together(self, message: Message) -> Message:
        return replace(
            message,
            text=message.text + "".join(self.text),
            thinking=message.thinking + "".join(self.thinking),
            tool_calls=(*message.tool_calls, *self.tool_calls),
            pieces=self.pieces,
        )


def units_of(text: str) -> int:
    """In UTF-16 units, which stay as many when two halves of a character meet."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


class ConversationBuilder:
    """A conversation that takes one event after the other; a part of an answer costs the same, however long it is."""

    def __init__(self, conversation: Conversation) -> None:
        self._frame = replace(conversation, messages=())
        self._messages = list(conversation.messages)
        self._places = {message.id: place for place, message in enumerate(self._messages)}
        self._beside = {one.id for branch in conversation.branches for one in branch.messages}
        self._growing: dict[str, _Growth] = {}
        self._built: Conversation | None = conversation
        self.incomplete: set[str] = set()
        """Ids of messages that miss a part in the middle."""

    @property
    def title(self) -> str:
        return self._frame.title

    @property
    def model(self) -> str:
        return self._frame.model

    def build(self) -> Conversation:
        """The conversation of this moment."""
        if self._built is None:
            for message_id, growth in self._growing.items():
                place = self._places[message_id]
                self._messages[place] = growth.put_together(self._messages[place])
            self._growing.clear()
            self._built = replace(self._frame, messages=tuple(self._messages))
        return self._built

    def length_of(self, message_id: str) -> int:
        """Text and thinking of a message so far, in UTF-16 units. Raises KeyError when it is not there."""
        return self._growth_of(message_id).length

    def refusal(self, event: Event) -> str:
        """Why the event cannot happen to this conversation; empty when it can."""
        match event:
            case KeptPrompt(message=message) | BegunAnswer(message=message):
                return self._refusal_of_new(message.id)
            case ReplacedMessage(message=message) | EndedAnswer(message=message):
                message_id = message.id
            case GrownAnswer() | SentPrompt() | RemovedMessage() | RemovedFrom():
                message_id = event.message_id
            case BranchedOff() | SteppedTo() | RemovedBranch() | RestoredBranches() | InsertedMessage():
                return self._refusal_to_rearrange(event)
            case _:
                return ""
        return "" if message_id in self._places else f"message {message_id!r} is not in the conversation"

    def _refusal_of_new(self, message_id: str) -> str:
        is_known = message_id in self._places or message_id in self._beside
        return f"message {message_id!r} is already in the conversation" if is_known else ""

    def _refusal_to_rearrange(self, event: _Rearranged) -> str:
        conversation = self.build()
        match event:
            case BranchedOff(message_id=message_id) if not is_on_line(conversation, message_id):
                return f"message {message_id!r} is not on the line"
            case SteppedTo(message_id=message_id) if not can_step_to(conversation, message_id):
                return f"no branch of the line begins with message {message_id!r}"
            case RemovedBranch(message_id=first) if all(one.messages[0].id != first for one in conversation.branches):
                return f"no branch begins with message {first!r}"
            case RestoredBranches(branches=branches):
                again = (self._refusal_of_new(one.id) for branch in branches for one in branch.messages)
                return next(filter(None, again), "")
            case InsertedMessage(message=message, after=after):
                is_lost = bool(after) and not is_on_line(conversation, after)
                return f"message {after!r} is not on the line" if is_lost else self._refusal_of_new(message.id)
            case _:
                return ""

    def apply(self, event: Event) -> None:
        """Takes what happened. What was damaged before it, and so cannot be as it was, is done as well as it can be."""
        self._built = None
        match event:
            case GrownAnswer():
                self._grow(event)
            case KeptPrompt(message=message, before=before):
                self._insert(message, self._places.get(before, len(self._messages)))
                self._touch(message.at)
                if not self._frame.title and message.role is not Role.tool:
                    self._frame = replace(self._frame, title=title_from_prompt(message.text))
            case BegunAnswer(message=message):
                self._insert(message, self._place_before_waiting())
                self._touch(message.at)
            case EndedAnswer(message=message, at=at) | ReplacedMessage(message=message, at=at):
                self._put(message)
                self._touch(at)
            case SentPrompt(message_id=message_id, at=at):
                self._send(message_id, at)
                self._touch(at)
            case RemovedMessage(message_id=message_id, at=at):
                self._remove(message_id, only=True)
                self._touch(at)
            case RemovedFrom(message_id=message_id, at=at):
                self._remove(message_id, only=False)
                self._touch(at)
            case BranchedOff() | SteppedTo() | RemovedBranch() | RestoredBranches() | InsertedMessage():
                self._rearrange(event)
            case ChangedTitle(title=title):
                self._frame = replace(self._frame, title=title)
            case ChangedModel(model=model, at=at):
                self._frame = replace(self._frame, model=model, updated_at=at)
            case ChangedControl(control=control):
                self._frame = replace(self._frame, control=control)

    def _rearrange(self, event: _Rearranged) -> None:
        """What it is about may have been lost: then everything stays where it is."""
        with suppress(KeyError, ValueError):
            self._take(_rearranged(self.build(), event))

    def _take(self, conversation: Conversation) -> None:
        self._frame = replace(conversation, messages=())
        self._messages = list(conversation.messages)
        self._number_places()
        self._beside = {one.id for branch in conversation.branches for one in branch.messages}
        self.incomplete &= all_ids(conversation)
        self._built = None

    def _touch(self, at: datetime) -> None:
        self._frame = replace(self._frame, updated_at=at)

    def _growth_of(self, message_id: str) -> _Growth:
        growth = self._growing.get(message_id)
        if growth is None:
            growth = self._growing[message_id] = _Growth(self._messages[self._places[message_id]])
        return growth

    def _grow(self, grown: GrownAnswer) -> None:
        if grown.message_id not in self._places:
            # Its beginning is lost; what came of it is not.
            at = self._frame.updated_at
            lost = Message(id=grown.message_id, role=Role.assistant, text="", at=at, state=MessageState.answering)
            self._insert(lost, self._place_before_waiting())
            self.incomplete.add(grown.message_id)
        growth = self._growth_of(grown.message_id)
        after = growth.length if grown.after is None else grown.after
        if after < growth.length:
            # The same part was written before.
            return
        if after > growth.length:
            self.incomplete.add(grown.message_id)
            growth.length = after
        growth.take(grown)

    def _put(self, message: Message) -> None:
        place = self._places.get(message.id)
        self._growing.pop(message.id, None)
        self.incomplete.discard(message.id)
        if place is None and message.id in self._beside:
            self._put_beside(message)
        elif place is None:
            self._insert(message, self._place_before_waiting())
        else:
            self._messages[place] = message

    def _put_beside(self, message: Message) -> None:
        """A program that does not know branches took the message for one of the line."""
        branches = tuple(
            replace(one, messages=tuple(message if other.id == message.id else other for other in one.messages))
            for one in self._frame.branches
        )
        self._frame = replace(self._frame, branches=branches)

    def _send(self, message_id: str, at: datetime) -> None:
        place = self._places.get(message_id)
        if place is not None:
            message = self._messages.pop(place)
            sent = replace(message, state=MessageState.complete, at=at)
            self._messages.insert(self._place_before_waiting(), sent)
            self._number_places()

    def _remove(self, message_id: str, *, only: bool) -> None:
        place = self._places.get(message_id)
        if place is None:
            return
        upto = place + 1 if only else len(self._messages)
        first = self._messages[place]
        for message in self._messages[place:upto]:
            self._growing.pop(message.id, None)
            self.incomplete.discard(message.id)
        if self._frame.branches:
            # What hung on a message that is gone hangs on the one before it.
            shorter = self.build()
            for message in shorter.messages[place:upto]:
                shorter = without_message(shorter, message.id, now=shorter.updated_at)
            self._frame, self._built = replace(shorter, messages=()), None
        del self._messages[place:upto]
        self._number_places()
        if not self._messages and self._frame.title == title_from_prompt(first.text):
            # The title came from a prompt that was taken back.
            self._frame = replace(self._frame, title="")

    def _insert(self, message: Message, place: int) -> None:
        known = self._places.get(message.id)
        if known is not None:
            if replace(self._messages[known], state=message.state, at=message.at) == message:
                return
            message = replace(message, id=self._unused(message.id))
        elif message.id in self._beside:
            message = replace(message, id=self._unused(message.id))
        self._messages.insert(place, message)
        if place == len(self._messages) - 1:
            self._places[message.id] = place
        else:
            self._number_places()

    def _place_before_waiting(self) -> int:
        place = len(self._messages)
        while place and self._messages[place - 1].state is MessageState.not_sent:
            place -= 1
        return place

    def _number_places(self) -> None:
        self._places = {message.id: place for place, message in enumerate(self._messages)}

    def _unused(self, wished: str) -> str:
        number = 2
        while self._refusal_of_new(f"{wished}-{number}"):
            number += 1
        return f"{wished}-{number}"


def _rearranged(conversation: Conversation, event: _Rearranged) -> Conversation:
    """Raises KeyError or ValueError for what cannot happen to it."""
    match event:
        case BranchedOff(message_id=message_id, at=at):
            return branched_off(conversation, message_id, now=at)
        case SteppedTo(message_id=message_id, at=at):
            return stepped_to(conversation, message_id, now=at)
        case RemovedBranch(message_id=message_id, at=at):
            return without_branch(conversation, message_id, now=at)
        case RestoredBranches(branches=branches, at=at):
            return with_branches(conversation, branches, now=at)
        case InsertedMessage(message=message, after=after, at=at):
            if after and not is_on_line(conversation, after):
                end = end_of_line(conversation)
                after = conversation.messages[end - 1].id if end else ""
            return with_inserted(conversation, message, after=after, carried=event.carried, now=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What could not be read of a journal, or of a document."""

    is_document: bool = False
    """It was the document that was damaged."""
    unreadable_messages: int = 0
    """Of the document, as far as they can be told apart."""
    unreadable_records: int = 0
    """Lines, or parts of lines, that are no record."""
    unreadable_bytes: int = 0
    missing_records: int = 0
    """Numbers that nobody has: records that were there once, damaged ones among them."""
    incomplete_messages: tuple[str, ...] = ()
    """Ids of messages that miss a part in the middle, because a record of it is missing."""
    kept: Path | None = None
    """Where the bytes are that could not be read; None when nothing was changed, since somebody else writes."""

    def __bool__(self) -> bool:
        return bool(self.is_document or self.unreadable_bytes or self.missing_records or self.incomplete_messages)

    def as_failure(self) -> Failure:
        """In words, to be said once."""
        parts = []
        if self.unreadable_messages:
            parts.append("1 message" if self.unreadable_messages == 1 else f"{self.unreadable_messages} messages")
            parts[-1] += " cannot be read"
        if self.unreadable_bytes:
            parts.append(f"{self.unreadable_bytes} bytes of it are damaged")
        if self.missing_records:
            records = "record is" if self.missing_records == 1 else "records are"
            parts.append(f"{self.missing_records} {records} missing")
        if self.incomplete_messages:
            messages = "message lacks" if len(self.incomplete_messages) == 1 else "messages lack"
            parts.append(f"{len(self.incomplete_messages)} {messages} a part")
        kept = "" if self.kept is None else f"what cannot be read is kept in {self.kept.name}"
        words = ", ".join(parts) or "its document was cut short"
        return Failure("a part of this conversation is lost", words, kept or "nothing was changed on the disk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    conversation: Conversation
    sequence: int
    """The number of the last record, in the document or in the journal."""
    replayed_records: int
    """How many the document lacked."""
    has_unknown_kinds: bool
    """A newer chinwag wrote into the journal; only it can make a document of all of it."""
    damage: Damage


def replay(conversation_id: str, document: Conversation | None, sequence: int, found: Scan) -> Replayed:
    """The conversation as it was last.

    ``sequence`` is that of the last record in ``document``; nothing up to it is taken again. Without a document the
    conversation begins as the journal says. Records count by their place; one that stands there twice counts once.
    """
    head = next((one.value for one in found.records if isinstance(one.value, Began)), None)
    base = document or _beginning(conversation_id, head)
    builder = ConversationBuilder(base)
    first = sequence
    taken: dict[int, Record] = {}
    unknown = False
    missing = 0
    last = sequence
    for record in found.records:
        value = record.value
        if isinstance(value, Began):
            # What the journal goes on from was there: a document before it, or nothing.
            missing += max(0, record.sequence - last)
            last = max(last, record.sequence)
            continue
        if record.sequence <= first or taken.get(record.sequence) == record:
            continue
        taken[record.sequence] = record
        missing += max(0, record.sequence - last - 1)
        last = max(last, record.sequence)
        if isinstance(value, UnknownKind):
            unknown = True
        else:
            builder.apply(value)
    damaged = found.unreadable if found.torn is None else (*found.unreadable, found.torn)
    return Replayed(
        conversation=builder.build(),
        sequence=last,
        replayed_records=len(taken),
        has_unknown_kinds=unknown,
        damage=Damage(
            unreadable_records=len(damaged),
            unreadable_bytes=sum(end - start for start, end in damaged),
            missing_records=missing,
            incomplete_messages=tuple(sorted(builder.incomplete)),
        ),
    )


def _beginning(conversation_id: str, head: Began | None) -> Conversation:
    if head is None:
        at = time_of_id(conversation_id)
        return Conversation(id=conversation_id, created_at=at, updated_at=at)
    return Conversation(
        id=conversation_id,
        created_at=head.created_at,
        updated_at=head.updated_at,
        title=head.title,
        model=head.model,
        control=head.control,
    )
