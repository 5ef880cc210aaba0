"""One conversation while chinwag is open: it asks, listens, keeps, and tells whoever watches.

It lives in the workspace and not in a screen, so an answer goes on when another conversation is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tui.chat.answering import Answering, Listener
from tui.chat.events import (
    ConversationReplaced,
    QueueChanged,
)
from tui.chat.fitting import dropped
from tui.chat.found import says_nothing
from tui.chat.live import Progress
from tui.chat.session_tools import SessionTools
from tui.conversations.edits import (
    renamed,
    with_message,
    with_message_before,
    with_model,
)
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.failures import Failure
from tui.ollama.slot_leak import StuckSlot
from tui.storage.records import (
    KeptPrompt,
    RemovedMessage,
)

__all__ = ["Session", "SessionTools"]

RETRIABLE = frozenset({MessageState.failed, MessageState.broken_off})


class Session(Answering):
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
        """How far the answer under way is; None when nothing runs."""
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

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls ``listener`` for everything that happens from here on; gives back how to end that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    # What the person does

    async def ask(self, text: str) -> None:
        """Sends ``text``, or queues it while an answer runs. The prompt is on disk before the request leaves.

        Returns when the request leaves or the prompt waits; a caller that is cancelled stops neither. A disk that cannot
        take the prompt stops nothing: listeners hear ``SavingFailed``, and it is saved when it can be.

        Raises ``Failure`` for a conversation that is closed or that another chinwag writes.
        """
        if self.is_read_only:
            raise Failure("nothing was sent", "this conversation is open in another chinwag", "close it there")
        if self._is_closing:
            raise Failure("nothing was sent", "this conversation is closed", "open it again")
        prompt = self._message(Role.user, text, MessageState.not_sent)
        if self.is_answering or (self._queue and not self._is_paused):
            self._queue.append(prompt)
            self._is_paused = False
            self._tell(QueueChanged(self.queue, is_paused=False))
            await asyncio.wait({self._keep_prompt(prompt)})
            return
        _ = self._keep_prompt(prompt, before=self._queue[0].id if self._queue else "")
        await self._depart(prompt)

    def can_try_again(self) -> bool:
        """The last answer failed, broke off or has nothing in it, or its prompt never got one."""
        if self.is_answering or self.is_read_only or self._is_closing or not self._conversation.messages:
            return False
        last = self._conversation.messages[-1]
        return last.role is Role.user or last.state in RETRIABLE or says_nothing(last)

    def try_again(self) -> None:
        """Asks for the last answer once more. What a broken-off one had said stays; an empty one goes."""
        if not self.can_try_again():
            return
        last = self._conversation.messages[-1]
        if says_nothing(last):
            self._remove(last)
        self._begin_answer(self._conversation.model)

    def give_back(self) -> str | None:
        """The last prompt, out of the conversation, when it got nothing but a failure; None in any other case.

        For one that can never be answered as it is: left in, it would go along with every later prompt.
        """
        messages = self._conversation.messages
        if not self.can_try_again() or len(messages) < 2 or messages[-2].role is not Role.user:
            return None
        prompt, answer = messages[-2:]
        if answer.role is not Role.assistant or not says_nothing(answer):
            return None
        for message in (answer, prompt):
            self._remove(message)
        return prompt.text

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
        if self._live is None:
            return False
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

    def take_back(self) -> str | None:
        """The prompt that was queued last, out of the queue."""
        if not self._queue:
            return None
        prompt = self._queue.pop()
        self._tell(QueueChanged(self.queue, self.is_paused))
        self._keep(RemovedMessage(message_id=prompt.id, at=self._tools.now()))
        return prompt.text

    def use_model(self, name: str) -> None:
        """Which model the next prompt goes to."""
        if name != self._conversation.model:
            self._change(with_model(self._conversation, name, now=self._tools.now()))

    def rename(self, title: str) -> None:
        self._change(renamed(self._conversation, title, now=self._tools.now()))

    def sum_up(self, messages: Sequence[Message], summary: str) -> None:
        """The model sees ``summary`` in the place of ``messages``, its oldest, from the next prompt on."""
        at, control = self._tools.now(), dropped(self._conversation, messages)
        places = [one.id for one in self._conversation.messages]
        if self.is_read_only or self._is_closing or control.left_out_until not in places:
            return
        message = self._message(Role.system, summary, MessageState.complete)
        after = [*places[places.index(control.left_out_until) + 1 :], *(one.id for one in self._queue), ""][0]
        if after in places:
            self._conversation = with_message_before(self._conversation, message, after, now=at)
        else:
            self._conversation = with_message(self._conversation, message, now=at)
        self._keep(KeptPrompt(message=message, before=after))
        self.use_control(control)
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
