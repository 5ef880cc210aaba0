"""One conversation while chinwag is open: it asks, listens, keeps, and tells whoever watches.

It lives in the workspace and not in a screen, so an answer goes on when another conversation is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tui.chat.events import (
    AnswerBegan,
    AnswerEnded,
    AnswerGrew,
    ConversationChanged,
    MessageRemoved,
    Phase,
    PhaseChanged,
    PromptAdded,
    QueueChanged,
    SessionEvent,
)
from tui.chat.faults import report_fault, report_fault_of
from tui.chat.keeping import Keeper, Save
from tui.chat.live import LiveAnswer, Progress
from tui.chat.request import build_request
from tui.chat.silence import SameModel, name_the_silence
from tui.conversations.edits import renamed, replace_message, with_message, with_model, without_message
from tui.conversations.titles import title_from_prompt
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import Chunk, Engine, EngineError, FinalCounts
from tui.failures import Failure

Listener = Callable[[SessionEvent], None]

RETRIABLE = frozenset({MessageState.failed, MessageState.broken_off})
MANY_MESSAGES = 500
"""From here on a request is built in a thread, since that takes milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTools:
    """What a session needs of the world; everything can be swapped in a test."""

    engine: Callable[[], Engine]
    """The engine of this moment: the person may have gone to another server meanwhile."""
    save: Save
    same_model: SameModel
    is_cloud: Callable[[str], bool]
    """Whether the model of this name runs elsewhere: it is never in this server's memory."""
    now: Callable[[], datetime]
    clock: Callable[[], float]
    new_message_id: Callable[[], str]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    save_interval_seconds: float = 0.8
    """While an answer comes, and it grew. Writing takes its time, too, and together they stay under a second."""
    save_again_seconds: float = 5.0
    """After the disk refused."""
    end_patience_seconds: float = 1.0
    """How long the end of an answer waits to be told until it is on the disk."""
    close_patience_seconds: float = 2.0
    """How long ``close`` waits for a connection that does not let go."""


class Session:
    """See the module. Every method is called on the event loop; none of them blocks it.

    A listener that raises harms nobody else: the error goes to the event loop's exception handler.
    """

    def __init__(self, conversation: Conversation, tools: SessionTools, *, is_read_only: bool = False) -> None:
        # Where another chinwag writes, an answer may be under way and the queue is not ours to send.
        queued: list[Message] = []
        if not is_read_only:
            conversation, queued = _split_queue(_interrupted(conversation))
        self._conversation = conversation
        self._tools = tools
        self.is_read_only = is_read_only
        """Somebody else is writing this conversation: nothing is asked, changed or saved here."""
        self._queue = queued
        self._is_paused = bool(queued)
        self._departing: Message | None = None
        self._live: LiveAnswer | None = None
        self._last_failure: Failure | None = None
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn: asyncio.Task[None] | None = None
        self._is_closing = False
        self._keeper = Keeper(
            document=self._document,
            save=tools.save,
            tell=self._tell,
            sleep=tools.sleep,
            save_again_seconds=tools.save_again_seconds,
        )

    # What there is

    @property
    def id(self) -> str:
        return self._conversation.id

    @property
    def conversation(self) -> Conversation:
        """Without what waits in the queue; the text of an answer under way is ``live_text``'s until it ends."""
        return self._conversation

    @property
    def queue(self) -> tuple[str, ...]:
        return tuple(one.text for one in self._queue)

    @property
    def is_paused(self) -> bool:
        """Queued prompts wait for the person instead of for the answer."""
        return self._is_paused and bool(self._queue)

    @property
    def is_answering(self) -> bool:
        """A prompt is on its way to the disk, or its answer is under way."""
        return self._live is not None or self._departing is not None

    @property
    def is_empty(self) -> bool:
        return not self._conversation.messages and not self._queue and self._departing is None

    @property
    def is_unsaved(self) -> bool:
        """The disk refused the last save."""
        return self._keeper.is_unsaved

    @property
    def last_failure(self) -> Failure | None:
        """Why the last answer failed, until the next one is asked for."""
        return self._last_failure

    def progress(self) -> Progress | None:
        """How far the answer under way is; None when nothing runs."""
        return self._live.progress(self._tools.clock()) if self._live is not None else None

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
            await self._keeper.now(durable=True)
            return
        await self._depart(prompt)

    async def go_on(self) -> None:
        """Sends the first of the prompts that wait."""
        if self._queue and not self.is_answering and not self._is_closing:
            prompt = self._queue.pop(0)
            self._is_paused = False
            self._tell(QueueChanged(self.queue, is_paused=False))
            await self._depart(prompt)

    def can_try_again(self) -> bool:
        """The last answer failed, broke off or has nothing in it, or its prompt never got one."""
        if self.is_answering or self.is_read_only or self._is_closing or not self._conversation.messages:
            return False
        last = self._conversation.messages[-1]
        return last.role is Role.user or last.state in RETRIABLE or _says_nothing(last)

    def try_again(self) -> None:
        """Asks for the last answer once more. What a broken-off one had said stays; an empty one goes."""
        if not self.can_try_again():
            return
        last = self._conversation.messages[-1]
        if _says_nothing(last):
            self._conversation = without_message(self._conversation, last.id, now=self._tools.now())
            self._tell(MessageRemoved(last.id))
        self._begin_answer(self._conversation.model)

    def give_back(self) -> str | None:
        """The last prompt, out of the conversation, when it got nothing but a failure; None in any other case.

        For one that can never be answered as it is: left in, it would go along with every later prompt.
        """
        messages = self._conversation.messages
        if not self.can_try_again() or len(messages) < 2 or messages[-2].role is not Role.user:
            return None
        prompt, answer = messages[-2:]
        if answer.role is not Role.assistant or not _says_nothing(answer):
            return None
        for message in (answer, prompt):
            self._conversation = without_message(self._conversation, message.id, now=self._tools.now())
            self._tell(MessageRemoved(message.id))
        self._save_soon()
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
            self._save_soon()
            return True
        if self._live is None:
            return False
        if self._live.ended is None:
            self._end_early(self._live, MessageState.stopped)
            if self._turn is not None:
                self._turn.cancel()
        return True

    def take_back(self) -> str | None:
        """The prompt that was queued last, out of the queue."""
        if not self._queue:
            return None
        text = self._queue.pop().text
        self._tell(QueueChanged(self.queue, self.is_paused))
        self._save_soon()
        return text

    def use_model(self, name: str) -> None:
        """Which model the next prompt goes to."""
        if name != self._conversation.model:
            self._change(with_model(self._conversation, name, now=self._tools.now()))

    def rename(self, title: str) -> None:
        self._change(renamed(self._conversation, title, now=self._tools.now()))

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
        while self._tasks or self._keeper.is_busy:
            if self._tasks:
                await asyncio.wait(self._tasks)
            await self._keeper.idle()

    # How a prompt leaves

    async def _depart(self, prompt: Message) -> None:
        """Another model that is chosen before it left is for the next one: the person was asked about this one."""
        self._departing = prompt
        model = self._conversation.model
        await asyncio.shield(self._start(self._save_and_send(prompt, model), "sending a prompt"))

    async def _save_and_send(self, prompt: Message, model: str) -> None:
        """Until the request leaves, the document says of the prompt that it was not sent."""
        await self._keeper.now(durable=True)
        if self._departing is not prompt:
            return  # stopped meanwhile
        self._departing = None
        sent = replace(prompt, state=MessageState.complete, at=self._tools.now())
        before = self._conversation
        self._conversation = with_message(before, sent, now=sent.at)
        self._tell(PromptAdded(sent))
        if self._conversation.title != before.title:
            self._tell(ConversationChanged(self._conversation))
        self._begin_answer(model)

    # How an answer comes

    def _begin_answer(self, model: str) -> None:
        self._last_failure = None
        asked_of = self._conversation
        message = replace(self._message(Role.assistant, "", MessageState.answering), model=model)
        at = self._tools.clock()
        live = LiveAnswer(message=message, asked_at=at, phase_at=at)
        self._live = live
        self._conversation = with_message(asked_of, message, now=message.at)
        self._tell(AnswerBegan(message))
        self._tell(PhaseChanged(live.phase))
        self._save_soon(durable=False)
        self._turn = self._start(self._answer(live, asked_of), "answering")

    async def _answer(self, live: LiveAnswer, asked_of: Conversation) -> None:
        """The whole life of one answer. Its end is told exactly once, however it comes."""
        saving = self._start(self._save_while_it_grows(live), "saving an answer")
        counts, failure = None, None
        try:
            counts = await self._listen(live, asked_of)
            failure = None if counts is not None else _without_end()
        except asyncio.CancelledError:
            self._end_early(live, MessageState.stopped)
            raise
        except EngineError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  an answer must not run for ever on the screen
            report_fault(error, during="answering")
            failure = _own_fault(error)
        finally:
            saving.cancel()
        if failure is not None:
            self._end_early(live, MessageState.broken_off if live.has_come else MessageState.failed, failure)
        elif live.ended is None:
            await self._end_complete(live, counts)

    async def _listen(self, live: LiveAnswer, asked_of: Conversation) -> FinalCounts | None:
        """Raises ``EngineError``, and what the engine raises against its word."""
        engine = self._tools.engine()
        if len(asked_of.messages) > MANY_MESSAGES:
            request = await asyncio.to_thread(build_request, asked_of, model=live.message.model)
        else:
            request = build_request(asked_of, model=live.message.model)
        live.prompt_characters = sum(len(one.text) for one in request.messages)
        counts: FinalCounts | None = None
        watching = self._start(self._watch_silence(live, engine), "asking why nothing comes")
        try:
            async with aclosing(engine.chat(request)) as stream:
                async for part in stream:
                    watching.cancel()
                    if live.ended is not None:
                        break
                    if isinstance(part, FinalCounts):
                        counts = part
                    else:
                        self._take(live, part)
        finally:
            watching.cancel()
        return counts

    def _take(self, live: LiveAnswer, chunk: Chunk) -> None:
        at = self._tools.clock()
        phase = live.arrived(chunk, at)
        if live.enter(phase, at):
            self._tell(PhaseChanged(phase))
        if chunk.text or chunk.thinking:
            self._tell(AnswerGrew(chunk.text, chunk.thinking))

    async def _watch_silence(self, live: LiveAnswer, engine: Engine) -> None:
        if self._tools.is_cloud(live.message.model):
            return
        phases = name_the_silence(
            engine, live.message.model, same_model=self._tools.same_model, sleep=self._tools.sleep
        )
        async with aclosing(phases):
            async for phase in phases:
                if self._live is not live:
                    return  # stopped at the same moment
                if live.enter(phase, self._tools.clock()):
                    self._tell(PhaseChanged(phase))

    async def _save_while_it_grows(self, live: LiveAnswer) -> None:
        saved_pieces = 0
        while True:
            await self._tools.sleep(self._tools.save_interval_seconds)
            if live.rate.pieces != saved_pieces:
                saved_pieces = live.rate.pieces
                self._save_soon(durable=False)

    # How an answer ends

    async def _end_complete(self, live: LiveAnswer, counts: FinalCounts | None) -> None:
        """What is shown as finished outlives the machine. A disk that hangs must not hide that it is finished."""
        self._close_answer(live, MessageState.complete, counts=counts)
        on_disk = self._keeper.soon(durable=True)
        try:
            await asyncio.wait({on_disk}, timeout=self._tools.end_patience_seconds)
        finally:
            self._settle(live)

    def _end_early(self, live: LiveAnswer, state: MessageState, failure: Failure | None = None) -> None:
        if live.ended is None:
            self._close_answer(live, state, failure=failure)
            self._save_soon()
        self._settle(live, failure)

    def _close_answer(
        self,
        live: LiveAnswer,
        state: MessageState,
        *,
        counts: FinalCounts | None = None,
        failure: Failure | None = None,
    ) -> None:
        live.ended_at = self._tools.clock()
        live.ended = replace(
            live.so_far(),
            state=state,
            counts=counts,
            seconds=live.ended_at - live.asked_at,
            failure="" if failure is None else str(failure),
        )

    def _settle(self, live: LiveAnswer, failure: Failure | None = None) -> None:
        """The one place where an answer stops being under way."""
        message = live.ended
        if self._live is not live or message is None:
            return
        self._live = None
        self._conversation = replace_message(self._conversation, message, now=self._tools.now())
        self._last_failure = failure
        is_complete = message.state is MessageState.complete
        if self._queue and not is_complete:
            self._is_paused = True
        self._tell(PhaseChanged(Phase.idle))
        self._tell(AnswerEnded(message, failure))
        if self._queue and not is_complete:
            self._tell(QueueChanged(self.queue, is_paused=True))
        elif self._queue and not self._is_paused:
            _ = self._start(self.go_on(), "sending the next prompt")

    # How it is kept and told

    def _document(self) -> Conversation:
        """The conversation as it is kept: with what has come of an answer, and the prompts that wait as not sent."""
        conversation, now = self._conversation, self._tools.now()
        if self._live is not None:
            conversation = replace_message(conversation, self._live.ended or self._live.so_far(), now=now)
        waiting = (*(() if self._departing is None else (self._departing,)), *self._queue)
        if not waiting:
            return conversation
        return replace(
            conversation,
            title=conversation.title or title_from_prompt(waiting[0].text),
            messages=(*conversation.messages, *waiting),
            updated_at=now,
        )

    def _save_soon(self, *, durable: bool = True) -> None:
        _ = self._keeper.soon(durable=durable)

    def _change(self, conversation: Conversation) -> None:
        if self.is_read_only or self._is_closing:
            return
        self._conversation = conversation
        self._tell(ConversationChanged(conversation))
        if not self.is_empty:
            self._save_soon()

    def _message(self, role: Role, text: str, state: MessageState) -> Message:
        return Message(id=self._tools.new_message_id(), role=role, text=text, at=self._tools.now(), state=state)

    def _tell(self, event: SessionEvent) -> None:
        for listener in tuple(self._listeners):
            if listener not in self._listeners:
                continue  # another listener took it away meanwhile
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001  a widget that fails must not cost the answer
                report_fault(error, during=f"telling of {type(event).__name__}")

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(report_fault_of)
        return task


def _says_nothing(message: Message) -> bool:
    return message.role is Role.assistant and not (message.text or message.thinking or message.tool_calls)


def _split_queue(conversation: Conversation) -> tuple[Conversation, list[Message]]:
    """Prompts that never left go back to the queue."""
    queued = [one for one in conversation.messages if one.state is MessageState.not_sent]
    if not queued:
        return conversation, []
    kept = tuple(one for one in conversation.messages if one.state is not MessageState.not_sent)
    return replace(conversation, messages=kept), queued


def _interrupted(conversation: Conversation) -> Conversation:
    """An answer that the disk knows as under way was cut short when chinwag ended."""
    if all(one.state is not MessageState.answering for one in conversation.messages):
        return conversation
    return replace(
        conversation,
        messages=tuple(
            replace(
                one,
                state=MessageState.failed if _says_nothing(one) else MessageState.broken_off,
                failure=one.failure or "interrupted when chinwag ended",
            )
            if one.state is MessageState.answering
            else one
            for one in conversation.messages
        ),
    )


def _without_end() -> Failure:
    return Failure("the answer broke off", "the engine ended it without its counts", "what came is kept; ask again")


def _own_fault(error: Exception) -> Failure:
    return Failure(
        "the answer ended by a fault in chinwag",
        f"{type(error).__name__}: {error}",
        "what came is kept; enter on an empty prompt tries again",
    )
