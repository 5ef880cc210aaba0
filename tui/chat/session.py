"""One conversation while chinwag is open: it asks, listens, keeps, and tells whoever watches.

It lives in the workspace and not in a screen, so an answer goes on when another conversation is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from tui.chat.answering import STOPPED, Listener
from tui.chat.events import (
    ConversationReplaced,
    QueueChanged,
)
from tui.chat.fitting import dropped
from tui.chat.found import says_nothing
from tui.chat.live import Progress, progress_of_tools
from tui.chat.passages import last_prompt
from tui.chat.revising import Revising
from tui.chat.session_tools import SessionTools
from tui.conversations.edits import (
    renamed,
    with_message,
    with_message_before,
    with_model,
)
from tui.conversations.values import Attachment, Conversation, Message, MessageState, Role
from tui.conversations.versions import carried_by, with_inserted
from tui.failures import Failure
from tui.ollama.slot_leak import StuckSlot
from tui.storage.records import (
    BegunAnswer,
    EndedAnswer,
    InsertedMessage,
    KeptPrompt,
    RemovedMessage,
    SentPrompt,
)

__all__ = ["Session", "SessionTools"]

RETRIABLE = frozenset({MessageState.failed, MessageState.broken_off})


class Session(Revising):
    """See the module. Every method is called on the event loop; none of them blocks it.

    A listener that raises harms nobody else: the error goes to the event loop's exception handler.
    """

    # What there is

    @property
    def conversation(self) -> Conversation:
        """Without what waits in the queue; the text of an answer under way is ``live_text``'s until it ends."""
        return self._conversation

    @property
    def is_paused(self) -> bool:
        """Queued prompts wait for the person instead of for the answer."""
        return self._is_paused and bool(self._queue)

    @property
    def is_unsaved(self) -> bool:
        """Something of it is in memory only."""
        return self._keeper.is_unsaved

    @property
    def last_failure(self) -> Failure | None:
        """Why the last answer failed, until the next one is asked for."""
        return self._last_failure

    def progress(self) -> Progress | None:
        """How far the answer under way is, or the tools that it called; None when nothing runs."""
        if self._tool_turn is not None:
            return progress_of_tools(self._tool_turn, self._tools.clock())
        return self._live.progress(self._tools.clock()) if self._live is not None else None

    @property
    def stuck(self) -> StuckSlot | None:
        """The guess that the answer under way never begins; None while there is no reason for it."""
        return None if self._live is None else self._live.stuck

    def live_text(self) -> tuple[str, str] | None:
        """Text and thinking of the answer under way, for whoever begins to watch in the middle."""
        return None if self._live is None else ("".join(self._live.text), "".join(self._live.thinking))

    def answer_so_far(self) -> Message | None:
        """The answer under way with everything that has come; None when nothing runs."""
        return None if self._live is None else self._live.so_far()

    @property
    def extra_context(self) -> str:
        """What went before the prompt that is being answered, beside what is in the conversation."""
        return "" if self._live is None else self._live.extra_context

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls ``listener`` for everything that happens from here on; gives back how to end that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    # What the person does

    async def ask(self, text: str, attachments: tuple[Attachment, ...] = ()) -> None:
        """Sends ``text``, or queues it while an answer runs. The prompt is on disk before the request leaves.

        The contents of ``attachments`` are those that ``contents`` of the session's tools has.

        Returns when the request leaves or the prompt waits; a caller that is cancelled stops neither. A disk that cannot
        take the prompt stops nothing: listeners hear ``SavingFailed``, and it is saved when it can be.

        Raises ``Failure`` for a conversation that is closed or that another chinwag writes.
        """
        if self.is_read_only:
            raise Failure("nothing was sent", "this conversation is open in another chinwag", "close it there")
        if self._is_closing:
            raise Failure("nothing was sent", "this conversation is closed", "open it again")
        prompt = self._message(Role.user, text, MessageState.not_sent, attachments)
        if self.is_answering or (self._queue and not self._is_paused):
            self._queue.append(prompt)
            self._is_paused = False
            self._tell(QueueChanged(self.queue, is_paused=False))
            await asyncio.wait({self._keep_prompt(prompt)})
            return
        _ = self._keep_prompt(prompt, before=self._queue[0].id if self._queue else "")
        await self._depart(prompt)

    async def resend(self, message_id: str, text: str, attachments: tuple[Attachment, ...] | None = None) -> None:
        """As ``ask``, in place of an earlier prompt, which stays beside it with all that followed.

        None: what was attached to that one goes along again.
        """
        old = self.leave_prompt(message_id, text)
        await self.ask(text, old.attachments if attachments is None else attachments)

    def can_try_again(self) -> bool:
        """The last answer failed, broke off or has nothing in it, or its prompt never got one."""
        if self.is_answering or self.is_read_only or self._is_closing or not self._conversation.messages:
            return False
        last = self._conversation.messages[-1]
        return last.role in (Role.user, Role.tool) or last.state in RETRIABLE or says_nothing(last)

    def try_again(self) -> None:
        """Asks for the last answer once more. What a broken-off one had said stays; an empty one goes."""
        if not self.can_try_again():
            return
        last = self._conversation.messages[-1]
        if says_nothing(last):
            self._remove(last)
        self._begin_answer(self._conversation.model)

    def try_again_without_passages(self) -> None:
        """As ``try_again``, with no passages of documents for this prompt, for one that could not be sent with them."""
        prompt = last_prompt(self._conversation)
        if prompt is not None and self.can_try_again():
            self._prompt_without_passages = prompt.id
            self.try_again()

    def give_back(self) -> Message | None:
        """The last prompt, out of the conversation, when it got nothing but a failure; None in any other case.

        For one that can never be answered as it is: left in, it would go along with every later prompt. One that
        has other answers beside the line stays with them.
        """
        messages = self._conversation.messages
        if not self.can_try_again() or len(messages) < 2 or messages[-2].role is not Role.user:
            return None
        prompt, answer = messages[-2:]
        if answer.role is not Role.assistant or not says_nothing(answer) or carried_by(self._conversation, prompt.id):
            return None
        for message in (answer, prompt):
            self._remove(message)
        return prompt

    def stop(self) -> bool:
        """Ends the answer under way at once and keeps what came; queued prompts wait. Whether there was one.

        A prompt that has not left yet goes back to the head of the queue.
        """
        if self._departing is not None:
            self._queue.insert(0, self._departing)
            self._departing = None
            self._is_paused = True
            self._tell(QueueChanged(self.queue, is_paused=True))
            return True
        if self._tool_turn is not None:
            self._end_tools(self._tool_turn, STOPPED)
            if self._turn is not None:
                self._turn.cancel()
            return True
        if self._live is None:
            return False
        self._live.is_stopped = True
        if self._live.ended is None:
            self._end_early(self._live, MessageState.stopped)
            if self._turn is not None:
                self._turn.cancel()
        return True

    def hold_queue(self) -> None:
        """Prompts that wait are sent when somebody says so, not by themselves when the answer ends."""
        self._is_paused = True
        if self._queue:
            self._tell(QueueChanged(self.queue, is_paused=True))

    def take_back(self) -> Message | None:
        """The prompt that was queued last, out of the queue."""
        if not self._queue:
            return None
        prompt = self._queue.pop()
        self._tell(QueueChanged(self.queue, self.is_paused))
        self._keep(RemovedMessage(message_id=prompt.id, at=self._tools.now()))
        return prompt

    def use_model(self, name: str) -> None:
        """Which model the next prompt goes to."""
        if name != self._conversation.model:
            self._change(with_model(self._conversation, name, now=self._tools.now()))

    def rename(self, title: str) -> None:
        self._change(renamed(self._conversation, title))

    def sum_up(self, messages: Sequence[Message], summary: str) -> None:
        """The model sees ``summary`` in the place of ``messages``, its oldest, from the next prompt on."""
        at, control = self._tools.now(), dropped(self._conversation, messages)
        places = [one.id for one in self._conversation.messages]
        if self.is_read_only or self._is_closing or control.left_out_until not in places:
            return
        message = self._message(Role.system, summary, MessageState.complete)
        after = [*places[places.index(control.left_out_until) + 1 :], *(one.id for one in self._queue), ""][0]
        if hanging := carried_by(self._conversation, control.left_out_until):
            # What follows the summary is what other versions are versions of.
            until = control.left_out_until
            inserted = InsertedMessage(message=message, after=until, carried=hanging, at=at)
            self._conversation = with_inserted(self._conversation, message, after=until, carried=hanging, now=at)
            self._keep(inserted)
            self.use_control(control)
            self._tell(ConversationReplaced(self._conversation))
            return
        if after in places:
            self._conversation = with_message_before(self._conversation, message, after, now=at)
        else:
            self._conversation = with_message(self._conversation, message, now=at)
        self._keep(KeptPrompt(message=message, before=after))
        self.use_control(control)
        self._tell(ConversationReplaced(self._conversation))

    def take_over(self, prompt: Message | None, answer: Sequence[Message]) -> None:
        """Adds a prompt and the answer that it got beside this conversation, results of tools included.

        Without a prompt it is another answer to the last one; what stands there stays beside it, unless nothing is in
        it. Raises ``Failure`` while nothing can be added.
        """
        self._may_revise("the answer was not kept")
        at, messages = self._tools.now(), self._conversation.messages
        start = max((place for place, one in enumerate(messages) if one.role is Role.user), default=-1) + 1
        self._last_failure = None
        if prompt is not None:
            first_waiting = self._queue[0].id if self._queue else ""
            _ = self._keep_prompt(replace(prompt, state=MessageState.not_sent), before=first_waiting)
            self._conversation = with_message(self._conversation, prompt, now=at)
            self._keep(SentPrompt(message_id=prompt.id, at=prompt.at))
            self._keep_title_and_model()
        elif start == len(messages) - 1 and says_nothing(messages[start]):
            self._remove(messages[start])
        elif start < len(messages):
            self._leave(start, "the earlier answer is back")
        for message in answer:
            self._conversation = with_message(self._conversation, message, now=at)
            self._keep(BegunAnswer(message=replace(message, state=MessageState.answering)))
            self._keep(EndedAnswer(message=message, at=at))
        self._tell(ConversationReplaced(self._conversation))

    async def close(self) -> None:
        """Stops what runs and waits until all is on disk, as far as the disk allows. Nothing is asked or saved later."""
        self._is_closing = True
        self.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._tools.close_patience_seconds)
        if self._live is not None:
            self._settle(self._live)
        await self._keeper.close()

    async def settled(self) -> None:
        """Returns when no answer runs, no prompt is about to leave by itself, and no save is under way.

        What the disk refused may still wait for the next try, and a paused queue for the person.
        """
        while True:
            if self._tasks:
                await asyncio.wait(self._tasks)
            await self._keeper.settled()
            if not self._tasks:
                return
