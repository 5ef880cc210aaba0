"""What a person makes of what was said: another prompt, another answer, versions beside each other, and back again.

Nothing of it happens while an answer is under way: what is on its way would come to another place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tui.chat.answering import Answering
from tui.chat.events import ConversationChanged, ConversationReplaced, PhaseChanged
from tui.chat.found import says_nothing
from tui.chat.going_on import begun_again, why_not_go_on
from tui.chat.live import LiveAnswer
from tui.conversations.control import Control
from tui.conversations.titles import title_from_prompt
from tui.conversations.values import Attachment, Conversation, Message, Role
from tui.conversations.versions import (
    BEGINNING,
    branch_with_all,
    carried_by,
    end_of_line,
    steps_to,
    versions_after,
    versions_at,
)
from tui.failures import Failure
from tui.storage.records import (
    BranchedOff,
    ChangedTitle,
    Event,
    InsertedMessage,
    RemovedBranch,
    RemovedMessage,
    ReplacedMessage,
    RestoredBranches,
    SteppedTo,
)
from tui.storage.replay import ConversationBuilder

Back = BranchedOff | SteppedTo | RemovedBranch | RestoredBranches | InsertedMessage | ReplacedMessage | ChangedTitle
"""What can put something back."""

UNDONE_AT_MOST = 100
"""What was done before that stays done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a person did, and what puts it back."""

    words: str
    """What holds once it is put back: ``the earlier answer is back``."""
    back: tuple[Back, ...]
    at_seconds: float
    """When it was done, on the session's clock."""
    control: Control
    """What the conversation had set for itself before."""
    line: tuple[str, ...]
    """The ids of the line before."""


class Revising(Answering):
    """Every method raises ``Failure`` for what cannot be done, and changes nothing then."""

    _done: tuple[Done, ...] = ()

    # Other versions

    def leave_prompt(self, message_id: str, text: str) -> Message:
        """Before ``text`` is asked in its place: the prompt, beside the line with all that followed it."""
        title = "the prompt was not sent again"
        place = self._place(message_id, title)
        before = self._conversation
        old = before.messages[place]
        if old.role is not Role.user:
            raise Failure(title, "that message is no prompt", "choose a prompt")
        is_first = all(one.role is not Role.user for one in before.messages[:place])
        gave_title = is_first and before.title == title_from_prompt(old.text)
        self._leave(place, "the earlier prompt is back", title=title_from_prompt(text) if gave_title else None)
        return old

    def regenerate(self, message_id: str = "", *, model: str = "", preset: str = "") -> None:
        """Another answer to the same prompt; the one that is there stays beside it, with all that followed.

        ``message_id`` is an answer's or its prompt's; empty: the last. ``model`` and ``preset`` hold for this answer.
        """
        messages, start = self._conversation.messages, self._beginning_of(message_id)
        if start == len(messages) - 1 and says_nothing(messages[start]):
            self._remove(messages[start])
        elif start < len(messages):
            self._leave(start, "the earlier answer is back")
        self._preset_once = preset
        self._begin_answer(model or self._conversation.model)

    def before_regenerating(self, message_id: str = "") -> tuple[Conversation, Message]:
        """What was said before the prompt that ``regenerate`` would ask, and that prompt."""
        before, start = self._conversation, self._beginning_of(message_id)
        place = max(place for place, one in enumerate(before.messages[:start]) if one.role is Role.user)
        cut = replace(before, messages=before.messages[:place])
        return replace(cut, control=control_after(before, cut)), before.messages[place]

    def _beginning_of(self, message_id: str) -> int:
        """The place of the answer that ``regenerate`` takes the message to mean; there may be none yet."""
        title = "nothing was asked again"
        messages = self._conversation.messages
        place = self._place(message_id or self._last_id(), title)
        start = place + 1 if messages[place].role is Role.user else _beginning_of_answer(messages, place)
        if all(one.role is not Role.user for one in messages[:start]):
            raise Failure(title, "no prompt stands before it", "write one")
        return start

    def use_version(self, message_id: str) -> None:
        """Brings the version that begins with the message, or has it in it, onto the line."""
        title = "the version was not shown"
        self._may_revise(title)
        before = self._conversation
        try:
            steps = steps_to(before, message_id)
        except KeyError:
            steps = ()
        if not steps:
            raise Failure(title, "it is not there any more", "look at the versions that are")
        back: list[Back] = []
        for first in steps:
            back.insert(0, self._step(first))
        self._did("the version before is back", tuple(back), before)
        self._show_it()

    def step_version(self, message_id: str, steps: int) -> Message | None:
        """To the version so many places on, of the message's place or, for the last one, of what could follow it.

        The message that is on the line then; None when there is none so far on.
        """
        self._place(message_id, "the version was not shown")
        versions = versions_at(self._conversation, message_id)
        wanted = versions.beside(steps)
        if versions.count == 1 and message_id == self._last_id():
            wanted = versions_after(self._conversation, message_id).beside(steps)
        if wanted is not None:
            self.use_version(wanted.id)
        return wanted

    def _step(self, first: str) -> Back:
        """What undoes it."""
        at = self._tools.now()
        branch = next(one for one in self._conversation.branches if one.messages[0].id == first)
        versions = versions_after(self._conversation, branch.after)
        self._apply(SteppedTo(message_id=first, at=at))
        if versions.current < 0:
            return BranchedOff(message_id=first, at=at)
        return SteppedTo(message_id=versions.firsts[versions.current].id, at=at)

    def _leave(self, place: int, words: str, *, title: str | None = None) -> None:
        """What is on the line from there on is beside it."""
        before, at = self._conversation, self._tools.now()
        first = before.messages[place].id
        self._apply(BranchedOff(message_id=first, at=at))
        back: tuple[Back, ...] = (SteppedTo(message_id=first, at=at),)
        if title is not None and title != before.title:
            self._apply(ChangedTitle(title=title, at=at))
            back = (*back, ChangedTitle(title=before.title, at=at))
        self._did(words, back, before)
        self._show_it()

    # One message

    def edit_text(self, message_id: str, text: str, attachments: tuple[Attachment, ...] | None = None) -> None:
        """Another text in its place; what follows stays. What was counted with the other one does not count.

        None: what is attached stays as it is.
        """
        place = self._place(message_id, "the message was not changed")
        before, at = self._conversation, self._tools.now()
        old = before.messages[place]
        new = replace(old, text=text, attachments=old.attachments if attachments is None else attachments)
        if new == old:
            return
        self._apply(ReplacedMessage(message=new, at=at))
        self._did("the earlier text is back", (ReplacedMessage(message=old, at=at),), before)
        self._show_it()

    def delete(self, message_id: str, *, with_following: bool = False) -> None:
        """Takes a message out, or all from there on; then the version that was made last stands there, if one does."""
        place = self._place(message_id, "nothing was deleted")
        before, at = self._conversation, self._tools.now()
        message = before.messages[place]
        if not with_following and place < len(before.messages) - 1:
            after = before.messages[place - 1].id if place else BEGINNING
            back: tuple[Back, ...] = (
                InsertedMessage(message=message, after=after, carried=carried_by(before, message_id), at=at),
            )
            self._apply(RemovedMessage(message_id=message_id, at=at))
            words = "the message is back"
        else:
            self._apply(BranchedOff(message_id=message_id, at=at))
            branches = branch_with_all(self._conversation, message_id)
            self._apply(RemovedBranch(message_id=message_id, at=at))
            back = (RestoredBranches(branches=branches, at=at), SteppedTo(message_id=message_id, at=at))
            others = versions_after(self._conversation, branches[0].after).firsts
            if others:
                self._apply(SteppedTo(message_id=others[-1].id, at=at))
            words = "the message is back" if len(branches[0].messages) == 1 else "the messages are back"
        if not self._conversation.messages and before.title == title_from_prompt(message.text):
            self._apply(ChangedTitle(title="", at=at))
            back = (*back, ChangedTitle(title=before.title, at=at))
        self._did(words, back, before)
        self._show_it()

    def continue_answer(self, *, model: str = "") -> None:
        """The model goes on writing the last answer; what comes is joined to it."""
        title = "nothing was gone on with"
        self._may_revise(title)
        before = self._conversation
        if (failure := why_not_go_on(before)) is not None:
            raise failure
        old, now = before.messages[-1], self._tools.now()
        begun = begun_again(old, model=model or old.model or before.model)
        self._did("the answer is as it was", (ReplacedMessage(message=old, at=now),), before)
        self._last_failure = None
        at = self._tools.clock()
        message = replace(begun, text="", thinking="", pieces=None)
        self._live = live = LiveAnswer(
            message=message,
            asked_at=at,
            phase_at=at,
            text=[old.text],
            thinking=[old.thinking] if old.thinking else [],
            going_on=old,
        )
        self._keep(ReplacedMessage(message=begun, at=now), durable=False)
        self._conversation = replace(before, messages=(*before.messages[:-1], message), updated_at=now)
        self._tell(ConversationReplaced(self._conversation))
        self._tell(PhaseChanged(live.phase))
        self._turn = self._start(self._answer(live, before), "going on with an answer")

    # Back again

    @property
    def undoable_at(self) -> float | None:
        """When the last thing that can be undone was done, on the session's clock; None when there is none."""
        return self._done[-1].at_seconds if self._done else None

    def undo(self) -> str | None:
        """Puts back what was done last. Words for what holds then; None when there was nothing that can be put back."""
        self._may_revise("nothing was undone")
        while self._done:
            done, self._done = self._done[-1], self._done[:-1]
            if self._put_back(done):
                return done.words
        return None

    def _put_back(self, done: Done) -> bool:
        """Whether it can still be: what came since may have taken the place away."""
        builder, at = ConversationBuilder(self._conversation), self._tools.now()
        events = [replace(event, at=at) for event in done.back]
        for event in events:
            if builder.refusal(event):
                return False
            builder.apply(event)
        for event in events:
            self._apply(event)
        control, is_same = self._conversation.control, self._line() == done.line
        self.use_control(
            replace(
                control,
                left_out_until=done.control.left_out_until,
                left_out_at=done.control.left_out_at if is_same else self._last_id(),
            )
        )
        self._show_it()
        return True

    # Inside

    def _may_revise(self, title: str) -> None:
        if self.is_read_only:
            raise Failure(title, "this conversation is open in another chinwag", "/takeover asks for it")
        if self._is_closing:
            raise Failure(title, "this conversation is closed", "open it again")
        if self.is_answering or (self._queue and not self._is_paused):
            raise Failure(title, "an answer is under way", "esc stops it")

    def _place(self, message_id: str, title: str) -> int:
        """Of a message on the line."""
        self._may_revise(title)
        messages = self._conversation.messages
        place = next((number for number, one in enumerate(messages) if one.id == message_id), -1)
        if not 0 <= place < end_of_line(self._conversation):
            why = "nothing was said yet" if not messages else "that message is not there any more"
            raise Failure(title, why, "choose another one")
        return place

    def _last_id(self) -> str:
        return self._conversation.messages[-1].id if self._conversation.messages else ""

    def _line(self) -> tuple[str, ...]:
        return tuple(one.id for one in self._conversation.messages)

    def _apply(self, event: Event) -> None:
        """Here as in the log, so that both are the same."""
        builder = ConversationBuilder(self._conversation)
        builder.apply(event)
        self._conversation = builder.build()
        self._keep(event)

    def _did(self, words: str, back: tuple[Back, ...], before: Conversation) -> None:
        self._last_failure = None
        done = Done(
            words=words, back=back, at_seconds=self._tools.clock(), control=before.control, line=_ids(before.messages)
        )
        self._done = (*self._done[1 - UNDONE_AT_MOST :], done)
        self.use_control(control_after(before, self._conversation))

    def _show_it(self) -> None:
        self._keep_title_and_model()
        self._tell(ConversationReplaced(self._conversation))
        self._tell(ConversationChanged(self._conversation))


def control_after(before: Conversation, after: Conversation) -> Control:
    """What the conversation has set for itself once its line is another one: it says what was counted with what.

    A message that was left out last and is deleted gives that to the one before it; one that stands beside the line
    keeps it, since it may come back. What was counted with other messages before it counts no more.
    """
    control = after.control
    there, line = {one.id for one in after.messages}, _ids(after.messages)
    until = control.left_out_until
    if until and until not in there and until in (were := _ids(before.messages)):
        place = were.index(until)
        if any(one in there for one in were[place + 1 :]):
            until = next((one for one in reversed(were[:place]) if one in there), "")
    is_other = _has_other_beginning(before.messages, after.messages)
    has_left_out = bool(control.left_out_at or until)
    is_lost = bool(control.left_out_at) and control.left_out_at not in there
    has_stepped = len(after.messages) > 0 and not set(line) <= set(_ids(before.messages))
    at = control.left_out_at
    if line and (is_other or is_lost or (has_stepped and has_left_out)):
        at = line[-1]
    return replace(control, left_out_until=until, left_out_at=at)


def _has_other_beginning(before: Sequence[Message], after: Sequence[Message]) -> bool:
    """Whether a message that stays has others before it than it had, or says something else."""
    were = {one.id: (place, one.text, one.attachments) for place, one in enumerate(before)}
    now = ((place, one.text, one.attachments) for place, one in enumerate(after))
    return any(were.get(one.id, is_now) != is_now for one, is_now in zip(after, now, strict=True))


def _beginning_of_answer(messages: Sequence[Message], place: int) -> int:
    """Where the answer begins that a message belongs to: calls of tools and their results are parts of it."""
    while place and (
        messages[place - 1].role is Role.tool
        or (messages[place - 1].role is Role.assistant and messages[place - 1].tool_calls)
    ):
        place -= 1
    return place


def _ids(messages: Sequence[Message]) -> tuple[str, ...]:
    return tuple(one.id for one in messages)
