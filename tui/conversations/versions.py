"""Versions: the other ways that a conversation went beside its line. Pure; ``now`` becomes its ``updated_at``.

A branch hangs on a message by its id, so it stays where it is when the line is exchanged around it. Prompts that wait at
the end of the line belong to no version: they stay there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tui.conversations.titles import title_from_prompt
from tui.conversations.values import Branch, Conversation, Message, MessageState

BEGINNING = ""
"""What the first message of a conversation follows."""
FORK_MARK = " (fork)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What was said at one place, in the order of making: the first messages of the line and of the branches there."""

    firsts: tuple[Message, ...]
    current: int
    """Which of them is on the line, from 0; -1 when the line ends before the place."""

    @property
    def number(self) -> int:
        """Of the current one, from 1; 0 when the line ends before the place."""
        return self.current + 1

    @property
    def count(self) -> int:
        return len(self.firsts)

    def beside(self, steps: int) -> Message | None:
        """The one so many places after the current one, or before it; None when there is none."""
        place = self.current + steps
        return self.firsts[place] if 0 <= place < len(self.firsts) and place != self.current else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Which version a message of the line is: ``2`` of ``3``."""

    number: int
    count: int


def versions_at(conversation: Conversation, message_id: str) -> Versions:
    """At the place of a message on the line. Raises KeyError when it is not there."""
    place = _place_of(conversation, message_id)
    return versions_after(conversation, conversation.messages[place - 1].id if place else BEGINNING)


def versions_after(conversation: Conversation, message_id: str) -> Versions:
    """Of what follows a message on the line, or ``BEGINNING``. Raises KeyError when it is not there."""
    place = _next_place(conversation, message_id)
    on_line = conversation.messages[place : place + 1] if place < end_of_line(conversation) else ()
    firsts = [*on_line, *(one.messages[0] for one in conversation.branches if one.after == message_id)]
    firsts.sort(key=_made_at)
    current = next((index for index, one in enumerate(firsts) if on_line and one.id == on_line[0].id), -1)
    return Versions(firsts=tuple(firsts), current=current)


def marks(conversation: Conversation) -> Mapping[str, Mark]:
    """By id, the messages of the line that have other versions."""
    if not conversation.branches:
        return {}
    beside: dict[str, list[Message]] = {}
    for branch in conversation.branches:
        beside.setdefault(branch.after, []).append(branch.messages[0])
    found: dict[str, Mark] = {}
    before = BEGINNING
    for message in conversation.messages[: end_of_line(conversation)]:
        if others := beside.get(before):
            earlier = sum(1 for one in others if _made_at(one) < _made_at(message))
            found[message.id] = Mark(number=earlier + 1, count=len(others) + 1)
        before = message.id
    return found


def branched_off(conversation: Conversation, message_id: str, *, now: datetime) -> Conversation:
    """The message and all that follow it are beside the line. Raises KeyError when it is not on the line."""
    place, end = _place_of(conversation, message_id), end_of_line(conversation)
    if place >= end:
        raise KeyError(message_id)
    messages = conversation.messages
    branch = Branch(after=messages[place - 1].id if place else BEGINNING, messages=messages[place:end])
    return replace(
        conversation,
        messages=messages[:place] + messages[end:],
        branches=(*conversation.branches, branch),
        updated_at=now,
    )


def stepped_to(conversation: Conversation, message_id: str, *, now: datetime) -> Conversation:
    """The branch that begins with the message is on the line, and what was there is in its place.

    Raises KeyError when no branch that hangs on the line begins with it.
    """
    index = _index_of_branch(conversation, message_id)
    branch = conversation.branches[index]
    place, end = _next_place(conversation, branch.after), end_of_line(conversation)
    messages = conversation.messages
    left = (Branch(after=branch.after, messages=messages[place:end]),) if place < end else ()
    return replace(
        conversation,
        messages=messages[:place] + branch.messages + messages[end:],
        branches=conversation.branches[:index] + left + conversation.branches[index + 1 :],
        updated_at=now,
    )


def steps_to(conversation: Conversation, message_id: str) -> tuple[str, ...]:
    """To which messages one steps, one after the other, until that message is on the line; none when it is.

    Raises KeyError when it is nowhere.
    """
    steps: list[str] = []
    on_line = {one.id for one in conversation.messages}
    wanted = message_id
    branch_of = {one.id: branch for branch in conversation.branches for one in branch.messages}
    while wanted not in on_line:
        branch = branch_of.pop(wanted)
        steps.insert(0, branch.messages[0].id)
        if branch.after == BEGINNING:
            break
        wanted = branch.after
    return tuple(steps)


def with_inserted(
    conversation: Conversation, message: Message, *, after: str, carried: Sequence[str] = (), now: datetime
) -> Conversation:
    """With the message behind ``after``, and the branches that begin with ``carried`` hanging on it.

    It undoes ``edits.without_message``. Raises KeyError when ``after`` is not on the line, ValueError when the message is in the conversation.
    """
    if message.id in all_ids(conversation):
        raise ValueError(f"message {message.id!r} is already in the conversation")
    place = _next_place(conversation, after)
    return replace(
        conversation,
        messages=(*conversation.messages[:place], message, *conversation.messages[place:]),
        branches=tuple(
            replace(one, after=message.id) if one.messages[0].id in carried else one for one in conversation.branches
        ),
        updated_at=now,
    )


def carried_by(conversation: Conversation, message_id: str) -> tuple[str, ...]:
    """The first messages of the branches that hang on a message."""
    return tuple(one.messages[0].id for one in conversation.branches if one.after == message_id)


def branch_with_all(conversation: Conversation, message_id: str) -> tuple[Branch, ...]:
    """The branch that begins with the message, and those that hang on it or on each other, it first. Raises KeyError."""
    first = next((one for one in conversation.branches if one.messages[0].id == message_id), None)
    if first is None:
        raise KeyError(message_id)
    found, ids = [first], {one.id for one in first.messages}
    waiting = [one for one in conversation.branches if one is not first]
    while more := [one for one in waiting if one.after in ids]:
        found += more
        ids.update(one.id for branch in more for one in branch.messages)
        waiting = [one for one in waiting if all(one is not other for other in more)]
    return tuple(found)


def without_branch(conversation: Conversation, message_id: str, *, now: datetime) -> Conversation:
    """Without the branch that begins with the message and all that hangs on it. Raises KeyError."""
    gone = {one.messages[0].id for one in branch_with_all(conversation, message_id)}
    kept = tuple(one for one in conversation.branches if one.messages[0].id not in gone)
    return replace(conversation, branches=kept, updated_at=now)


def with_branches(conversation: Conversation, branches: Sequence[Branch], *, now: datetime) -> Conversation:
    """Undoes ``without_branch``. Raises ValueError when a message of them is in the conversation."""
    known = all_ids(conversation)
    if again := next((one.id for branch in branches for one in branch.messages if one.id in known), None):
        raise ValueError(f"message {again!r} is already in the conversation")
    return replace(conversation, branches=(*conversation.branches, *branches), updated_at=now)


def forked(conversation: Conversation, message_id: str, *, new_id: str, now: datetime) -> Conversation:
    """A conversation of its own with the line up to that message, and what this one has set for itself.

    Raises KeyError when the message is not on the line.
    """
    messages = conversation.messages[: _place_of(conversation, message_id) + 1]
    title = conversation.title or title_from_prompt(messages[0].text)
    return replace(
        conversation,
        id=new_id,
        created_at=now,
        updated_at=now,
        title=title if title.endswith(FORK_MARK) else title + FORK_MARK,
        messages=messages,
        branches=(),
    )


def all_ids(conversation: Conversation) -> set[str]:
    """Of every message, on the line and beside it."""
    ids = {one.id for one in conversation.messages}
    ids.update(one.id for branch in conversation.branches for one in branch.messages)
    return ids


def end_of_line(conversation: Conversation) -> int:
    """How many messages there are before the prompts that wait."""
    end = len(conversation.messages)
    while end and conversation.messages[end - 1].state is MessageState.not_sent:
        end -= 1
    return end


def is_on_line(conversation: Conversation, message_id: str) -> bool:
    """Whether the message was sent or answered, on the line."""
    return any(one.id == message_id for one in conversation.messages[: end_of_line(conversation)])


def can_step_to(conversation: Conversation, message_id: str) -> bool:
    """Whether a branch that hangs on the line begins with the message."""
    branch = next((one for one in conversation.branches if one.messages[0].id == message_id), None)
    return branch is not None and (branch.after == BEGINNING or is_on_line(conversation, branch.after))


def _made_at(message: Message) -> tuple[datetime, str]:
    return message.at, message.id


def _place_of(conversation: Conversation, message_id: str) -> int:
    """From the end: it is nearly always one of the last that is looked for."""
    for place in range(len(conversation.messages) - 1, -1, -1):
        if conversation.messages[place].id == message_id:
            return place
    raise KeyError(message_id)


def _next_place(conversation: Conversation, message_id: str) -> int:
    return 0 if message_id == BEGINNING else _place_of(conversation, message_id) + 1


def _index_of_branch(conversation: Conversation, message_id: str) -> int:
    for index, branch in enumerate(conversation.branches):
        if branch.messages[0].id == message_id:
            return index
    raise KeyError(message_id)
