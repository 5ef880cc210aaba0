"""The same prompt to several models or presets; each answer grows in a session of its own, and one of them is kept.

Every column goes on from the conversation as it is. Nothing of it is on a disk until somebody keeps an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tui.chat.events import SessionEvent
from tui.chat.faults import report_fault_of
from tui.chat.live import Progress
from tui.chat.session import Session
from tui.conversations.edits import with_message
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.failures import Failure

MOST_ANSWERERS = 4
KEEPABLE = frozenset({MessageState.complete, MessageState.stopped, MessageState.broken_off})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """A model as it is to answer."""

    model: str
    preset: str = ""
    """Whose values hold, in the place of the conversation's preset; empty: as the conversation has it."""
    is_cloud: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPrompt:
    """What is asked of all."""

    message: Message
    conversation: Conversation
    """Everything that was said before it, and it."""
    is_new: bool
    """Else it is the last prompt of the conversation, asked once more."""


def repeated_prompt(conversation: Conversation) -> ComparedPrompt | None:
    """The conversation's last prompt that was sent; None while there is none."""
    messages = conversation.messages
    for place in reversed(range(len(messages))):
        one = messages[place]
        if one.role is Role.user and one.state is not MessageState.not_sent:
            until = replace(conversation, messages=messages[: place + 1], branches=())
            return ComparedPrompt(message=one, conversation=until, is_new=False)
    return None


def new_prompt(conversation: Conversation, message: Message) -> ComparedPrompt:
    """``message`` as the next prompt of the conversation."""
    after = with_message(replace(conversation, branches=()), message, now=message.at)
    return ComparedPrompt(message=message, conversation=after, is_new=True)


def asked_of(conversation: Conversation, answerer: Answerer) -> Conversation:
    """The conversation as ``answerer`` gets it: to its model, under its preset, and without tools.

    Several models that each want to run something at once would ask more than a person can follow.
    """
    control = replace(conversation.control, preset=answerer.preset or conversation.control.preset, tools=())
    return replace(conversation, model=answerer.model, control=control)


class Column:
    """One answerer's side of it. ``Comparison`` is the only one who changes anything."""

    def __init__(self, answerer: Answerer, prompt: Message) -> None:
        self.answerer = answerer
        self._prompt_id = prompt.id
        self.session: Session | None = None
        """None until it was asked."""
        self.is_waiting = False
        """It is asked when its turn comes."""
        self.is_asked = False
        """Its answer is under way."""

    @property
    def progress(self) -> Progress | None:
        """How far the answer under way is; None when nothing runs."""
        return None if self.session is None else self.session.progress()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole answer, results of tools included, when it has ended; empty before that."""
        if self.session is None or self.is_asked or self.is_waiting:
            return ()
        found: list[Message] = []
        for one in reversed(self.session.conversation.messages):
            if one.id == self._prompt_id:
                break
            found.append(one)
        return tuple(reversed(found))

    @property
    def answer(self) -> Message | None:
        """The end of the answer; None while there is none."""
        last = self.messages[-1:]
        return last[0] if last and last[0].role is Role.assistant else None

    @property
    def failure(self) -> Failure | None:
        """Why the answer failed, until it is asked again."""
        return None if self.session is None or self.is_asked or self.is_waiting else self.session.last_failure

    @property
    def can_keep(self) -> bool:
        answer = self.answer
        return answer is not None and bool(answer.text) and answer.state in KEEPABLE

    @property
    def can_ask(self) -> bool:
        """It has no whole answer, and none is under way."""
        answer = self.answer
        is_whole = answer is not None and answer.state is MessageState.complete
        return not (self.is_asked or self.is_waiting or is_whole)


Listener = Callable[[Column, SessionEvent], None]


class Comparison:
    """``begin`` asks all of them, at once or one after the other; on the event loop only, and nothing blocks it."""

    def __init__(
        self,
        prompt: ComparedPrompt,
        answerers: Sequence[Answerer],
        *,
        session_for: Callable[[Conversation], Session],
        is_at_once: bool,
    ) -> None:
        """``session_for`` makes a session that goes on from a conversation and keeps nothing."""
        self.prompt = prompt
        self.columns = tuple(Column(one, prompt.message) for one in answerers)
        self.is_at_once = is_at_once
        self.on_event: Listener = lambda _column, _event: None
        """Hears everything that every column's session tells."""
        self.on_change: Callable[[Column], None] = lambda _column: None
        """Hears of a column that is asked, waits, or is done."""
        self._session_for = session_for
        self._tasks: dict[asyncio.Task[None], Column] = {}
        self._waiting: list[Column] = []
        self._is_closing = False

    @property
    def is_running(self) -> bool:
        """An answer is under way or waits for its turn."""
        return bool(self._tasks or self._waiting)

    @property
    def has_answers(self) -> bool:
        """Something has come that would be lost."""
        return any(one.can_keep or (one.progress is not None and one.progress.pieces) for one in self.columns)

    def begin(self) -> None:
        """Those of one model follow each other, so that it is loaded once."""
        models = list(dict.fromkeys(one.answerer.model for one in self.columns))
        for column in sorted(self.columns, key=lambda one: models.index(one.answerer.model)):
            self.ask(column)

    def ask(self, column: Column) -> None:
        """Asks one, or asks it again, when its turn comes; what it had answered in part is gone then."""
        if self._is_closing or not column.can_ask:
            return
        column.is_waiting = True
        self._waiting.append(column)
        self._go_on()
        self.on_change(column)

    def stop(self) -> bool:
        """Ends the answers under way and keeps what came of them; what waits is not asked. Whether there was anything."""
        was_running = self.is_running
        waiting, self._waiting = self._waiting, []
        for column in waiting:
            column.is_waiting = False
            self.on_change(column)
        for column in tuple(self._tasks.values()):
            if column.session is not None:
                column.session.stop()
        return was_running

    async def close(self) -> None:
        """Ends everything; nothing is asked any more."""
        self._is_closing = True
        self.stop()
        sessions = [one.session for one in self.columns if one.session is not None]
        await asyncio.gather(*(one.close() for one in sessions))

    def _go_on(self) -> None:
        most = len(self.columns) if self.is_at_once else 1
        while self._waiting and len(self._tasks) < most:
            column = self._waiting.pop(0)
            column.is_waiting, column.is_asked = False, True
            session = column.session = self._session_for(asked_of(self.prompt.conversation, column.answerer))
            session.subscribe(partial(self._heard, column))
            task = asyncio.create_task(_ask(session), name="comparing")
            self._tasks[task] = column
            task.add_done_callback(self._over)
            task.add_done_callback(report_fault_of)

    def _heard(self, column: Column, event: SessionEvent) -> None:
        self.on_event(column, event)

    def _over(self, task: asyncio.Task[None]) -> None:
        column = self._tasks.pop(task)
        column.is_asked = False
        if not self._is_closing:
            self._go_on()
            self.on_change(column)


async def _ask(session: Session) -> None:
    """For the prompt at the end of its conversation."""
    session.try_again()
    await session.settled()
